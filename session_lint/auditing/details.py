"""The detailed analysis: each background task, service function, endpoint and engine, and what is said for and against it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING

import msgspec

from session_lint.auditing.model import NOT_WORKED_OUT, Detail, DetailId, Fault, Group, Place, Subject
from session_lint.checks.descent import borrowers, entered, reached
from session_lint.checks.engines import ENGINES, EngineMade
from session_lint.checks.evidence_background import Task, by_of, ends_of, sessions_of, starts_of, tasks_of
from session_lint.checks.evidence_endpoints import (
    ENDPOINTS,
    Endpoint,
    below_of,
    bounds_of,
    outside_of,
    unknown_below_of,
)
from session_lint.checks.evidence_pooler import arguments_of
from session_lint.checks.evidence_services import BORROWERS, Borrower, acts_of
from session_lint.checks.openings import OPENINGS, Opening
from session_lint.checks.providing import begun_for
from session_lint.checks.unknown_sessions import said_in
from session_lint.checks.wording import counted, defined, lines, listed, named
from session_lint.conventions import provider_of
from session_lint.faults import Noted
from session_lint.program.symbols import Function
from session_lint.report.conventions import described

if TYPE_CHECKING:
    from session_lint.auditing.view import View
    from session_lint.inference import PoolerHint
    from session_lint.program.symbols import Unit

_TASKS = "Background tasks"
_SERVICES = "Service functions"
_ROUTERS = "Routers"
_ENGINES = "Connection pooler and engine configuration"
_LENT = 6
_LENDERS = 3


def details_of(view: View) -> tuple[Detail, ...]:
    """The four parts, in the order in which they are read."""
    parts: tuple[tuple[DetailId, str, Callable[[View], Detail]], ...] = (
        ("background-tasks", _TASKS, lambda view: _judged(view, _tasks(view))),
        ("service-functions", _SERVICES, lambda view: _judged(view, _services(view))),
        ("routers", _ROUTERS, lambda view: _judged(view, _routers(view))),
        ("engines", _ENGINES, _engines),
    )
    return tuple(_worked_out(view, *part) for part in parts)


def _worked_out(view: View, id_: DetailId, title: str, make: Callable[[View], Detail]) -> Detail:
    with Noted(view.faults, f"the audit's part on {id_}"):
        return make(view)
    return Detail(id_, title, NOT_WORKED_OUT, ())


def _detail(id_: DetailId, title: str, text: str, groups: Iterable[tuple[str, Sequence[Subject]]]) -> Detail:
    return Detail(id_, title, text, tuple(Group(said, tuple(subjects)) for said, subjects in groups if subjects))


def _judged(view: View, detail: Detail) -> Detail:
    """With how many of its subjects are fine, of those in the files that the run reports on."""
    shown = {view.show(path) for path in view.scope.paths}
    here = [s for group in detail.groups for s in group.subjects if s.place.filename in shown]
    if not here:
        return detail
    fine = sum(subject.fine for subject in here)
    if len(here) < sum(len(group.subjects) for group in detail.groups):
        said = f"of the {len(here)} in the files looked at, {fine or 'none'} {'are' if fine > 1 else 'is'} without findings"
    elif fine == len(here):
        said = f"nothing is reported in {'it' if fine == 1 else 'any of them'}"
    else:
        said = (
            f"nothing is reported in {fine} of them" if fine else f"rules fire in {'it' if len(here) == 1 else 'each'}"
        )
    return msgspec.structs.replace(detail, text=f"{detail.text}; {said}")


# Background tasks


def _tasks(view: View) -> Detail:
    tasks = tasks_of(view.scope)
    lent = [t for t in tasks if t.lent]
    decorated = [t for t in tasks if t.decorated and not t.lent]
    around = [t for t in tasks if t.around and not t.lent and not t.decorated]
    own = [t for t in tasks if (t.opened or t.opened_below) and not (t.lent or t.decorated or t.around)]
    below = [t for t in tasks if t.used_below]
    unknown = [t for t in tasks if t.may_have_session]
    idle = [t for t in tasks if not (t.has_session or t.may_have_session)]
    return _detail(
        "background-tasks",
        _TASKS,
        counted(len(tasks), "background task") if tasks else "nothing here runs in the background",
        (
            (_say(own, "opens sessions of its own", "open sessions of their own"), [_task(view, t) for t in own]),
            (f"{_say(lent, 'is', 'are')} handed a session", [_task(view, t) for t in lent]),
            (f"{_say(decorated, 'has', 'have')} a session from a decorator", [_task(view, t) for t in decorated]),
            (
                f"{_say(around, 'uses', 'use')} a session of the function around {'it' if len(around) == 1 else 'them'}",
                [_task(view, t) for t in around],
            ),
            (
                f"{_say(below, 'reaches', 'reach')} functions that use a session, of which it is not seen whose it is",
                [_task(view, t) for t in below],
            ),
            (
                f"{len(unknown)} in which, or under which, it is not known what gives the session",
                [_task(view, t) for t in unknown],
            ),
            (f"in {len(idle)} no session is seen", [_task(view, t) for t in idle]),
        ),
    )


def _say(items: Sequence[object], verb: str, plural: str) -> str:
    return f"{len(items)} {verb if len(items) == 1 else plural}"


def _task(view: View, task: Task) -> Subject:
    scope, function = view.scope, task.unit
    starts = starts_of(scope, task)
    points = [f"is started in {listed(starts, _LENDERS)}"] if starts else []
    points += sessions_of(scope, task)
    points += _provided(view, (*task.opened, *task.opened_below))
    points += begun_for(scope, entered(view.program, function))
    points += said_in(task.unknown)
    if task.may_have_session and not task.unknown:
        places = listed([defined(scope, f) for f in task.unknown_below], _LENDERS)
        points.append(f"reaches functions in which it is not known what gives the session: {places}")
    if task.has_session:
        points += ends_of(scope, task)
    return _subject(view, function, points, [*_faults(view, function), *_below(view, function)])


def _provided(view: View, openings: Iterable[Opening]) -> list[str]:
    """The conventions of the providers that sessions are opened with."""
    providers = dict.fromkeys(o.provider for o in openings if o.provider is not None)
    return [f"{defined(view.scope, p)} is {described(provider_of(view.program, p))}" for p in providers]


# Service functions


def _services(view: View) -> Detail:
    borrowers = BORROWERS.within(view.scope)
    quiet = [b for b in borrowers if not b.acts]
    active = [b for b in borrowers if b.acts]
    verbs = "begins, commits, rolls back nor closes" if len(quiet) == 1 else "begin, commit, roll back nor close"
    return _detail(
        "service-functions",
        _SERVICES,
        f"a session is lent to {counted(len(borrowers), 'function')}"
        if borrowers
        else "no function here is lent a session",
        (
            (
                f"{_say(active, 'acts', 'act')} on the transaction of a session that is lent",
                [_service(view, b) for b in active],
            ),
            (f"{_say(quiet, 'takes', 'take')} a session and neither {verbs} it", [_service(view, b) for b in quiet]),
        ),
    )


def _service(view: View, borrower: Borrower) -> Subject:
    points = [acts_of(borrower)] if borrower.acts else []
    if borrower.lenders:
        points.append(f"is lent it by {listed(_grouped(view, borrower.lenders), _LENDERS)}")
    if borrower.by_name:
        points.append("that it is a session is known by its name alone")
    return _subject(view, borrower.unit, points, _faults(view, borrower.unit))


def _grouped(view: View, places: Iterable[tuple[Unit, int]]) -> list[str]:
    rows: dict[Unit, list[int]] = {}
    for unit, row in places:
        rows.setdefault(unit, []).append(row)
    return [named(view.scope, unit, *found) for unit, found in rows.items()]


# Routers


def _routers(view: View) -> Detail:
    groups: dict[tuple[int, str], list[Subject]] = {}
    endpoints = ENDPOINTS.within(view.scope)
    openings: dict[Unit, list[Opening]] = {}
    for opening in OPENINGS.within(view.scope):
        openings.setdefault(opening.unit, []).append(opening)
    for endpoint in endpoints:
        subject = _endpoint(view, endpoint, openings.get(endpoint.unit, []))
        groups.setdefault(bounds_of(view.scope, endpoint), []).append(subject)
    return _detail(
        "routers",
        _ROUTERS,
        counted(len(endpoints), "endpoint") if endpoints else "no endpoint here",
        ((f"{len(subjects)} {said}", subjects) for (_, said), subjects in sorted(groups.items())),
    )


def _endpoint(view: View, endpoint: Endpoint, openings: Sequence[Opening]) -> Subject:
    scope, function = view.scope, endpoint.unit
    injected = [o for o in openings if o.way == "injected"]
    opened = [o for o in openings if o.way not in ("injected", "returned")]
    points = []
    for provider in dict.fromkeys(o.provider for o in injected if o.provider is not None):
        written = {param.span.row for param in function.params[function.takes_self :]}
        rows = {
            o.row for o in injected if o.provider is provider
        } & written  # that of a view's class is in no parameter
        where = f", injected at {lines(rows)}" if rows else ""
        points.append(f"has its session from {defined(scope, provider)}{where}")
    if opened:
        points.append(f"opens {counted(len(opened), 'session')} {by_of(scope, opened)}")
    points += said_in(endpoint.unknown)
    if over := unknown_below_of(scope, endpoint):
        points.append(f"reaches functions in which it is not known what gives the session: {over}")
    points += begun_for(scope, entered(view.program, function))
    for kind, rows_of in (("begin", endpoint.begins), ("commit", endpoint.commits)):
        if rows_of:
            points.append(f"calls `{kind}()` at {lines(rows_of)}")
    for said in below_of(scope, endpoint):
        where = said.removeprefix("over ")
        points.append(f"is bounded {said}" if where == said else f"reaches {where}, where a session is opened")
    points += [f"uses{said.removeprefix('using')}" for said in outside_of(scope, endpoint)]
    lent = _lent_to(view, function)
    if endpoint.idle:
        points.append("runs no statement on its session")
    if lent:
        points.append(f"lends its session to {listed(lent, _LENT)}")
    return _subject(
        view,
        function,
        points,
        [*_faults(view, function), *_below(view, function), *_other_owners(view, endpoint)],
        view.program.entries[function].full_route,
    )


def _other_owners(view: View, endpoint: Endpoint) -> list[Fault]:
    """What is reported of a provider that ends the transaction that the endpoint, or what it lends its session to, ends too."""
    if not (endpoint.begins or endpoint.commits or endpoint.below):
        return []
    providers = [(p.module.path, p.qualname) for p in (*endpoint.beginning, *endpoint.committing)]
    return [fault for fault in view.faults_below(providers) if fault.code == "SL312"]


def _lent_to(view: View, function: Function) -> list[str]:
    """The functions that an entry point lends its session to, directly or not."""
    lent = (
        unit
        for context in entered(view.program, function)
        for number in range(len(context.tokens))
        for unit in borrowers(view.program, context, number)
    )
    return [defined(view.scope, unit) for unit in dict.fromkeys(lent) if isinstance(unit, Function)]


def _below(view: View, function: Function) -> tuple[Fault, ...]:
    """What is reported in the functions under an entry point that have a session."""
    under = {
        c.unit
        for context in entered(view.program, function)
        for c in reached(view.program, context)
        if c.tokens and c.unit is not function and not view.program.is_provider(c.unit)
    }
    return view.faults_below(sorted((unit.module.path, unit.qualname) for unit in under))


# The pooler and engines


def _engines(view: View) -> Detail:
    everywhere = [e for e in ENGINES.everywhere(view.program) if e.role not in ("test", "migration")]
    here = [e for e in everywhere if e.unit.module.path in view.scope.paths]
    engines = here or [e for e in everywhere if e.role == "session-module"]
    settings = view.result.files.project.settings
    hints: dict[str, dict[Place, list[str]]] = {}
    for hint in view.inference.hints:
        place = view.place_at(hint.place.filename, hint.place.row, hint.place.symbol)
        hints.setdefault(_says(hint), {}).setdefault(place, []).append(hint.text)
    count = counted(len(engines), "engine") if engines else "no engine is made"
    where = "" if here or not engines else ", made elsewhere in the project"
    written = view.inference.pooler
    speaks = (
        f"the code is written for a pooler in {written} mode"
        if written != "none"
        else "no code is written for a pooler"
    )
    return _detail(
        "engines",
        _ENGINES,
        f'{count}{where}; the settings say `pooler = "{settings.pooler}"`, {speaks}',
        (
            (
                f"what the arguments of {'it' if len(engines) == 1 else 'each'} say",
                [_engine(view, e) for e in engines],
            ),
            *(
                (said, [Subject(p, "", tuple(texts), ()) for p, texts in found.items()])
                for said, found in sorted(hints.items())
            ),
        ),
    )


def _says(hint: PoolerHint) -> str:
    return f"written for a pooler in {hint.pooler} mode" if hint.pooler else "fits a pooler, and proves none"


def _engine(view: View, engine: EngineMade) -> Subject:
    known = {(e.place.filename, e.place.row): e for e in view.inference.engines}
    found = known.get((engine.unit.module.path, engine.row))
    points = [f"is made by `{engine.maker}()`"]
    if found is not None:
        kind = "async" if found.is_async else "sync"
        points[0] += (
            f", {kind}, {f'with the driver `{found.driver}`' if found.driver else 'from a URL that is not written down'}"
        )
    points.append(f"has {arguments_of(engine)}")
    path = engine.unit.module.path
    rows = range(engine.row, engine.end_row + 1)
    faults = [f for f in view.faults_in(path, [engine.unit.qualname]) if f.place.row in rows]
    return Subject(view.place(engine.unit, engine.row), "", tuple(points), tuple(faults))


def _faults(view: View, function: Function) -> tuple[Fault, ...]:
    return view.faults_in(function.module.path, [function.qualname])


def _subject(
    view: View, function: Function, points: Sequence[str], faults: Sequence[Fault], label: str = ""
) -> Subject:
    return Subject(view.place(function), label, tuple(points), tuple(faults))
