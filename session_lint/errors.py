"""The one error that a user sees as a sentence."""

from __future__ import annotations

from pathlib import Path

_LONG = 200
"""Characters of a path that an error repeats."""


class UserError(Exception):
    """The run cannot go on for a reason the user can mend; the message says what, where and what to do."""


class Failed(Exception):
    """An error of ours in a stage without which nothing can go on; the message says which."""


def shortened(path: Path) -> str:
    """A path as an error says it: its beginning, where it is long."""
    text = str(path)
    return text if len(text) <= _LONG else f"{text[:_LONG]}…"
