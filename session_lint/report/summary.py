"""What a run looked at, and what came of it, in a few lines."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from session_lint.checks import CHECKS
from session_lint.findings import Severity
from session_lint.report.style import counted

if TYPE_CHECKING:
    from session_lint.pipeline import Result


def text(result: Result) -> str:
    """The lines that end a check: what was looked at, what came of it, and another policy that the code plainly follows."""
    from session_lint.inference import other_policy
    from session_lint.report.owners import other_owner

    lines = [looked_at(result), outcome(result)]
    other = other_policy(result.program)
    if other is not None:
        lines.append(other_owner(*other, result.program.settings.transaction_owner))
    return "".join(f"{line}\n" for line in lines)


def looked_at(result: Result) -> str:
    """``Checked 97 files: 41 handle sessions, 58 sessions, 23 endpoints, 12 checks``; checks count when one of their rules ran.

    Sessions and endpoints are the project's; where the run reports on a part of it, the line says so.
    """
    counts = result.program.counts
    known, reported = len(result.files.discovery.known), len(result.reported)
    checks = sum(any(code in result.rules_run for code in check.rules) for check in CHECKS)
    scope = "" if reported == known else f" of {known} known"
    handle = "handles" if counts.files_with_sessions == 1 else "handle"
    return (
        f"Checked {counted(reported, 'file')}{scope}: {counts.files_with_sessions} {handle} sessions, "
        f"{counted(counts.sessions, 'session')}, {counted(counts.endpoints, 'endpoint')}, {counted(checks, 'check')}"
    )


def outcome(result: Result) -> str:
    """``Found 3 errors, 1 warning in 2 files.``, or that there is nothing; what is suppressed is counted in both."""
    hidden = f" ({len(result.hidden)} suppressed)" if result.hidden else ""
    if not result.findings:
        return f"No problems found{hidden}."
    by_severity = Counter(finding.severity for finding in result.findings)
    nouns = {Severity.ERROR: "error", Severity.WARNING: "warning"}
    parts = [
        counted(by_severity[severity], nouns[severity]) if severity in nouns else f"{by_severity[severity]} info"
        for severity in Severity
        if by_severity[severity]
    ]
    files = len({finding.filename for finding in result.findings})
    return f"Found {', '.join(parts)} in {counted(files, 'file')}{hidden}."
