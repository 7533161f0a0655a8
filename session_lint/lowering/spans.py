"""Where a node stands: rows and columns from the ``ast`` tree that is walked beside LibCST's."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate, repeat
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

from session_lint.ir import Place, Statement, packed

if TYPE_CHECKING:
    import ast

_Left = TypeVar("_Left")
_Right = TypeVar("_Right")

Tree: TypeAlias = Any
"""A node of ``ast``, or NO_TREE. Handlers reach into it by attribute without further checks."""

Ruler: TypeAlias = Callable[[Any, Tree], Place]
"""Tells the place of a LibCST node from the tree beside it, or from itself; where ``ast`` stands alone, that is both."""


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
    """What the handlers share while they descend.

    Args:
        at: the ruler.
        text: the file's text.
        offsets: the index at which each row of it starts.
        yields: whether the function at hand yields.
        suite: lowers the statements of a suite from their trees; None: the tree that is walked has them itself.
    """

    at: Ruler
    text: str
    offsets: list[int]
    yields: bool = False
    suite: Callable[[Walk, Sequence[Tree]], tuple[Statement, ...]] | None = None

    def offset(self, row: int, column: int) -> int:
        """The index in the text of a place given by row and column."""
        return self.offsets[row - 1] + column - 1

    def place(self, offset: int) -> tuple[int, int]:
        """The row and column of an index in the text."""
        row = bisect_right(self.offsets, offset)
        return row, offset - self.offsets[row - 1] + 1

    def within(self, place: Place) -> Walk:
        """A walk for code that has no place of its own (in a string): everything in it is at ``place``."""
        return Walk(lambda _node, _tree: place, self.text, self.offsets)


def line_offsets(text: str) -> list[int]:
    """The index at which each row starts; ``text`` has no newlines but line feeds."""
    return [0, *accumulate(len(line) + 1 for line in text.split("\n"))]


def tree_ruler(text: str) -> Ruler:
    """A ruler that reads ``ast`` positions, whose columns count UTF-8 bytes from 0."""
    if text.isascii():
        return _ascii_place
    wide = {row: line.encode() for row, line in enumerate(text.split("\n"), 1) if not line.isascii()}

    def column(row: int, byte: int) -> int:
        line = wide.get(row)
        return byte + 1 if line is None else len(line[:byte].decode(errors="ignore")) + 1

    def place(_node: Any, tree: Tree) -> Place:
        row, end_row = tree.lineno, tree.end_lineno
        return packed(row, column(row, tree.col_offset), end_row, column(end_row, tree.end_col_offset))

    return place


def _ascii_place(_node: Any, tree: Tree) -> Place:
    return packed(tree.lineno, tree.col_offset + 1, tree.end_lineno, tree.end_col_offset + 1)


def byte_length(tree: ast.AST, offsets: list[int]) -> int:
    """About how many bytes of source a node covers (never too few where rows are ASCII)."""
    node: Tree = tree
    return int(offsets[node.end_lineno - 1] + node.end_col_offset - offsets[node.lineno - 1] - node.col_offset)
