"""The steps of the value flow: what there is to evaluate in a unit."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from session_lint import ir
from session_lint.program.symbols import Class, Function, Scope, Unit
from session_lint.traversal import blocks

_SILENT = (ir.Jump, ir.Import, ir.ImportFrom, ir.ScopeStatement, ir.Delete)


@dataclass(eq=False, slots=True)
class Step:
    """The unit of work: a statement without its blocks, or a parameter, and where names are looked up from."""

    unit: Unit
    scope: Scope
    node: ir.Statement | ir.Parameter
    number: int = 0
    is_queued: bool = False


def steps_of(unit: Unit, classes: Mapping[int, Class]) -> Iterator[Step]:
    """What there is to evaluate in a unit: parameters, and statements in source order."""
    if isinstance(unit, Function):
        for param in unit.params:
            yield Step(unit, unit.parent, param)
    yield from _steps(unit.body, unit, unit, classes)


def _steps(body: Sequence[ir.Statement], unit: Unit, scope: Scope, classes: Mapping[int, Class]) -> Iterator[Step]:
    for statement in body:
        match statement:
            case ir.ExprStatement(value=ir.Constant()) | ir.Return(value=None):
                pass
            case ir.ClassDef():
                yield Step(unit, scope, statement)
                yield from _steps(statement.body, unit, classes[id(statement)], classes)
            case _ if not isinstance(statement, _SILENT):
                yield Step(unit, scope, statement)
                for block in blocks(statement):
                    yield from _steps(block, unit, scope, classes)
            case _:
                pass
