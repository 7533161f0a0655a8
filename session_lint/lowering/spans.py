"""Where a node stands: rows and columns from the ``ast`` tree that is walked beside LibCST's."""

from __future__ import annotations

import ast
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import accumulate, repeat
from typing import Any, TypeAlias, TypeVar

import libcst as cst

from session_lint.ir import Span

_Left = TypeVar("_Left")
_Right = TypeVar("_Right")

Tree: TypeAlias = Any
"""The ``ast`` node beside a LibCST node, or NO_TREE. Handlers reach into it by attribute without further checks."""

Ruler: TypeAlias = Callable[[cst.CSTNode, Tree], Span]


class _NoTree:
    """Stands for the ``ast`` tree where there is none: every part of it is itself, so handlers need no second path."""

    def __getattr__(self, name: str) -> _NoTree:
        return self

    def __getitem__(self, index: int) -> _NoTree:
        return self

    def __iter__(self) -> Iterator[_NoTree]:
        return repeat(self)


NO_TREE: Tree = _NoTree()


def beside(nodes: Iterable[_Left], trees: Iterable[_Right]) -> Iterator[tuple[_Left, _Right]]:
    """Pair nodes with their trees, of which there are as many, or NO_TREE without end."""
    return zip(nodes, trees, strict=False)


@dataclass(slots=True)
class Walk:
    """What the handlers share while they descend: the ruler, the text, and whether the function at hand yields."""

    span: Ruler
    text: str
    offsets: list[int]
    yields: bool = False

    def offset(self, row: int, column: int) -> int:
        """The index in the text of a place given by row and column."""
        return self.offsets[row - 1] + column - 1

    def within(self, span: Span) -> Walk:
        """A walk for code that has no place of its own (in a string): everything in it is at ``span``."""
        return Walk(lambda _node, _tree: span, self.text, self.offsets)


def line_offsets(text: str) -> list[int]:
    """The index at which each row starts; ``text`` has no newlines but line feeds."""
    return [0, *accumulate(len(line) + 1 for line in text.split("\n"))]


def tree_ruler(text: str) -> Ruler:
    """A ruler that reads ``ast`` positions, whose columns count UTF-8 bytes from 0."""
    if text.isascii():
        return _ascii_span
    wide = {row: line.encode() for row, line in enumerate(text.split("\n"), 1) if not line.isascii()}

    def column(row: int, byte: int) -> int:
        line = wide.get(row)
        return byte + 1 if line is None else len(line[:byte].decode(errors="ignore")) + 1

    def span(_node: cst.CSTNode, tree: Tree) -> Span:
        row, end_row = tree.lineno, tree.end_lineno
        return Span(row, column(row, tree.col_offset), end_row, column(end_row, tree.end_col_offset))

    return span


def _ascii_span(_node: cst.CSTNode, tree: Tree) -> Span:
    return Span(tree.lineno, tree.col_offset + 1, tree.end_lineno, tree.end_col_offset + 1)


def position_ruler(positions: Mapping[cst.CSTNode, Any], text: str, offsets: list[int]) -> Ruler:
    """A ruler that reads LibCST's own positions: slow to compute, for syntax that the running Python cannot parse."""

    def span(node: cst.CSTNode, _tree: Tree) -> Span:
        first = last = node
        if isinstance(node, (cst.Tuple, cst.GeneratorExp)) and node.lpar:
            first, last = node.lpar[-1], node.rpar[0]
        start, end = positions[first].start, positions[last].end
        found = Span(start.line, start.column + 1, end.line, end.column + 1)
        if isinstance(node, cst.GeneratorExp) and not node.lpar:
            return _with_brackets(found, text, offsets)
        return found

    return span


def _with_brackets(span: Span, text: str, offsets: list[int]) -> Span:
    """Widen the range of a generator that is a call's only argument to the call's brackets, as ``ast`` has it."""
    before = text.rfind("(", 0, offsets[span.row - 1] + span.column - 1)
    after = text.find(")", offsets[span.end_row - 1] + span.end_column - 1) + 1
    if before < 0 or not after:
        return span
    row, end_row = bisect_right(offsets, before), bisect_right(offsets, after)
    return Span(row, before - offsets[row - 1] + 1, end_row, after - offsets[end_row - 1] + 1)


def byte_length(tree: ast.AST, offsets: list[int]) -> int:
    """About how many bytes of source a node covers (never too few where rows are ASCII)."""
    node: Tree = tree
    return int(offsets[node.end_lineno - 1] + node.end_col_offset - offsets[node.lineno - 1] - node.col_offset)
