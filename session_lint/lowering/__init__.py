"""Lowering: the text of one file becomes its intermediate representation.

The standard library's ``ast`` is the gate, the ruler and the outline. What speaks of sessions is read by LibCST, whose tree is
what is walked, the nodes of ``ast`` beside it telling where each stands; the rest is lowered from ``ast`` alone, to the same
IR for a tenth of the time. This package is the only one that imports LibCST, and what it returns depends on the text (and the
running Python's grammar) alone.
"""

from __future__ import annotations

import gc
import sys
import warnings
from collections.abc import Sequence

from session_lint import ir
from session_lint.lowering import words
from session_lint.lowering.comments import suppression_comments
from session_lint.lowering.gate import LoweringError, accept
from session_lint.lowering.outline import mentioning
from session_lint.lowering.plain_statements import statement
from session_lint.lowering.spans import Tree, Walk, line_offsets, tree_ruler

_CALLS = 3_000
"""Calls in calls that the deepest code takes that the gate lets pass, wherever lowering is called from."""

__all__ = ["LoweringError", "lower", "lower_and_count"]


def lower(text: str) -> ir.Module:
    """Lower one file.

    Args:
        text: the file's text, decoded and without a byte order mark; any kind of newline.

    Returns:
        The module's statements in source order and its suppression comments.

    Raises:
        LoweringError: the text is no valid Python, or nested too deeply to be read safely.
    """
    return lower_and_count(text)[0]


def lower_and_count(text: str, *, plainly: bool = False) -> tuple[ir.Module, int]:
    """Lower one file, and tell how many bytes LibCST parsed for it.

    Args:
        text: as for ``lower``.
        plainly: leave to LibCST only what ``ast`` alone does not tell. The module is the same; to import LibCST takes longer
            than to lower a file or two.

    Raises:
        LoweringError: as by ``lower``.
    """
    collecting = gc.isenabled()
    gc.disable()  # The trees are large and free of garbage: collecting while they grow costs a sixth of the time.
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return _lower(text.replace("\r\n", "\n").replace("\r", "\n"), plainly=plainly)
    except RecursionError:
        raise LoweringError("the code is nested too deeply to be read", 1, 1) from None
    finally:
        if collecting:
            gc.enable()


def _lower(text: str, *, plainly: bool) -> tuple[ir.Module, int]:
    offsets = line_offsets(text)
    try:
        trees = accept(text, offsets)
    except SyntaxError as error:
        from session_lint.lowering.newer import lower_newer  # imports LibCST's metadata, which hardly any run needs

        return lower_newer(text, offsets, error), len(text.encode())
    walk = Walk(tree_ruler(text), text, offsets)
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(max(limit, _CALLS))
    try:
        body, parsed = _statements(walk, trees, list(mentioning(walk, trees, plainly=plainly)))
    finally:
        sys.setrecursionlimit(limit)
    return words.module(walk, body, suppression_comments(walk, trees)), parsed


def _statements(walk: Walk, trees: Sequence[Tree], wanted: Sequence[Tree]) -> tuple[tuple[ir.Statement, ...], int]:
    """The statements, of which LibCST reads those that are wanted; and how many bytes it reads."""
    if not wanted:
        walk.suite = lambda walk, trees: tuple([statement(walk, tree) for tree in trees])
        return walk.suite(walk, trees), 0

    from session_lint.lowering import statements  # imports LibCST
    from session_lint.lowering.slices import Slices

    slices = Slices(walk, wanted)

    def suite(walk: Walk, trees: Sequence[Tree]) -> tuple[ir.Statement, ...]:
        lowered = []
        for tree in trees:
            node = slices.take(tree)
            lowered.append(statement(walk, tree) if node is None else statements.statement(walk, node, tree))
        return tuple(lowered)

    walk.suite = suite
    return suite(walk, trees), slices.parsed
