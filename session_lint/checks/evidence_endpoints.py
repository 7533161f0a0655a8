"""Router endpoints: how the transaction of each is bounded."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from session_lint import ir
from session_lint.checks.descent import entered, life, reached, unreached
from session_lint.checks.evidence import Evidence, Scope
from session_lint.checks.facts import Facts
from session_lint.checks.openings import OPENINGS
from session_lint.checks.providing import givers, surely_begins
from session_lint.checks.reads import is_read
from session_lint.checks.unknown_sessions import UnknownSession, unknown_below, unknown_in
from session_lint.checks.wording import counted, defined, lines, listed, named
from session_lint.program import states, vocabulary
from session_lint.program.contexts import origins
from session_lint.program.entrypoints import dotted
from session_lint.record import Record
from session_lint.traversal import expressions, walk

if TYPE_CHECKING:
    from session_lint.program import Program
    from session_lint.program.contexts import Context, Event
    from session_lint.program.symbols import Function, Unit

_ENDS = ("begin", "commit")


class Endpoint(Record, frozen=True):
    """An endpoint, and all that bounds the transactions of its own sessions.

    Args:
        begins: rows of its ``begin()`` calls. ``commits``: likewise.
        below: functions that it lends its session to and that begin or commit.
        beginning: providers that hand it its sessions in a transaction, which they commit; ``surely``: whatever they are called with.
        committing: providers of its sessions that commit by themselves what they have not begun.
        outside: places that use the session where nothing has begun explicitly.
        reads_only: every use of its sessions is known to read.
        opened_below: functions that open sessions of their own under it.
        has_session: it has a session itself.
        idle: it begins on its session, and does nothing else with it.
        unknown: what it uses as sessions, where it is not known what gives them. ``unknown_below``: functions under it that do.
    """

    unit: Function
    row: int
    begins: tuple[int, ...]
    commits: tuple[int, ...]
    below: tuple[tuple[Unit, int], ...]
    beginning: tuple[Function, ...]
    surely: bool
    committing: tuple[Function, ...]
    outside: tuple[tuple[Unit, int], ...]
    reads_only: bool
    opened_below: tuple[Function, ...]
    has_session: bool
    idle: bool
    unknown: tuple[UnknownSession, ...]
    unknown_below: tuple[Function, ...]


def _collect(program: Program) -> Iterator[Endpoint]:
    opening = {o.unit for o in OPENINGS.everywhere(program) if o.way != "injected"}
    for function, entry in program.entries.items():
        if entry.is_endpoint and program.role(function) != "test":
            yield _endpoint(program, function, opening)


def _endpoint(program: Program, function: Function, opening: set[Unit]) -> Endpoint:
    contexts = entered(program, function)
    sessions = [(context, number) for context in contexts for number in range(len(context.tokens))]
    events = [event for context, number in sessions for event in life(program, context, number)]
    own = [event for event in events if event.context.unit is function]
    ending = [e for e in events if e.kind in _ENDS]
    ended = [(c, n) for c, n in sessions if any(e.kind in _ENDS for e in life(program, c, n))]
    apart = unreached(function, contexts, _ENDS)
    below = {(e.context.unit, e.node.span.row) for e in ending if e.context.unit is not function}
    outside = {(e.context.unit, e.node.span.row) for e in events if _is_outside(e)}
    given = givers(program, ended or sessions)
    beginning = {provider for provider, by in given.items() if any(c.convention.begins for c in by)}
    committing = {
        t.provider for c, n in ended or sessions for _, t in origins(c, n) if t.provider and program.commits(t)
    }
    under = {c.unit for context in contexts for c in reached(program, context)} - {function}
    return Endpoint(
        function,
        function.name_span.row,
        _rows("begin", own, apart),
        _rows("commit", own, apart),
        _ordered(below),
        _sorted(beginning),
        all(surely_begins(context) for provider in beginning for context in given[provider]),
        _sorted(committing - beginning),
        _ordered(outside),
        bool(events) and not (ending or apart) and all(is_read(e) for e in events),
        tuple(f for f, _ in _ordered({(u, 0) for u in under & opening}) if not program.is_provider(f)),  # type: ignore[misc]
        bool(sessions),
        any(e.kind == "begin" for e in own) and _is_idle(function, sessions),
        unknown_in(program, function),
        () if sessions else unknown_below(program, function),
    )


ENDPOINTS = Facts(_collect)


def _rows(kind: str, events: Iterable[Event], apart: set[tuple[str, int]]) -> tuple[int, ...]:
    """The rows of calls of a method, those that nothing comes to included."""
    return tuple(
        sorted({e.node.span.row for e in events if e.kind == kind} | {row for name, row in apart if name == kind})
    )


def _is_idle(function: Function, sessions: list[tuple[Context, int]]) -> bool:
    """Whether the names of an endpoint's sessions stand in it for nothing but ``begin()``."""
    names = {context.tokens[number].path for context, number in sessions}
    nodes = list(expressions(function.body))
    if any(isinstance(node, (ir.FunctionDef, ir.ClassDef, ir.Lambda)) for node in (*walk(function.body), *nodes)):
        return False  # which may use them
    begun = [
        dotted(node.func.value)
        for node in nodes
        if isinstance(node, ir.Call) and isinstance(node.func, ir.Attribute) and node.func.name == "begin"
    ]
    uses = sum(isinstance(node, ir.Name) and node.id in names for node in nodes)
    return names <= {param.name for param in function.params} and uses == sum(name in names for name in begun)


def _ordered(places: set[tuple[Unit, int]]) -> tuple[tuple[Unit, int], ...]:
    return tuple(sorted(places, key=lambda place: (place[0].module.path, place[1], place[0].qualname)))


def _sorted(functions: set[Function]) -> tuple[Function, ...]:
    return tuple(sorted(functions, key=lambda f: (f.module.path, f.qualname)))


def _is_outside(event: Event) -> bool:
    explicit = states.BLOCK | states.BEGUN
    return (
        event.kind in vocabulary.AUTOBEGIN_METHODS and bool(event.bits) and not event.bits & (explicit | states.UNKNOWN)
    )


def evidence(scope: Scope) -> Evidence:
    """The files' endpoints, by what bounds their transactions."""
    endpoints = ENDPOINTS.within(scope)
    if not endpoints:
        return Evidence(applicable=False)
    groups: dict[tuple[int, str], list[str]] = {}
    for endpoint in endpoints:
        rank, bounds = bounds_of(scope, endpoint)
        groups.setdefault((rank, bounds), []).append(_place(scope, endpoint))
    statements = [counted(len(endpoints), "endpoint")]
    statements += [f"{len(places)} {bounds}: {listed(places)}" for (_, bounds), places in sorted(groups.items())]
    return Evidence(len(endpoints), tuple(statements))


def bounds_of(scope: Scope, endpoint: Endpoint) -> tuple[int, str]:
    """What bounds an endpoint's transaction, in words, and their place in the order."""
    begun, committed = (
        listed([defined(scope, function) for function in functions])
        for functions in (endpoint.beginning, endpoint.committing)
    )
    also = [f"the transaction that {begun} begins"] * bool(begun) + [f"the commit of {committed}"] * bool(committed)
    too = f", and by {' and '.join(also)} (two owners of one boundary)" if also else ""
    if endpoint.commits:
        return 4, f"committed by the endpoint itself{too}"
    if endpoint.begins:
        return 1, f"bounded by the endpoint's own `begin()`{too}"
    if endpoint.below:
        return 5, f"bounded by a function that the session is lent to{too}"
    if begun:
        asked = "" if endpoint.surely else ", where its arguments ask for it,"
        return 2, f"bounded{asked} by {' and '.join(also)}"
    if committed:
        return 3, f"without `begin()`, committed by {committed} alone"
    if endpoint.reads_only:
        return 6, "only reading, with no `begin()` or `commit()` seen"
    if endpoint.has_session:
        return 7, "with no `begin()` or `commit()` seen"
    if endpoint.unknown:
        return 8, "in which it is not known what gives the session"
    if endpoint.opened_below:
        return 9, "with no session itself, over functions that open one"
    if endpoint.unknown_below:
        return 10, "with no session itself, over functions in which it is not known what gives the session"
    return 11, "in which no session is seen"


def _place(scope: Scope, endpoint: Endpoint) -> str:
    rows = endpoint.commits or endpoint.begins or (endpoint.row,)
    over = unknown_below_of(scope, endpoint)
    said = [*below_of(scope, endpoint), *[f"over {over}"] * bool(over), *outside_of(scope, endpoint)]
    return " ".join([named(scope, endpoint.unit, *rows), *said])


def below_of(scope: Scope, endpoint: Endpoint) -> list[str]:
    """Which function under an endpoint bounds its transaction, or opens sessions, where it does not itself."""
    parts = []
    if not endpoint.begins and not endpoint.commits:
        parts += [f"by {named(scope, unit, row)}" for unit, row in endpoint.below[:1]]
    if not endpoint.has_session and endpoint.opened_below:
        parts.append(f"over {listed([defined(scope, f) for f in endpoint.opened_below], 2)}")
    return parts


def unknown_below_of(scope: Scope, endpoint: Endpoint) -> str:
    """The functions under an endpoint in which it is not known what gives the session, where nothing else has one."""
    if endpoint.has_session or endpoint.unknown or endpoint.opened_below:
        return ""
    return listed([defined(scope, f) for f in endpoint.unknown_below], 2)


def outside_of(scope: Scope, endpoint: Endpoint) -> list[str]:
    """Where an endpoint whose transaction something bounds uses the session outside of any ``begin()``."""
    here = [row for unit, row in endpoint.outside if unit is endpoint.unit]
    bounded = endpoint.begins or endpoint.beginning or endpoint.committing
    if here and bounded and not endpoint.commits:
        return [f"using the session outside any `begin()` at {lines(here)}"]
    if endpoint.begins and endpoint.outside and not endpoint.commits:
        unit, row = endpoint.outside[0]
        return [f"using the session outside any `begin()` in {named(scope, unit, row)}"]
    return []
