"""Errors of ours: each costs a part of a run, is noted and told, and what it does not touch goes on."""

from __future__ import annotations

from types import TracebackType

import msgspec

from session_lint.errors import UserError


class Fault(msgspec.Struct, frozen=True):
    """An error of ours that cost part of a run: in which rule, at which file or of what, what it was, and its traceback."""

    where: str
    what: str
    trace: str

    @property
    def rule(self) -> str:
        """The code of the rule that failed, where it was one: what follows it says at which file."""
        return self.where.partition(" ")[0]

    @property
    def file(self) -> str:
        """The path of the file that failed, where it was one: a row may follow it."""
        path, _, row = self.where.rpartition(":")
        return path if row.isdecimal() else self.where


class Noted:
    """Notes an error in its block, so that what is behind it goes on; what the user can mend is no error of ours.

    Args:
        faults: where to note it.
        where: what fails then.
    """

    def __init__(self, faults: list[Fault], where: str) -> None:
        self._faults = faults
        self._where = where

    def __enter__(self) -> None:
        return

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        if not isinstance(error, Exception) or isinstance(error, UserError):
            return False
        note(self._faults, self._where, error)
        return True


def note(faults: list[Fault], where: str, error: Exception) -> None:
    """Note an error, once."""
    import traceback  # for the error alone

    what = f"{type(error).__name__}: {error}"
    if not any((fault.where, fault.what) == (where, what) for fault in faults):
        faults.append(Fault(where, what, "".join(traceback.format_exception(error))))
