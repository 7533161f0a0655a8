"""Statements: one handler a LibCST node type, each given the ``ast`` node beside it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeAlias

import libcst as cst

from session_lint import ir
from session_lint.lowering.expressions import annotation, arguments, dotted, expression, optional, parameters
from session_lint.lowering.patterns import pattern
from session_lint.lowering.spans import NO_TREE, Tree, Walk, beside
from session_lint.lowering.text import decorated, digest, handler_place, header_digest, name_place

Handler: TypeAlias = Callable[[Walk, Any, Tree], ir.Statement]


def block(walk: Walk, lines: Iterable[cst.CSTNode], trees: Iterable[Tree]) -> tuple[ir.Statement, ...]:
    """Lower the statements of a suite.

    Args:
        walk: what the walk shares.
        lines: LibCST's nodes: lines of small statements, small statements, compound statements.
        trees: the same statements in ``ast``, or NO_TREE.
    """
    lowered: list[ir.Statement] = []
    each = iter(trees)
    for line in lines:
        if type(line) is cst.SimpleStatementLine:
            lowered += [_HANDLERS[type(small)](walk, small, next(each)) for small in line.body]
        else:
            lowered.append(_HANDLERS[type(line)](walk, line, next(each)))
    return tuple(lowered)


def statement(walk: Walk, node: cst.CSTNode, tree: Tree) -> ir.Statement:
    """Lower one statement; what stands in the suites of a compound one is left to ``walk.suite`` where that is set."""
    return _HANDLERS[type(node)](walk, node, tree)


def _suite(walk: Walk, suite: Any, trees: Tree) -> tuple[ir.Statement, ...]:
    return block(walk, suite.body, trees) if walk.suite is None else walk.suite(walk, trees)


def _otherwise(walk: Walk, node: Any, trees: Tree) -> tuple[ir.Statement, ...]:
    """What an ``else`` or ``finally`` holds; an ``elif`` is an If of its own."""
    if node is None:
        return ()
    if type(node) is cst.If:
        return (_if(walk, node, next(iter(trees))),)
    return _suite(walk, node.body, trees)


def _expression_statement(walk: Walk, node: cst.Expr, tree: Tree) -> ir.Statement:
    place = walk.at(node, tree)
    return ir.ExprStatement(place, digest(walk, place), expression(walk, node.value, tree.value))


def _assign(walk: Walk, node: cst.Assign, tree: Tree) -> ir.Statement:
    place = walk.at(node, tree)
    targets = tuple([expression(walk, part.target, where) for part, where in beside(node.targets, tree.targets)])
    return ir.Assign(place, digest(walk, place), targets, expression(walk, node.value, tree.value))


def _annotated_assign(walk: Walk, node: cst.AnnAssign, tree: Tree) -> ir.Statement:
    place = walk.at(node, tree)
    target = expression(walk, node.target, tree.target)
    annotated = annotation(walk, node.annotation.annotation, tree.annotation)
    return ir.AnnAssign(place, digest(walk, place), target, annotated, optional(walk, node.value, tree.value))


def _augmented_assign(walk: Walk, node: cst.AugAssign, tree: Tree) -> ir.Statement:
    place = walk.at(node, tree)
    target, value = expression(walk, node.target, tree.target), expression(walk, node.value, tree.value)
    return ir.AugAssign(place, digest(walk, place), target, _AUGMENTED[type(node.operator)], value)


def _return(walk: Walk, node: cst.Return, tree: Tree) -> ir.Statement:
    place = walk.at(node, tree)
    return ir.Return(place, digest(walk, place), optional(walk, node.value, tree.value))


def _raise(walk: Walk, node: cst.Raise, tree: Tree) -> ir.Statement:
    place = walk.at(node, tree)
    cause = None if node.cause is None else expression(walk, node.cause.item, tree.cause)
    return ir.Raise(place, digest(walk, place), optional(walk, node.exc, tree.exc), cause)


def _assert(walk: Walk, node: cst.Assert, tree: Tree) -> ir.Statement:
    place = walk.at(node, tree)
    test = expression(walk, node.test, tree.test)
    return ir.Assert(place, digest(walk, place), test, optional(walk, node.msg, tree.msg))


def _delete(walk: Walk, node: cst.Del, tree: Tree) -> ir.Statement:
    place = walk.at(node, tree)
    target = node.target
    targets: tuple[ir.Expr, ...]
    if isinstance(target, cst.Tuple) and not target.lpar:
        targets = tuple([expression(walk, part.value, where) for part, where in beside(target.elements, tree.targets)])
    else:
        targets = (expression(walk, target, tree.targets[0]),)
    return ir.Delete(place, digest(walk, place), targets)


def _jump(walk: Walk, node: cst.CSTNode, tree: Tree) -> ir.Statement:
    place = walk.at(node, tree)
    return ir.Jump(place, digest(walk, place), _JUMPS[type(node)])


def _scope(walk: Walk, node: cst.Global | cst.Nonlocal, tree: Tree) -> ir.Statement:
    place = walk.at(node, tree)
    kind: Any = "global" if isinstance(node, cst.Global) else "nonlocal"
    return ir.ScopeStatement(place, digest(walk, place), kind, tuple([item.name.value for item in node.names]))


def _import(walk: Walk, node: Any, tree: Tree) -> ir.Statement:
    place = walk.at(node, tree)
    return ir.Import(place, digest(walk, place), _aliases(walk, node.names, tree))


def _import_from(walk: Walk, node: Any, tree: Tree) -> ir.Statement:
    place = walk.at(node, tree)
    names = node.names
    if isinstance(names, cst.ImportStar):
        aliases: tuple[ir.Alias, ...] = (ir.Alias(walk.at(names, tree.names[0]), "*"),)
    else:
        aliases = _aliases(walk, names, tree)
    module = "" if node.module is None else dotted(node.module)
    return ir.ImportFrom(place, digest(walk, place), module, len(node.relative), aliases)


def _aliases(walk: Walk, names: Sequence[cst.ImportAlias], tree: Tree) -> tuple[ir.Alias, ...]:
    return tuple(
        [
            ir.Alias(walk.at(alias, part), dotted(alias.name), _as_name(alias.asname))
            for alias, part in beside(names, tree.names)
        ]
    )


def _as_name(node: cst.AsName | None) -> str | None:
    return node.name.value if node is not None and isinstance(node.name, cst.Name) else None


def _type_alias(walk: Walk, node: cst.TypeAlias, tree: Tree) -> ir.Statement:
    place = walk.at(node, tree)
    return ir.TypeAlias(place, digest(walk, place), node.name.value, annotation(walk, node.value, tree.value))


def _if(walk: Walk, node: cst.If, tree: Tree) -> ir.Statement:
    place = walk.at(node, tree)
    test = expression(walk, node.test, tree.test)
    body = _suite(walk, node.body, tree.body)
    orelse = _otherwise(walk, node.orelse, tree.orelse)
    return ir.If(place, header_digest(walk, place, body), test, body, orelse)


def _while(walk: Walk, node: cst.While, tree: Tree) -> ir.Statement:
    place = walk.at(node, tree)
    test = expression(walk, node.test, tree.test)
    body = _suite(walk, node.body, tree.body)
    orelse = _otherwise(walk, node.orelse, tree.orelse)
    return ir.While(place, header_digest(walk, place, body), test, body, orelse)


def _for(walk: Walk, node: cst.For, tree: Tree) -> ir.Statement:
    place = walk.at(node, tree)
    target, iterable = expression(walk, node.target, tree.target), expression(walk, node.iter, tree.iter)
    body = _suite(walk, node.body, tree.body)
    orelse = _otherwise(walk, node.orelse, tree.orelse)
    is_async = node.asynchronous is not None
    return ir.For(place, header_digest(walk, place, body), target, iterable, body, orelse, is_async)


def _try(walk: Walk, node: cst.Try | cst.TryStar, tree: Tree) -> ir.Statement:
    place = walk.at(node, tree)
    body = _suite(walk, node.body, tree.body)
    clauses: Sequence[cst.ExceptHandler | cst.ExceptStarHandler] = node.handlers
    handlers = tuple([_handler(walk, part, where) for part, where in beside(clauses, tree.handlers)])
    orelse = _otherwise(walk, node.orelse, tree.orelse)
    final = _otherwise(walk, node.finalbody, tree.finalbody)
    return ir.Try(place, header_digest(walk, place, body), body, handlers, orelse, final, isinstance(node, cst.TryStar))


def _handler(walk: Walk, node: cst.ExceptHandler | cst.ExceptStarHandler, tree: Tree) -> ir.Handler:
    place = walk.at(node, tree)
    caught = optional(walk, node.type, tree.type)
    body = _suite(walk, node.body, tree.body)
    return ir.Handler(handler_place(walk, place, caught, body), caught, _as_name(node.name), body)


def _with(walk: Walk, node: cst.With, tree: Tree) -> ir.Statement:
    place = walk.at(node, tree)
    items = tuple(
        [
            ir.WithItem(
                expression(walk, item.item, part.context_expr),
                None if item.asname is None else expression(walk, item.asname.name, part.optional_vars),
            )
            for item, part in beside(node.items, tree.items)
        ]
    )
    body = _suite(walk, node.body, tree.body)
    return ir.With(place, header_digest(walk, place, body), items, body, node.asynchronous is not None)


def _match(walk: Walk, node: cst.Match, tree: Tree) -> ir.Statement:
    place = walk.at(node, tree)
    subject = expression(walk, node.subject, tree.subject)
    cases = tuple([_case(walk, part, where) for part, where in beside(node.cases, tree.cases)])
    header = digest(walk, place, (subject.span.end_row, subject.span.end_column))
    return ir.Match(place, header, subject, cases)


def _case(walk: Walk, node: cst.MatchCase, tree: Tree) -> ir.Case:
    bindings: list[ir.Name] = []
    values: list[ir.Expr] = []
    pattern(walk, node.pattern, tree.pattern, bindings, values)
    guard = optional(walk, node.guard, tree.guard)
    return ir.Case(tuple(bindings), tuple(values), guard, _suite(walk, node.body, tree.body))


def _function(walk: Walk, node: cst.FunctionDef, tree: Tree) -> ir.Statement:
    outer = walk.at(node, tree)
    decorators, place = _decorators(walk, node.decorators, tree, outer)
    params = parameters(walk, node.params, tree.args)
    returns = None if node.returns is None else annotation(walk, node.returns.annotation, tree.returns)
    enclosing, walk.yields = walk.yields, False
    body = _suite(walk, node.body, tree.body)
    yields, walk.yields = walk.yields, enclosing
    return ir.FunctionDef(
        place,
        header_digest(walk, place, body),
        node.name.value,
        _name_place(walk, node.name, tree, outer),
        params,
        returns,
        decorators,
        body,
        node.asynchronous is not None,
        yields,
    )


def _class(walk: Walk, node: cst.ClassDef, tree: Tree) -> ir.Statement:
    outer = walk.at(node, tree)
    decorators, place = _decorators(walk, node.decorators, tree, outer)
    bases = arguments(walk, (*node.bases, *node.keywords), tree)
    body = _suite(walk, node.body, tree.body)
    name = _name_place(walk, node.name, tree, outer)
    return ir.ClassDef(place, header_digest(walk, place, body), node.name.value, name, bases, decorators, body)


def _decorators(
    walk: Walk, nodes: Sequence[cst.Decorator], tree: Tree, place: ir.Place
) -> tuple[tuple[ir.Expr, ...], ir.Place]:
    """Lower decorators, and widen the span of what they decorate to the first ``@``."""
    if not nodes:
        return (), place
    lowered = tuple([expression(walk, node.decorator, part) for node, part in beside(nodes, tree.decorator_list)])
    if tree is NO_TREE:
        start, end = ir.unpacked(walk.at(nodes[0], tree)), ir.unpacked(place)
        return lowered, ir.packed(start.row, start.column, end.end_row, end.end_column)
    return lowered, decorated(walk, tree.decorator_list[0], place)


def _name_place(walk: Walk, name: cst.Name, tree: Tree, place: ir.Place) -> ir.Place:
    """The place of a definition's name, which ``ast`` does not have."""
    return walk.at(name, tree) if tree is NO_TREE else name_place(walk, place, name.value)


_JUMPS: dict[type[cst.CSTNode], Any] = {cst.Pass: "pass", cst.Break: "break", cst.Continue: "continue"}

_AUGMENTED: dict[type[cst.CSTNode], str] = {
    cst.AddAssign: "+=",
    cst.SubtractAssign: "-=",
    cst.MultiplyAssign: "*=",
    cst.DivideAssign: "/=",
    cst.FloorDivideAssign: "//=",
    cst.ModuloAssign: "%=",
    cst.PowerAssign: "**=",
    cst.MatrixMultiplyAssign: "@=",
    cst.LeftShiftAssign: "<<=",
    cst.RightShiftAssign: ">>=",
    cst.BitAndAssign: "&=",
    cst.BitOrAssign: "|=",
    cst.BitXorAssign: "^=",
}

_HANDLERS: dict[type[cst.CSTNode], Handler] = {
    cst.Expr: _expression_statement,
    cst.Assign: _assign,
    cst.AnnAssign: _annotated_assign,
    cst.AugAssign: _augmented_assign,
    cst.Return: _return,
    cst.Raise: _raise,
    cst.Assert: _assert,
    cst.Del: _delete,
    cst.Pass: _jump,
    cst.Break: _jump,
    cst.Continue: _jump,
    cst.Global: _scope,
    cst.Nonlocal: _scope,
    cst.Import: _import,
    cst.ImportFrom: _import_from,
    cst.TypeAlias: _type_alias,
    cst.If: _if,
    cst.While: _while,
    cst.For: _for,
    cst.Try: _try,
    cst.TryStar: _try,
    cst.With: _with,
    cst.Match: _match,
    cst.FunctionDef: _function,
    cst.ClassDef: _class,
}

# Syntax of Python 3.15 that older LibCST releases have no nodes for.
for _lazy, _lower in (("LazyImport", _import), ("LazyImportFrom", _import_from)):
    if hasattr(cst, _lazy):
        _HANDLERS[getattr(cst, _lazy)] = _lower
