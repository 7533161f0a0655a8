"""Suppressions for findings, written into the code beside them."""

from __future__ import annotations

import io
import tokenize
from collections import defaultdict
from collections.abc import Iterable, Sequence

from msgspec.structs import replace

from session_lint import ir
from session_lint.findings import Edit, Finding
from session_lint.fixing import apply_edits
from session_lint.lowering import LoweringError, lower
from session_lint.record import Record
from session_lint.result import Result
from session_lint.rewriting import encode
from session_lint.rules.sl902_unreadable_file import UNREADABLE_FILE
from session_lint.source import split_lines
from session_lint.suppressions import Suppression, apply_suppressions, covered_rows, suppressions_of


class Ignored(Record, frozen=True):
    """A project with suppressions added.

    Args:
        result: what is found in it now.
        before: contents of the files that changed, as they are on disk.
        after: contents that they would have.
        number: how many findings are hidden by what was added.
    """

    result: Result
    before: dict[str, bytes]
    after: dict[str, bytes]
    number: int


def add_ignores(result: Result, reason: str) -> Ignored:
    """Suppress every finding of a run that a comment can, in memory."""
    by_file: dict[str, list[Finding]] = defaultdict(list)
    for finding in result.findings:
        if finding.filename in result.reported and finding.code != UNREADABLE_FILE.code:
            by_file[finding.filename].append(finding)
    before, after, hidden = {}, {}, set()
    for path, findings in by_file.items():
        text, done = with_ignores(result.files.sources.text(path), findings, reason)
        content = result.files.sources.read(path)
        try:
            encoded = encode(text, content)
        except UnicodeEncodeError:
            continue  # the reason has characters that the file's encoding lacks
        if done:
            before[path], after[path] = content, encoded
            hidden.update(done)
    left = tuple(finding for finding in result.findings if finding not in hidden)
    suppressed = tuple(sorted((*result.hidden, *hidden), key=lambda finding: finding.sort_key))
    return Ignored(replace(result, findings=left, hidden=suppressed), before, after, len(hidden))


def with_ignores(text: str, findings: Sequence[Finding], reason: str) -> tuple[str, list[Finding]]:
    """The text with suppressions of findings in it, and the findings that these hide."""
    module = lower(text)
    suppressions = suppressions_of(module)
    lines = split_lines(text)
    ends = _line_ends(text)
    wanted: dict[int, list[str]] = defaultdict(list)
    for finding in findings:
        row = _row(module, finding, ends, wanted)
        if row is not None and finding.code not in wanted[row]:
            wanted[row].append(finding.code)
    edits = [_edit(row, sorted(codes), reason, suppressions, lines[row - 1]) for row, codes in wanted.items() if codes]
    new = apply_edits(text, edits)
    try:
        # No row is added or taken away, so each finding stays where it is.
        hidden = apply_suppressions(findings, suppressions_of(lower(new))).hidden
    except LoweringError:
        return text, []
    return new, list(hidden)


def _line_ends(text: str) -> frozenset[int]:
    """Rows at whose end a comment can stand: not inside a string, and not before a continuation."""
    plain = text.replace("\r\n", "\n").replace("\r", "\n")
    try:
        tokens = list(tokenize.generate_tokens(io.StringIO(plain).readline))
    except (tokenize.TokenError, SyntaxError):
        return frozenset()
    return frozenset(token.start[0] for token in tokens if token.type in (tokenize.NEWLINE, tokenize.NL))


def _row(module: ir.Module, finding: Finding, ends: frozenset[int], taken: Iterable[int]) -> int | None:
    """The row for the comment: one that has a comment already, else the finding's own, else the next that can have one."""
    first, last = covered_rows(module, finding.span.row)
    rows = [row for row in taken if first <= row <= last]
    rows += [
        row for row in (*range(finding.span.row, last + 1), *range(finding.span.row, first - 1, -1)) if row in ends
    ]
    return rows[0] if rows else None


def _edit(row: int, codes: Sequence[str], reason: str, suppressions: Iterable[Suppression], line: str) -> Edit:
    for one in suppressions:
        if one.span.row == row and one.codes and one.rows is not None and not one.is_noqa:
            column = one.span.column + one.text.index("]")
            return Edit(ir.Span(row, column, row, column), "".join(f", {code}" for code in codes))
    end = len(line.rstrip())
    comment = f"  # session-lint: ignore[{', '.join(codes)}] -- {reason}"
    return Edit(ir.Span(row, end + 1, row, len(line) + 1), comment)
