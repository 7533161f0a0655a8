"""Comments that suppress findings: what they say, which rows they cover, which findings they hide.

``# session-lint: ignore[SL302] -- why`` covers the statement it stands in, and on a ``def`` or ``class`` line its whole body;
``# session-lint: ignore-file[SL302]`` covers the file; ``# noqa: SL302`` covers its statement. Without codes the first two cover every
rule; a bare ``# noqa`` is other linters' business, as are codes in it that are not ours (``SLF001``).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence

import msgspec

from session_lint import ir
from session_lint.findings import Edit, Finding

EVERY_RULE = ""
"""What a comment without codes names."""

# Compiled where they are first used: a run that knows the tree already uses none of them.
_IGNORE = r"""(?x)
        (?:^|(?<=\s))\#\s*session-lint:\s*(?P<kind>ignore-file|ignore)
        (?: \s*\[(?P<codes>[^\]]*)\] | (?=\s*(?:$|--|\#)) )
        (?: \s*--\s*(?P<reason>(?!\#\s*[A-Za-z])(?:(?!\s\#\s*[A-Za-z]).)*) )?"""
_NOQA = r"(?i)\#\s*noqa:\s*(?P<codes>[A-Z]+[0-9]+(?:[,\s]+[A-Z]+[0-9]+)*)(?:\s*--\s*(?P<reason>(?!\#)(?:(?!\s\#).)*))?"
_OUR_CODE = r"(?i)SL\d{3}"
_NEARLY = r"""(?ix)
        \#\s*session-lint
        (?: :\s*(?: (?:ignored?|disabled?|no-?qa|nolint|skip|suppress|allow|off)\b | .*\bSL\d{3}\b )
          | \s+(?:ignore|disable)(?:-\w+)*\s*[\[=] ).*"""
_OURS = "session-lint"
"""What stands in all that is nearly a suppression."""


class Suppression(msgspec.Struct, frozen=True):
    """One comment, or the part of one that suppresses.

    Args:
        codes: rule codes or names, as written; empty for every rule.
        reason: the text after ``--``.
        rows: first and last row it covers; None for the whole file.
        comment: the comment that it stands in.
        start: where in the comment's text it begins.
        end: where it ends.
        is_noqa: written as ``# noqa``.
    """

    codes: tuple[str, ...]
    reason: str
    rows: tuple[int, int] | None
    comment: ir.Comment
    start: int
    end: int
    is_noqa: bool = False

    @property
    def text(self) -> str:
        """What is written."""
        return self.comment.text[self.start : self.end]

    @property
    def span(self) -> ir.Span:
        """Where it is written."""
        row, column = self.comment.span.row, self.comment.span.column
        return ir.Span(row, column + self.start, row, column + self.end)

    def item_for(self, finding: Finding) -> str | None:
        """The code or name that hides the finding, EVERY_RULE without codes; None where nothing does.

        What is reported on the suppressions themselves has to be named: a comment without codes does not excuse itself.
        """
        if self.rows is not None and not self.rows[0] <= finding.span.row <= self.rows[1]:
            return None
        if not self.codes:
            return None if finding.code in ABOUT_SUPPRESSIONS else EVERY_RULE
        return next((code for code in self.codes if code.upper() == finding.code or code == finding.name), None)


ABOUT_SUPPRESSIONS = frozenset({"SL901", "SL903", "SL904"})
"""Rules that judge suppressions."""


class Filtered(msgspec.Struct, frozen=True):
    """Findings of one file after its suppressions.

    Args:
        kept: those that stay.
        hidden: those that are suppressed.
        used: what hid something: for the position of each suppression, its codes or names that did.
    """

    kept: tuple[Finding, ...]
    hidden: tuple[Finding, ...]
    used: Mapping[int, frozenset[str]]


def suppressions_of(module: ir.Module) -> tuple[Suppression, ...]:
    """The suppressions in a module, in the order of their comments."""
    found: list[Suppression] = []
    for comment in module.comments:
        for match in re.finditer(_IGNORE, comment.text):
            rows = None if match["kind"] == "ignore-file" else _covered(module.body, comment, whole_body=True)
            end = match.start() + len(match[0].rstrip())
            reason = (match["reason"] or "").strip()
            found.append(Suppression(_codes(match["codes"]), reason, rows, comment, match.start(), end))
        for match in re.finditer(_NOQA, comment.text):
            codes = tuple(code for code in _codes(match["codes"]) if re.fullmatch(_OUR_CODE, code))
            if codes:
                rows = _covered(module.body, comment, whole_body=False)
                end = match.start() + len(match[0].rstrip())
                reason = (match["reason"] or "").strip()
                found.append(Suppression(codes, reason, rows, comment, match.start(), end, is_noqa=True))
    return tuple(found)


def nearly_suppressions(comments: Iterable[ir.Comment]) -> tuple[tuple[ir.Comment, str], ...]:
    """Comments that are meant to suppress and do not, for how they are written, each with the part that means to."""
    return tuple(
        (comment, match[0])
        for comment in comments
        if _OURS in comment.text.lower()
        for match in [re.search(_NEARLY, comment.text)]
        if match and not re.search(_IGNORE, comment.text)
    )


def apply_suppressions(findings: Sequence[Finding], suppressions: Sequence[Suppression]) -> Filtered:
    """Part the findings of one file into those that stay and those that its comments hide."""
    hidden: list[Finding] = []
    used: dict[int, frozenset[str]] = {}
    kept: list[Finding] = []
    for finding in findings:
        items = {index: suppression.item_for(finding) for index, suppression in enumerate(suppressions)}
        by = {index: item for index, item in items.items() if item is not None}
        (hidden if by else kept).append(finding)
        for index, item in by.items():
            used[index] = used.get(index, frozenset()) | {item}
    return Filtered(tuple(kept), tuple(hidden), used)


def removal(suppression: Suppression, items: Sequence[str], line: str) -> Edit:
    """The edit that takes codes out of a suppression, and what is left of it away where they are all it has.

    Args:
        suppression: the comment.
        items: its codes and names to take out.
        line: the line it stands in.
    """
    comment = suppression.comment
    left = _without(suppression.text, items) if set(suppression.codes) - set(items) else _foreign(suppression, items)
    before, after = comment.text[: suppression.start].rstrip(), comment.text[suppression.end :].strip()
    if after and not after.startswith("#") and not left:
        after = f"# {after}"
    kept = "  ".join(part for part in (before, left, after) if part)
    row, column = comment.span.row, comment.span.column
    code = line[: column - 1].rstrip()
    if kept:
        return Edit(comment.span, kept)
    if not code:
        return Edit(ir.Span(row, 1, row + 1, 1), "")
    return Edit(ir.Span(row, len(code) + 1, row, comment.span.end_column), "")


def _foreign(suppression: Suppression, items: Sequence[str]) -> str:
    """What stays of a ``# noqa`` without our codes: nothing, where it has none of other linters."""
    if not suppression.is_noqa:
        return ""
    left = _without(suppression.text, items)
    return left if re.search(r":\s*[A-Z]+[0-9]", left, re.IGNORECASE) else ""


def _without(text: str, items: Sequence[str]) -> str:
    for item in items:
        text = re.sub(rf"(?<![\w-]){re.escape(item)}(?![\w-])[ \t]*,?[ \t]*", "", text, count=1)
    return re.sub(r",\s*(?=\]|$)", "", text).rstrip()


def _codes(text: str | None) -> tuple[str, ...]:
    return tuple(re.findall(r"[\w-]+", text or ""))


def covered_rows(module: ir.Module, row: int) -> tuple[int, int]:
    """First and last row of the simple statement or header that a row is in."""
    return _covered(module.body, ir.Comment(ir.Span(row, 0, row, 0), ""), whole_body=False)


def _covered(body: Iterable[ir.Statement], comment: ir.Comment, *, whole_body: bool) -> tuple[int, int]:
    """Rows that a comment speaks for: those of the simple statement or header it stands in, else its own.

    With ``whole_body``, a ``def`` or ``class`` header stands for everything below it.
    """
    row = comment.span.row
    for statement in body:
        if not statement.span.row <= row <= statement.span.end_row:
            continue
        blocks = [block for block in _bodies(statement) if block]
        if not blocks:
            return statement.span.row, statement.span.end_row
        first = min((block[0].span for block in blocks), key=lambda span: span.row)
        header_end = max(statement.span.row, first.row - 1)
        if row > header_end:
            return _covered((inner for block in blocks for inner in block), comment, whole_body=whole_body)
        if comment.alone and comment.span.column == first.column:
            return row, row  # above the first statement of the block, not in the header
        if whole_body and isinstance(statement, (ir.FunctionDef, ir.ClassDef)):
            return statement.span.row, statement.span.end_row
        return statement.span.row, header_end
    return row, row


def _bodies(statement: ir.Statement) -> Iterator[Sequence[ir.Statement]]:
    """The blocks of a compound statement, a definition's body included."""
    from session_lint.traversal import blocks  # not needed where the analysis is known

    if isinstance(statement, (ir.FunctionDef, ir.ClassDef)):
        yield statement.body
    yield from blocks(statement)
