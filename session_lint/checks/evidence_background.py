"""Background tasks: what sessions each opens, with which provider, and who commits them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from session_lint.checks.descent import entered, reached, unreached
from session_lint.checks.evidence import Evidence, Scope
from session_lint.checks.facts import Facts
from session_lint.checks.openings import OPENINGS, Opening
from session_lint.checks.unknown_sessions import UnknownSession, unknown_below, unknown_in
from session_lint.checks.wording import SHOWN, counted, defined, lines, listed, named
from session_lint.program.symbols import Function
from session_lint.program.values import Coroutine, function_of, stable
from session_lint.record import Record

if TYPE_CHECKING:
    from session_lint.program import Program
    from session_lint.program.symbols import Unit

_KINDS = ("background", "task")
_STARTING_NOTHING = ("builtins.", "functools.", "inspect.", "logging.", "typing.")
"""How the names of functions begin that take others to look at them or to wrap them."""


class Task(Record, frozen=True):
    """A function that runs in the background.

    Args:
        opened: the sessions that it opens. ``opened_below``: those that functions under it open.
        ends: the ``begin()`` and ``commit()`` calls in it and under it: function, row.
        lent: names of the sessions that it is handed instead. ``decorated``: of those that its decorator hands it.
        around: names of the sessions that it uses of the function around it.
        used_below: functions under it that use a session, where nothing of the above says which.
        unknown: what it uses as sessions, where it is not known what gives them. ``unknown_below``: functions under it that do.
    """

    unit: Function
    row: int
    opened: tuple[Opening, ...]
    opened_below: tuple[Opening, ...]
    ends: tuple[tuple[str, Unit, int], ...]
    lent: tuple[str, ...]
    decorated: tuple[str, ...]
    around: tuple[str, ...]
    used_below: tuple[Function, ...]
    unknown: tuple[UnknownSession, ...]
    unknown_below: tuple[Function, ...]

    @property
    def has_session(self) -> bool:
        """Whether it, or something under it, has a session."""
        return bool(self.opened or self.opened_below or self.lent or self.decorated or self.around or self.used_below)

    @property
    def may_have_session(self) -> bool:
        """Whether something in it or under it is used like a session, of which it is not known what gives it."""
        return not self.has_session and bool(self.unknown or self.unknown_below)


class Start(Record, frozen=True):
    """A call that hands a function to the background."""

    unit: Unit
    row: int
    task: Function


def _collect(program: Program) -> Iterator[Task]:
    openings: dict[Unit, list[Opening]] = {}
    for opening in OPENINGS.everywhere(program):
        openings.setdefault(opening.unit, []).append(opening)
    for function, entry in program.entries.items():
        if entry.kind in _KINDS and program.role(function) != "test":
            yield _task(program, function, openings)


def _task(program: Program, function: Function, openings: dict[Unit, list[Opening]]) -> Task:
    contexts = entered(program, function)
    under = [c for context in contexts for c in reached(program, context) if not program.is_provider(c.unit)]
    units = sorted({c.unit for c in under} - {function}, key=lambda u: (u.module.path, u.qualname))
    opened = tuple(openings.get(function, ()))
    ends = {
        (event.kind, context.unit, event.node.span.row)
        for context in under
        for event in context.events.values()
        if event.kind in ("begin", "commit")
    }
    ends |= {(kind, function, row) for kind, row in unreached(function, contexts, ("begin", "commit"))}
    known = {o.row for o in opened if o.way == "injected"}
    lent = {
        token.path
        for context in contexts
        for token in context.tokens
        if token.how == "injected" and not known and token.provider is None
    }
    opened_below = tuple(o for unit in units for o in openings.get(unit, ()) if o.way not in ("injected", "returned"))
    decorated = {token.path for context in contexts for token in context.tokens if token.how == "decorator"}
    around = {token.path for context in contexts for token in context.tokens if token.how == "closure"}
    used = {c.unit for c in under if c.events} - {function}
    is_known = opened or opened_below or lent or decorated or around
    return Task(
        function,
        function.name_span.row,
        opened,
        opened_below,
        tuple(sorted(ends, key=lambda end: (end[0], end[1].module.path, end[2]))),
        tuple(sorted(lent)),
        tuple(sorted(decorated)),
        tuple(sorted(around)),
        () if is_known else tuple(u for u in units if u in used and isinstance(u, Function)),
        unknown_in(program, function),
        () if is_known else unknown_below(program, function),
    )


def _collect_starts(program: Program) -> Iterator[Start]:
    seen: set[tuple[int, Function]] = set()
    for call in program.external_calls():
        if program.role(call.unit) == "test" or call.name.startswith(_STARTING_NOTHING):
            continue
        for values in call.args.everything():
            for value in sorted(values, key=stable):
                function = value.function if isinstance(value, Coroutine) else function_of(value)
                entry = program.entries.get(function) if function is not None else None
                if entry is None or entry.kind not in _KINDS or (id(call.node), entry.function) in seen:
                    continue
                seen.add((id(call.node), entry.function))
                yield Start(call.unit, call.node.span.row, entry.function)


TASKS = Facts(_collect)
STARTS = Facts(_collect_starts)


def tasks_of(scope: Scope) -> list[Task]:
    """The tasks that the files define or start."""
    here = TASKS.within(scope)
    started = {start.task for start in STARTS.within(scope)}
    elsewhere = [t for t in TASKS.everywhere(scope.program) if t.unit in started and t not in here]
    return [*here, *elsewhere]


def evidence(scope: Scope) -> Evidence:
    """The tasks that the files define or start."""
    tasks = tasks_of(scope)
    statements = [_stated(scope, task) for task in tasks if task.has_session]
    idle = [defined(scope, task.unit) for task in tasks if not (task.has_session or task.may_have_session)]
    unknown = [defined(scope, task.unit) for task in tasks if task.may_have_session]
    if len(statements) > SHOWN:
        statements[SHOWN:] = [f"{len(statements) - SHOWN} more tasks use sessions"]
    if unknown:
        statements.append(
            f"{counted(len(unknown), 'task')} in which, or under which, it is not known what gives the session: {listed(unknown)}"
        )
    if idle:
        statements.append(f"{counted(len(idle), 'task')} in which no session is seen: {listed(idle)}")
    return Evidence(len(tasks), tuple(statements), applicable=bool(tasks))


def _stated(scope: Scope, task: Task) -> str:
    starts = starts_of(scope, task)
    origin = f", started in {listed(starts, 2)}," if starts else ""
    return f"{defined(scope, task.unit)}{origin} {' and '.join(sessions_of(scope, task))}"


def starts_of(scope: Scope, task: Task) -> list[str]:
    """The places that hand a task to the background."""
    return [named(scope, s.unit, s.row) for s in STARTS.everywhere(scope.program) if s.task is task.unit]


def sessions_of(scope: Scope, task: Task) -> list[str]:
    """Where a task has its sessions from."""
    parts = []
    if task.lent:
        parts.append(f"is handed a session as {' and '.join(f'`{name}`' for name in task.lent)}")
    if task.decorated:
        parts.append(f"is handed a session as {' and '.join(f'`{name}`' for name in task.decorated)} by its decorator")
    if task.around:
        parts.append(f"uses {' and '.join(f'`{name}`' for name in task.around)} of the function around it")
    if task.used_below:
        parts.append(f"reaches functions that use a session: {listed([defined(scope, f) for f in task.used_below], 3)}")
    if task.opened:
        parts.append(f"opens {counted(len(task.opened), 'session')} of its own {by_of(scope, task.opened)}")
    if task.opened_below:
        places = listed(_grouped(scope, [(o.unit, o.row) for o in task.opened_below]), 3)
        parts.append(f"reaches functions that open {'more' if task.opened else 'their own'}: {places}")
    return parts


def by_of(scope: Scope, openings: Sequence[Opening]) -> str:
    """The providers that sessions are opened with, and where."""
    providers = list(dict.fromkeys(o.provider for o in openings))
    parts = []
    for provider in providers:
        rows = lines(o.row for o in openings if o.provider is provider)
        parts.append(f"with {defined(scope, provider)} at {rows}" if provider is not None else f"at {rows}")
    return " and ".join(parts)


def ends_of(scope: Scope, task: Task) -> list[str]:
    """Who begins and commits the transactions of a task, beside its providers."""
    own = [end for end in task.ends if end[1] is task.unit]
    below = [end for end in task.ends if end[1] is not task.unit]
    parts = [_own_calls(own) if own else "calls neither `begin()` nor `commit()` itself"]
    if below:
        parts.append(f"under it, {_calls(scope, below)}")
    return parts


def _own_calls(ends: Sequence[tuple[str, Unit, int]]) -> str:
    kinds = dict.fromkeys(kind for kind, _, _ in ends)
    calls = (f"`{kind}()` at {lines(row for end, _, row in ends if end == kind)}" for kind in kinds)
    return f"calls {' and '.join(calls)}"


def _calls(scope: Scope, ends: Sequence[tuple[str, Unit, int]]) -> str:
    kinds = dict.fromkeys(kind for kind, _, _ in ends)
    grouped = {kind: _grouped(scope, [(unit, row) for end, unit, row in ends if end == kind]) for kind in kinds}
    return " and ".join(f"`{kind}()` in {listed(places, 3)}" for kind, places in grouped.items())


def _grouped(scope: Scope, places: Sequence[tuple[Unit, int]]) -> list[str]:
    rows: dict[Unit, list[int]] = {}
    for unit, row in places:
        rows.setdefault(unit, []).append(row)
    return [named(scope, unit, *found) for unit, found in rows.items()]
