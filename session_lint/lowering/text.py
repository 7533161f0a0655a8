"""What is read off the text itself, where neither tree has it: digests of statements, the places of names and signs."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Sequence
from hashlib import blake2b

from session_lint import ir
from session_lint.lowering.spans import Tree, Walk

MAX_NESTED = 100
"""Operands up to which a chain of binary operators nests in the IR; longer ones (generated text) are kept flat."""

# Strings first, so that no bracket, operator or comment sign in them counts.
LEXEMES = re.compile(
    r"""(?P<string>'''(?:[^\\]|\\.)*?'''|\"""(?:[^\\]|\\.)*?\"""|'(?:[^'\\\n]|\\.)*'|"(?:[^"\\\n]|\\.)*")"""
    r"""|(?P<comment>\#[^\n]*)"""
    r"""|(?P<open>[(\[{])|(?P<close>[)\]}])|(?P<end>[\n,])|(?P<joined>\\\n)"""
    r"""|(?P<operator>[-+*/%@&|^~.]|\b(?:and|or|not|if|lambda|await)\b)|(?P<elif>\belif\b)""",
    re.DOTALL,
)

_WORDS_OF_DEFINITION = re.compile(r"(?:async(?:[ \t\f]|\\\n)+)?(?:def|class)(?:[ \t\f]|\\\n)+")


def digest(walk: Walk, place: ir.Place, end: tuple[int, int] | None = None) -> str:
    """Hash a statement's source from its start to ``end`` (row and column) or its own end, without layout."""
    span = ir.unpacked(place)
    row, column = end or (span.end_row, span.end_column)
    source = walk.text[walk.offset(span.row, span.column) : walk.offset(row, column)]
    if "#" in source:
        source = LEXEMES.sub(lambda lexeme: "" if lexeme.lastgroup == "comment" else lexeme[0], source)
    layoutless = "".join(source.replace("\\\n", "").split())
    return blake2b(layoutless.encode(errors="backslashreplace"), digest_size=8).hexdigest()


def header_digest(walk: Walk, place: ir.Place, body: Sequence[ir.Statement]) -> str:
    """Hash a compound statement's source up to its body."""
    first = body[0].span
    return digest(walk, place, (first.row, first.column))


def decorator_sign(walk: Walk, first: Tree) -> int:
    """Where, in the text, the ``@`` before the first decorator is."""
    span = ir.unpacked(walk.at(first, first))
    return walk.text.rindex("@", 0, walk.offset(span.row, span.column))


def decorated(walk: Walk, first: Tree, place: ir.Place) -> ir.Place:
    """The place of a definition, widened to the ``@`` of its first decorator."""
    sign = decorator_sign(walk, first)
    row = bisect_right(walk.offsets, sign)
    span = ir.unpacked(place)
    return ir.packed(row, sign - walk.offsets[row - 1] + 1, span.end_row, span.end_column)


def name_place(walk: Walk, place: ir.Place, name: str) -> ir.Place:
    """The place of the name of a definition that starts, its decorators aside, where ``place`` does."""
    span = ir.unpacked(place)
    words = _WORDS_OF_DEFINITION.match(walk.text, walk.offset(span.row, span.column))
    row, column = walk.place(words.end()) if words is not None else (span.row, span.column)
    return ir.packed(row, column, row, column + len(name))


def handler_place(walk: Walk, place: ir.Place, caught: ir.Expr | None, body: Sequence[ir.Statement]) -> ir.Place:
    """The header of an ``except`` clause, without its colon: before that, only brackets, a name and layout follow the type."""
    span = ir.unpacked(place)
    row, column = (span.row, span.column) if caught is None else (caught.span.end_row, caught.span.end_column)
    header = walk.text[walk.offset(row, column) : walk.offset(body[0].span.row, body[0].span.column)]
    if "#" in header:
        header = LEXEMES.sub(lambda lexeme: lexeme[0].replace(":", " "), header)
    header = header.partition(":")[0].rstrip()
    row += header.count("\n")
    column = len(header) - header.rfind("\n") if "\n" in header else column + len(header)
    return ir.packed(span.row, span.column, row, column)
