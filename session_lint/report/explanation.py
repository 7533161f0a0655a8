"""What is known at one line, for a terminal and as JSON."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import msgspec
from rich.console import Console

from session_lint.report.conventions import conventions
from session_lint.report.style import counted
from session_lint.report.terminal import draw, fields, indented, plain

if TYPE_CHECKING:
    from session_lint.explanation import Explanation, FunctionFacts, SessionFacts, Unknown, Way
    from session_lint.findings import Finding

_SHOWN_WAYS = 5

_EVIDENCE = {
    "type": "its type (high confidence)",
    "flow": "data flow: what callers pass or calls return (medium confidence)",
    "name": "its name alone (low confidence)",
}
_HOW = {
    "created": "opened by this function",
    "injected": "injected into this entry point",
    "param": "a parameter",
    "attr": "an attribute of an object",
    "closure": "a variable of the function around this one",
    "global": "a global variable",
    "registry": "a registry (scoped session or context variable)",
    "decorator": "handed in by a decorator",
    "state": "read from the state of a request or app",
    "object": "kept by an object that opened it",
    "unknown": "not known",
}


def render_json(explanation: Explanation, show: Callable[[str], str]) -> str:
    """One JSON document, with places spelled as in the JSON of findings."""
    return json.dumps(_spelled(msgspec.to_builtins(explanation), show), indent=2) + "\n"


def _spelled(data: Any, show: Callable[[str], str]) -> Any:
    if isinstance(data, (list, tuple)):
        return [_spelled(item, show) for item in data]
    if not isinstance(data, dict):
        return data
    spelled: dict[str, Any] = {}
    for key, value in data.items():
        if key == "span":
            row, column, end_row, end_column = value
            spelled["location"] = {"row": row, "column": column}
            spelled["end_location"] = {"row": end_row, "column": end_column}
        elif key != "digest":
            spelled[key] = show(value) if key == "filename" else _spelled(value, show)
    return spelled


def render(explanation: Explanation, source: str, show: Callable[[str], str], *, color: bool) -> str:
    """The line, the function it is in, then each session, the findings, and what stayed unknown.

    Args:
        source: the line's text.
    """

    def print_all(console: Console) -> None:
        console.print(plain(f"{show(explanation.filename)}:{explanation.row}", "bold"))
        if source.strip():
            console.print(indented(source.strip()))
        console.print()
        console.print(fields(_function(explanation.function, show)))
        for session in explanation.sessions:
            console.print()
            kind = "async" if session.is_async else "sync"
            console.print(plain(f"Session {session.name or '(without a name)'}", "bold"))
            console.print(fields([("kind", kind), ("known by", _EVIDENCE[session.evidence])], indent=2))
            _print_ways(console, explanation.function, session, show)
        if not explanation.sessions:
            console.print()
            console.print(plain(_nothing(explanation.function)))
        _print_findings(console, "Findings", explanation.findings)
        _print_findings(console, "Suppressed findings", explanation.suppressed)
        if explanation.unknown:
            console.print()
            console.print(plain("Not known", "bold"))
            for one in explanation.unknown:
                console.print(indented(_unknown(one)))

    return draw(print_all, color=color)


def _function(facts: FunctionFacts, show: Callable[[str], str]) -> list[tuple[str, str]]:
    kind = "top level" if facts.symbol == "<module>" else "async function" if facts.is_async else "function"
    rows = [(kind if kind == "top level" else "function", f"{facts.symbol} ({show(facts.filename)}:{facts.row})")]
    if kind == "async function":
        rows[0] = ("function", f"{rows[0][1]}, async")
    role = (
        facts.role if not facts.is_session_module or facts.role == "session-module" else f"{facts.role}, session module"
    )
    rows.append(("role of file", role))
    route = f" ({facts.route})" if facts.route else ""
    rows.append(("entry point", f"yes: {facts.entry}{route}" if facts.entry else "no"))
    if facts.provider is not None:
        rows.append(("provider", f"this is one: {conventions(facts.provider)}"))
    return rows


def _nothing(facts: FunctionFacts) -> str:
    if not facts.reached:
        return "No session is known to reach this function."
    return "No session is known on this line."


def _print_ways(console: Console, facts: FunctionFacts, session: SessionFacts, show: Callable[[str], str]) -> None:
    for position, way in enumerate(session.ways[:_SHOWN_WAYS], start=1):
        rows = list(_way(way, facts, show))
        if len(session.ways) > 1:
            console.print(plain(f"  way {position} of {len(session.ways)}", "bold"))
        console.print(fields(rows, indent=2))
    if len(session.ways) > _SHOWN_WAYS:
        more = counted(len(session.ways) - _SHOWN_WAYS, "more way")
        console.print(plain(f"  and {more}: --output-format json lists all"))


def _way(way: Way, facts: FunctionFacts, show: Callable[[str], str]) -> Iterator[tuple[str, str]]:
    yield "had as", _HOW[way.how]
    if way.owner is None:
        yield "owner", "not known: nobody who obtained it is seen to lend it"
    elif (way.owner.symbol, way.owner.filename, way.owner.row) == (facts.symbol, facts.filename, facts.row):
        yield "owner", "this function" if facts.symbol != "<module>" else "this module"
    else:
        yield "owner", f"{way.owner.symbol} ({show(way.owner.filename)}:{way.owner.row})"
    if way.made is not None:
        yield "made", f"{way.made.note.removeprefix('made ')} ({show(way.made.filename)}:{way.made.row})"
    if way.provider is not None:
        place = f"{show(way.provider.filename)}:{way.provider.row}"
        yield "provider", f"{way.provider.symbol} ({place}): {conventions(way.provider)}"
    for position, link in enumerate(way.chain):
        yield "chain" if position == 0 else "", f"{show(link.filename)}:{link.row} {link.symbol} {link.note}"
    for position, use in enumerate(way.uses):
        label = "transaction" if position == 0 else ""
        yield label, f"before {use.what}: {' or '.join(use.states) or 'unknown'}"
    if not way.uses:
        held = f"before this line: {' or '.join(way.states)}"
        yield "transaction", held if way.states else "no known call on this line uses it"


def _print_findings(console: Console, title: str, findings: tuple[Finding, ...]) -> None:
    if findings:
        console.print()
        console.print(plain(title, "bold"))
        for one in findings:
            console.print(indented(f"{one.severity.value}[{one.code}] {one.name}: {one.message}"))


def _unknown(one: Unknown) -> str:
    place = f"{one.call}() at column {one.column}"
    if one.external is not None:
        return f"{place}: {one.external.removesuffix('()')} lies outside the project; what it does with the session is not looked into"
    tail = ", and what it does with the session is not known" if one.gets_session else ""
    return f"{place}: what it calls is not known{tail}"
