"""The transaction map: for each entry point, where its session comes from, where its transaction begins and ends, and every
function that the session is lent to.
"""

from __future__ import annotations

import difflib
import fnmatch
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

import msgspec

from session_lint import ir
from session_lint.checks.providing import surely_begins
from session_lint.checks.reads import is_read
from session_lint.conventions import Provider, provider_of
from session_lint.errors import UserError
from session_lint.faults import Fault, Noted
from session_lint.program import vocabulary
from session_lint.program.symbols import Function
from session_lint.rules.writing import is_write
from session_lint.traversal import blocks, own_expressions, subexpressions

if TYPE_CHECKING:
    from session_lint.findings import Finding
    from session_lint.program import Program
    from session_lint.program.contexts import Context, Event
    from session_lint.program.entrypoints import EntryPoint

Kind = Literal[
    "provider",
    "dependency",
    "session",
    "begin",
    "savepoint",
    "call",
    "read",
    "write",
    "use",
    "flush",
    "commit",
    "rollback",
    "close",
    "end",
]
_KINDS: dict[str, Kind] = {
    "begin": "begin",
    "begin_nested": "savepoint",
    "flush": "flush",
    "commit": "commit",
    "rollback": "rollback",
}
_SHOWN = vocabulary.AUTOBEGIN_METHODS | vocabulary.CLOSE_METHODS | _KINDS.keys()
_MAX_DEPTH = 30

COMMITS = ", commits at its end"
"""How the text of a session ends whose provider commits it."""

BEGINS = ", and begins"
"""What the text of a session says whose provider hands it out in a transaction."""

ASKED = " where it is asked to"
"""What follows where the provider begins only by what it is called with, which is not known."""

MAY_COMMIT = ", may commit at its end"
"""How the text of a session ends whose provider then commits it or not."""

UNCOMMITTED = "writes, no commit seen"


class Step(msgspec.Struct, frozen=True):
    """Something that happens to a session, and what happens inside of it.

    A ``read`` and a ``write`` surely are; what is not known to be one of them is a ``use``.
    ``filename`` and ``row`` are where it stands; of a call, where the function that is called is defined, and ``called_at``
    is the row of the call. ``codes`` are the rules that fire there. ``repeated``: what is inside has been shown before.
    """

    kind: Kind
    text: str
    filename: str
    row: int
    called_at: int = 0
    codes: tuple[str, ...] = ()
    repeated: bool = False
    steps: tuple[Step, ...] = ()


class Trace(msgspec.Struct, frozen=True):
    """One entry point: ``sources`` say where its sessions come from, ``bounds`` how its transaction begins and ends."""

    symbol: str
    module: str
    kind: str
    route: str
    filename: str
    row: int
    sources: tuple[str, ...]
    bounds: str
    codes: tuple[str, ...]
    steps: tuple[Step, ...]


def trace(
    program: Program, findings: Sequence[Finding], faults: list[Fault], wanted: Sequence[str] = ()
) -> tuple[Trace, ...]:
    """The transaction maps of entry points outside tests, in the order of files and rows.

    Args:
        findings: whose codes mark the steps that they stand at.
        faults: errors of ours are added to it; the map that one costs is left out.
        wanted: routes (``POST /batch``), names of functions, or globs of either; empty for all.

    Raises:
        UserError: one of them means no entry point.
    """
    tracer = _Tracer(program, _Marks(findings))
    traces = []
    for entry in entries_of(program, wanted):
        function = entry.function
        with Noted(
            faults, f"the transaction map of {function.qualname} ({function.module.path}:{function.name_span.row})"
        ):
            traces.append(tracer.trace(entry))
    return tuple(traces)


def entries_of(program: Program, wanted: Sequence[str] = ()) -> list[EntryPoint]:
    """The entry points outside tests that are wanted, in the order of files and rows."""
    entries = sorted(program.entries.values(), key=lambda e: (e.function.module.path, e.function.name_span.row))
    entries = [entry for entry in entries if program.role(entry.function) != "test"]
    if not wanted:
        return entries
    chosen: set[Function] = set()
    for item in wanted:
        found = _meant(entries, item)
        if not found:
            raise UserError(_unknown(entries, item))
        chosen.update(entry.function for entry in found)
    return [entry for entry in entries if entry.function in chosen]


def _meant(entries: Sequence[EntryPoint], wanted: str) -> list[EntryPoint]:
    """The entry points that a route, a name or a glob means: what is called so in full comes before a part of a route."""
    for names_of in (_names, _short_names):
        found = [entry for entry in entries if any(_fits(name, wanted) for name in names_of(entry))]
        if found:
            return found
    return []


def _fits(name: str, wanted: str) -> bool:
    # A path may hold what a glob takes for its own.
    return bool(name) and (name.lower() == wanted.lower() or fnmatch.fnmatchcase(name.lower(), wanted.lower()))


def _names(entry: EntryPoint) -> tuple[str, ...]:
    function = entry.function
    path = entry.full_route.partition(" ")[2]
    return (entry.full_route, path, function.name, function.qualname, f"{function.module.name}.{function.qualname}")


def _short_names(entry: EntryPoint) -> tuple[str, ...]:
    """The route without the path that routers put before it, as the decorator says it."""
    return (entry.route, entry.route.partition(" ")[2])


def _unknown(entries: Sequence[EntryPoint], wanted: str) -> str:
    if not entries:
        return "No entry point was found; name the decorators that make one in `entry-point-decorators`."
    names = dict.fromkeys(name for entry in entries for name in (*_names(entry), *_short_names(entry)) if name)
    spelled = {name.lower(): name for name in names}
    near = difflib.get_close_matches(wanted.lower(), spelled, n=1, cutoff=0.5)
    hint = f": did you mean {spelled[near[0]]!r}?" if near else "; `session-lint trace` lists them all."
    return f"No entry point is called {wanted!r}{hint}"


def all_steps(steps: Sequence[Step]) -> Iterator[Step]:
    """The steps, and those inside of them, in order."""
    for step in steps:
        yield step
        yield from all_steps(step.steps)


class _Marks:
    """Codes of findings, by the row that each starts on and by the function that it is in."""

    def __init__(self, findings: Sequence[Finding]) -> None:
        self._by_row: dict[tuple[str, int], set[str]] = {}
        self._by_function: dict[tuple[str, str], list[Finding]] = {}
        for finding in findings:
            self._by_row.setdefault((finding.filename, finding.span.row), set()).add(finding.code)
            self._by_function.setdefault((finding.filename, finding.symbol), []).append(finding)

    def at(self, path: str, row: int) -> tuple[str, ...]:
        return tuple(sorted(self._by_row.get((path, row), ())))

    def elsewhere(self, function: Function, shown: set[int]) -> tuple[str, ...]:
        """The codes of findings in a function that stand on none of the rows that are shown."""
        found = self._by_function.get((function.module.path, function.qualname), ())
        return tuple(sorted({finding.code for finding in found if finding.span.row not in shown}))


@dataclass(slots=True)
class _Walk:
    """One entry point's walk: the contexts that have been shown, and those being shown."""

    shown: set[Context] = field(default_factory=set)
    open: list[Context] = field(default_factory=list)


class _Tracer:
    def __init__(self, program: Program, marks: _Marks) -> None:
        self._program = program
        self._marks = marks
        self._callees: dict[Context, dict[int, list[Context]]] = {}
        for context in program.analysis.all_contexts():
            for edge in context.callers:
                site = id(edge.node) if edge.node is not None else 0
                called = self._callees.setdefault(edge.caller, {}).setdefault(site, [])
                if context not in called and (edge.tokens or context.tokens):
                    called.append(context)
        self._busy: dict[Context, bool] = {}

    def trace(self, entry: EntryPoint) -> Trace:
        function = entry.function
        walk = _Walk()
        contexts = [c for c in self._program.analysis.by_function.get(function, ()) if c.entry is not None]
        steps: list[Step] = []
        ends: list[Step] = []
        sources: list[str] = []
        for context in contexts[:1]:
            for outer in [edge.caller for edge in context.callers if edge.caller.is_synthetic][:1]:
                for made in self._callees.get(outer, {}).get(0, ()):
                    if made is context or not isinstance(made.unit, Function):
                        continue
                    step, end = self._dependency(walk, made, made.unit)
                    steps.append(step)
                    if step.kind == "provider":
                        sources.append(made.unit.qualname)
                    if end is not None:
                        ends.insert(0, end)
            steps += self._inside(walk, context)
            sources += [step.text for step in all_steps(steps) if step.kind == "session"]
        steps += ends
        place = (function.module.path, function.name_span.row)
        own = self._marks.elsewhere(function, _rows(steps, place[0]))
        codes = {*own}.union(*(step.codes for step in all_steps(steps)))
        return Trace(
            function.qualname,
            function.module.name,
            entry.kind,
            entry.full_route,
            *place,
            tuple(dict.fromkeys(sources)),
            _bounds(steps, ends),
            tuple(sorted(codes)),
            tuple(steps),
        )

    def _dependency(self, walk: _Walk, context: Context, function: Function) -> tuple[Step, Step | None]:
        """What runs before the entry point, and how it ends after it where it provides a session."""
        place = (function.module.path, function.name_span.row)
        codes = self._marks.at(*place)
        handed = context.exit is not None and any(n in context.exit.at_yield for n in range(len(context.tokens)))
        if not handed:
            steps = self._inside(walk, context)
            if any(step.kind == "session" for step in steps):
                opens = _opens(provider_of(self._program, function), context)
                return Step("provider", f"{function.qualname}: {opens}", *place, codes=codes), None
            return Step("dependency", function.qualname, *place, codes=codes, steps=steps), None
        provider = provider_of(self._program, function)
        start = Step("provider", f"{function.qualname}: {_opens(provider, context)}", *place, codes=codes)
        commits = "may commit" if _is_asked(provider, context) else "commits"
        does = [commits] * _does(provider, context, "commits") + ["closes"] * _does(provider, context, "closes")
        end = Step("end", f"{function.qualname} {' and '.join(does)}", *place) if does else None
        return start, end

    def _inside(self, walk: _Walk, context: Context) -> tuple[Step, ...]:
        if context in walk.open or len(walk.open) > _MAX_DEPTH:
            return ()
        walk.open.append(context)
        steps = tuple(self._block(walk, context, context.unit.body))
        walk.open.pop()
        walk.shown.add(context)
        return steps

    def _block(self, walk: _Walk, context: Context, body: Sequence[ir.Statement]) -> Iterator[Step]:
        for statement in body:
            if isinstance(statement, (ir.FunctionDef, ir.ClassDef)):
                continue
            steps = [step for call in _calls(statement) for step in self._call(walk, context, call)]
            inner = [step for block in blocks(statement) for step in self._block(walk, context, block)]
            if isinstance(statement, ir.With) and steps and steps[-1].kind in ("begin", "savepoint", "session", "call"):
                yield from _nested(steps, inner)
            else:
                yield from steps
                yield from inner

    def _call(self, walk: _Walk, context: Context, call: ir.Call) -> Iterator[Step]:
        path, row = context.module.path, call.span.row
        codes = self._marks.at(path, row)
        seen: set[Function] = set()
        for callee in self._callees.get(context, {}).get(id(call), ()):
            unit = callee.unit
            if not isinstance(unit, Function) or unit in seen or callee in walk.open or not self._uses(callee):
                continue
            seen.add(unit)
            again = callee in walk.shown
            inside = () if again else self._inside(walk, callee)
            if self._program.is_provider(unit):
                provider = provider_of(self._program, unit)
                ends = MAY_COMMIT if _is_asked(provider, callee) else COMMITS
                text = f"{unit.qualname}: {_opens(provider, callee)}{ends * _does(provider, callee, 'commits')}"
                yield Step("session", text, unit.module.path, unit.name_span.row, row, codes)
            else:
                again = again and bool(callee.events or self._callees.get(callee))
                if not again:
                    codes += self._marks.elsewhere(unit, _rows(inside, unit.module.path))
                yield Step("call", unit.qualname, unit.module.path, unit.name_span.row, row, codes, again, inside)
            codes = ()
        for event in context.events.values():
            if event.node is call and not event.forwarded and event.kind in _SHOWN:
                yield self._event(event, codes)
                codes = ()
        if not seen and any(
            t.how in ("created", "object") and t.site and t.site.span == call.span for t in context.tokens
        ):
            yield Step("session", "opens a session", path, row, row, codes)

    def _event(self, event: Event, codes: tuple[str, ...]) -> Step:
        kind = _KINDS.get(event.kind)
        if kind is None:
            kind = self._use(event)
        name = f"{event.session.path or 'session'}.{event.kind}()"
        return Step(kind, name, event.context.module.path, event.node.span.row, event.node.span.row, codes)

    def _use(self, event: Event) -> Kind:
        if event.kind in vocabulary.CLOSE_METHODS:
            return "close"
        if is_write(self._program, event):
            return "write"
        return "read" if is_read(event) else "use"

    def _uses(self, context: Context) -> bool:
        """Whether anything happens to a session in a function or below it."""
        known = self._busy.get(context)
        if known is None:
            self._busy[context] = False
            known = bool(context.events) or any(t.how == "created" for t in context.tokens)
            known = known or any(self._uses(c) for called in self._callees.get(context, {}).values() for c in called)
            self._busy[context] = known
        return known


def _opens(provider: Provider, context: Context) -> str:
    begins = BEGINS if _does(provider, context, "begins") else ""
    return f"opens a session{begins}{ASKED * _is_asked(provider, context)}"


def _is_asked(provider: Provider, context: Context) -> bool:
    """Whether a provider begins, in a context, on some paths alone: it is not known what it is called with."""
    return _does(provider, context, "begins") and not surely_begins(context)


def _does(provider: Provider, context: Context, verb: Literal["begins", "commits", "closes"]) -> bool:
    """Whether a provider does something to its sessions in a context: it may follow from what it is called with."""
    holds: bool = getattr(provider, verb)
    return holds and (verb not in provider.sometimes or getattr(context.convention, verb))


def _nested(steps: Sequence[Step], inner: Sequence[Step]) -> Iterator[Step]:
    """What stands in a ``with`` happens inside of what its items open."""
    *before, last = steps
    within = msgspec.structs.replace(last, steps=(*last.steps, *inner))
    for step in reversed(before):
        if step.kind not in ("begin", "savepoint", "session"):
            yield from before[: before.index(step) + 1]
            before = before[before.index(step) + 1 :]
            break
    for step in reversed(before):
        within = msgspec.structs.replace(step, steps=(*step.steps, within))
    yield within


def _calls(statement: ir.Statement) -> list[ir.Call]:
    """The calls in a statement itself, in the order in which they are made: arguments first."""
    calls = [e for expr in own_expressions(statement) for e in subexpressions(expr) if isinstance(e, ir.Call)]
    return sorted(calls, key=lambda c: (c.span.end_row, c.span.end_column))


def _rows(steps: Sequence[Step], path: str) -> set[int]:
    """The rows of a file on which the steps themselves stand or are called."""
    return {step.called_at or step.row for step in all_steps(steps) if step.filename == path or step.called_at}


def _bounds(steps: Sequence[Step], ends: Sequence[Step]) -> str:
    """How the transaction begins and ends, in a few words."""
    inner = list(all_steps(steps))
    kinds = {step.kind for step in inner}
    said = []
    if "begin" in kinds:
        said.append("begin block")
    sessions = [step.text for step in inner if step.kind == "session"]
    if any(BEGINS in text for text in sessions):
        said.append(
            "provider begins" if any(BEGINS in t and ASKED not in t for t in sessions) else "provider may begin"
        )
    if "commit" in kinds:
        said.append("commit by the entry point" if any(s.kind == "commit" for s in steps) else "commit")
    if any(" commits" in end.text for end in ends) or any(text.endswith(COMMITS) for text in sessions):
        said.append("provider commits")
    elif any(" may commit" in text for text in (*(end.text for end in ends), *sessions)):
        said.append("provider may commit")
    if said:
        return " + ".join(said)
    if not kinds & {"read", "write", "use", "flush"}:
        return "no session used"
    if "write" in kinds or "flush" in kinds:
        return UNCOMMITTED
    return "no commit seen" if "use" in kinds else "only reads"
