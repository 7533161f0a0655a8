"""Patterns of ``match``: the names that they bind and the expressions that they compare with."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator

import libcst as cst

from session_lint import ir
from session_lint.lowering.expressions import expression
from session_lint.lowering.spans import NO_TREE, Tree, Walk, beside


def pattern(walk: Walk, node: cst.CSTNode, tree: Tree, bindings: list[ir.Name], values: list[ir.Expr]) -> None:
    """Collect what a pattern binds and compares with, in source order.

    Args:
        walk: what the walk shares.
        node: the pattern.
        tree: the same in ``ast``, or NO_TREE.
        bindings: receives the names.
        values: receives the expressions.
    """
    if isinstance(node, cst.MatchValue):
        values.append(expression(walk, node.value, tree.value))
    elif isinstance(node, cst.MatchSingleton):
        values.append(expression(walk, node.value, tree))
    elif isinstance(node, cst.MatchMapping):
        values += [expression(walk, element.key, key) for element, key in beside(node.elements, tree.keys)]
    elif isinstance(node, cst.MatchClass):
        values.append(expression(walk, node.cls, tree.cls))
    for child, part in _children(node, tree):
        pattern(walk, child, part, bindings, values)
    name = node.rest if isinstance(node, cst.MatchMapping) else getattr(node, "name", None)
    if name is not None:
        bindings.append(_binding(walk, name, tree, in_mapping=isinstance(node, cst.MatchMapping)))


def _children(node: cst.CSTNode, tree: Tree) -> Iterator[tuple[cst.CSTNode, Tree]]:
    if isinstance(node, cst.MatchSequence):
        yield from beside(node.patterns, tree.patterns)
    elif isinstance(node, cst.MatchSequenceElement):
        yield node.value, tree
    elif isinstance(node, cst.MatchAs) and node.pattern is not None:
        yield node.pattern, tree.pattern
    elif isinstance(node, cst.MatchOr):
        yield from beside([choice.pattern for choice in node.patterns], tree.patterns)
    elif isinstance(node, cst.MatchMapping):
        yield from beside([item.pattern for item in node.elements], tree.patterns)
    elif isinstance(node, cst.MatchClass):
        yield from beside([positional.value for positional in node.patterns], tree.patterns)
        yield from beside([keyword.pattern for keyword in node.kwds], tree.kwd_patterns)


def _binding(walk: Walk, name: cst.Name, tree: Tree, *, in_mapping: bool) -> ir.Name:
    """A name that a pattern binds, which for ``ast`` is a string without a place: the pattern ends with it."""
    span = ir.unpacked(walk.at(name, tree))
    row, column = span.end_row, span.end_column - len(name.value)
    if in_mapping and tree is not NO_TREE:
        # ``{…, **name}``: only layout, a comma and the bracket follow.
        start = walk.text.rindex("**", 0, walk.offset(span.end_row, span.end_column))
        start = walk.text.index(name.value, start)
        row = bisect_right(walk.offsets, start)
        column = start - walk.offsets[row - 1] + 1
    return ir.Name(ir.packed(row, column, row, column + len(name.value)), name.value)
