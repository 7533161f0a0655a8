"""A JUnit report: a suite a file, a failed test case a finding."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from html import escape
from itertools import groupby
from typing import TYPE_CHECKING

from session_lint.report.style import printable
from session_lint.report.summary import looked_at

if TYPE_CHECKING:
    from session_lint.findings import Finding
    from session_lint.result import Result


def render(result: Result, show: Callable[[str], str]) -> str:
    """The findings; where there are none, one test case that passed and says what was looked at."""
    findings = result.findings
    lines = ['<?xml version="1.0" encoding="UTF-8"?>']
    total = max(1, len(findings))
    lines.append(f'<testsuites name="session-lint" tests="{total}" failures="{len(findings)}" errors="0">')
    if not findings:
        lines.append('  <testsuite name="session-lint" tests="1" failures="0" errors="0">')
        lines.append(f'    <testcase name={_quoted(looked_at(result))} classname="session-lint" time="0"/>')
        lines.append("  </testsuite>")
    for path, group in groupby(findings, key=lambda finding: finding.filename):
        lines += _suite(show(path), list(group), show)
    return "".join(f"{line}\n" for line in (*lines, "</testsuites>"))


def _suite(path: str, findings: list[Finding], show: Callable[[str], str]) -> Iterable[str]:
    number = len(findings)
    yield f'  <testsuite name={_quoted(path)} tests="{number}" failures="{number}" errors="0">'
    for finding in findings:
        place = f"{path}:{finding.span.row}:{finding.span.column}"
        name = f"{finding.code} {finding.name} at {finding.span.row}:{finding.span.column}"
        details = [f"{place}: {finding.severity.value} {finding.code}: {finding.message}"]
        details += [f"{show(link.filename)}:{link.row} {link.symbol}: {link.note}" for link in finding.chain]
        yield f'    <testcase name={_quoted(name)} classname={_quoted(path)} time="0">'
        yield f"      <failure type={_quoted(finding.severity.value)} message={_quoted(finding.message)}>"
        yield "\n".join(escape(printable(detail), quote=False) for detail in details)
        yield "      </failure>"
        yield "    </testcase>"
    yield "  </testsuite>"


def _quoted(text: str) -> str:
    return f'"{escape(printable(text))}"'
