"""Comments that can suppress findings."""

from __future__ import annotations

import ast
import io
import sys
import tokenize
from collections.abc import Iterable, Iterator, Sequence
from typing import TypeAlias

from session_lint.ir import Comment, Span
from session_lint.lowering.spans import Tree, Walk
from session_lint.lowering.text import LEXEMES

_WORDS = ("session-lint", "noqa")
_Place: TypeAlias = "tuple[Span, str]"


def suppression_comments(walk: Walk, trees: Sequence[Tree]) -> tuple[Comment, ...]:
    """The file's comments that mention the tool or ``noqa``, in source order."""
    if not _mentions(walk.text):
        return ()
    found = tuple(_from_text(walk))
    if sys.version_info >= (3, 12) and _beside_fstring(trees, found):
        found = tuple(_from_tokens(walk.text))
    return marked(walk.text, found)


def marked(text: str, comments: Iterable[_Place]) -> tuple[Comment, ...]:
    """Those of a text's comments that mention the tool or ``noqa``."""
    lines = text.split("\n")
    return tuple(
        Comment(span, comment, alone=not lines[span.row - 1][: span.column - 1].strip())
        for span, comment in comments
        if _mentions(comment)
    )


def _mentions(text: str) -> bool:
    lowered = text.lower()
    return any(word in lowered for word in _WORDS)


def _from_text(walk: Walk) -> Iterator[_Place]:
    for lexeme in LEXEMES.finditer(walk.text):
        if lexeme.lastgroup == "comment" and _mentions(lexeme[0]):
            yield _place(*walk.place(lexeme.start()), lexeme[0])


def _beside_fstring(trees: Sequence[Tree], found: tuple[_Place, ...]) -> bool:
    """Whether an f-string, which may hold quotes and comments of its own since 3.12, could have misled the lexer."""
    rows = {span.row for span, _ in found}
    return any(
        isinstance(node, ast.JoinedStr) and any(row in rows for row in range(node.lineno, (node.end_lineno or 0) + 1))
        for statement in trees
        for node in ast.walk(statement)
        if rows
    )


def _from_tokens(text: str) -> Iterator[_Place]:
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type == tokenize.COMMENT and _mentions(token.string):
            yield _place(token.start[0], token.start[1] + 1, token.string)


def _place(row: int, column: int, text: str) -> _Place:
    return Span(row, column, row, column + len(text)), text
