"""Comments that can suppress findings."""

from __future__ import annotations

import ast
import io
import sys
import tokenize
from collections.abc import Iterator

from session_lint.ir import Comment, Span
from session_lint.lowering.gate import LEXEMES, Source
from session_lint.lowering.spans import NO_TREE

_WORDS = ("session-lint", "noqa")


def suppression_comments(source: Source) -> tuple[Comment, ...]:
    """The file's comments that mention the tool or ``noqa``, in source order."""
    if not _mentions(source.text):
        return ()
    lines = source.text.split("\n")
    return tuple(
        Comment(comment.span, comment.text, alone=not lines[comment.span.row - 1][: comment.span.column - 1].strip())
        for comment in _comments(source)
    )


def _comments(source: Source) -> tuple[Comment, ...]:
    if source.trees is NO_TREE:
        return tuple(_from_tree(source))
    found = tuple(_from_text(source))
    if sys.version_info >= (3, 12) and _beside_fstring(source, found):
        return tuple(_from_tokens(source.text))
    return found


def _mentions(text: str) -> bool:
    lowered = text.lower()
    return any(word in lowered for word in _WORDS)


def _from_text(source: Source) -> Iterator[Comment]:
    row = 1
    counted = 0
    text = source.text
    for lexeme in LEXEMES.finditer(text):
        if lexeme.lastgroup == "comment" and _mentions(lexeme[0]):
            start = lexeme.start()
            row += text.count("\n", counted, start)
            counted = start
            yield _comment(row, start - source.walk.offsets[row - 1] + 1, lexeme[0])


def _beside_fstring(source: Source, found: tuple[Comment, ...]) -> bool:
    """Whether an f-string, which may hold quotes and comments of its own since 3.12, could have misled the lexer."""
    rows = {comment.span.row for comment in found}
    return any(
        isinstance(node, ast.JoinedStr) and any(row in rows for row in range(node.lineno, (node.end_lineno or 0) + 1))
        for statement in source.trees
        for node in ast.walk(statement)
        if rows
    )


def _from_tokens(text: str) -> Iterator[Comment]:
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type == tokenize.COMMENT and _mentions(token.string):
            yield _comment(token.start[0], token.start[1] + 1, token.string)


def _from_tree(source: Source) -> Iterator[Comment]:
    """Where ``ast`` cannot read the file, ask the tree, whose positions are known by then."""
    for node in source.comments:
        if _mentions(node.value):
            yield Comment(source.walk.span(node, NO_TREE), node.value)


def _comment(row: int, column: int, text: str) -> Comment:
    return Comment(Span(row, column, row, column + len(text)), text)
