"""How evidence names functions, places and numbers."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, TypeVar

from session_lint.checks.facts import Located

if TYPE_CHECKING:
    from session_lint.checks.evidence import Scope
    from session_lint.program.symbols import Function, Unit

SHOWN = 5

F = TypeVar("F", bound=Located)


def at(scope: Scope, unit: Unit, rows: Iterable[int]) -> str:
    """``app/db.py:12``, or ``app/db.py:12, 15``."""
    return scope.spell(unit.module.path, rows)


def named(scope: Scope, unit: Unit, *rows: int) -> str:
    """A function and the rows in it that matter; a module's top level is its place alone."""
    place = at(scope, unit, rows)
    return place if unit.qualname == "<module>" else f"`{unit.qualname}` ({place})"


def defined(scope: Scope, function: Function) -> str:
    """A function and where it is defined."""
    return named(scope, function, function.name_span.row)


def together(scope: Scope, facts: Iterable[Located]) -> list[str]:
    """The functions of the facts, each once with all its rows."""
    rows: dict[Unit, list[int]] = {}
    for fact in facts:
        rows.setdefault(fact.unit, []).append(fact.row)
    return [named(scope, unit, *found) for unit, found in rows.items()]


def unreported(scope: Scope, facts: Iterable[F]) -> list[F]:
    """The facts that no finding of the row names."""
    return [fact for fact in facts if (fact.unit.module.path, fact.row) not in scope.reported]


def listed(items: Sequence[str], shown: int = SHOWN) -> str:
    """The items with commas, and how many more there are."""
    rest = len(items) - shown
    return ", ".join([*items[:shown], f"and {rest} more"] if rest > 0 else items)


def counted(number: int, noun: str, plural: str = "") -> str:
    """``1 session``, ``2 sessions``."""
    return f"{number} {noun}" if number == 1 else f"{number} {plural or noun + 's'}"


def lines(rows: Iterable[int]) -> str:
    """``line 12`` or ``lines 12, 15``."""
    ordered = sorted(set(rows))
    return f"line{'s' if len(ordered) > 1 else ''} {', '.join(map(str, ordered))}"
