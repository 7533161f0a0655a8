"""A GitLab Code Quality report."""

from __future__ import annotations

import json
from collections.abc import Callable
from types import MappingProxyType
from typing import TYPE_CHECKING

from session_lint.findings import Severity
from session_lint.fingerprints import fingerprints
from session_lint.report.style import printable

if TYPE_CHECKING:
    from session_lint.result import Result

_SEVERITIES = MappingProxyType({Severity.ERROR: "major", Severity.WARNING: "minor", Severity.INFO: "info"})


def render(result: Result, show: Callable[[str], str]) -> str:
    """A JSON list of issues, each under a fingerprint by which GitLab knows it in other runs."""
    issues = [
        {
            "type": "issue",
            "check_name": finding.code,
            "description": f"{finding.code} {finding.name}: {finding.message}",
            "categories": ["Bug Risk"],
            "severity": _SEVERITIES[finding.severity],
            "fingerprint": name,
            "location": {
                "path": printable(show(finding.filename)),
                "lines": {"begin": finding.span.row, "end": finding.span.end_row},
            },
        }
        for finding, name in zip(result.findings, fingerprints(result.findings), strict=True)
    ]
    return json.dumps(issues, indent=2) + "\n"
