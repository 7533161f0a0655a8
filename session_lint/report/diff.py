"""What fixes change, as a unified diff that `patch` and `git apply` take."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from difflib import unified_diff
from typing import TYPE_CHECKING

from session_lint.report.style import paint
from session_lint.source import decode

if TYPE_CHECKING:
    from session_lint.mending import Mended

_COLORS = {"-": "red", "+": "green", "@": "cyan"}


def render(mended: Mended, show: Callable[[str], str], *, color: bool) -> str:
    """The changes of every file, in the order of their paths."""
    return "".join(
        line
        for path in sorted(mended.after)
        for line in _file(decode(mended.before[path]), decode(mended.after[path]), show(path), color=color)
    )


def _file(before: str, after: str, name: str, *, color: bool) -> Iterator[str]:
    for line in unified_diff(_lines(before), _lines(after), name, name):
        body = line.rstrip("\r\n")
        end = line[len(body) :]
        yield paint(body, _COLORS.get(line[0]), on=color) + (end or "\n\\ No newline at end of file\n")


def _lines(text: str) -> list[str]:
    """Lines with their ends; ``str.splitlines`` also breaks at form feeds and the like."""
    return re.findall(r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+", text)
