"""Engine use: what is called on engines, and where their classes are named."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from session_lint.checks.evidence import Evidence, Scope
from session_lint.checks.facts import Facts
from session_lint.checks.imports import IMPORTS
from session_lint.checks.wording import at, counted, listed, together, unreported
from session_lint.program import vocabulary
from session_lint.program.values import Engine
from session_lint.record import Record

if TYPE_CHECKING:
    from session_lint.program import Program
    from session_lint.program.symbols import Unit

_AT_START = {"lifespan": "in a lifespan", "event": "in an event handler", "command": "in a command"}
_BY_ROLE = {"test": "in a test", "migration": "in a migration", "script": "in a script"}


class EngineCall(Record, frozen=True):
    """A method called on an engine, and what kind of place that is."""

    unit: Unit
    row: int
    method: str
    where: str


def _collect(program: Program) -> Iterator[EngineCall]:
    for call in program.external_calls():
        if isinstance(call.subject, Engine):
            yield EngineCall(call.unit, call.node.span.row, call.name.rsplit(".", 1)[-1], _where(program, call.unit))


CALLS = Facts(_collect)


def _where(program: Program, unit: Unit) -> str:
    entry = program.entry_or_outer(unit)
    if entry is not None and entry.kind in _AT_START:
        return _AT_START[entry.kind]
    if program.is_session_module(unit.module) and program.role(unit) != "test":
        return "in a session module"
    return _BY_ROLE.get(program.role(unit), "")


def evidence(scope: Scope) -> Evidence:
    """Calls on engines in the files, by the kind of place, and imports of the engine classes."""
    calls = CALLS.within(scope)
    told = unreported(scope, calls)
    statements = []
    for where in sorted({call.where for call in told}):
        group = [call for call in told if call.where == where]
        if where == "in a test":
            statements.append(f"{counted(len(group), 'call')} on engines in tests")
            continue
        methods = dict.fromkeys(call.method for call in group)
        places = [
            f"`{method}()` in {listed(together(scope, [c for c in group if c.method == method]), 3)}"
            for method in methods
        ]
        statements.append(f"called on an engine{' ' + where if where else ''}: {'; '.join(places)}")
    named_at = [i for i in IMPORTS.within(scope) if vocabulary.engine_class(i.name) is not None]
    if named_at:
        places = [f"`{i.name.rsplit('.', 1)[-1]}` at {at(scope, i.unit, [i.row])}" for i in named_at]
        statements.append(f"imported: {listed(places)}")
    return Evidence(len(calls), tuple(statements))
