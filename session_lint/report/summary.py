"""What a run looked at, and what came of it, in a few lines."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import TYPE_CHECKING

from session_lint.findings import Finding, Severity
from session_lint.report.style import counted

if TYPE_CHECKING:
    from session_lint.result import Result


def text(
    result: Result, fixed: tuple[Finding, ...] = (), decisions: Iterable[str] = (), *, unsafe_fixes: bool = False
) -> str:
    """The lines that end a check: what was looked at, what came of it, and what one decision would explain.

    Args:
        result: what is found.
        fixed: findings that are gone, since they were fixed before.
        decisions: what is to be said of decisions that the settings leave open.
        unsafe_fixes: unsafe fixes may be made.
    """
    lines = [looked_at(result), outcome(result, fixed), *_fixable(result.findings, unsafe_fixes=unsafe_fixes)]
    return "".join(f"{line}\n" for line in (*lines, *decisions))


def looked_at(result: Result) -> str:
    """``Checked 97 files: 41 handle sessions, 58 sessions, 23 endpoints, 12 checks``; checks count when one of their rules ran.

    Sessions and endpoints are the project's; where the run reports on a part of it, they stand in brackets behind all its files.
    """
    known, reported = len(result.files.discovery.known), len(result.reported)
    has = _has(result)
    where = f" of {known} known{has and f' ({has})'}" if reported != known else has and f": {has}"
    return (
        f"Checked {counted(reported, 'file')}{where}, {counted(number_of_checks(result), 'check')}{_not_read(result)}"
    )


def _has(result: Result) -> str:
    """``41 handle sessions, 58 sessions, 23 endpoints``; why there are none; nothing where counting failed."""
    counts = result.analysis.counts
    if counts is None:
        return ""
    if not (counts.databases or counts.files_with_sessions):
        return "none imports SQLAlchemy or a database driver"
    handle = "handles" if counts.files_with_sessions == 1 else "handle"
    sessions, endpoints = counted(counts.sessions, "session"), counted(counts.endpoints, "endpoint")
    return f"{counts.files_with_sessions} {handle} sessions, {sessions}, {endpoints}"


def _not_read(result: Result) -> str:
    discovery = result.files.discovery
    kinds = ((discovery.notebooks, "notebook"), (discovery.special, "special file"))
    skipped = [counted(len(files), noun) for files, noun in kinds if files]
    return f"; not read: {', '.join(skipped)}" if skipped else ""


def number_of_checks(result: Result) -> int:
    """The checks of which a rule ran."""
    return len({card.check for card in result.analysis.cards if card.check and card.code in result.rules_run})


def outcome(result: Result, fixed: tuple[Finding, ...] = ()) -> str:
    """``Found 3 errors, 1 warning in 2 files.``, or that there is nothing; what is fixed and suppressed is counted in both."""
    found = (*result.findings, *fixed)
    notes = [f"{len(fixed)} fixed, {len(result.findings)} remaining"] if fixed else []
    notes += [f"{len(result.hidden)} suppressed"] if result.hidden else []
    notes += [f"{len(result.old)} not new"] if result.old else []
    notes += [f"not complete: {counted(len(result.faults), 'internal error')}"] if result.faults else []
    aside = f" ({'; '.join(notes)})" if notes else ""
    if not found:
        return f"No problems found{aside}."
    by_severity = Counter(finding.severity for finding in found)
    nouns = {Severity.ERROR: "error", Severity.WARNING: "warning"}
    parts = [
        counted(by_severity[severity], nouns[severity]) if severity in nouns else f"{by_severity[severity]} info"
        for severity in Severity
        if by_severity[severity]
    ]
    files = len({finding.filename for finding in found})
    return f"Found {', '.join(parts)} in {counted(files, 'file')}{aside}."


def _fixable(findings: Iterable[Finding], *, unsafe_fixes: bool) -> list[str]:
    """``2 fixable with --fix (3 more with --unsafe-fixes).``; nothing where nothing is."""
    fixes = [finding.fix for finding in findings if finding.fix is not None]
    safe = len(fixes) if unsafe_fixes else sum(fix.safe for fix in fixes)
    more = len(fixes) - safe
    if not fixes:
        return []
    if not safe:
        return [f"{more} fixable with --fix --unsafe-fixes."]
    return [f"{safe} fixable with --fix{f' ({more} more with --unsafe-fixes)' if more else ''}."]
