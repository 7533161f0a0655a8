"""What a check can say about a program beside the findings of its rules."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from session_lint.program import Program


@dataclass(frozen=True, slots=True)
class Evidence:
    """What a check looked at in some files.

    Args:
        found: how many things of the kind it searches or judges there are.
        statements: what can be said of them, each a clause that names functions and ``file:line``; no full stop.
        applicable: False where the check has no object at all, as a pooler check without engines.
    """

    found: int = 0
    statements: tuple[str, ...] = ()
    applicable: bool = True


# The second argument is the paths, relative to the root, that the row speaks of.
EvidenceFunction = Callable[["Program", frozenset[str]], Evidence]


def no_evidence(program: Program, paths: frozenset[str]) -> Evidence:
    """For a check that has nothing to state yet."""
    del program, paths
    return Evidence()
