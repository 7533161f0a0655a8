"""Comments that suppress findings: what they say, which rows they cover, which findings they hide.

``# session-lint: ignore[SL302] -- why`` covers the statement it stands in, and on a ``def`` or ``class`` line its whole body;
``# session-lint: ignore-file[SL302]`` covers the file; ``# noqa: SL302`` covers its statement. Without codes the first two cover every
rule; a bare ``# noqa`` is other linters' business.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from session_lint import ir
from session_lint.findings import Finding
from session_lint.traversal import blocks

_IGNORE = re.compile(
    r"""(?:^|(?<=\s))\#\s*session-lint:\s*(?P<kind>ignore-file|ignore)
        (?: \s*\[(?P<codes>[^\]]*)\] | (?=\s*(?:$|--|\#)) )
        (?: \s*--\s*(?P<reason>[^#]*) )?""",
    re.VERBOSE,
)
_NOQA = re.compile(r"#\s*noqa:\s*(?P<codes>[A-Z]+[0-9]+(?:[,\s]+[A-Z]+[0-9]+)*)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Suppression:
    """One comment.

    Args:
        codes: rule codes or names, as written; empty for every rule.
        reason: the text after ``--``.
        rows: first and last row it covers; None for the whole file.
        span: the comment itself.
        is_noqa: written as ``# noqa``.
    """

    codes: tuple[str, ...]
    reason: str
    rows: tuple[int, int] | None
    span: ir.Span
    is_noqa: bool = False

    def covers(self, finding: Finding) -> bool:
        """Whether it hides the finding: its code is named, and it starts in the rows covered."""
        return self._names(finding) and (self.rows is None or self.rows[0] <= finding.span.row <= self.rows[1])

    def _names(self, finding: Finding) -> bool:
        return not self.codes or any(code.upper() == finding.code or code == finding.name for code in self.codes)


@dataclass(frozen=True, slots=True)
class Filtered:
    """Findings of one file after its suppressions: those that stay, those hidden, and the comments that hid nothing."""

    kept: tuple[Finding, ...]
    hidden: tuple[Finding, ...]
    unused: tuple[Suppression, ...]


def suppressions_of(module: ir.Module) -> tuple[Suppression, ...]:
    """The suppressions in a module, in the order of their comments."""
    found: list[Suppression] = []
    for comment in module.comments:
        for match in _IGNORE.finditer(comment.text):
            rows = None if match["kind"] == "ignore-file" else _covered(module.body, comment.span.row, whole_body=True)
            found.append(Suppression(_codes(match["codes"]), (match["reason"] or "").strip(), rows, comment.span))
        for match in _NOQA.finditer(comment.text):
            codes = tuple(code for code in _codes(match["codes"]) if code.upper().startswith("SL"))
            if codes:
                rows = _covered(module.body, comment.span.row, whole_body=False)
                found.append(Suppression(codes, "", rows, comment.span, is_noqa=True))
    return tuple(found)


def apply_suppressions(findings: Sequence[Finding], suppressions: Sequence[Suppression]) -> Filtered:
    """Part the findings of one file into those that stay and those that its comments hide."""
    hidden: list[Finding] = []
    used: set[int] = set()
    kept: list[Finding] = []
    for finding in findings:
        by = {index for index, suppression in enumerate(suppressions) if suppression.covers(finding)}
        (hidden if by else kept).append(finding)
        used |= by
    unused = (suppression for index, suppression in enumerate(suppressions) if index not in used)
    return Filtered(tuple(kept), tuple(hidden), tuple(unused))


def _codes(text: str | None) -> tuple[str, ...]:
    return tuple(re.findall(r"[\w-]+", text or ""))


def _covered(body: Iterable[ir.Statement], row: int, *, whole_body: bool) -> tuple[int, int]:
    """Rows that a comment on ``row`` speaks for: those of the simple statement or header it stands in, else its own.

    With ``whole_body``, a ``def`` or ``class`` header stands for everything below it.
    """
    for statement in body:
        if not statement.span.row <= row <= statement.span.end_row:
            continue
        blocks = list(_bodies(statement))
        if not blocks:
            return statement.span.row, statement.span.end_row
        header_end = max(statement.span.row, min(block[0].span.row for block in blocks if block) - 1)
        if row > header_end:
            return _covered((inner for block in blocks for inner in block), row, whole_body=whole_body)
        if whole_body and isinstance(statement, (ir.FunctionDef, ir.ClassDef)):
            return statement.span.row, statement.span.end_row
        return statement.span.row, header_end
    return row, row


def _bodies(statement: ir.Statement) -> Iterator[Sequence[ir.Statement]]:
    """The blocks of a compound statement, a definition's body included."""
    if isinstance(statement, (ir.FunctionDef, ir.ClassDef)):
        yield statement.body
    yield from blocks(statement)
