"""The one error that a user sees as a sentence."""

from __future__ import annotations


class UserError(Exception):
    """The run cannot go on for a reason the user can mend; the message says what, where and what to do."""
