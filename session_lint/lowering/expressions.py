"""Expressions: one handler a LibCST node type, each given the ``ast`` node beside it."""

from __future__ import annotations

import ast
import sys
from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeAlias

import libcst as cst

from session_lint import ir
from session_lint.lowering.spans import NO_TREE, Tree, Walk, beside
from session_lint.lowering.text import MAX_NESTED

Handler: TypeAlias = Callable[[Walk, Any, Tree], ir.Expr]

_KEYWORDS: dict[str, bool | None] = {"True": True, "False": False, "None": None}

_SYMBOLS: dict[type[cst.CSTNode], str] = {
    cst.Add: "+",
    cst.Subtract: "-",
    cst.Multiply: "*",
    cst.Divide: "/",
    cst.FloorDivide: "//",
    cst.Modulo: "%",
    cst.Power: "**",
    cst.MatrixMultiply: "@",
    cst.LeftShift: "<<",
    cst.RightShift: ">>",
    cst.BitAnd: "&",
    cst.BitOr: "|",
    cst.BitXor: "^",
    cst.Plus: "+",
    cst.Minus: "-",
    cst.BitInvert: "~",
    cst.Not: "not",
    cst.LessThan: "<",
    cst.LessThanEqual: "<=",
    cst.GreaterThan: ">",
    cst.GreaterThanEqual: ">=",
    cst.Equal: "==",
    cst.NotEqual: "!=",
    cst.In: "in",
    cst.NotIn: "not in",
    cst.Is: "is",
    cst.IsNot: "is not",
}


def expression(walk: Walk, node: cst.CSTNode, tree: Tree) -> ir.Expr:
    """Lower one expression.

    Args:
        walk: what the walk shares.
        node: the expression in LibCST's tree.
        tree: the same expression in ``ast``'s, or NO_TREE.
    """
    return _HANDLERS[type(node)](walk, node, tree)


def optional(walk: Walk, node: cst.CSTNode | None, tree: Tree) -> ir.Expr | None:
    """Lower an expression that may be absent."""
    return None if node is None else _HANDLERS[type(node)](walk, node, tree)


def annotation(walk: Walk, node: cst.BaseExpression, tree: Tree) -> ir.Expr:
    """Lower an annotation, reading the strings in it as the expressions that they stand for."""
    kind = type(node)
    if kind is cst.Name:
        return _name(walk, node, tree)
    if isinstance(node, cst.Subscript):
        value = expression(walk, node.value, tree.value)
        name = value.name if isinstance(value, ir.Attribute) else value.id if isinstance(value, ir.Name) else ""
        if name == "Literal":
            return _subscript(walk, node, tree)
        return ir.Subscript(walk.at(node, tree), value, _index(walk, node, tree, metadata=name == "Annotated"))
    if isinstance(node, cst.BinaryOperation) and isinstance(node.operator, cst.BitOr):
        left, right = annotation(walk, node.left, tree.left), annotation(walk, node.right, tree.right)
        return ir.Binary(walk.at(node, tree), "|", left, right)
    if isinstance(node, cst.List):
        items = tuple([_starred_annotation(walk, item, part) for item, part in beside(node.elements, tree.elts)])
        return ir.Collection(walk.at(node, tree), "list", items)
    lowered = expression(walk, node, tree)
    if isinstance(lowered, ir.Constant) and isinstance(lowered.value, str):
        return _quoted(walk, lowered, lowered.value)
    return lowered


def _quoted(walk: Walk, constant: ir.Constant, text: str) -> ir.Expr:
    source = f"({text.strip()})"
    try:
        ast.parse(source, mode="eval")  # Refuses what would crash LibCST.
        return annotation(walk.within(constant.place), cst.parse_expression(source), NO_TREE)
    except (SyntaxError, ValueError, RecursionError, MemoryError, cst.ParserSyntaxError):
        return constant


def arguments(walk: Walk, args: Sequence[cst.Arg], tree: Tree) -> tuple[ir.Argument, ...]:
    """Lower the arguments of a call or a class; ``tree`` has ``keywords`` and, as ``args`` or ``bases``, the others."""
    if not args:
        return ()
    positional: Iterator[Tree] = iter(tree.bases if isinstance(tree, ast.ClassDef) else tree.args)
    keywords: Iterator[Tree] = iter(tree.keywords)
    lowered = []
    for arg in args:
        value = arg.value
        handler = _HANDLERS[type(value)]
        if arg.keyword is not None:
            lowered.append(ir.Argument(handler(walk, value, next(keywords).value), arg.keyword.value))
        elif not arg.star:
            lowered.append(ir.Argument(handler(walk, value, next(positional))))
        elif arg.star == "*":
            lowered.append(ir.Argument(handler(walk, value, next(positional).value), None, 1))
        else:
            lowered.append(ir.Argument(handler(walk, value, next(keywords).value), None, 2))
    return tuple(lowered)


def parameters(walk: Walk, node: cst.Parameters, tree: Tree) -> tuple[ir.Parameter, ...]:
    """Lower a parameter list, in the order of its source."""
    posonly, plain, keyword = node.posonly_params, node.params, node.kwonly_params
    star, kwarg = node.star_arg, node.star_kwarg
    if not (posonly or plain or keyword or kwarg or type(star) is cst.Param):
        return ()
    lowered: list[ir.Parameter] = []
    # ``ast`` keeps only the defaults there are, aligned to the right.
    with_default = (param for param in (*posonly, *plain) if param.default is not None)
    defaults = dict(beside(with_default, tree.defaults))
    for param, part in beside(posonly, tree.posonlyargs):
        lowered.append(_parameter(walk, param, "positional-only", part, defaults.get(param)))
    for param, part in beside(plain, tree.args):
        lowered.append(_parameter(walk, param, "positional", part, defaults.get(param)))
    if isinstance(star, cst.Param):
        lowered.append(_parameter(walk, star, "vararg", tree.vararg, None))
    for param, (part, default) in beside(keyword, beside(tree.kwonlyargs, tree.kw_defaults)):
        lowered.append(_parameter(walk, param, "keyword", part, default))
    if kwarg is not None:
        lowered.append(_parameter(walk, kwarg, "kwarg", tree.kwarg, None))
    return tuple(lowered)


def _parameter(walk: Walk, param: cst.Param, kind: Any, tree: Tree, default: Tree) -> ir.Parameter:
    place = walk.at(param.name, tree)
    annotated = None
    if param.annotation is not None:
        annotated = _starred_annotation(walk, param.annotation.annotation, tree.annotation)
        if tree is NO_TREE:
            start, end = ir.unpacked(place), annotated.span
            place = ir.packed(start.row, start.column, end.end_row, end.end_column)
    return ir.Parameter(place, param.name.value, kind, annotated, optional(walk, param.default, default))


def _starred_annotation(walk: Walk, node: Any, tree: Tree) -> ir.Expr:
    if isinstance(node, cst.StarredElement):  # *args: *Ts
        return _starred(walk, node, tree)
    return annotation(walk, node.value if isinstance(node, cst.Element) else node, tree)


def dotted(node: cst.BaseExpression) -> str:
    """The text of a dotted name, as imports have it."""
    names = []
    while isinstance(node, cst.Attribute):
        names.append(node.attr.value)
        node = node.value
    if isinstance(node, cst.Name):
        names.append(node.value)
    return ".".join(reversed(names))


def symbol(operator: cst.CSTNode) -> str:
    """An operator as written."""
    return _SYMBOLS[type(operator)]


def _name(walk: Walk, node: Any, tree: Tree) -> ir.Expr:
    name = node.value
    if name in _KEYWORDS:
        return ir.Constant(walk.at(node, tree), _KEYWORDS[name])
    return ir.Name(walk.at(node, tree), name)


def _attribute(walk: Walk, node: cst.Attribute, tree: Tree) -> ir.Expr:
    value = node.value
    return ir.Attribute(walk.at(node, tree), _HANDLERS[type(value)](walk, value, tree.value), node.attr.value)


def _call(walk: Walk, node: cst.Call, tree: Tree) -> ir.Expr:
    func = node.func
    return ir.Call(walk.at(node, tree), _HANDLERS[type(func)](walk, func, tree.func), arguments(walk, node.args, tree))


def _await(walk: Walk, node: cst.Await, tree: Tree) -> ir.Expr:
    return ir.Await(walk.at(node, tree), expression(walk, node.expression, tree.value))


def _opaque(walk: Walk, node: cst.CSTNode, tree: Tree) -> ir.Expr:
    return ir.Opaque(walk.at(node, tree), ())


def _integer(walk: Walk, node: cst.Integer, tree: Tree) -> ir.Expr:
    try:
        value = int(node.value, 0)
    except ValueError:  # Python refuses to convert thousands of digits.
        return _opaque(walk, node, tree)
    return ir.Constant(walk.at(node, tree), value) if value < 1 << 63 else _opaque(walk, node, tree)


def _float(walk: Walk, node: cst.Float, tree: Tree) -> ir.Expr:
    return ir.Constant(walk.at(node, tree), float(node.value))


def _string(walk: Walk, node: cst.SimpleString, tree: Tree) -> ir.Expr:
    value = _string_value(node.value)
    return _opaque(walk, node, tree) if value is None else ir.Constant(walk.at(node, tree), value)


def _string_value(written: str) -> str | None:
    """What a string literal stands for; None for bytes."""
    if "\\" not in written and written[0] in "\"'":
        quotes = 3 if written[:3] in ('"""', "'''") else 1
        return written[quotes:-quotes]
    value = ast.literal_eval(written)
    # A lone surrogate cannot be encoded, hence not be stored.
    return value.encode(errors="backslashreplace").decode() if isinstance(value, str) else None


def _fstring_text(written: str, start: str) -> str:
    """What a literal part of an f-string stands for; ``start`` is the f-string's prefix and opening quotes."""
    text = written.replace("{{", "{").replace("}}", "}")
    if "\\" not in text:
        return text
    quotes = start.lstrip("fFrRtT")
    raw = "r" if "r" in start.lower() else ""
    try:
        # The space keeps a last quote or backslash apart from the closing quotes.
        return (_string_value(f"{raw}{quotes}{text} {quotes}") or " ")[:-1]
    except SyntaxError:  # Backslashes of a format specification mean other things from version to version.
        return text


def _fstring(walk: Walk, node: cst.CSTNode, tree: Tree) -> ir.Expr:
    return _strings(walk, node, [node], tree)


def _concatenated(walk: Walk, node: cst.ConcatenatedString, tree: Tree) -> ir.Expr:
    pieces: list[cst.CSTNode] = []
    rest: cst.CSTNode = node
    while isinstance(rest, cst.ConcatenatedString):
        pieces.append(rest.left)
        rest = rest.right
    return _strings(walk, node, [*pieces, rest], tree)


def _strings(walk: Walk, node: cst.CSTNode, pieces: list[cst.CSTNode], tree: Tree) -> ir.Expr:
    """Join adjacent literals. What stands in an f-string has a place of its own since Python 3.12, text never has."""
    place = walk.at(node, tree)
    inner, values = walk, _replacements(tree)
    if tree is not NO_TREE and sys.version_info < (3, 12):
        inner, values = walk.within(place), iter(NO_TREE)
    parts: list[ir.Expr] = []
    texts: list[str] = []
    formatted = template = False
    for piece in pieces:
        if isinstance(piece, cst.SimpleString):
            value = _string_value(piece.value)
            if value is None:
                return ir.Opaque(place, ())
            texts.append(value)
            continue
        formatted = True
        template = template or isinstance(piece, cst.TemplatedString)
        for text, embedded in _fstring_parts(piece):
            texts.append(text)
            if embedded is None:
                continue
            if any(texts):
                parts.append(ir.Constant(place, "".join(texts)))
            texts.clear()
            parts.append(expression(inner, embedded, next(values)))
    if any(texts) or not formatted:
        parts.append(ir.Constant(place, "".join(texts)))
    if template:
        return ir.Opaque(place, tuple(part for part in parts if not isinstance(part, ir.Constant)))
    walk.yields = walk.yields or inner.yields
    return ir.FString(place, tuple(parts)) if formatted else parts[0]


def _fstring_parts(node: Any, start: str = "") -> Iterator[tuple[str, cst.BaseExpression | None]]:
    """Texts and expressions in order, those of format specifications after the expression that they format."""
    start = start or node.start
    for part in node.parts if hasattr(node, "parts") else node.format_spec or ():
        if isinstance(part, (cst.FormattedStringText, cst.TemplatedStringText)):
            yield _fstring_text(part.value, start), None
        else:
            yield _shown_text(part), part.expression
            yield from (("", inner) for _, inner in _fstring_parts(part, start) if inner is not None)


def _shown_text(part: Any) -> str:
    """What ``{x = }`` shows before the value: its own source."""
    if part.equal is None:
        return ""
    pieces = (part.whitespace_before_expression, part.expression, part.equal)
    return "".join(cst.Module([]).code_for_node(piece) for piece in pieces)


def _replacements(tree: Tree) -> Iterator[Tree]:
    """The trees of what ``_fstring_parts`` finds."""
    if tree is NO_TREE:
        yield from NO_TREE
    for part in getattr(tree, "values", ()):
        if isinstance(part, ast.FormattedValue) or type(part).__name__ == "Interpolation":
            yield part.value
            if part.format_spec is not None:
                yield from _replacements(part.format_spec)


def _dict(walk: Walk, node: cst.Dict, tree: Tree) -> ir.Expr:
    keys: list[ir.Expr | None] = []
    values: list[ir.Expr] = []
    for item, (key, value) in beside(node.elements, beside(tree.keys, tree.values)):
        keys.append(expression(walk, item.key, key) if isinstance(item, cst.DictElement) else None)
        values.append(expression(walk, item.value, value))
    return ir.Dict(walk.at(node, tree), tuple(keys), tuple(values))


def _items(walk: Walk, elements: Sequence[cst.BaseElement], trees: Tree) -> tuple[ir.Expr, ...]:
    return tuple(
        [
            _starred(walk, item, part)
            if type(item) is cst.StarredElement
            else _HANDLERS[type(item.value)](walk, item.value, part)
            for item, part in beside(elements, trees)
        ]
    )


def _list(walk: Walk, node: cst.List, tree: Tree) -> ir.Expr:
    return ir.Collection(walk.at(node, tree), "list", _items(walk, node.elements, tree.elts))


def _tuple(walk: Walk, node: cst.Tuple, tree: Tree) -> ir.Expr:
    return ir.Collection(walk.at(node, tree), "tuple", _items(walk, node.elements, tree.elts))


def _set(walk: Walk, node: cst.Set, tree: Tree) -> ir.Expr:
    return ir.Collection(walk.at(node, tree), "set", _items(walk, node.elements, tree.elts))


def _starred(walk: Walk, node: Any, tree: Tree) -> ir.Expr:
    return ir.Starred(walk.at(node, tree), expression(walk, node.value, tree.value))


def _boolean(walk: Walk, node: cst.BooleanOperation, tree: Tree) -> ir.Expr:
    operator = type(node.operator)
    operands = [node.right]
    left = node.left
    while isinstance(left, cst.BooleanOperation) and type(left.operator) is operator and not left.lpar:
        operands.append(left.right)
        left = left.left
    operands.append(left)
    values = tuple([expression(walk, value, part) for value, part in beside(reversed(operands), tree.values)])
    return ir.BoolOp(walk.at(node, tree), "and" if operator is cst.And else "or", values)


def _unary(walk: Walk, node: cst.UnaryOperation, tree: Tree) -> ir.Expr:
    return ir.Unary(walk.at(node, tree), symbol(node.operator), expression(walk, node.expression, tree.operand))


def _binary(walk: Walk, node: cst.BinaryOperation, tree: Tree) -> ir.Expr:
    chain: list[tuple[cst.BinaryOperation, Tree]] = []
    left: cst.BaseExpression = node
    left_tree = tree
    while isinstance(left, cst.BinaryOperation):
        chain.append((left, left_tree))
        left, left_tree = left.left, left_tree.left
    lowered = expression(walk, left, left_tree)
    if len(chain) > MAX_NESTED:
        rights = [expression(walk, part.right, part_tree.right) for part, part_tree in reversed(chain)]
        return ir.Opaque(walk.at(node, tree), (lowered, *rights))
    for part, part_tree in reversed(chain):
        right = expression(walk, part.right, part_tree.right)
        lowered = ir.Binary(walk.at(part, part_tree), symbol(part.operator), lowered, right)
    return lowered


def _comparison(walk: Walk, node: cst.Comparison, tree: Tree) -> ir.Expr:
    left = expression(walk, node.left, tree.left)
    ops = tuple([symbol(part.operator) for part in node.comparisons])
    rights = tuple(
        [expression(walk, part.comparator, right) for part, right in beside(node.comparisons, tree.comparators)]
    )
    return ir.Compare(walk.at(node, tree), left, ops, rights)


def _conditional(walk: Walk, node: cst.IfExp, tree: Tree) -> ir.Expr:
    return ir.Conditional(
        walk.at(node, tree),
        expression(walk, node.test, tree.test),
        expression(walk, node.body, tree.body),
        expression(walk, node.orelse, tree.orelse),
    )


def _subscript(walk: Walk, node: cst.Subscript, tree: Tree) -> ir.Expr:
    value = expression(walk, node.value, tree.value)
    return ir.Subscript(walk.at(node, tree), value, _index(walk, node, tree))


def _index(walk: Walk, node: cst.Subscript, tree: Tree, *, metadata: bool | None = None) -> tuple[ir.Expr, ...]:
    """Lower what is between the brackets.

    Args:
        walk: what the walk shares.
        node: the subscript.
        tree: the same in ``ast``.
        metadata: None outside annotations, where all is plain; in one, whether all but the first index is.
    """
    elements = node.slice
    first = elements[0]
    is_tuple = len(elements) > 1 or isinstance(first.comma, cst.Comma)
    if isinstance(first.slice, cst.Index):
        is_tuple = is_tuple or first.slice.star is not None
        if not is_tuple and isinstance(first.slice.value, cst.Tuple):
            items = beside(first.slice.value.elements, tree.slice.elts)
            return tuple([_indexed(walk, item, part, metadata, number) for number, (item, part) in enumerate(items)])
    trees = tree.slice.elts if is_tuple else (tree.slice,)
    lowered: list[ir.Expr] = []
    for number, (element, part) in enumerate(beside(elements, trees)):
        item = element.slice
        if isinstance(item, cst.Slice):
            bounds = ((item.lower, part.lower), (item.upper, part.upper), (item.step, part.step))
            children = tuple([expression(walk, bound, where) for bound, where in bounds if bound is not None])
            lowered.append(ir.Opaque(walk.at(item, part), children))
        elif isinstance(item, cst.Index):
            lowered.append(_indexed(walk, item, part, metadata, number))
    return tuple(lowered)


def _indexed(walk: Walk, item: Any, tree: Tree, metadata: bool | None, number: int) -> ir.Expr:
    if getattr(item, "star", None) is not None or isinstance(item, cst.StarredElement):
        return _starred(walk, item, tree)
    if metadata is None or (metadata and number):
        return expression(walk, item.value, tree)
    return annotation(walk, item.value, tree)


def _lambda(walk: Walk, node: cst.Lambda, tree: Tree) -> ir.Expr:
    params = parameters(walk, node.params, tree.args)
    outer = walk.yields
    body = expression(walk, node.body, tree.body)
    walk.yields = outer  # Its yields are its own.
    return ir.Lambda(walk.at(node, tree), params, body)


def _comprehension(walk: Walk, node: Any, tree: Tree) -> ir.Expr:
    kind = _COMPREHENSIONS[type(node)]
    element = expression(walk, node.elt, tree.elt)
    return ir.Comprehension(walk.at(node, tree), kind, element, None, _clauses(walk, node.for_in, tree))


def _dict_comprehension(walk: Walk, node: cst.DictComp, tree: Tree) -> ir.Expr:
    key, value = expression(walk, node.key, tree.key), expression(walk, node.value, tree.value)
    return ir.Comprehension(walk.at(node, tree), "dict", key, value, _clauses(walk, node.for_in, tree))


def _starred_dict_comprehension(walk: Walk, node: Any, tree: Tree) -> ir.Expr:
    """``{**mapping for …}`` of Python 3.15, which ``ast`` has as a key without value."""
    value = expression(walk, node.value, tree.key)
    return ir.Comprehension(
        walk.at(node, tree), "dict", ir.Starred(value.place, value), None, _clauses(walk, node.for_in, tree)
    )


def _clauses(walk: Walk, node: cst.CompFor | None, tree: Tree) -> tuple[ir.Clause, ...]:
    clauses = []
    trees = iter(tree.generators)
    while node is not None:
        part = next(trees)
        target, iterable = expression(walk, node.target, part.target), expression(walk, node.iter, part.iter)
        conditions = tuple([expression(walk, test.test, where) for test, where in beside(node.ifs, part.ifs)])
        clauses.append(ir.Clause(target, iterable, conditions, node.asynchronous is not None))
        node = node.inner_for_in
    return tuple(clauses)


def _walrus(walk: Walk, node: cst.NamedExpr, tree: Tree) -> ir.Expr:
    target = expression(walk, node.target, tree.target)
    value = expression(walk, node.value, tree.value)
    return ir.Walrus(walk.at(node, tree), target, value) if isinstance(target, ir.Name) else value


def _yield(walk: Walk, node: cst.Yield, tree: Tree) -> ir.Expr:
    walk.yields = True
    value = node.value
    if isinstance(value, cst.From):
        return ir.YieldFrom(walk.at(node, tree), expression(walk, value.item, tree.value))
    return ir.Yield(walk.at(node, tree), optional(walk, value, tree.value))


_COMPREHENSIONS: dict[type[cst.CSTNode], Any] = {
    cst.ListComp: "list",
    cst.SetComp: "set",
    cst.GeneratorExp: "generator",
}

_HANDLERS: dict[type[cst.CSTNode], Handler] = {
    cst.Name: _name,
    cst.Attribute: _attribute,
    cst.Call: _call,
    cst.Await: _await,
    cst.Ellipsis: _opaque,
    cst.Imaginary: _opaque,
    cst.Integer: _integer,
    cst.Float: _float,
    cst.SimpleString: _string,
    cst.FormattedString: _fstring,
    cst.TemplatedString: _fstring,
    cst.ConcatenatedString: _concatenated,
    cst.Dict: _dict,
    cst.List: _list,
    cst.Tuple: _tuple,
    cst.Set: _set,
    cst.StarredElement: _starred,
    cst.BooleanOperation: _boolean,
    cst.UnaryOperation: _unary,
    cst.BinaryOperation: _binary,
    cst.Comparison: _comparison,
    cst.IfExp: _conditional,
    cst.Subscript: _subscript,
    cst.Lambda: _lambda,
    cst.ListComp: _comprehension,
    cst.SetComp: _comprehension,
    cst.GeneratorExp: _comprehension,
    cst.DictComp: _dict_comprehension,
    cst.StarredDictComp: _starred_dict_comprehension,
    cst.NamedExpr: _walrus,
    cst.Yield: _yield,
}
