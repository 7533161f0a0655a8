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


def children(node: ir.Expr) -> Sequence[ir.Expr | None]:
    """Direct subexpressions in order of evaluation; a lambda has none of its own."""
    parts = _PARTS.get(type(node))
    return parts(node) if parts is not None else ()


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


def blocks(statement: ir.Statement) -> Sequence[tuple[ir.Statement, ...]]:
    """The statement lists directly inside a compound statement, definitions left out."""
    inner = _BLOCKS.get(type(statement))
    return inner(statement) if inner is not None else ()


# By type as well: most statements are simple ones.
_BLOCKS: dict[type[ir.Statement], Callable[[Any], Sequence[tuple[ir.Statement, ...]]]] = {
    **dict.fromkeys((ir.If, ir.While, ir.For), lambda s: (s.body, s.orelse)),
    ir.With: lambda s: (s.body,),
    ir.Try: lambda s: (s.body, *[handler.body for handler in s.handlers], s.orelse, s.final),
    ir.Match: lambda s: [case.body for case in s.cases],
}


def own_expressions(statement: ir.Statement) -> Sequence[ir.Expr | None]:
    """The expressions that stand in the statement itself, not in its blocks."""
    own = _OWN.get(type(statement))
    return own(statement) if own is not None else ()


_OWN: dict[type[ir.Statement], Callable[[Any], Sequence[ir.Expr | None]]] = {
    **dict.fromkeys((ir.ExprStatement, ir.Return), lambda s: (s.value,)),
    ir.Assign: lambda s: (s.value, *s.targets),
    **dict.fromkeys((ir.AnnAssign, ir.AugAssign), lambda s: (s.value, s.target)),
    ir.Raise: lambda s: (s.exception, s.cause),
    ir.Assert: lambda s: (s.test, s.message),
    ir.Delete: lambda s: s.targets,
    **dict.fromkeys((ir.If, ir.While), lambda s: (s.test,)),
    ir.For: lambda s: (s.iterable, s.target),
    ir.With: lambda s: [expr for item in s.items for expr in (item.context, item.target)],
    ir.Match: lambda s: [s.subject, *[expr for case in s.cases for expr in (*case.values, case.guard)]],
    ir.Try: lambda s: [handler.type for handler in s.handlers],
    ir.FunctionDef: lambda s: [*s.decorators, *[param.default for param in s.params]],
    ir.ClassDef: lambda s: [*s.decorators, *[base.value for base in s.bases]],
}


def walk(body: Sequence[ir.Statement]) -> Iterator[ir.Statement]:
    """All statements of a body in source order, nested blocks included, bodies of definitions not."""
    waiting = list(reversed(body))
    while waiting:
        statement = waiting.pop()
        yield statement
        inner = _BLOCKS.get(type(statement))
        if inner is not None:
            for block in reversed(inner(statement)):
                waiting.extend(reversed(block))


def expressions(body: Sequence[ir.Statement]) -> Iterator[ir.Expr]:
    """Every expression evaluated by a body itself, definitions' bodies left out."""
    for statement in walk(body):
        own = _OWN.get(type(statement))
        if own is None:
            continue
        waiting = list(reversed(own(statement)))
        while waiting:
            node = waiting.pop()
            if node is None:
                continue
            yield node
            parts = _PARTS.get(type(node))
            if parts is not None:
                waiting.extend(reversed(parts(node)))


def binders(statement: ir.Statement) -> list[ir.Lambda | ir.Walrus]:
    """The lambdas and ``:=`` in a statement itself, which alone among expressions bind names."""
    found: list[ir.Lambda | ir.Walrus] = []
    waiting = list(reversed(own_expressions(statement)))
    while waiting:
        node = waiting.pop()
        if node is None:
            continue
        if isinstance(node, (ir.Lambda, ir.Walrus)):
            found.append(node)
        parts = _PARTS.get(type(node))
        if parts is not None:
            waiting.extend(reversed(parts(node)))
    return found


def always_raises(body: Sequence[ir.Statement]) -> bool:
    """Whether statements end by an exception whatever happens, as far as can be told from their form."""
    if not body or any(isinstance(statement, ir.Return) for statement in walk(body)):
        return False
    match body[-1]:
        case ir.Raise():
            return True
        case ir.If(body=first, orelse=second):
            return always_raises(first) and always_raises(second)
        case ir.With(body=inner):
            return always_raises(inner)
        case _:
            return False


def is_false(expr: ir.Expr) -> bool:
    """Whether an expression is None, False, zero or an empty display, as written."""
    match expr:
        case ir.Constant(value=value):
            return not value
        case ir.Collection(items=items):
            return not items
        case ir.Dict(keys=keys):
            return not keys
        case _:
            return False


def only_declares(body: Sequence[ir.Statement]) -> bool:
    """Whether a function's body is empty, ``...`` or raises NotImplementedError, of which it may say more."""
    does = raises = False
    for statement in body:
        match statement:
            case ir.ExprStatement(value=ir.Constant() | ir.Opaque()) | ir.Jump(kind="pass"):
                continue
            case ir.Raise(exception=exception):
                kind = exception.func if isinstance(exception, ir.Call) else exception
                if not isinstance(kind, ir.Name) or kind.id not in ("NotImplementedError", "NotImplemented"):
                    return False
                raises = True
            case ir.Assign():
                does = True
            case _:
                return False
    return raises or not does


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
