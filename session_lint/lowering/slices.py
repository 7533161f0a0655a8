"""LibCST's nodes of the statements that speak of sessions, parsed a slice of the file at a time."""

from __future__ import annotations

from collections.abc import Sequence

import libcst as cst

from session_lint.lowering.outline import snippet
from session_lint.lowering.spans import Tree, Walk

SLICE = 32_768
"""Characters that LibCST parses at a time, a statement at least: its tree takes hundreds of times their memory."""

_VALIDATE = cst.CSTNode.__post_init__


class Slices:
    """The nodes, each parsed not long before it is asked for.

    Args:
        walk: the file.
        trees: the statements for which LibCST is asked, in the order of the source.
    """

    def __init__(self, walk: Walk, trees: Sequence[Tree]) -> None:
        self._walk = walk
        self._waiting = iter(trees)
        self._wanted = set(trees)
        self._nodes: dict[Tree, cst.CSTNode] = {}
        self.parsed = 0
        """How many bytes LibCST has parsed."""

    def take(self, tree: Tree) -> cst.CSTNode | None:
        """The node of a statement; None where none is wanted, or LibCST does not know its syntax."""
        if tree not in self._wanted:
            return None
        self._wanted.discard(tree)
        if tree not in self._nodes:
            self._parse_next()
        return self._nodes.pop(tree, None)

    def _parse_next(self) -> None:
        trees: list[Tree] = []
        snippets: list[str] = []
        size = SLICE
        for tree in self._waiting:
            trees.append(tree)
            snippets.append(snippet(self._walk, tree))
            size -= len(snippets[-1])
            if size <= 0:
                break
        text = "".join(snippets)
        self.parsed += len(text.encode(errors="replace"))
        nodes = _parse(text)
        if len(nodes) == len(trees):
            self._nodes.update(zip(trees, nodes, strict=True))
            return
        for tree, text in zip(trees, snippets, strict=True):
            alone = _parse(text)
            if len(alone) == 1:
                self._nodes[tree] = alone[0]


def _parse(text: str) -> list[cst.CSTNode]:
    """The statements at the left margin, and what stands under an ``if 1:`` in place of it; none where LibCST gives up."""
    try:
        lines = _parse_vouched(text).body
    except cst.ParserSyntaxError:
        return []
    return [_inner(line) for line in lines]


def _inner(line: cst.CSTNode) -> cst.CSTNode:
    if isinstance(line, cst.SimpleStatementLine):
        return line.body[0]
    if isinstance(line, cst.If) and isinstance(line.test, cst.Integer):
        return line.body.body[0]
    return line


def _parse_vouched(text: str) -> cst.Module:
    """Let LibCST parse what ``ast`` has accepted, without checking every node again, a sixth of its time."""
    cst.CSTNode.__post_init__ = _accept  # type: ignore[method-assign, assignment]
    try:
        return cst.parse_module(text)
    finally:
        cst.CSTNode.__post_init__ = _VALIDATE  # type: ignore[method-assign]


def _accept(_node: cst.CSTNode) -> None:
    pass
