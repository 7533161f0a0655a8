"""The compliance table: what each check says of a program, as a whole and file by file."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from msgspec.structs import replace

from session_lint.checks import CHECKS, Check
from session_lint.checks.evidence import Evidence, Scope
from session_lint.checks.wording import listed
from session_lint.faults import Noted
from session_lint.record import Record

if TYPE_CHECKING:
    from session_lint.findings import Finding
    from session_lint.result import Result


class Row(Record, frozen=True):
    """One row of a table: the three columns, and whether its rules found a fault."""

    check: Check
    result: str
    analysis: str
    violated: bool


class Table(Record, frozen=True):
    """The table of one file, or of the whole where ``path`` is None; ``role`` is the file's."""

    path: str | None
    role: str | None
    rows: tuple[Row, ...]


def whole_table(result: Result, show: Callable[[str], str] = str) -> Table:
    """The table for all files that the run reports on; ``show`` spells a path for the reader."""
    scope = Scope(result.program, frozenset(result.reported), show)
    return Table(None, None, tuple(_row(check, result, scope, _evidence(check, result, scope)) for check in CHECKS))


def module_tables(result: Result, show: Callable[[str], str] = str) -> tuple[Table, ...]:
    """A table for each file with something to say, holding only the rows that say it."""
    tables = []
    for path in result.reported:
        scope = Scope(result.program, frozenset({path}), show, own=path)
        seen = [(check, _evidence(check, result, scope)) for check in CHECKS]
        rows = tuple(
            _row(check, result, scope, evidence) for check, evidence in seen if _speaks(check, result, scope, evidence)
        )
        if rows:
            tables.append(Table(path, result.program.roles.get(path), rows))
    return tuple(tables)


def _evidence(check: Check, result: Result, scope: Scope) -> Evidence:
    reported = {
        (finding.filename, finding.span.row)
        for finding in (*result.findings, *result.hidden)
        if finding.code in check.rules
    }
    of_all = f"the evidence on {check.id}"
    if any(fault.where == of_all for fault in result.faults):
        return Evidence(applicable=False, failed=True)
    with Noted(result.faults, of_all if scope.own is None else f"{of_all} in {scope.own}"):
        return check.evidence(replace(scope, reported=frozenset(reported)))
    return Evidence(failed=True)


def _speaks(check: Check, result: Result, scope: Scope, evidence: Evidence) -> bool:
    if any(
        finding.code in check.rules and finding.filename in scope.paths
        for finding in (*result.findings, *result.hidden)
    ):
        return True
    return evidence.applicable and bool(evidence.found or evidence.statements or evidence.failed)


def _row(check: Check, result: Result, scope: Scope, evidence: Evidence) -> Row:
    found = [finding for finding in result.findings if finding.code in check.rules and finding.filename in scope.paths]
    hidden = [finding for finding in result.hidden if finding.code in check.rules and finding.filename in scope.paths]
    missing, left = _missing(check, result), _left_out(check, result)
    parts = [*_violations(found, scope), *evidence.statements, *evidence.elsewhere]
    if hidden:
        parts.append(f"{_places(hidden, scope)} suppressed")
    parts.extend(f"{', '.join(codes)} {why}" for why, codes in missing.items())
    failures = [*["the evidence could not be worked out"] * evidence.failed, *_unlooked(result, scope)]
    parts.extend(f"{failure}, by an error of session-lint itself" for failure in failures)
    title = _result(check, len(found), evidence, is_complete=not (missing or failures))
    if not parts:
        parts = [_nothing(check, title, result)]
    if left:
        parts.append(f"{', '.join(left)} (preview) did not run")
    return Row(check, title, _sentences(parts), violated=bool(found))


def _result(check: Check, violations: int, evidence: Evidence, *, is_complete: bool) -> str:
    """What is proved comes first: a fault is one, whatever did not run; nothing is called fine unless all rules ran on all files."""
    if violations:
        return f"Violations ({violations})"
    if not is_complete:
        return "Not checked"
    if not evidence.applicable:
        return "Not applicable"
    if check.searched:
        return f"Found ({evidence.found})" if evidence.found else "Not found"
    return "Compliant"


def _missing(check: Check, result: Result) -> dict[str, list[str]]:
    """Codes of the check's rules that did not run, by the reason; preview rules that nobody asked for are not missed."""
    left = _left_out(check, result)
    failed = _failed(result)
    missing: dict[str, list[str]] = {}
    for code in check.rules:
        if code not in result.rules_run and code not in left:
            why = "not selected" if code in result.rules_known else "not available yet"
            missing.setdefault("failed" if code in failed else why, []).append(code)
    return missing


def _left_out(check: Check, result: Result) -> list[str]:
    """The check's preview rules that did not run, where others did."""
    preview = {card.code for card in result.analysis.cards if card.preview} - _failed(result)
    ran = any(code in result.rules_run for code in check.rules)
    return [code for code in check.rules if ran and code in preview and code not in result.rules_run]


def _failed(result: Result) -> set[str]:
    return {fault.rule for fault in result.faults}


def _unlooked(result: Result, scope: Scope) -> list[str]:
    """What of the files could not be looked at, by errors of ours."""
    places = [fault.where for fault in result.faults if fault.file in scope.paths]
    return [f"what is in {listed([scope.show(place) for place in places])} could not be looked at"] if places else []


def _violations(findings: Sequence[Finding], scope: Scope) -> list[str]:
    by_code: dict[tuple[str, str], list[Finding]] = {}
    for finding in findings:
        by_code.setdefault((finding.code, finding.name), []).append(finding)
    return [f"{code} {name}: {_places(group, scope)}" for (code, name), group in sorted(by_code.items())]


def _places(findings: Sequence[Finding], scope: Scope) -> str:
    rows: dict[tuple[str, str], list[int]] = {}
    for finding in findings:
        rows.setdefault((finding.filename, finding.symbol), []).append(finding.span.row)
    places = [
        where if symbol == "<module>" else f"`{symbol}` ({where})"
        for (path, symbol), found in rows.items()
        for where in (scope.spell(path, found),)
    ]
    return listed(places)


def _nothing(check: Check, title: str, result: Result) -> str:
    if title == "Not applicable":
        return "Nothing of the kind here"
    return f"No finding of {', '.join(code for code in check.rules if code in result.rules_run)}"


def _sentences(parts: Sequence[str]) -> str:
    return " ".join(f"{part[0].upper()}{part[1:].rstrip('.')}." for part in parts if part)
