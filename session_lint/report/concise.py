"""One line a finding."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from session_lint.report.style import SEVERITY_COLOR, paint, path_text, printable

if TYPE_CHECKING:
    from session_lint.result import Result


def render(result: Result, show: Callable[[str], str], *, color: bool) -> str:
    """``file:row:column: severity SL302 name: message`` for each finding."""
    lines = []
    for finding in result.findings:
        place = f"{path_text(show(finding.filename))}:{finding.span.row}:{finding.span.column}"
        severity = paint(finding.severity.value, SEVERITY_COLOR[finding.severity], on=color)
        code = paint(finding.code, bold=True, on=color)
        lines.append(f"{place}: {severity} {code} {finding.name}: {printable(finding.message)}\n")
    return "".join(lines)
