"""Fixes that take something away: the ``with`` around a block, or a statement that is one call."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from session_lint import ir
from session_lint.findings import Edit, Fix
from session_lint.ir import Span
from session_lint.traversal import blocks, path_to, walk


def without_with(body: Sequence[ir.Statement], context: ir.Expr) -> Fix | None:
    """Take away the ``with`` that enters ``context`` alone, and move its block out; None where the layout is not plain."""
    around = path_to(body, context)
    statement = around[-1] if around else None
    if not isinstance(statement, ir.With) or len(statement.items) != 1:
        return None
    target = statement.items[0].target
    if target is not None and not (
        isinstance(target, ir.Name) and isinstance(context, ir.Name) and target.id == context.id
    ):
        return None
    first, *rest = statement.body
    start = statement.span
    inside = list(_inside(statement.body))
    # Clauses without a place of their own (``else:``) cannot be moved.
    if any(isinstance(s, (ir.Try, ir.Match)) or getattr(s, "orelse", ()) for s in inside):
        return None
    depth = first.span.column - start.column
    edits = [Edit(Span(start.row, start.column, first.span.row, first.span.column), "")]
    if first.span.row > start.row:
        rows = sorted({row for s in inside for row in _rows(s) if row > first.span.row})
        edits += [Edit(Span(row, 1, row, 1 + depth), "") for row in rows]
    elif rest and rest[-1].span.row != start.row:
        return None
    return Fix("Take the `with` away", safe=False, edits=tuple(edits))


def _inside(body: Sequence[ir.Statement]) -> Iterator[ir.Statement]:
    """All statements of a block, those in definitions too."""
    for statement in walk(body):
        yield statement
        if isinstance(statement, (ir.FunctionDef, ir.ClassDef)):
            yield from _inside(statement.body)


def _rows(statement: ir.Statement) -> Iterator[int]:
    """The rows on which a statement begins; decorators stand on rows of their own."""
    yield statement.span.row
    if isinstance(statement, (ir.FunctionDef, ir.ClassDef)):
        yield from (decorator.span.row for decorator in statement.decorators)
        yield statement.name_span.row


def without_call(body: Sequence[ir.Statement], call: ir.Expr) -> Fix | None:
    """Take away the statement that is the call; None where it is part of another, or not alone on its row."""
    around = path_to(body, call)
    statement = around[-1] if around else None
    if not isinstance(statement, ir.ExprStatement) or _plain(statement.value) is not call:
        return None
    around_it = around[-2] if len(around) > 1 else None
    block = next((b for b in blocks(around_it) if statement in b), ()) if around_it is not None else tuple(body)
    span = statement.span
    position = block.index(statement)
    if any(other.span.row == span.row for other in block if other is not statement):
        return None
    if len(block) == 1:
        edit = Edit(span, "pass")
    elif position + 1 < len(block):
        edit = Edit(Span(span.row, 1, span.end_row + 1, 1), "")
    else:
        edit = Edit(Span(span.row, 1, span.end_row, span.end_column), "")
    return Fix("Take the call away", safe=False, edits=(edit,))


def _plain(expr: ir.Expr) -> ir.Expr:
    return expr.value if isinstance(expr, ir.Await) else expr
