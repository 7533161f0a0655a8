"""Facts that evidence rests on: worked out once for the whole program, then looked up by file."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar
from weakref import WeakKeyDictionary

if TYPE_CHECKING:
    from session_lint.checks.evidence import Scope
    from session_lint.program import Program
    from session_lint.program.symbols import Unit


class Located(Protocol):
    """A fact has a place."""

    @property
    def unit(self) -> Unit: ...

    @property
    def row(self) -> int: ...


F = TypeVar("F", bound=Located)


class Facts(Generic[F]):
    """The facts of one kind.

    Args:
        collect: finds all of them in a program; their order does not matter.
    """

    def __init__(self, collect: Callable[[Program], Iterable[F]]) -> None:
        self._collect = collect
        self._known: WeakKeyDictionary[object, dict[str, list[F]]] = WeakKeyDictionary()

    def within(self, scope: Scope) -> list[F]:
        """The facts in the files of a scope, in order of place."""
        by_path = self._by_path(scope.program)
        return [fact for path in sorted(scope.paths & by_path.keys()) for fact in by_path[path]]

    def everywhere(self, program: Program) -> list[F]:
        """The facts of the whole program, in order of place."""
        by_path = self._by_path(program)
        return [fact for path in sorted(by_path) for fact in by_path[path]]

    def _by_path(self, program: Program) -> dict[str, list[F]]:
        known = self._known.get(program.analysis)
        if known is None:
            known = self._known[program.analysis] = {}
            for fact in sorted(self._collect(program), key=lambda fact: (fact.row, fact.unit.qualname)):
                known.setdefault(fact.unit.module.path, []).append(fact)
        return known
