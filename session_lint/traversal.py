"""Walks over the IR: the statements of a body, the expressions of a statement, the parts of an expression."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from session_lint import ir


def bound_names(target: ir.Expr) -> Iterator[ir.Name]:
    """The names that an assignment target binds."""
    if isinstance(target, ir.Name):
        yield target
    elif isinstance(target, ir.Collection):
        for item in target.items:
            yield from bound_names(item)
    elif isinstance(target, ir.Starred):
        yield from bound_names(target.value)


def subexpressions(expr: ir.Expr | None) -> Iterator[ir.Expr]:
    """An expression and all that stands in it, lambdas' bodies left out, outside first."""
    stack: list[ir.Expr | None] = [expr]
    while stack:
        node = stack.pop()
        if node is None:
            continue
        yield node
        parts = _PARTS.get(type(node))
        if parts is not None:
            stack.extend(reversed(parts(node)))


def children(node: ir.Expr) -> Iterator[ir.Expr | None]:
    """Direct subexpressions in order of evaluation; a lambda has none of its own."""
    parts = _PARTS.get(type(node))
    if parts is not None:
        yield from parts(node)


def _comprehension(node: ir.Comprehension) -> list[ir.Expr | None]:
    parts: list[ir.Expr | None] = []
    for clause in node.clauses:
        parts.append(clause.iterable)
        parts.extend(clause.conditions)
    return [*parts, node.element, node.value]


# Looked up by type, for most nodes are names, which have no parts.
_PARTS: dict[type[ir.Expr], Callable[[Any], Sequence[ir.Expr | None]]] = {
    **dict.fromkeys(
        (ir.Attribute, ir.Await, ir.Starred, ir.Unary, ir.Yield, ir.YieldFrom, ir.Walrus), lambda node: (node.value,)
    ),
    ir.Call: lambda node: [node.func, *[arg.value for arg in node.args]],
    ir.FString: lambda node: node.parts,
    ir.Dict: lambda node: (*node.keys, *node.values),
    ir.Collection: lambda node: node.items,
    ir.BoolOp: lambda node: node.values,
    ir.Binary: lambda node: (node.left, node.right),
    ir.Compare: lambda node: (node.left, *node.rights),
    ir.Conditional: lambda node: (node.test, node.body, node.orelse),
    ir.Subscript: lambda node: (node.value, *node.index),
    ir.Comprehension: _comprehension,
    ir.Opaque: lambda node: node.children,
}


def blocks(statement: ir.Statement) -> Iterator[tuple[ir.Statement, ...]]:
    """The statement lists directly inside a compound statement, definitions left out."""
    match statement:
        case ir.If() | ir.While() | ir.For():
            yield statement.body
            yield statement.orelse
        case ir.With():
            yield statement.body
        case ir.Try():
            yield statement.body
            for handler in statement.handlers:
                yield handler.body
            yield statement.orelse
            yield statement.final
        case ir.Match():
            for case in statement.cases:
                yield case.body
        case _:
            return


def own_expressions(statement: ir.Statement) -> Iterator[ir.Expr | None]:
    """The expressions that stand in the statement itself, not in its blocks."""
    match statement:
        case ir.ExprStatement() | ir.Return():
            yield statement.value
        case ir.Assign():
            yield statement.value
            yield from statement.targets
        case ir.AnnAssign():
            yield statement.value
            yield statement.target
        case ir.AugAssign():
            yield statement.value
            yield statement.target
        case ir.Raise():
            yield statement.exception
            yield statement.cause
        case ir.Assert():
            yield statement.test
            yield statement.message
        case ir.Delete():
            yield from statement.targets
        case ir.If() | ir.While():
            yield statement.test
        case ir.For():
            yield statement.iterable
            yield statement.target
        case ir.With():
            for item in statement.items:
                yield item.context
                yield item.target
        case ir.Match():
            yield statement.subject
            for case in statement.cases:
                yield from case.values
                yield case.guard
        case ir.Try():
            for handler in statement.handlers:
                yield handler.type
        case ir.FunctionDef():
            yield from statement.decorators
            for param in statement.params:
                yield param.default
        case ir.ClassDef():
            yield from statement.decorators
            for base in statement.bases:
                yield base.value
        case _:
            return


def walk(body: Sequence[ir.Statement]) -> Iterator[ir.Statement]:
    """All statements of a body in source order, nested blocks included, bodies of definitions not."""
    for statement in body:
        yield statement
        for block in blocks(statement):
            yield from walk(block)


def expressions(body: Sequence[ir.Statement]) -> Iterator[ir.Expr]:
    """Every expression evaluated by a body itself, definitions' bodies left out."""
    for statement in walk(body):
        for expr in own_expressions(statement):
            yield from subexpressions(expr)


def path_to(body: Sequence[ir.Statement], node: ir.Expr) -> tuple[ir.Statement, ...]:
    """The statements around an expression, outermost first: the last is the one it stands in; empty when it is not there."""
    for statement in body:
        if not _covers(statement.span, node.span):
            continue
        if any(part is node for expr in own_expressions(statement) for part in subexpressions(expr)):
            return (statement,)
        for block in blocks(statement):
            inner = path_to(block, node)
            if inner:
                return (statement, *inner)
    return ()


def _covers(outer: ir.Span, inner: ir.Span) -> bool:
    return (outer.row, outer.column) <= (inner.row, inner.column) and (inner.end_row, inner.end_column) <= (
        outer.end_row,
        outer.end_column,
    )
