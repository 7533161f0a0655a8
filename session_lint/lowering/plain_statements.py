"""Statements as ``ast`` has them, and each that speaks of sessions as LibCST has it."""

from __future__ import annotations

import ast
import sys
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

from session_lint import ir
from session_lint.lowering.gate import LoweringError
from session_lint.lowering.plain_expressions import annotation, arguments, expression, optional, parameters, symbol
from session_lint.lowering.spans import Tree, Walk
from session_lint.lowering.text import decorated, digest, handler_place, header_digest, name_place

Handler: TypeAlias = Callable[[Walk, Any], ir.Statement]


def statement(walk: Walk, tree: Tree) -> ir.Statement:
    """Lower one statement from its tree alone; the statements in the suites of a compound one are ``walk.suite``'s to lower.

    Raises:
        LoweringError: it is of a kind that is left to LibCST, which does not know its syntax.
    """
    handler = _HANDLERS.get(type(tree))
    if handler is None:
        span = ir.unpacked(walk.at(tree, tree))
        raise LoweringError("LibCST cannot parse this syntax yet", span.row, span.column)
    return handler(walk, tree)


def _suite(walk: Walk, trees: Sequence[Tree]) -> tuple[ir.Statement, ...]:
    return () if not trees or walk.suite is None else walk.suite(walk, trees)


def _expression_statement(walk: Walk, tree: ast.Expr) -> ir.Statement:
    place = walk.at(tree, tree)
    return ir.ExprStatement(place, digest(walk, place), expression(walk, tree.value))


def _assign(walk: Walk, tree: ast.Assign) -> ir.Statement:
    place = walk.at(tree, tree)
    targets = tuple([expression(walk, target) for target in tree.targets])
    return ir.Assign(place, digest(walk, place), targets, expression(walk, tree.value))


def _annotated_assign(walk: Walk, tree: ast.AnnAssign) -> ir.Statement:
    place = walk.at(tree, tree)
    target, annotated = expression(walk, tree.target), annotation(walk, tree.annotation)
    return ir.AnnAssign(place, digest(walk, place), target, annotated, optional(walk, tree.value))


def _augmented_assign(walk: Walk, tree: ast.AugAssign) -> ir.Statement:
    place = walk.at(tree, tree)
    target, value = expression(walk, tree.target), expression(walk, tree.value)
    return ir.AugAssign(place, digest(walk, place), target, f"{symbol(tree.op)}=", value)


def _return(walk: Walk, tree: ast.Return) -> ir.Statement:
    place = walk.at(tree, tree)
    return ir.Return(place, digest(walk, place), optional(walk, tree.value))


def _raise(walk: Walk, tree: ast.Raise) -> ir.Statement:
    place = walk.at(tree, tree)
    return ir.Raise(place, digest(walk, place), optional(walk, tree.exc), optional(walk, tree.cause))


def _assert(walk: Walk, tree: ast.Assert) -> ir.Statement:
    place = walk.at(tree, tree)
    return ir.Assert(place, digest(walk, place), expression(walk, tree.test), optional(walk, tree.msg))


def _delete(walk: Walk, tree: ast.Delete) -> ir.Statement:
    place = walk.at(tree, tree)
    return ir.Delete(place, digest(walk, place), tuple([expression(walk, target) for target in tree.targets]))


def _jump(walk: Walk, tree: ast.stmt) -> ir.Statement:
    place = walk.at(tree, tree)
    return ir.Jump(place, digest(walk, place), _JUMPS[type(tree)])


def _scope(walk: Walk, tree: ast.Global | ast.Nonlocal) -> ir.Statement:
    place = walk.at(tree, tree)
    kind: Any = "global" if isinstance(tree, ast.Global) else "nonlocal"
    return ir.ScopeStatement(place, digest(walk, place), kind, tuple(tree.names))


def _import(walk: Walk, tree: ast.Import) -> ir.Statement:
    place = walk.at(tree, tree)
    return ir.Import(place, digest(walk, place), _aliases(walk, tree.names))


def _import_from(walk: Walk, tree: ast.ImportFrom) -> ir.Statement:
    place = walk.at(tree, tree)
    return ir.ImportFrom(place, digest(walk, place), tree.module or "", tree.level, _aliases(walk, tree.names))


def _aliases(walk: Walk, trees: Sequence[ast.alias]) -> tuple[ir.Alias, ...]:
    return tuple([ir.Alias(walk.at(tree, tree), tree.name, tree.asname) for tree in trees])


def _type_alias(walk: Walk, tree: Any) -> ir.Statement:
    place = walk.at(tree, tree)
    return ir.TypeAlias(place, digest(walk, place), tree.name.id, annotation(walk, tree.value))


def _if(walk: Walk, tree: ast.If) -> ir.Statement:
    place = walk.at(tree, tree)
    test = expression(walk, tree.test)
    body, orelse = _suite(walk, tree.body), _suite(walk, tree.orelse)
    return ir.If(place, header_digest(walk, place, body), test, body, orelse)


def _while(walk: Walk, tree: ast.While) -> ir.Statement:
    place = walk.at(tree, tree)
    test = expression(walk, tree.test)
    body, orelse = _suite(walk, tree.body), _suite(walk, tree.orelse)
    return ir.While(place, header_digest(walk, place, body), test, body, orelse)


def _for(walk: Walk, tree: ast.For | ast.AsyncFor) -> ir.Statement:
    place = walk.at(tree, tree)
    target, iterable = expression(walk, tree.target), expression(walk, tree.iter)
    body, orelse = _suite(walk, tree.body), _suite(walk, tree.orelse)
    header = header_digest(walk, place, body)
    return ir.For(place, header, target, iterable, body, orelse, isinstance(tree, ast.AsyncFor))


def _try(walk: Walk, tree: Any) -> ir.Statement:
    place = walk.at(tree, tree)
    body = _suite(walk, tree.body)
    handlers = tuple([_handler(walk, part) for part in tree.handlers])
    orelse, final = _suite(walk, tree.orelse), _suite(walk, tree.finalbody)
    header = header_digest(walk, place, body)
    return ir.Try(place, header, body, handlers, orelse, final, not isinstance(tree, ast.Try))


def _handler(walk: Walk, tree: ast.ExceptHandler) -> ir.Handler:
    place = walk.at(tree, tree)
    caught = optional(walk, tree.type)
    body = _suite(walk, tree.body)
    return ir.Handler(handler_place(walk, place, caught, body), caught, tree.name, body)


def _with(walk: Walk, tree: ast.With | ast.AsyncWith) -> ir.Statement:
    place = walk.at(tree, tree)
    items = tuple(
        [ir.WithItem(expression(walk, item.context_expr), optional(walk, item.optional_vars)) for item in tree.items]
    )
    body = _suite(walk, tree.body)
    return ir.With(place, header_digest(walk, place, body), items, body, isinstance(tree, ast.AsyncWith))


def _function(walk: Walk, tree: ast.FunctionDef | ast.AsyncFunctionDef) -> ir.Statement:
    outer = walk.at(tree, tree)
    decorators, place = _decorators(walk, tree, outer)
    params = parameters(walk, tree.args)
    returns = None if tree.returns is None else annotation(walk, tree.returns)
    enclosing, walk.yields = walk.yields, False
    body = _suite(walk, tree.body)
    yields, walk.yields = walk.yields, enclosing
    return ir.FunctionDef(
        place,
        header_digest(walk, place, body),
        tree.name,
        name_place(walk, outer, tree.name),
        params,
        returns,
        decorators,
        body,
        isinstance(tree, ast.AsyncFunctionDef),
        yields,
    )


def _class(walk: Walk, tree: ast.ClassDef) -> ir.Statement:
    outer = walk.at(tree, tree)
    decorators, place = _decorators(walk, tree, outer)
    bases = arguments(walk, tree.bases, tree.keywords)
    body = _suite(walk, tree.body)
    name = name_place(walk, outer, tree.name)
    return ir.ClassDef(place, header_digest(walk, place, body), tree.name, name, bases, decorators, body)


def _decorators(walk: Walk, tree: Tree, place: ir.Place) -> tuple[tuple[ir.Expr, ...], ir.Place]:
    decorators = tree.decorator_list
    if not decorators:
        return (), place
    return tuple([expression(walk, part) for part in decorators]), decorated(walk, decorators[0], place)


_JUMPS: dict[type[ast.AST], Any] = {ast.Pass: "pass", ast.Break: "break", ast.Continue: "continue"}

_HANDLERS: dict[type[ast.AST], Handler] = {
    ast.Expr: _expression_statement,
    ast.Assign: _assign,
    ast.AnnAssign: _annotated_assign,
    ast.AugAssign: _augmented_assign,
    ast.Return: _return,
    ast.Raise: _raise,
    ast.Assert: _assert,
    ast.Delete: _delete,
    ast.Pass: _jump,
    ast.Break: _jump,
    ast.Continue: _jump,
    ast.Global: _scope,
    ast.Nonlocal: _scope,
    ast.Import: _import,
    ast.ImportFrom: _import_from,
    ast.If: _if,
    ast.While: _while,
    ast.For: _for,
    ast.AsyncFor: _for,
    ast.Try: _try,
    ast.With: _with,
    ast.AsyncWith: _with,
    ast.FunctionDef: _function,
    ast.AsyncFunctionDef: _function,
    ast.ClassDef: _class,
}

if sys.version_info >= (3, 11):
    _HANDLERS[ast.TryStar] = _try
if sys.version_info >= (3, 12):
    _HANDLERS[ast.TypeAlias] = _type_alias
