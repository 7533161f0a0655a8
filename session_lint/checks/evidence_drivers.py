"""Driver connections: where they are opened, and imports of drivers that open none."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from session_lint import ir
from session_lint.checks.evidence import Evidence, Scope
from session_lint.checks.facts import Facts
from session_lint.checks.imports import IMPORTS, Imported
from session_lint.checks.wording import at, counted, listed, named, unreported
from session_lint.program.entrypoints import dotted
from session_lint.program.vocabulary import DRIVER_CONNECTS
from session_lint.record import Record
from session_lint.traversal import own_expressions, subexpressions, walk

if TYPE_CHECKING:
    from session_lint.program import Program
    from session_lint.program.symbols import Module, Unit

_DRIVERS = frozenset(name.split(".")[0] for name in DRIVER_CONNECTS) - {"mysql"} | {"mysql.connector"}


class Connects(Record, frozen=True):
    """A call that opens a driver connection or pool."""

    unit: Unit
    row: int
    name: str


def _collect(program: Program) -> Iterator[Connects]:
    for call in program.external_calls():
        if call.name in DRIVER_CONNECTS and call.subject is None:
            yield Connects(call.unit, call.node.span.row, call.name)


CONNECTS = Facts(_collect)


def evidence(scope: Scope) -> Evidence:
    """Calls that connect in the files, and what files that never connect import of a driver."""
    connects = CONNECTS.within(scope)
    connecting = {c.unit.module for c in connects}
    statements = []
    for is_test in (False, True):
        group = [c for c in unreported(scope, connects) if (scope.program.role(c.unit) == "test") == is_test]
        if is_test and group:
            statements.append(f"{counted(len(group), 'connection')} in tests")
        elif group:
            places = [f"`{c.name}()` in {named(scope, c.unit, c.row)}" for c in group]
            statements.append(f"opened: {listed(places)}")
    named_only = [i for i in IMPORTS.within(scope) if _is_driver(i.name) and i.unit.module not in connecting]
    if named_only:
        places = [f"{_uses(i)} at {at(scope, i.unit, [i.row])}" for i in named_only]
        statements.append(f"imported in files that open no connection: {listed(places)}")
    return Evidence(len(connects), tuple(statements))


def _is_driver(name: str) -> bool:
    return any(name == driver or name.startswith(driver + ".") for driver in _DRIVERS)


def _uses(imported: Imported) -> str:
    """What a file makes of an import: the name itself, or what is read from the module."""
    if not imported.is_module:
        return f"`{imported.name}`"
    used = sorted(_read_from(imported.unit.module, imported.bound))
    return f"`{imported.name}`, of which {listed([f'`{u}`' for u in used])}" if used else f"`{imported.name}`"


def _read_from(module: Module, bound: str) -> set[str]:
    found: set[str] = set()
    bodies = [module.body, *(f.body for f in module.functions), *(c.node.body for c in module.classes)]
    for body in bodies:
        for statement in walk(body):
            for expr in _all_expressions(statement):
                found |= {d for e in subexpressions(expr) if (d := dotted(e)).startswith(bound + ".")}
    return {name for name in found if not any(other.startswith(name + ".") for other in found)}


def _all_expressions(statement: ir.Statement) -> Iterator[ir.Expr | None]:
    yield from own_expressions(statement)
    if isinstance(statement, ir.FunctionDef):
        yield statement.returns
        yield from (p.annotation for p in statement.params)
    elif isinstance(statement, ir.AnnAssign):
        yield statement.annotation
