"""Transaction discipline: where transactions are begun and ended."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from session_lint.checks.evidence import Evidence, Scope
from session_lint.checks.facts import Facts
from session_lint.checks.wording import counted, listed, named
from session_lint.record import Record

if TYPE_CHECKING:
    from session_lint.program import Program
    from session_lint.program.symbols import Unit

_NOUNS = ("begin block", "bare begin()", "savepoint", "commit", "rollback")


class Boundary(Record, frozen=True):
    """A call that begins or ends a transaction or savepoint."""

    unit: Unit
    row: int
    noun: str


def _collect(program: Program) -> Iterator[Boundary]:
    sites: dict[int, Boundary] = {}
    blocks: set[int] = set()
    for event in program.events("begin", "begin_nested", "commit", "rollback"):
        if event.forwarded:
            continue
        noun = {"begin": "bare begin()", "begin_nested": "savepoint"}.get(event.kind, event.kind)
        sites.setdefault(id(event.node), Boundary(event.context.unit, event.node.span.row, noun))
        if event.is_context:
            blocks.add(id(event.node))
    for site, boundary in sites.items():
        yield Boundary(boundary.unit, boundary.row, "begin block") if site in blocks else boundary


BOUNDARIES = Facts(_collect)


def evidence(scope: Scope) -> Evidence:
    """The files' begin blocks, savepoints, commits and rollbacks."""
    boundaries = BOUNDARIES.within(scope)
    statements = []
    for noun in _NOUNS:
        rows: dict[Unit, list[int]] = {}
        for boundary in boundaries:
            if boundary.noun == noun:
                rows.setdefault(boundary.unit, []).append(boundary.row)
        if rows:
            places = listed([named(scope, unit, *found) for unit, found in rows.items()])
            statements.append(f"{counted(sum(map(len, rows.values())), noun)}: {places}")
    return Evidence(len(boundaries), tuple(statements), applicable=bool(boundaries))
