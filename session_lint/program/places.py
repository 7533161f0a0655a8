"""Where in the application calls and blocks stand: found in one walk, for the rules that look for a few kinds of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from session_lint import ir
from session_lint.program.symbols import Module, Unit
from session_lint.record import Record
from session_lint.traversal import expressions, walk


class Places(Record, frozen=True):
    """Places by what stands there, each with the unit that it is in, in the order of the source.

    Args:
        calls: by the last part of the name that is called.
        awaits: of calls.
        blocks: ``with`` statements and ``for`` loops.
        alone: attributes that stand alone as a statement.
    """

    calls: Mapping[str, Sequence[tuple[Unit, ir.Call]]]
    awaits: Sequence[tuple[Unit, ir.Await]]
    blocks: Sequence[tuple[Unit, ir.With | ir.For]]
    alone: Sequence[tuple[Unit, ir.Attribute]]

    def calls_of(self, names: Iterable[str]) -> list[tuple[Unit, ir.Call]]:
        """The calls of any of the names."""
        return [place for name in names for place in self.calls.get(name, ())]


def find_places(modules: Iterable[Module]) -> Places:
    """The places in some modules."""
    calls: dict[str, list[tuple[Unit, ir.Call]]] = {}
    awaits: list[tuple[Unit, ir.Await]] = []
    blocks: list[tuple[Unit, ir.With | ir.For]] = []
    alone: list[tuple[Unit, ir.Attribute]] = []
    units: list[Unit] = []
    for module in modules:
        units += (module, *module.functions)
    for unit in units:
        for statement in walk(unit.body):
            if isinstance(statement, (ir.With, ir.For)):
                blocks.append((unit, statement))
            elif isinstance(statement, ir.ExprStatement) and isinstance(statement.value, ir.Attribute):
                alone.append((unit, statement.value))
        for expr in expressions(unit.body):
            if isinstance(expr, ir.Call):
                func = expr.func
                name = func.name if isinstance(func, ir.Attribute) else func.id if isinstance(func, ir.Name) else ""
                calls.setdefault(name, []).append((unit, expr))
            elif isinstance(expr, ir.Await) and isinstance(expr.value, ir.Call):
                awaits.append((unit, expr))
    return Places(calls, awaits, blocks, alone)
