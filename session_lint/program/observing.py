"""In which transaction states sessions are before one statement of a function: it is interpreted once more, and watched."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from session_lint import ir
from session_lint.program.analysis import Analysis
from session_lint.program.contexts import Context
from session_lint.program.interpreter import Frame
from session_lint.program.remapping import tokens_in
from session_lint.program.states import Outcome
from session_lint.program.symbols import Function, Unit
from session_lint.program.world import members
from session_lint.traversal import blocks, walk

States = dict[int, int]
"""Transaction states by session; of those that the function has as variables, the ones that it still holds."""


def statement_at(unit: Unit, row: int) -> ir.Statement | None:
    """The statement that a row belongs to; between statements, the one that comes next in the function."""
    following: ir.Statement | None = None
    for statement in walk(unit.body):
        inner = [block[0].span.row for block in blocks(statement) if block]
        last = min(inner) - 1 if inner else statement.span.end_row
        if statement.span.row <= row <= max(last, statement.span.row):
            return statement
        if statement.span.row > row and (following is None or statement.span.row < following.span.row):
            following = statement
    return following


def states_before(analysis: Analysis, contexts: Sequence[Context], statement: ir.Statement) -> dict[int, States]:
    """The states before a statement, for each context by its identity; contexts that do not come to it are left out."""
    found: dict[int, States] = {}
    known = {id(context): key for key, context in analysis.contexts.items()}
    for context in contexts:
        key = known.get(id(context))
        if key is not None:
            observer = _Observer(analysis, context, statement)
            observer.run(key)
            if observer.reached:
                found[id(context)] = observer.before
    return found


class _Observer(Frame):
    """Interprets a function anew, in a context of its own that nobody keeps."""

    def __init__(self, analysis: Analysis, context: Context, statement: ir.Statement) -> None:
        given = context.tokens[: len(context.entry_bits)]
        again = Context(context.unit, list(given), entry=context.entry, entry_bits=context.entry_bits)
        super().__init__(analysis, again, context.unit)
        self.watched = statement
        self.reached = False
        self.before: States = {}
        self._original = context

    def run(self, key: Any) -> None:
        """Interpret it once more; ``key`` is what the first time was entered with."""
        if isinstance(self.unit, Function):
            _, arguments, bits, _, _, through_decorator, _ = key
            self.run_function(dict(arguments), bits, through_decorator, self._is_called())
        else:
            self.block(self.unit.body, self.state)
        for context in self.analysis.all_contexts():
            context.callers[:] = [edge for edge in context.callers if edge.caller is not self.context]

    def _is_called(self) -> bool:
        return self._original.entry is None and bool(self._original.callers)

    def statement(self, statement: ir.Statement) -> Outcome:
        if statement is self.watched:
            self.reached = True
            held = tokens_in(members(self.state.env.values()))
            for token, bits in self.state.tx.items():
                if token in held or self.context.tokens[token].how not in ("created", "injected", "param", "decorator"):
                    self.before[token] = self.before.get(token, 0) | bits
        return super().statement(statement)
