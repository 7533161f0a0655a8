"""What stands on the page beside the report itself, as the template wants it: plain text, which the template makes visible and escapes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from session_lint.auditing import Report, audit_report
from session_lint.auditing.model import Fault, Place, TableRow
from session_lint.checks import CHECKS
from session_lint.findings import ChainLink, Confidence, Finding, Severity
from session_lint.report.html.excerpts import Excerpts, Line, Token
from session_lint.report.html.rails import draw
from session_lint.report.html.visible import visible
from session_lint.report.owners import OWNER_NAMES
from session_lint.tracing import UNCOMMITTED, Trace, all_steps, trace

if TYPE_CHECKING:
    from session_lint.result import Result

WEIGHTS = {Severity.ERROR: 10, Severity.WARNING: 3, Severity.INFO: 1}


@dataclass(frozen=True, slots=True)
class Row:
    """A row of the compliance table; ``state`` is ``bad``, ``good``, ``found``, ``open`` or ``none``."""

    check: str
    pattern: str
    result: str
    analysis: str
    state: str


@dataclass(frozen=True, slots=True)
class Link:
    """A step of a call chain, with its line of source."""

    place: str
    symbol: str
    note: str
    source: tuple[Token, ...]


@dataclass(frozen=True, slots=True)
class Problem:
    """A finding; ``lines`` is its source."""

    id: str
    code: str
    name: str
    check: str
    severity: str
    confidence: str
    message: str
    path: str
    role: str
    row: int
    column: int
    symbol: str
    lines: tuple[Line, ...]
    chain: tuple[Link, ...]
    fix: str
    change: str


@dataclass(frozen=True, slots=True)
class Module:
    """A file with something to say; ``entries`` is how many entry points lead to it with a session."""

    id: str
    path: str
    role: str
    counts: dict[str, int]
    risk: int
    share: int
    entries: int
    rows: tuple[Row, ...]


@dataclass(frozen=True, slots=True)
class Map:
    """The head of a transaction map; its rows are drawn from the embedded data when it is opened."""

    id: str
    route: str
    symbol: str
    place: str
    bounds: str
    codes: tuple[str, ...]
    sources: tuple[str, ...]
    steps: int


@dataclass(frozen=True, slots=True)
class Bar:
    """A bar of a chart; ``share`` is of the longest, in percent; ``fits``: it is as it should be."""

    text: str
    number: int
    share: int
    fits: bool


@dataclass(frozen=True, slots=True)
class Page:
    """All that the template is given of a run."""

    report: Report
    project: str
    counts: dict[str, int]
    states: dict[str, int]
    owners: tuple[Bar, ...]
    bounds: tuple[Bar, ...]
    table: tuple[Row, ...]
    modules: tuple[Module, ...]
    problems: tuple[Problem, ...]
    rules: tuple[tuple[str, str, tuple[tuple[str, str, int], ...]], ...]
    roles: tuple[str, ...]
    maps: tuple[Map, ...]
    idle: int
    drawings: dict[str, Any]
    findings_at: dict[tuple[str, str, int], str]
    maps_of: dict[tuple[str, str, int], str]

    def finding(self, fault: Fault) -> str:
        """The id of a finding that the report mentions."""
        return self.findings_at[fault.code, fault.place.filename, fault.place.row]

    def map(self, place: Place) -> str:
        """The id of an entry point's map; empty where it has none."""
        return self.maps_of.get((place.filename, place.symbol, place.row), "")


def make_page(result: Result, paths: Sequence[str] = (), root: str | None = None) -> Page:
    """The page of a run."""
    roles = result.program.roles
    reported = frozenset(result.reported)
    everything = [one for one in trace(result.program, result.findings, result.faults) if one.filename in reported]
    report = audit_report(result, str, paths, root)
    traces = [one for one in everything if one.steps or one.codes or one.sources]
    problems = _problems(result, roles, {one.code: one.change for one in report.recommendations})
    table = tuple(_row(row) for row in report.table.rows)
    return Page(
        report=report,
        project=result.root.name or "project",
        counts={
            **{severity.value: sum(f.severity is severity for f in result.findings) for severity in Severity},
            "suppressed": len(result.hidden),
        },
        states=Counter(row.state for row in table),
        owners=_owners(report, result.files.project.settings.transaction_owner),
        bounds=_bars(Counter(one.bounds for one in traces), frozenset({UNCOMMITTED})),
        table=table,
        modules=_modules(result, report, traces),
        problems=problems,
        rules=_rules(result.findings),
        roles=tuple(sorted({problem.role for problem in problems})),
        maps=tuple(_map(number, one) for number, one in enumerate(traces)),
        idle=len(everything) - len(traces),
        drawings=_drawings(traces),
        findings_at={(one.code, one.path, one.row): one.id for one in reversed(problems)},
        maps_of={(one.filename, one.symbol, one.row): f"map-{number}" for number, one in enumerate(traces)},
    )


def _owners(report: Report, owner: str) -> tuple[Bar, ...]:
    ended = {one.owner: one.transactions for one in report.summary.policy.ended}
    wanted = {name for kind, name in OWNER_NAMES.items() if kind == owner}
    return _bars(ended, frozenset(ended) - wanted if owner != "any" else frozenset())


def _bars(numbers: Mapping[str, int], unfit: frozenset[str]) -> tuple[Bar, ...]:
    """The longest first."""
    longest = max(numbers.values(), default=1)
    return tuple(
        Bar(text, number, round(100 * number / longest), text not in unfit)
        for text, number in sorted(numbers.items(), key=lambda item: (-item[1], item[0]))
    )


def _row(row: TableRow) -> Row:
    return Row(row.check, row.pattern, row.result, row.analysis, _state(row.result, violated=row.violated))


def _state(result: str, *, violated: bool) -> str:
    if violated:
        return "bad"
    states = {"Not checked": "open", "Not applicable": "none", "Compliant": "good", "Not found": "good"}
    return states.get(result, "found")


def _problems(result: Result, roles: Mapping[str, str], changes: Mapping[str, str]) -> tuple[Problem, ...]:
    excerpts = Excerpts(result.files.sources)
    checks = {code: check.id for check in CHECKS for code in check.rules}
    return tuple(
        Problem(
            id=f"finding-{number}",
            code=finding.code,
            name=finding.name,
            check=checks.get(finding.code, "lint"),
            severity=finding.severity.value,
            confidence="" if finding.confidence is Confidence.HIGH else finding.confidence.value,
            message=finding.message,
            path=finding.filename,
            role=roles.get(finding.filename, "other"),
            row=finding.span.row,
            column=finding.span.column,
            symbol=finding.symbol,
            lines=excerpts.around(finding.filename, finding.span),
            chain=tuple(_link(link, excerpts) for link in finding.chain),
            fix=_fix(finding),
            change=changes.get(finding.code, ""),
        )
        for number, finding in enumerate(result.findings, start=1)
    )


def _link(link: ChainLink, excerpts: Excerpts) -> Link:
    place = f"{link.filename}:{link.row}"
    return Link(place, link.symbol, link.note, excerpts.at(link.filename, link.row))


def _fix(finding: Finding) -> str:
    if finding.fix is None:
        return ""
    option = "--fix" if finding.fix.safe else "--fix --unsafe-fixes"
    return f"{finding.fix.message} ({option})"


def _rules(findings: Iterable[Finding]) -> tuple[tuple[str, str, tuple[tuple[str, str, int], ...]], ...]:
    """The rules that fired, with their number of findings, by the row of the table that they belong to."""
    numbers = Counter((finding.code, finding.name) for finding in findings)
    known = [(check.id, check.pattern.replace("`", ""), check.rules) for check in CHECKS]
    others = sorted({code for code, _ in numbers} - {code for check in CHECKS for code in check.rules})
    groups = []
    for check, title, codes in [*known, ("lint", "The lint itself", tuple(others))]:
        fired = tuple((code, name, number) for (code, name), number in sorted(numbers.items()) if code in codes)
        if fired:
            groups.append((check, title, fired))
    return tuple(groups)


def _modules(result: Result, report: Report, traces: Sequence[Trace]) -> tuple[Module, ...]:
    """Modules by their risk, then by how many entry points lead to them, then by path."""
    reached: Counter[str] = Counter()
    for one in traces:
        reached.update({one.filename, *(step.filename for step in all_steps(one.steps))})
    found: dict[str, Counter[Severity]] = {}
    for finding in result.findings:
        found.setdefault(finding.filename, Counter())[finding.severity] += 1
    rows = {table.filename or "": table for table in report.modules}
    paths = dict.fromkeys([*found, *rows])
    risks = {path: sum(WEIGHTS[s] * n for s, n in found.get(path, {}).items()) for path in paths}
    highest = max(risks.values(), default=0) or 1
    return tuple(
        Module(
            id=f"module-{number}",
            path=path,
            role=result.program.roles.get(path, ""),
            counts={severity.value: found.get(path, Counter())[severity] for severity in Severity},
            risk=risks[path],
            share=round(100 * risks[path] / highest),
            entries=reached[path],
            rows=tuple(_row(row) for row in rows[path].rows) if path in rows else (),
        )
        for number, path in enumerate(sorted(paths, key=lambda p: (-risks[p], -reached[p], p)), start=1)
    )


def _map(number: int, one: Trace) -> Map:
    return Map(
        id=f"map-{number}",
        route=one.route or one.kind,
        symbol=one.symbol,
        place=f"{one.filename}:{one.row}",
        bounds=one.bounds,
        codes=one.codes,
        sources=tuple(source.partition(":")[0] for source in one.sources),
        steps=sum(1 for _ in all_steps(one.steps)),
    )


def _drawings(traces: Sequence[Trace]) -> dict[str, Any]:
    """The rows of all maps, every text once: ``[depth, kind, text, file, row, codes, repeated, before, after, node]``."""
    numbers: dict[str, int] = {}

    def number(text: str) -> int:
        return numbers.setdefault(visible(text), len(numbers))

    maps = [
        [
            [
                row.depth,
                row.kind,
                number(row.text),
                number(row.filename),
                row.row,
                list(row.codes),
                int(row.repeated),
                "".join(map(str, row.before)),
                "".join(map(str, row.after)),
                row.node,
            ]
            for row in draw(one)
        ]
        for one in traces
    ]
    return {"texts": list(numbers), "maps": maps}
