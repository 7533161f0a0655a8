"""The findings of each file below its name."""

from __future__ import annotations

from collections.abc import Callable
from itertools import groupby
from typing import TYPE_CHECKING

from session_lint.report.style import SEVERITY_COLOR, paint, path_text, printable

if TYPE_CHECKING:
    from session_lint.findings import Finding
    from session_lint.result import Result


def render(result: Result, show: Callable[[str], str], *, color: bool) -> str:
    """``file:``, then ``row:column severity SL302 name: message`` for each finding, an empty line after each file."""
    lines: list[str] = []
    for path, group in groupby(result.findings, key=_filename):
        findings = list(group)
        places = [f"{finding.span.row}:{finding.span.column}" for finding in findings]
        width = max(map(len, places))
        lines.append(f"{paint(path_text(show(path)), bold=True, on=color)}:\n")
        for place, finding in zip(places, findings, strict=True):
            severity = paint(f"{finding.severity.value:<7}", SEVERITY_COLOR[finding.severity], on=color)
            code = paint(finding.code, bold=True, on=color)
            lines.append(f"  {place:>{width}} {severity} {code} {finding.name}: {printable(finding.message)}\n")
        lines.append("\n")
    return "".join(lines)


def _filename(finding: Finding) -> str:
    return finding.filename
