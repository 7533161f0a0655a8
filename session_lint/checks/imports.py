"""What files import, by qualified name and place."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from session_lint import ir
from session_lint.checks.facts import Facts
from session_lint.record import Record
from session_lint.traversal import walk

if TYPE_CHECKING:
    from session_lint.program import Program
    from session_lint.program.symbols import Module, Unit


class Imported(Record, frozen=True):
    """One imported name: ``import psycopg2.errors as e`` is ``psycopg2.errors``, bound to ``e``, a module."""

    unit: Unit
    row: int
    name: str
    bound: str
    is_module: bool


def _collect(program: Program) -> Iterator[Imported]:
    for module in program.modules:
        yield from imported(module)


IMPORTS = Facts(_collect)


def imported(module: Module) -> Iterator[Imported]:
    """The absolute imports of a file, those in functions and classes included."""
    bodies = [module.body, *(f.body for f in module.functions), *(c.node.body for c in module.classes)]
    for body in bodies:
        for statement in walk(body):
            if isinstance(statement, ir.Import):
                for alias in statement.names:
                    bound = alias.asname or alias.name.split(".")[0]
                    yield Imported(module, alias.span.row, alias.name, bound, True)
            elif isinstance(statement, ir.ImportFrom) and statement.level == 0:
                for alias in statement.names:
                    name = f"{statement.module}.{alias.name}"
                    yield Imported(module, alias.span.row, name, alias.asname or alias.name, False)
