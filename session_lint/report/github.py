"""Annotations on GitHub: workflow commands, one a finding."""

from __future__ import annotations

from collections.abc import Callable
from types import MappingProxyType
from typing import TYPE_CHECKING

from session_lint.findings import Finding, Severity
from session_lint.report.style import path_text, printable

if TYPE_CHECKING:
    from session_lint.result import Result

_COMMANDS = MappingProxyType({Severity.ERROR: "error", Severity.WARNING: "warning", Severity.INFO: "notice"})


def render(result: Result, show: Callable[[str], str]) -> str:
    """``::error file=...,line=...::message`` for each finding."""
    return "".join(_command(finding, show) for finding in result.findings)


def _command(finding: Finding, show: Callable[[str], str]) -> str:
    span = finding.span
    properties = {
        "title": f"session-lint {finding.code} {finding.name}",
        "file": show(finding.filename),
        "line": str(span.row),
        "endLine": str(span.end_row),
    }
    if span.row == span.end_row:  # GitHub takes columns on one line alone
        properties |= {"col": str(span.column), "endColumn": str(max(span.column, span.end_column - 1))}
    place = f"{path_text(show(finding.filename))}:{span.row}:{span.column}"
    lines = [f"{place}: {finding.code} {printable(finding.message)}"]
    lines += [printable(f"{show(link.filename)}:{link.row} {link.symbol}: {link.note}") for link in finding.chain]
    spelled = ",".join(f"{key}={_property(value)}" for key, value in properties.items())
    return f"::{_COMMANDS[finding.severity]} {spelled}::{_data(chr(10).join(lines))}\n"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(printable(text)).replace(":", "%3A").replace(",", "%2C")
