"""What a check can say about a program beside the findings of its rules."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from session_lint.record import Record

if TYPE_CHECKING:
    from session_lint.program import Program


class Evidence(Record, frozen=True):
    """What a check looked at in some files.

    Args:
        found: how many things of the kind it searches or judges there are.
        statements: what can be said of them, each a clause that names functions and ``file:line``; no full stop.
        applicable: False where the check has no object at all, as a pooler check without engines.
        elsewhere: what the rest of the project has to do with it; no reason for a file to have the row.
        failed: it could not be worked out, by an error of ours.
    """

    found: int = 0
    statements: tuple[str, ...] = ()
    applicable: bool = True
    elsewhere: tuple[str, ...] = ()
    failed: bool = False


class Scope(Record, frozen=True):
    """The files that a row speaks of.

    Args:
        program: the whole program.
        paths: the files, relative to the root.
        show: spells a path for the reader.
        reported: path and row of the findings that the row names already.
        own: a file whose name goes without saying, so that a place in it is its line alone.
    """

    program: Program
    paths: frozenset[str]
    show: Callable[[str], str] = str
    reported: frozenset[tuple[str, int]] = frozenset()
    own: str | None = None

    def spell(self, path: str, rows: Iterable[int]) -> str:
        """Rows of a file: ``app/db.py:12``, or ``line 12`` in the file that is spoken of."""
        ordered = sorted(set(rows))
        listed = ", ".join(map(str, ordered))
        return f"line{'s' * (len(ordered) > 1)} {listed}" if path == self.own else f"{self.show(path)}:{listed}"


EvidenceFunction = Callable[[Scope], Evidence]


def no_evidence(scope: Scope) -> Evidence:
    """For a check that has nothing to state yet."""
    del scope
    return Evidence()
