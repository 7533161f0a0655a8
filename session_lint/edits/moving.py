"""Moves an analysis to where its files' rows now are: findings, the links of their chains, their fixes, rows in messages."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

import msgspec

from session_lint import ir
from session_lint.analysis import Analysis, Remarks
from session_lint.edits.comparing import Rows
from session_lint.findings import ChainLink, Edit, Finding, Fix

_OWN_ROW = re.compile(r"\b(?:line|row) (\d+)")
"""How messages tell of another place in the file that they are about; of one in any file they give its path and row."""

_NOWHERE = ir.Span(1, 1, 1, 1)
"""Where findings on a whole file stand."""


class NoPlace(Exception):
    """Something stands where nothing of the file did that was compared: the program has to say where it is now."""


def move(analysis: Analysis, moves: Mapping[str, Rows], remarks: Iterable[Remarks]) -> Analysis:
    """The analysis of a tree in which the rows of some files moved.

    Args:
        analysis: that of the tree as it was.
        moves: by the paths of the files.
        remarks: those of all files of the tree as it is.

    Raises:
        NoPlace: it is not known where something is now.
    """
    mentions = {path: re.compile(rf"(?<![\w./-]){re.escape(path)}:(\d+)") for path in moves}
    findings = tuple(_finding(finding, moves, mentions) for finding in analysis.findings)
    return msgspec.structs.replace(analysis, findings=findings, remarks=tuple(remarks))


def _finding(finding: Finding, moves: Mapping[str, Rows], mentions: Mapping[str, re.Pattern[str]]) -> Finding:
    chain = tuple(_link(link, moves) for link in finding.chain)
    message = finding.message
    for path, pattern in mentions.items():
        if path in message:
            message = _renumbered(pattern, message, moves[path])
    rows = moves.get(finding.filename)
    if rows is None:
        return msgspec.structs.replace(finding, chain=chain, message=message)
    return msgspec.structs.replace(
        finding,
        span=_span(finding.span, rows),
        chain=chain,
        message=_renumbered(_OWN_ROW, message, rows),
        fix=_fix(finding.fix, rows) if finding.fix is not None else None,
    )


def _link(link: ChainLink, moves: Mapping[str, Rows]) -> ChainLink:
    rows = moves.get(link.filename)
    return link if rows is None else msgspec.structs.replace(link, row=_row(link.row, rows))


def _row(row: int, rows: Rows) -> int:
    # A row that is given for want of a better one is the first.
    if row not in rows or (row == 1 and rows[1] != 1):
        raise NoPlace
    return rows[row]


def _span(span: ir.Span, rows: Rows) -> ir.Span:
    if span == _NOWHERE:
        return span
    if span.row not in rows or span.end_row not in rows:
        raise NoPlace
    return ir.Span(rows[span.row], span.column, rows[span.end_row], span.end_column)


def _renumbered(pattern: re.Pattern[str], text: str, rows: Rows) -> str:
    def moved(found: re.Match[str]) -> str:
        start, end = found.start(1) - found.start(), found.end(1) - found.start()
        return f"{found[0][:start]}{_row(int(found[1]), rows)}{found[0][end:]}"

    return pattern.sub(moved, text)


def _fix(fix: Fix, rows: Rows) -> Fix:
    """A fix whose rows, and those just around them, moved as one: what it leaves and takes away is then as it was."""
    first = min(edit.span.row for edit in fix.edits) - 1
    last = max(edit.span.end_row for edit in fix.edits) + 1
    ways = {rows[row] - row for row in range(first, last + 1) if row in rows}
    if len(ways) != 1:
        raise NoPlace
    (way,) = ways
    edits = tuple(
        Edit(ir.Span(e.span.row + way, e.span.column, e.span.end_row + way, e.span.end_column), e.content)
        for e in fix.edits
    )
    return msgspec.structs.replace(fix, edits=edits)
