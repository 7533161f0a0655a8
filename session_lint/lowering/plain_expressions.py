"""Expressions as ``ast`` has them: the same IR as that of ``expressions``, for code that speaks of no session."""

from __future__ import annotations

import ast
import sys
from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeAlias

from session_lint import ir
from session_lint.lowering.spans import Tree, Walk
from session_lint.lowering.text import MAX_NESTED

Handler: TypeAlias = Callable[[Walk, Any], ir.Expr]


def expression(walk: Walk, tree: Tree) -> ir.Expr:
    """Lower one expression."""
    return _HANDLERS[type(tree)](walk, tree)


def optional(walk: Walk, tree: Tree) -> ir.Expr | None:
    """Lower an expression that may be absent."""
    return None if tree is None else _HANDLERS[type(tree)](walk, tree)


def annotation(walk: Walk, tree: Tree) -> ir.Expr:
    """Lower an annotation, reading the strings in it as the expressions that they stand for."""
    kind = type(tree)
    if kind is ast.Name:
        return _name(walk, tree)
    if kind is ast.Subscript:
        value = expression(walk, tree.value)
        name = value.name if isinstance(value, ir.Attribute) else value.id if isinstance(value, ir.Name) else ""
        if name == "Literal":
            return _subscript(walk, tree)
        first, *rest = _indices(tree) or [None]
        plain = name == "Annotated"
        index = [] if first is None else [_index(walk, first, is_annotation=True)]
        index += [_index(walk, item, is_annotation=not plain) for item in rest]
        return ir.Subscript(walk.at(tree, tree), value, tuple(index))
    if kind is ast.BinOp and type(tree.op) is ast.BitOr:
        left, right = annotation(walk, tree.left), annotation(walk, tree.right)
        return ir.Binary(walk.at(tree, tree), "|", left, right)
    if kind is ast.List:
        return ir.Collection(walk.at(tree, tree), "list", tuple([annotation(walk, item) for item in tree.elts]))
    lowered = expression(walk, tree)
    if isinstance(lowered, ir.Constant) and isinstance(lowered.value, str):
        return _quoted(walk, lowered, lowered.value)
    return lowered


def _quoted(walk: Walk, constant: ir.Constant, text: str) -> ir.Expr:
    try:
        tree = ast.parse(f"({text.strip()})", mode="eval").body
        return annotation(walk.within(constant.place), tree)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return constant


def arguments(walk: Walk, positional: Sequence[Tree], keywords: Sequence[Tree]) -> tuple[ir.Argument, ...]:
    """Lower the arguments of a call, or the bases of a class, in the order of their source."""
    if not keywords:
        return tuple([_positional(walk, part) for part in positional])
    if not any(type(part) is ast.Starred for part in positional):
        return (*[_positional(walk, part) for part in positional], *[_keyword(walk, part) for part in keywords])
    parts = sorted([*positional, *keywords], key=lambda part: (part.lineno, part.col_offset))
    return tuple([_keyword(walk, part) if type(part) is ast.keyword else _positional(walk, part) for part in parts])


def _positional(walk: Walk, tree: Tree) -> ir.Argument:
    if type(tree) is ast.Starred:
        return ir.Argument(expression(walk, tree.value), None, 1)
    return ir.Argument(_HANDLERS[type(tree)](walk, tree))


def _keyword(walk: Walk, tree: Tree) -> ir.Argument:
    return ir.Argument(expression(walk, tree.value), tree.arg, 0 if tree.arg else 2)


def parameters(walk: Walk, tree: Tree) -> tuple[ir.Parameter, ...]:
    """Lower a parameter list, in the order of its source."""
    plain = [*tree.posonlyargs, *tree.args]
    # ``ast`` keeps only the defaults there are, aligned to the right.
    defaults = [*[None] * (len(plain) - len(tree.defaults)), *tree.defaults]
    lowered = [
        _parameter(walk, part, "positional-only" if number < len(tree.posonlyargs) else "positional", default)
        for number, (part, default) in enumerate(zip(plain, defaults, strict=True))
    ]
    if tree.vararg is not None:
        lowered.append(_parameter(walk, tree.vararg, "vararg", None))
    for part, default in zip(tree.kwonlyargs, tree.kw_defaults, strict=True):
        lowered.append(_parameter(walk, part, "keyword", default))
    if tree.kwarg is not None:
        lowered.append(_parameter(walk, tree.kwarg, "kwarg", None))
    return tuple(lowered)


def _parameter(walk: Walk, tree: Tree, kind: Any, default: Tree) -> ir.Parameter:
    annotated = None if tree.annotation is None else annotation(walk, tree.annotation)
    return ir.Parameter(walk.at(tree, tree), tree.arg, kind, annotated, optional(walk, default))


def _name(walk: Walk, tree: ast.Name) -> ir.Expr:
    return ir.Name(walk.at(tree, tree), tree.id)


def _attribute(walk: Walk, tree: ast.Attribute) -> ir.Expr:
    value = tree.value
    return ir.Attribute(walk.at(tree, tree), _HANDLERS[type(value)](walk, value), tree.attr)


def _call(walk: Walk, tree: ast.Call) -> ir.Expr:
    func = tree.func
    called = _HANDLERS[type(func)](walk, func)
    return ir.Call(walk.at(tree, tree), called, arguments(walk, tree.args, tree.keywords))


def _await(walk: Walk, tree: ast.Await) -> ir.Expr:
    return ir.Await(walk.at(tree, tree), expression(walk, tree.value))


def _constant(walk: Walk, tree: ast.Constant) -> ir.Expr:
    value = tree.value
    if isinstance(value, str):
        return ir.Constant(walk.at(tree, tree), _storable(value))
    if value is None or isinstance(value, (bool, float)) or (isinstance(value, int) and value < 1 << 63):
        return ir.Constant(walk.at(tree, tree), value)
    return ir.Opaque(walk.at(tree, tree), ())


def _storable(text: str) -> str:
    """A lone surrogate cannot be encoded, hence not be stored."""
    return text if text.isascii() else text.encode(errors="backslashreplace").decode()


def _fstring(walk: Walk, tree: ast.JoinedStr) -> ir.Expr:
    """What stands in an f-string has a place of its own since Python 3.12, text never has."""
    place = walk.at(tree, tree)
    inner = walk if sys.version_info >= (3, 12) else walk.within(place)
    parts: list[ir.Expr] = []
    for part in tree.values:
        if isinstance(part, ast.Constant):
            parts.append(ir.Constant(place, _storable(str(part.value))))
        else:
            parts += [expression(inner, value) for value in _replacements(part)]
    walk.yields = walk.yields or inner.yields
    return ir.FString(place, tuple(parts))


def _template(walk: Walk, tree: Any) -> ir.Expr:
    values = [value for part in tree.values if type(part) is not ast.Constant for value in _replacements(part)]
    return ir.Opaque(walk.at(tree, tree), tuple([expression(walk, value) for value in values]))


def _replacements(tree: Tree) -> Iterator[Tree]:
    """What a replacement field formats, and then what its format is made of."""
    yield tree.value
    if tree.format_spec is not None:
        for part in tree.format_spec.values:
            if not isinstance(part, ast.Constant):
                yield from _replacements(part)


def _dict(walk: Walk, tree: ast.Dict) -> ir.Expr:
    keys: list[ir.Expr | None] = []
    values: list[ir.Expr] = []
    for key, value in zip(tree.keys, tree.values, strict=True):
        keys.append(optional(walk, key))
        values.append(_HANDLERS[type(value)](walk, value))
    return ir.Dict(walk.at(tree, tree), tuple(keys), tuple(values))


def _collection(walk: Walk, tree: Any) -> ir.Expr:
    items = tuple([_HANDLERS[type(item)](walk, item) for item in tree.elts])
    return ir.Collection(walk.at(tree, tree), _COLLECTIONS[type(tree)], items)


def _starred(walk: Walk, tree: ast.Starred) -> ir.Expr:
    return ir.Starred(walk.at(tree, tree), expression(walk, tree.value))


def _boolean(walk: Walk, tree: ast.BoolOp) -> ir.Expr:
    values = tuple([expression(walk, value) for value in tree.values])
    return ir.BoolOp(walk.at(tree, tree), "and" if type(tree.op) is ast.And else "or", values)


def _unary(walk: Walk, tree: ast.UnaryOp) -> ir.Expr:
    return ir.Unary(walk.at(tree, tree), _SYMBOLS[type(tree.op)], expression(walk, tree.operand))


def _binary(walk: Walk, tree: ast.BinOp) -> ir.Expr:
    chain: list[ast.BinOp] = []
    left: Tree = tree
    while type(left) is ast.BinOp:
        chain.append(left)
        left = left.left
    lowered = expression(walk, left)
    if len(chain) > MAX_NESTED:
        rights = [expression(walk, part.right) for part in reversed(chain)]
        return ir.Opaque(walk.at(tree, tree), (lowered, *rights))
    for part in reversed(chain):
        right = expression(walk, part.right)
        lowered = ir.Binary(walk.at(part, part), _SYMBOLS[type(part.op)], lowered, right)
    return lowered


def _comparison(walk: Walk, tree: ast.Compare) -> ir.Expr:
    ops = tuple([_SYMBOLS[type(op)] for op in tree.ops])
    left = expression(walk, tree.left)
    return ir.Compare(walk.at(tree, tree), left, ops, tuple([expression(walk, part) for part in tree.comparators]))


def _conditional(walk: Walk, tree: ast.IfExp) -> ir.Expr:
    test, body, orelse = expression(walk, tree.test), expression(walk, tree.body), expression(walk, tree.orelse)
    return ir.Conditional(walk.at(tree, tree), test, body, orelse)


def _subscript(walk: Walk, tree: ast.Subscript) -> ir.Expr:
    value = expression(walk, tree.value)
    index = tuple([_index(walk, item, is_annotation=False) for item in _indices(tree)])
    return ir.Subscript(walk.at(tree, tree), value, index)


def _indices(tree: ast.Subscript) -> list[Tree]:
    return tree.slice.elts if isinstance(tree.slice, ast.Tuple) else [tree.slice]


def _index(walk: Walk, tree: Tree, *, is_annotation: bool) -> ir.Expr:
    kind = type(tree)
    if kind is ast.Slice:
        children = [expression(walk, bound) for bound in (tree.lower, tree.upper, tree.step) if bound is not None]
        return ir.Opaque(walk.at(tree, tree), tuple(children))
    return annotation(walk, tree) if is_annotation and kind is not ast.Starred else expression(walk, tree)


def _lambda(walk: Walk, tree: ast.Lambda) -> ir.Expr:
    params = parameters(walk, tree.args)
    outer = walk.yields
    body = expression(walk, tree.body)
    walk.yields = outer  # Its yields are its own.
    return ir.Lambda(walk.at(tree, tree), params, body)


def _comprehension(walk: Walk, tree: Any) -> ir.Expr:
    kind = _COMPREHENSIONS[type(tree)]
    return ir.Comprehension(walk.at(tree, tree), kind, expression(walk, tree.elt), None, _clauses(walk, tree))


def _dict_comprehension(walk: Walk, tree: Any) -> ir.Expr:
    key, value = expression(walk, tree.key), optional(walk, tree.value)
    if value is None:  # ``{**mapping for …}`` of Python 3.15
        key = ir.Starred(key.place, key)
    return ir.Comprehension(walk.at(tree, tree), "dict", key, value, _clauses(walk, tree))


def _clauses(walk: Walk, tree: Any) -> tuple[ir.Clause, ...]:
    return tuple(
        [
            ir.Clause(
                expression(walk, part.target),
                expression(walk, part.iter),
                tuple([expression(walk, test) for test in part.ifs]),
                bool(part.is_async),
            )
            for part in tree.generators
        ]
    )


def _walrus(walk: Walk, tree: ast.NamedExpr) -> ir.Expr:
    target, value = ir.Name(walk.at(tree.target, tree.target), tree.target.id), expression(walk, tree.value)
    return ir.Walrus(walk.at(tree, tree), target, value)


def _yield(walk: Walk, tree: ast.Yield) -> ir.Expr:
    walk.yields = True
    return ir.Yield(walk.at(tree, tree), optional(walk, tree.value))


def _yield_from(walk: Walk, tree: ast.YieldFrom) -> ir.Expr:
    walk.yields = True
    return ir.YieldFrom(walk.at(tree, tree), expression(walk, tree.value))


_COLLECTIONS: dict[type[ast.AST], Any] = {ast.List: "list", ast.Tuple: "tuple", ast.Set: "set"}

_COMPREHENSIONS: dict[type[ast.AST], Any] = {ast.ListComp: "list", ast.SetComp: "set", ast.GeneratorExp: "generator"}

_SYMBOLS: dict[type[ast.AST], str] = {
    ast.Add: "+",
    ast.Sub: "-",
    ast.Mult: "*",
    ast.Div: "/",
    ast.FloorDiv: "//",
    ast.Mod: "%",
    ast.Pow: "**",
    ast.MatMult: "@",
    ast.LShift: "<<",
    ast.RShift: ">>",
    ast.BitAnd: "&",
    ast.BitOr: "|",
    ast.BitXor: "^",
    ast.UAdd: "+",
    ast.USub: "-",
    ast.Invert: "~",
    ast.Not: "not",
    ast.Lt: "<",
    ast.LtE: "<=",
    ast.Gt: ">",
    ast.GtE: ">=",
    ast.Eq: "==",
    ast.NotEq: "!=",
    ast.In: "in",
    ast.NotIn: "not in",
    ast.Is: "is",
    ast.IsNot: "is not",
}


def symbol(operator: ast.operator) -> str:
    """An operator as written."""
    return _SYMBOLS[type(operator)]


_HANDLERS: dict[type[ast.AST], Handler] = {
    ast.Name: _name,
    ast.Attribute: _attribute,
    ast.Call: _call,
    ast.Await: _await,
    ast.Constant: _constant,
    ast.JoinedStr: _fstring,
    ast.Dict: _dict,
    ast.List: _collection,
    ast.Tuple: _collection,
    ast.Set: _collection,
    ast.Starred: _starred,
    ast.BoolOp: _boolean,
    ast.UnaryOp: _unary,
    ast.BinOp: _binary,
    ast.Compare: _comparison,
    ast.IfExp: _conditional,
    ast.Subscript: _subscript,
    ast.Lambda: _lambda,
    ast.ListComp: _comprehension,
    ast.SetComp: _comprehension,
    ast.GeneratorExp: _comprehension,
    ast.DictComp: _dict_comprehension,
    ast.NamedExpr: _walrus,
    ast.Yield: _yield,
    ast.YieldFrom: _yield_from,
}

if sys.version_info >= (3, 14):
    _HANDLERS[ast.TemplateStr] = _template
