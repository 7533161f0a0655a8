"""Excerpts of source, highlighted: lines of tokens, the reported part marked. Nothing here is markup."""

from __future__ import annotations

import ast
from bisect import bisect_right
from collections import deque
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from pygments.lexers.python import PythonLexer
from pygments.token import Comment, Keyword, Literal, Name, Number, String

from session_lint.ir import Span
from session_lint.report.html.visible import visible
from session_lint.source import SourceError, Sources, split_lines

_CONTEXT = 3
_WIDTH = 300
_TAB = "    "

# The first that holds a token gives its class.
_CLASSES: tuple[tuple[Any, str], ...] = (
    (Comment, "c"),
    (String, "s"),
    (Number, "m"),
    (Literal, "m"),
    (Keyword, "k"),
    (Name.Decorator, "d"),
    (Name.Function, "f"),
    (Name.Class, "f"),
    (Name.Builtin, "b"),
    (Name.Exception, "b"),
)


class Token(NamedTuple):
    """A piece of a line: its class (empty for plain text), its text, and whether it is reported."""

    kind: str
    text: str
    marked: bool


class Line(NamedTuple):
    """A line of a file, ``marked`` where the finding is on it."""

    row: int
    tokens: tuple[Token, ...]
    marked: bool


Piece = tuple[str, str]


class _File:
    """A file of which only what is asked for is highlighted: the lexer takes most of the time that a page takes."""

    def __init__(self, text: str) -> None:
        # A form feed or the like stays in its line, so that lines are as Python counts them.
        self._lines = split_lines(text.removeprefix("\ufeff")) if text else []
        self._starts = _starts("\n".join(self._lines))
        self._parts: dict[int, list[list[Piece]]] = {}

    def __len__(self) -> int:
        return len(self._lines)

    def line(self, row: int) -> list[Piece]:
        part = bisect_right(self._starts, row) - 1
        first = self._starts[part]
        known = self._parts.get(part)
        if known is None:
            after = self._starts[part + 1] if part + 1 < len(self._starts) else len(self._lines) + 1
            known = self._parts[part] = highlighted("\n".join(self._lines[first - 1 : after - 1]))
        return known[row - first]


def _starts(text: str) -> list[int]:
    """The rows at which a file may be cut for the lexer: where a statement of the module or of a class begins."""
    try:
        statements: list[ast.stmt] = ast.parse(text).body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return [1]
    rows, last = [1], 0
    queue = deque(statements)
    while queue:
        statement = queue.popleft()
        decorators = getattr(statement, "decorator_list", [])
        row = min([statement.lineno, *(one.lineno for one in decorators)])
        if row > last and row > rows[-1]:
            rows.append(row)
        if isinstance(statement, ast.ClassDef):
            last = max(last, statement.body[0].lineno - 1, row)
            queue.extendleft(reversed(statement.body))
        else:
            last = max(last, statement.end_lineno or row)
    return rows


class Excerpts:
    """Excerpts of a project's files; each file is read once."""

    def __init__(self, sources: Sources) -> None:
        self._sources = sources
        self._files: dict[str, _File] = {}

    def around(self, path: str, span: Span) -> tuple[Line, ...]:
        """The lines of a span and some on either side; none where the file cannot be read."""
        file = self._file(path)
        last_marked = min(span.end_row, span.row + 2 * _CONTEXT)
        first, last = max(1, span.row - _CONTEXT), min(len(file), last_marked + _CONTEXT)
        return tuple(self._line(file.line(row), row, span) for row in range(first, last + 1))

    def at(self, path: str, row: int) -> tuple[Token, ...]:
        """One line, without its indentation."""
        file = self._file(path)
        if not 1 <= row <= len(file):
            return ()
        pieces = file.line(row)
        text = "".join(text for _, text in pieces)
        start = len(text) - len(text.lstrip())
        return _tokens(pieces, start, min(len(text), start + _WIDTH), None)

    def _line(self, pieces: Sequence[Piece], row: int, span: Span) -> Line:
        width = sum(len(text) for _, text in pieces)
        if not span.row <= row <= span.end_row:
            return Line(row, _tokens(pieces, 0, min(width, _WIDTH), None), marked=False)
        start = span.column - 1 if row == span.row else 0
        end = span.end_column - 1 if row == span.end_row else width
        first = max(0, start - _WIDTH // 2) if width > _WIDTH else 0
        return Line(row, _tokens(pieces, first, min(width, first + _WIDTH), (start, end)), marked=True)

    def _file(self, path: str) -> _File:
        known = self._files.get(path)
        if known is None:
            try:
                known = _File(self._sources.text(path))
            except SourceError:
                known = _File("")
            self._files[path] = known
        return known


def highlighted(text: str) -> list[list[Piece]]:
    """The lines of a file, as Python counts them, each as pieces of its text with their class."""
    lines: list[list[Piece]] = [[]]
    # The lexer only gets line feeds, so that its lines are ours; a form feed or the like stays in its line.
    lexer = PythonLexer(stripnl=False, ensurenl=False)
    for token, value in lexer.get_tokens("\n".join(split_lines(text.removeprefix("\ufeff")))):
        kind = next((name for of, name in _CLASSES if token in of), "")
        for position, part in enumerate(value.split("\n")):
            if position:
                lines.append([])
            if part:
                lines[-1].append((kind, part))
    return lines


def _tokens(pieces: Sequence[Piece], first: int, last: int, mark: tuple[int, int] | None) -> tuple[Token, ...]:
    """The columns from ``first`` to ``last``, neighbours of one kind joined, dots where something is cut off."""
    found: list[Token] = []

    def add(kind: str, text: str, *, marked: bool) -> None:
        shown = visible(text.replace("\t", _TAB))
        if found and (found[-1].kind, found[-1].marked) == (kind, marked):
            found[-1] = found[-1]._replace(text=found[-1].text + shown)
        elif shown:
            found.append(Token(kind, shown, marked))

    column, lost = 0, ""
    for kind, text in pieces:
        lost += text[: max(0, first - column)]
        for start, end, marked in _cut(column, column + len(text), mark):
            begin, stop = max(start, first), min(end, last)
            if begin < stop:
                add(kind, text[begin - column : stop - column], marked=marked)
        column += len(text)
    if lost.strip():
        found.insert(0, Token("x", "…", marked=False))
    if last < column:
        found.append(Token("x", "…", marked=False))
    return tuple(found)


def _cut(start: int, end: int, mark: tuple[int, int] | None) -> Iterator[tuple[int, int, bool]]:
    """The parts of a range before, in and behind a marked one."""
    if mark is None:
        yield start, end, False
        return
    left, right = min(max(mark[0], start), end), min(max(mark[1], start), end)
    for low, high, marked in ((start, left, False), (left, right, True), (right, end, False)):
        if low < high:
            yield low, high, marked
