"""The gate: what may be parsed, by whom, and what is told of the rest.

LibCST ends the whole process when brackets or operators nest by the thousand, so nothing reaches it that ``ast``, which has
limits of its own and takes a tenth of the time, has not accepted. Only if the file may use syntax that is newer than the
running Python does LibCST read it alone, behind a check of the text.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import libcst as cst

from session_lint.lowering.spans import NO_TREE, Tree, Walk, byte_length, line_offsets, position_ruler, tree_ruler

MAX_BRACKETS = 200
"""Brackets in brackets, as CPython has it."""

MAX_DEPTH = 300
"""Levels of the tree: a fluent chain of 150 calls is 300 of them."""

MAX_CHAIN = 1000
"""Operands of one chain ``a + b + …`` or ``a and b and …``, which LibCST nests although they look flat."""

# Strings first, so that no bracket, operator or comment sign in them counts.
LEXEMES = re.compile(
    r"""(?P<string>'''(?:[^\\]|\\.)*?'''|\"""(?:[^\\]|\\.)*?\"""|'(?:[^'\\\n]|\\.)*'|"(?:[^"\\\n]|\\.)*")"""
    r"""|(?P<comment>\#[^\n]*)"""
    r"""|(?P<open>[(\[{])|(?P<close>[)\]}])|(?P<end>[\n,])|(?P<joined>\\\n)"""
    r"""|(?P<operator>[-+*/%@&|^~.]|\b(?:and|or|not|if|lambda|await)\b)|(?P<elif>\belif\b)""",
    re.DOTALL,
)


SLICE = 32_768
"""Characters that LibCST parses at a time, a top-level statement at least: its tree takes hundreds of times their memory."""

Part: TypeAlias = tuple[Sequence[cst.CSTNode], Iterable[Tree]]
"""Top-level lines as LibCST has them, and the statements in them as ``ast`` has them."""

_VALIDATE = cst.CSTNode.__post_init__


class LoweringError(Exception):
    """A file cannot be lowered.

    Args:
        message: one sentence without a full stop, fit to be shown.
        row: where, counted from 1.
        column: where, counted from 1 in characters.
    """

    def __init__(self, message: str, row: int, column: int) -> None:
        super().__init__(message, row, column)
        self.message = message
        self.row = row
        self.column = column

    def __str__(self) -> str:
        return f"{self.message} (row {self.row}, column {self.column})"


@dataclass(frozen=True, slots=True)
class Source:
    """A file ready to be walked.

    Args:
        text: its text, with no newlines but line feeds.
        parts: its statements; each part is parsed by LibCST when it is asked for.
        trees: the same statements for ``ast``, or NO_TREE.
        walk: what the handlers share.
    """

    text: str
    parts: Iterable[Part]
    trees: Sequence[Tree]
    walk: Walk
    comments: Sequence[cst.Comment] = ()
    """All comments, known only where LibCST had to compute every position."""
    refusal: LoweringError | None = None
    """What ``ast`` had against the file that LibCST reads alone."""


def parse(text: str) -> Source:
    """Parse a file with ``ast``, and part by part, as they are asked for, with LibCST.

    Raises:
        LoweringError: either refuses it, or it is nested too deeply.
    """
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    offsets = line_offsets(text)
    try:
        tree = ast.parse(text)
    except SyntaxError as error:
        return _parse_newer(text, offsets, error)
    except ValueError as error:
        row, column = _place(text, text.find("\0"))
        raise LoweringError(str(error), row, column) from None
    except (RecursionError, MemoryError):
        raise LoweringError("the code is nested too deeply to be parsed", 1, 1) from None
    _check_depth(tree, offsets)
    return Source(text, _parts(text, tree.body, offsets), tree.body, Walk(tree_ruler(text), text, offsets))


def _parts(text: str, trees: Sequence[Tree], offsets: list[int]) -> Iterator[Part]:
    """The statements of a file that ``ast`` has accepted, parsed by LibCST slice after slice."""
    row, first = 1, 0
    for index, tree in enumerate(trees):
        end = tree.end_lineno + 1  # the row that the next slice starts in
        is_last = index + 1 == len(trees)
        if (
            not is_last
            and (
                offsets[end - 1] - offsets[row - 1] < SLICE
                or trees[index + 1].lineno < end  # on the same row, behind a semicolon
                or text[offsets[end - 2] : offsets[end - 1]].rstrip().endswith("\\")
            )
        ):
            continue
        piece = text[offsets[row - 1] :] if is_last else text[offsets[row - 1] : offsets[end - 1]]
        try:
            lines = _parse_vouched(piece).body
        except cst.ParserSyntaxError as error:
            place, column = _libcst_place(error, piece)
            raise LoweringError("LibCST cannot parse this syntax yet", place + row - 1, column) from None
        yield lines, trees[first : index + 1]
        row, first = end, index + 1


def _parse_newer(text: str, offsets: list[int], refusal: SyntaxError) -> Source:
    """Let LibCST read a file that ``ast`` refused, for it may be newer than the running Python."""
    # Imported here for its cost: hardly any run needs it.
    from libcst.metadata import MetadataWrapper, PositionProvider

    wrong = LoweringError(refusal.msg, max(refusal.lineno or 1, 1), max(refusal.offset or 1, 1))
    if "\0" in text:
        raise LoweringError(refusal.msg, *_place(text, text.index("\0")))
    _check_text(text)
    try:
        module = cst.parse_module(text)
        positions = MetadataWrapper(module, unsafe_skip_copy=True).resolve(PositionProvider)
    except cst.ParserSyntaxError:
        raise wrong from None
    except (RecursionError, KeyError):  # LibCST's code generation hides the one behind the other.
        raise LoweringError("the code is nested too deeply to be read", 1, 1) from None
    comments = [node for node in positions if isinstance(node, cst.Comment)]
    walk = Walk(position_ruler(positions, text, offsets), text, offsets)
    return Source(text, [(module.body, NO_TREE)], NO_TREE, walk, comments, wrong)


def _parse_vouched(text: str) -> cst.Module:
    """Let LibCST parse what ``ast`` has accepted, without checking every node again, a sixth of its time."""
    cst.CSTNode.__post_init__ = _accept  # type: ignore[method-assign, assignment]
    try:
        return cst.parse_module(text)
    finally:
        cst.CSTNode.__post_init__ = _VALIDATE  # type: ignore[method-assign]


def _accept(_node: cst.CSTNode) -> None:
    pass


def _check_depth(tree: ast.Module, offsets: list[int]) -> None:
    """Refuse statements that nest deeper than LibCST's stack and everybody's recursion bear."""
    statements: list[tuple[Tree, int]] = [(node, 1) for node in tree.body]
    while statements:
        node, depth = statements.pop()
        if depth > MAX_DEPTH:
            raise _too_deep(node)
        body = getattr(node, "body", None)
        if not body and not hasattr(node, "cases"):
            if byte_length(node, offsets) > 2 * MAX_DEPTH:
                _check_expressions(node, depth)
            continue
        end = body[0] if body else node.subject
        if offsets[end.lineno - 1] - offsets[node.lineno - 1] + end.col_offset > 2 * MAX_DEPTH:
            _check_expressions(node, depth)
        for blocks in (body or (), getattr(node, "orelse", ()), getattr(node, "finalbody", ())):
            statements.extend((inner, depth + 1) for inner in blocks)
        for part in (*getattr(node, "handlers", ()), *getattr(node, "cases", ())):
            statements.extend((inner, depth + 1) for inner in part.body)


def _check_expressions(statement: ast.stmt, outer: int) -> None:
    nodes: list[tuple[ast.AST, int, int]] = [
        (node, outer + 1, 0) for node in ast.iter_child_nodes(statement) if not isinstance(node, ast.stmt)
    ]
    while nodes:
        node, depth, chain = nodes.pop()
        if depth > MAX_DEPTH or chain > MAX_CHAIN:
            raise _too_deep(statement)
        if isinstance(node, ast.BinOp):
            nodes.append((node.left, depth, chain + 1))
            nodes.append((node.right, depth + 1, 0))
            continue
        if isinstance(node, ast.BoolOp) and len(node.values) > MAX_CHAIN:
            raise _too_deep(statement)
        nodes.extend(
            (child, depth + 1, 0)
            for child in ast.iter_child_nodes(node)
            if not isinstance(child, (ast.stmt, ast.expr_context, ast.operator))
        )


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
            row, column = _place(text, start)
            raise LoweringError("the code is nested too deeply to be parsed", row, column)


def _too_deep(node: Tree) -> LoweringError:
    return LoweringError("the code is nested too deeply to be parsed", node.lineno, node.col_offset + 1)


def _libcst_place(error: cst.ParserSyntaxError, text: str) -> tuple[int, int]:
    """Where LibCST stopped, from its message: its attributes count one row too many, unless that is past the end."""
    place = re.search(r"error at (\d+):(\d+)", error.message)
    row, column = (int(place[1]), int(place[2])) if place else (error.raw_line, error.raw_column)
    return max(min(row, text.rstrip().count("\n") + 1), 1), max(column, 1)


def _place(text: str, offset: int) -> tuple[int, int]:
    before = text[: max(offset, 0)]
    return before.count("\n") + 1, len(before) - before.rfind("\n")
