"""Files that ``ast`` refuses, for they may be newer than the running Python: LibCST reads them alone, behind a check of the text."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping
from typing import Any

import libcst as cst
from libcst.metadata import MetadataWrapper, PositionProvider

from session_lint import ir
from session_lint.lowering import words
from session_lint.lowering.comments import marked
from session_lint.lowering.gate import MAX_BRACKETS, MAX_CHAIN, LoweringError, check_patterns, place_of
from session_lint.lowering.spans import NO_TREE, Ruler, Tree, Walk
from session_lint.lowering.statements import block
from session_lint.lowering.text import LEXEMES


def lower_newer(text: str, offsets: list[int], refusal: SyntaxError) -> ir.Module:
    """Lower a file that ``ast`` refused.

    Raises:
        LoweringError: LibCST refuses it too, or it is nested too deeply.
    """
    wrong = LoweringError(refusal.msg, max(refusal.lineno or 1, 1), max(refusal.offset or 1, 1))
    if "\0" in text:
        raise LoweringError(refusal.msg, *place_of(text, text.index("\0")))
    _check_text(text)
    check_patterns(text)
    try:
        module = cst.parse_module(text)
        positions = MetadataWrapper(module, unsafe_skip_copy=True).resolve(PositionProvider)
    except cst.ParserSyntaxError:
        raise wrong from None
    except (RecursionError, KeyError):  # LibCST's code generation hides the one behind the other.
        raise LoweringError("the code is nested too deeply to be read", 1, 1) from None
    walk = Walk(position_ruler(positions, text, offsets), text, offsets)
    try:
        body = block(walk, module.body, NO_TREE)
    except SyntaxError:  # A malformed escape: LibCST does not look into strings.
        raise wrong from None
    comments = (
        (ir.unpacked(walk.at(node, NO_TREE)), node.value) for node in positions if isinstance(node, cst.Comment)
    )
    return words.module(walk, body, marked(text, comments))


def position_ruler(positions: Mapping[cst.CSTNode, Any], text: str, offsets: list[int]) -> Ruler:
    """A ruler that reads LibCST's own positions: slow to compute, for syntax that the running Python cannot parse."""

    def place(node: cst.CSTNode, _tree: Tree) -> ir.Place:
        first = last = node
        if isinstance(node, (cst.Tuple, cst.GeneratorExp)) and node.lpar:
            first, last = node.lpar[-1], node.rpar[0]
        start, end = positions[first].start, positions[last].end
        found = ir.packed(start.line, start.column + 1, end.line, end.column + 1)
        if isinstance(node, cst.GeneratorExp) and not node.lpar:
            return _with_brackets(found, text, offsets)
        return found

    return place


def _with_brackets(place: ir.Place, text: str, offsets: list[int]) -> ir.Place:
    """Widen the range of a generator that is a call's only argument to the call's brackets, as ``ast`` has it."""
    span = ir.unpacked(place)
    before = text.rfind("(", 0, offsets[span.row - 1] + span.column - 1)
    after = text.find(")", offsets[span.end_row - 1] + span.end_column - 1) + 1
    if before < 0 or not after:
        return place
    row, end_row = bisect_right(offsets, before), bisect_right(offsets, after)
    return ir.packed(row, before - offsets[row - 1] + 1, end_row, after - offsets[end_row - 1] + 1)


def _check_text(text: str) -> None:
    """The same check without a tree: brackets in brackets, and operators and calls in a row within one pair of them."""
    chains = [0]
    branches = 0
    closed = -1
    for lexeme in LEXEMES.finditer(text):
        kind = lexeme.lastgroup
        if kind == "joined":
            continue
        start = lexeme.start()
        if kind == "open":
            chains[-1] += closed >= 0 and not text[closed:start].strip("\\ \t\f\n")
            chains.append(0)
        elif kind == "close":
            chains = chains[:-1] or [0]
        elif kind == "operator":
            chains[-1] += 1
        elif kind == "elif":
            branches += 1
        elif kind == "string" and text[max(start - 2, 0) : start].lower().strip("r")[-1:] in ("f", "t"):
            _check_text(lexeme[0].strip("\"'"))
        elif kind == "end" and (lexeme[0] == "," or len(chains) == 1):
            chains[-1] = 0
        closed = lexeme.end() if kind == "close" else -1
        if len(chains) > MAX_BRACKETS + 1 or chains[-1] > MAX_CHAIN or branches > MAX_CHAIN:
            row, column = place_of(text, start)
            raise LoweringError("the code is nested too deeply to be parsed", row, column)
