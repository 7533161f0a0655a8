"""Fixes as text edits: which of them go together, and the text that they make. Nothing here reads or writes a file."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from itertools import pairwise

from session_lint.findings import Edit, Finding
from session_lint.ir import Span
from session_lint.record import Record


class Replacement(Record, frozen=True):
    """The text from ``start`` to ``end`` becomes ``content``; an edit as offsets."""

    start: int
    end: int
    content: str


class Fixed(Record, frozen=True):
    """A text after a pass of fixes.

    Args:
        text: the new text.
        applied: the findings whose fixes are in it.
        replacements: what was replaced, in order, none overlapping another.
    """

    text: str
    applied: tuple[Finding, ...]
    replacements: tuple[Replacement, ...]

    def moved(self, offset: int) -> tuple[int, int]:
        """The first and the last offset in the new text that a place of the old one may have become."""
        shift = 0
        for one in self.replacements:
            if one.end < offset or (one.end == offset and one.start < offset):
                shift += len(one.content) - (one.end - one.start)
            elif one.start > offset:
                break
            else:
                return one.start + shift, one.start + shift + len(one.content)
        return offset + shift, offset + shift


class Lines:
    """Places in a text: rows and columns to offsets and back. Rows end as in Python, at any kind of newline."""

    def __init__(self, text: str) -> None:
        self.text = text
        self._ends = [match.span() for match in re.finditer(r"\r\n|\r|\n", text)]
        self._starts = [0, *(end for _, end in self._ends)]

    @property
    def newline(self) -> str:
        """What ends its first line."""
        return self.text[slice(*self._ends[0])] if self._ends else "\n"

    def offset(self, row: int, column: int) -> int:
        """The offset of a place; one past the end of a line or of the text is that end."""
        if row > len(self._starts):
            return len(self.text)
        end = self._ends[row - 1][0] if row <= len(self._ends) else len(self.text)
        return min(self._starts[row - 1] + column - 1, end)

    def place(self, offset: int) -> tuple[int, int]:
        """The row and column of an offset."""
        row = bisect_right(self._starts, offset)
        return row, offset - self._starts[row - 1] + 1

    def replacement(self, edit: Edit) -> Replacement:
        """An edit as offsets; its newlines become those of the text."""
        span, content = edit.span, re.sub(r"\r\n|\r|\n", self.newline, edit.content)
        return Replacement(self.offset(span.row, span.column), self.offset(span.end_row, span.end_column), content)


def apply_edits(text: str, edits: Iterable[Edit]) -> str:
    """The text with edits made, none of which may overlap another."""
    lines = Lines(text)
    return _replace(text, sorted({lines.replacement(edit) for edit in edits}, key=_by_start))


def apply_fixes(text: str, findings: Sequence[Finding]) -> Fixed:
    """The text with the fixes of findings in it.

    A fix reaches from its first edit to its last. One that reaches into another that comes before it is left for the next
    pass, as the text that it was made for is no more; one that is the same as another is made once.
    """
    lines = Lines(text)
    wanted = sorted(((_replacements(lines, finding), finding) for finding in findings), key=lambda one: _reach(one[0]))
    applied: list[Finding] = []
    made: list[Replacement] = []
    last: list[Replacement] = []
    for replacements, finding in wanted:
        if not replacements:
            continue
        if replacements != last:
            start, end = _reach(replacements)
            taken = _reach(last)[1] if last else -1
            if start < taken or (start == taken and (start == end or last[-1].start == last[-1].end)):
                continue
            made += replacements
            last = replacements
        applied.append(finding)
    return Fixed(_replace(text, made), tuple(applied), tuple(made))


def _replacements(lines: Lines, finding: Finding) -> list[Replacement]:
    edits = finding.fix.edits if finding.fix is not None else ()
    replacements = sorted((lines.replacement(edit) for edit in edits), key=_by_start)
    if any(left.end > right.start for left, right in pairwise(replacements)):
        return []  # edits that overlap each other are no fix
    return replacements


def _reach(replacements: Sequence[Replacement]) -> tuple[int, int]:
    return (replacements[0].start, max(one.end for one in replacements)) if replacements else (0, 0)


def _by_start(one: Replacement) -> tuple[int, int]:
    return one.start, one.end


def _replace(text: str, replacements: Iterable[Replacement]) -> str:
    parts: list[str] = []
    done = 0
    for one in replacements:
        parts += (text[done : one.start], one.content)
        done = one.end
    return "".join((*parts, text[done:]))


def place_of(lines: Lines, span: Span) -> int:
    """The offset at which a range begins."""
    return lines.offset(span.row, span.column)
