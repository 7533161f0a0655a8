"""What runs at once in a function: the arguments of ``gather()``, the tasks of a group, tasks started before any is awaited."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence

import msgspec

from session_lint import ir
from session_lint.program.entrypoints import dotted
from session_lint.record import Record
from session_lint.traversal import children, own_expressions, subexpressions

_GATHERERS = {"gather", "as_completed", "wait"}
_STARTERS = {"create_task", "ensure_future"}
_GROUP_STARTERS = {*_STARTERS, "start_soon", "start"}
CALLED = frozenset({*_GATHERERS, *_GROUP_STARTERS, "submit", "map"})
"""The names of what is called where things run at once."""

_WRAPPERS = {*_STARTERS, "wait_for", "shield", "list", "tuple", "set"}
_COMPARED = 8  # how many tasks back one is looked at: no body makes the run quadratic
_GROUPS = ("TaskGroup", "create_task_group", "open_nursery")

_EXECUTORS = ("ThreadPoolExecutor", "ThreadPool")

Loop = ir.For | ir.While | ir.Comprehension | ir.Call
"""What makes many of one: a call too, that of ``map()``."""


class Place(Record, frozen=True):
    """An expression, the loops that it stands in, and the branches that lead there (which ``if``, which side)."""

    expr: ir.Expr
    loops: tuple[Loop, ...] = ()
    branches: tuple[tuple[int, int], ...] = ()

    def excludes(self, other: Place) -> bool:
        """Whether only one of the two can be reached."""
        sides = dict(other.branches)
        return any(sides.get(test, side) != side for test, side in self.branches)


class Concurrent(Record, frozen=True):
    """Calls that run at once because of ``node``; ``how`` says what starts them."""

    node: ir.Call
    how: str
    around: tuple[Loop, ...]
    members: tuple[Place, ...]

    def repeating(self, member: Place) -> tuple[Loop, ...]:
        """The loops that make many of a member."""
        return tuple(loop for loop in member.loops if not any(loop is outer for outer in self.around))


class _Kept(Record, frozen=True):
    """Something put into a variable, or into the collection that the variable holds."""

    place: Place
    row: int
    replaces: bool


class _Body(msgspec.Struct):
    calls: list[Place] = []
    kept: dict[str, list[_Kept]] = msgspec.field(default_factory=lambda: defaultdict(list))
    groups: set[str] = set()
    executors: set[str] = set()
    awaited: list[tuple[int, str]] = []


def concurrent(body: Sequence[ir.Statement]) -> Iterator[Concurrent]:
    """Every place of a body that has several calls run at once, or one in a loop."""
    seen = _Body()
    _collect(body, Place(ir.Constant(ir.Span(0, 0, 0, 0), None)), seen)
    started: dict[str, list[Place]] = defaultdict(list)
    gathered: set[int] = set()
    alone: list[Place] = []
    for place in seen.calls:
        call = place.expr
        assert isinstance(call, ir.Call)
        receiver, _, last = dotted(call.func).rpartition(".")
        if last in _GATHERERS and call.args:
            members = [
                m
                for arg in call.args
                if arg.keyword in (None, "aws", "fs")
                for m in _members(seen, arg.value, place)
                if not _starts_at_once(seen, m.expr)
            ]
            gathered |= {id(m.expr) for m in members}
            yield Concurrent(call, f"{last}()", place.loops, tuple(members))
        elif _starts_at_once(seen, call):
            started[receiver].append(place)
        elif receiver in seen.executors and last == "map":
            yield Concurrent(call, "an executor's map()", place.loops, (_mapped(call, place),))
        elif last in _STARTERS and call.args:
            alone.append(place)
    for receiver, places in started.items():
        yield _tasks(places, "the tasks of a group" if receiver in seen.groups else "the threads of an executor")
    rest = [
        p
        for p in alone
        if isinstance(p.expr, ir.Call) and not any(id(m.expr) in gathered for m in _members(seen, p.expr, p))
    ]
    yield from _overlapping(seen, rest)


def _starts_at_once(seen: _Body, expr: ir.Expr) -> bool:
    """Whether a call has a group or an executor of the body start something: whoever waits for it starts nothing more."""
    receiver, _, last = dotted(expr.func).rpartition(".") if isinstance(expr, ir.Call) else ("", "", "")
    return (receiver in seen.groups and last in _GROUP_STARTERS) or (receiver in seen.executors and last == "submit")


def _tasks(places: Sequence[Place], how: str) -> Concurrent:
    members = tuple(Place(_started(p.expr), p.loops, p.branches) for p in places)
    last = places[-1].expr
    assert isinstance(last, ir.Call)
    return Concurrent(last, how, (), members)


def _started(expr: ir.Expr) -> ir.Expr:
    """The call that a task is made of; that of the starter itself where it takes a function (``start_soon``)."""
    if isinstance(expr, ir.Call) and expr.args and isinstance(expr.args[0].value, ir.Call):
        return expr.args[0].value
    return expr


def _overlapping(seen: _Body, places: Sequence[Place]) -> Iterator[Concurrent]:
    """Tasks kept in variables, of which one starts before another was awaited."""
    held = {id(part): name for name, kept in seen.kept.items() for k in kept for part in subexpressions(k.place.expr)}
    kept = [place for place in places if id(place.expr) in held]
    for place in kept:
        if place.loops and not any(_awaits(seen, held[id(place.expr)], loop.span) for loop in place.loops):
            yield _tasks([place], "tasks started in a loop")
    for position, second in enumerate(kept):
        for first in kept[max(0, position - _COMPARED) : position]:
            between = ir.Span(first.expr.span.end_row, 1, second.expr.span.row, 1)
            if not first.excludes(second) and not _awaits(seen, held[id(first.expr)], between):
                yield _tasks([first, second], "tasks that overlap")


def _awaits(seen: _Body, name: str, span: ir.Span) -> bool:
    return any(span.row <= row <= span.end_row and awaited == name for row, awaited in seen.awaited)


def _members(seen: _Body, expr: ir.Expr, at: Place, depth: int = 0) -> Iterator[Place]:
    """The calls whose results an expression of awaitables holds."""
    match expr:
        case ir.Call(func=func, args=args):
            last = dotted(func).rpartition(".")[2]
            if last in _WRAPPERS and args:
                yield from _members(seen, args[0].value, at, depth)
            elif isinstance(func, ir.Name) and last == "map":
                yield _mapped(expr, at)
            else:
                yield Place(expr, at.loops, at.branches)
        case ir.Starred(value=inner) | ir.Walrus(value=inner):
            yield from _members(seen, inner, at, depth)
        case ir.Collection(items=items):
            for item in items:
                yield from _members(seen, item, at, depth)
        case ir.Dict(values=values):
            for value in values:
                yield from _members(seen, value, at, depth)
        case ir.Binary(op="+", left=left, right=right):
            yield from _members(seen, left, at, depth)
            yield from _members(seen, right, at, depth)
        case ir.Comprehension(element=element):
            yield from _members(seen, element, Place(element, (*at.loops, expr), at.branches), depth)
        case ir.Name(id=name) if depth < 4:
            before = [k for k in seen.kept.get(name, ()) if k.row <= expr.span.row]
            since = max((k.row for k in before if k.replaces), default=0)
            for kept in before:
                if kept.row >= since:
                    yield from _members(seen, kept.place.expr, kept.place, depth + 1)
        case _:
            return


def _mapped(call: ir.Call, at: Place) -> Place:
    return Place(call, (*at.loops, call), at.branches)


def _collect(body: Sequence[ir.Statement], at: Place, seen: _Body) -> None:
    for statement in body:
        for expr in own_expressions(statement):
            _collect_calls(expr, at, seen)
        _keep(statement, at, seen)
        match statement:
            case ir.If(body=then, orelse=orelse):
                for side, block in enumerate((then, orelse)):
                    _collect(block, Place(at.expr, at.loops, (*at.branches, (id(statement), side))), seen)
            case ir.For(body=inside, orelse=orelse) | ir.While(body=inside, orelse=orelse):
                _collect(inside, Place(at.expr, (*at.loops, statement), at.branches), seen)
                _collect(orelse, at, seen)
            case ir.Try():
                _collect(statement.body, at, seen)
                for handler in statement.handlers:
                    _collect(handler.body, Place(at.expr, at.loops, (*at.branches, (id(statement), id(handler)))), seen)
                _collect([*statement.orelse, *statement.final], at, seen)
            case ir.With(items=items, body=inside):
                for item in items:
                    maker = dotted(item.context.func) if isinstance(item.context, ir.Call) else ""
                    if isinstance(item.target, ir.Name) and maker.endswith(_GROUPS):
                        seen.groups.add(item.target.id)
                    elif isinstance(item.target, ir.Name) and maker.endswith(_EXECUTORS):
                        seen.executors.add(item.target.id)
                _collect(inside, at, seen)
            case ir.Match(cases=cases):
                for side, case in enumerate(cases):
                    _collect(case.body, Place(at.expr, at.loops, (*at.branches, (id(statement), side))), seen)
            case _:
                pass


def _collect_calls(expr: ir.Expr | None, at: Place, seen: _Body) -> None:
    if expr is None:
        return
    if isinstance(expr, ir.Await):
        seen.awaited += [(expr.span.row, n.id) for n in subexpressions(expr.value) if isinstance(n, ir.Name)]
    if isinstance(expr, ir.Call):
        seen.calls.append(Place(expr, at.loops, at.branches))
    inner = Place(at.expr, (*at.loops, expr), at.branches) if isinstance(expr, ir.Comprehension) else at
    for child in children(expr):
        _collect_calls(child, inner, seen)


def _keep(statement: ir.Statement, at: Place, seen: _Body) -> None:
    """Note what a statement puts into variables."""
    row = statement.span.row
    match statement:
        case ir.Assign(targets=targets, value=value):
            for target in targets:
                if isinstance(target, ir.Name):
                    seen.kept[target.id].append(_Kept(Place(value, at.loops, at.branches), row, replaces=True))
                elif isinstance(target, ir.Subscript) and isinstance(target.value, ir.Name):
                    seen.kept[target.value.id].append(_Kept(Place(value, at.loops, at.branches), row, replaces=False))
        case ir.AnnAssign(target=ir.Name(id=name), value=value) if value is not None:
            seen.kept[name].append(_Kept(Place(value, at.loops, at.branches), row, replaces=True))
        case ir.AugAssign(target=ir.Name(id=name), value=value):
            seen.kept[name].append(_Kept(Place(value, at.loops, at.branches), row, replaces=False))
        case ir.ExprStatement(value=ir.Call(func=ir.Attribute(value=ir.Name(id=name), name=method), args=args)):
            if method in ("append", "add", "extend", "insert") and args:
                seen.kept[name].append(_Kept(Place(args[-1].value, at.loops, at.branches), row, replaces=False))
        case _:
            pass
