"""Each finding with its source, carets under the place, and the call chain that makes it true."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from session_lint.findings import Confidence, Finding
from session_lint.report.style import SEVERITY_COLOR, paint, printable
from session_lint.source import SourceError, Sources, split_lines

if TYPE_CHECKING:
    from session_lint.result import Result

_CONTEXT = 2
_WIDTH = 160


def render(result: Result, show: Callable[[str], str], *, color: bool) -> str:
    """The findings, a block each, an empty line after each block."""
    lines_of = _Lines(result.files.sources)
    return "".join(
        f"{line}\n" for finding in result.findings for line in (*_block(finding, lines_of, show, color=color), "")
    )


class _Lines:
    """Lines of a file, read once; none where it cannot be read."""

    def __init__(self, sources: Sources) -> None:
        self._sources = sources
        self._last: tuple[str, list[str]] = ("", [])

    def __call__(self, path: str) -> list[str]:
        if self._last[0] != path:
            try:
                lines = split_lines(self._sources.text(path))
            except SourceError:
                lines = []
            self._last = (path, lines)
        return self._last[1]


def _block(finding: Finding, lines_of: _Lines, show: Callable[[str], str], *, color: bool) -> Iterator[str]:
    shade = SEVERITY_COLOR[finding.severity]
    lines = lines_of(finding.filename)
    title = paint(f"{finding.severity.value}[{finding.code}]", shade, bold=True, on=color)
    yield f"{title} {finding.name}: {printable(finding.message)}"

    span = finding.span
    margin = len(str(span.row + _CONTEXT))
    bar = paint("|", "blue", on=color)
    arrow = paint("-->", "blue", on=color)
    yield f"{' ' * margin}{arrow} {printable(show(finding.filename))}:{span.row}:{span.column}"
    if span.row <= len(lines):
        yield f"{' ' * margin} {bar}"
        for row in range(max(1, span.row - _CONTEXT), min(len(lines), span.row + _CONTEXT) + 1):
            text, carets = _excerpt(lines[row - 1], *_columns(finding, lines[row - 1]))
            number = paint(f"{row:>{margin}}", "blue", on=color)
            yield f"{number} {bar} {text}".rstrip()
            if row == span.row:
                yield f"{' ' * margin} {bar} {paint(carets, shade, on=color)}"
        yield f"{' ' * margin} {bar}"
    for note in _notes(finding, show):
        yield f"{' ' * margin} {paint('=', 'blue', on=color)} {printable(note)}"


def _columns(finding: Finding, line: str) -> tuple[int, int]:
    span = finding.span
    return span.column - 1, span.end_column - 1 if span.end_row == span.row else len(line)


def _excerpt(line: str, start: int, end: int) -> tuple[str, str]:
    """The line as a terminal can show it, and carets under ``start`` to ``end``; of a very long line, what is around them."""
    first = max(0, start - _WIDTH // 2) if len(line) > _WIDTH else 0
    last = min(len(line), first + _WIDTH)
    start, end = min(start, last), min(max(end, start + 1), max(last, start + 1))
    head = "..." if first else ""
    tail = "..." if last < len(line) else ""
    before = head + _shown(line[first:start])
    marked = _shown(line[start:end])
    return before + marked + _shown(line[end:last]) + tail, " " * _cells(before) + "^" * max(1, _cells(marked))


def _shown(text: str) -> str:
    return printable(text.replace("\t", "    "))


def _cells(text: str) -> int:
    return sum(
        0 if unicodedata.combining(char) else 2 if unicodedata.east_asian_width(char) in "WF" else 1 for char in text
    )


def _notes(finding: Finding, show: Callable[[str], str]) -> Iterator[str]:
    if finding.confidence is not Confidence.HIGH:
        yield f"{finding.confidence.value} confidence"
    for link in finding.chain:
        yield f"{show(link.filename)}:{link.row} {link.symbol}: {link.note}"
    if finding.fix is not None:
        yield f"{'fix' if finding.fix.safe else 'unsafe fix'}: {finding.fix.message}"
