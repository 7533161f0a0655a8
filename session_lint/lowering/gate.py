"""The gate: what may be read at all.

LibCST ends the whole process when brackets or operators nest by the thousand, and takes for ever when the patterns of a ``match``
statement nest by the dozen, so nothing reaches it that ``ast``, which has limits of its own and takes a tenth of the time, has not
accepted. Only if the file may use syntax that is newer than the
running Python does LibCST read it alone (``newer``).
"""

from __future__ import annotations

import ast
import re

from session_lint.lowering.spans import Tree, byte_length

MAX_BRACKETS = 200
"""Brackets in brackets, as CPython has it."""

MAX_DEPTH = 300
"""Levels of the tree: a fluent chain of 150 calls is 300 of them."""

MAX_CHAIN = 1000
"""Operands of one chain ``a + b + …`` or ``a and b and …``, which LibCST nests although they look flat."""

MAX_PATTERNS = 4**10
"""What the patterns of a file may cost: each level of brackets in one takes LibCST up to four times as long as the last."""

_CASE = re.compile(r"^[ \t\f]*case\b", re.MULTILINE)

_SIGNS = re.compile(
    r"""'(?:[^'\\\n]|\\.)*'|"(?:[^"\\\n]|\\.)*"|\#[^\n]*|\\\n|(?P<open>[(\[{])|(?P<close>[)\]}])|(?P<end>\n|:|\bif\b)""",
    re.DOTALL,
)


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


def accept(text: str, offsets: list[int]) -> list[Tree]:
    """The statements of a text, as ``ast`` has them.

    Raises:
        SyntaxError: it is no valid Python, or newer than the running one.
        LoweringError: it is nested too deeply, or holds a null byte.
    """
    try:
        tree = ast.parse(text)
    except ValueError as error:
        raise LoweringError(str(error), *place_of(text, text.find("\0"))) from None
    except (RecursionError, MemoryError):
        raise LoweringError("the code is nested too deeply to be parsed", 1, 1) from None
    if _check_depth(tree, offsets):
        check_patterns(text)
    return list(tree.body)


def check_patterns(text: str) -> None:
    """Refuse ``match`` statements whose patterns would take LibCST too long.

    Raises:
        LoweringError: at the pattern that is too much.
    """
    cost = 0
    for case in _CASE.finditer(text):
        cost += 4 ** min(_bracket_depth(text, case.end()), MAX_BRACKETS)
        if cost > MAX_PATTERNS:
            raise LoweringError(
                "its match patterns are nested too deeply to be parsed", *place_of(text, case.end() - 4)
            )


def _bracket_depth(text: str, start: int) -> int:
    """How deep brackets nest from an index to the end of the pattern there, or of the line."""
    depth = deepest = 0
    for sign in _SIGNS.finditer(text, start):
        if sign.lastgroup == "open":
            depth += 1
            deepest = max(depth, deepest)
        elif sign.lastgroup == "close":
            depth -= 1
        elif sign.lastgroup == "end" and depth <= 0:
            break
    return deepest


def _check_depth(tree: ast.Module, offsets: list[int]) -> bool:
    """Refuse statements that nest deeper than LibCST's stack and everybody's recursion bear; whether one is a ``match``."""
    has_match = False
    statements: list[tuple[Tree, int]] = [(node, 1) for node in tree.body]
    while statements:
        node, depth = statements.pop()
        if depth > MAX_DEPTH:
            raise _too_deep(node)
        body = getattr(node, "body", None)
        has_match = has_match or hasattr(node, "cases")
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
    return has_match


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


def _too_deep(node: Tree) -> LoweringError:
    return LoweringError("the code is nested too deeply to be parsed", node.lineno, node.col_offset + 1)


def place_of(text: str, offset: int) -> tuple[int, int]:
    """The row and column of an index in a text."""
    before = text[: max(offset, 0)]
    return before.count("\n") + 1, len(before) - before.rfind("\n")
