"""Engines that are made again and again: in functions that run for every request, task or call."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterator
from weakref import WeakKeyDictionary

from session_lint import ir
from session_lint.program import Program
from session_lint.program.entrypoints import dotted
from session_lint.program.flow_facts import Creation
from session_lint.program.symbols import Class, Function, Unit
from session_lint.program.values import Factory, Generator, Session, Symbol, function_of
from session_lint.record import Record
from session_lint.rules.lifetime import is_cached
from session_lint.traversal import expressions, path_to, subexpressions, walk

_EXEMPT_ROLES = ("test", "migration", "script")
_PER_CALL = {"endpoint": "a request", "resolver": "a request", "middleware": "a request", "task": "a task"}
_ONCE = re.compile(r"cache|memo|singleton|\bonce|_once|run_once", re.IGNORECASE)
_KEEPERS = (".setdefault", ".set", ".register", ".append", "setattr")
_BACKGROUND = {"add_task", "add_job", "enqueue", "enqueue_job"}


class RepeatedEngine(Record, frozen=True):
    """An engine made for every ``occasion``; ``source`` is what runs that often and leads to it."""

    creation: Creation
    source: Unit
    occasion: str


_found: WeakKeyDictionary[object, dict[int, RepeatedEngine]] = WeakKeyDictionary()


def repeated_engines(program: Program) -> dict[int, RepeatedEngine]:
    """The engines that are made for every request, task or call, by the call that makes them."""
    known = _found.get(program.analysis)
    if known is None:
        known = _found[program.analysis] = {id(r.creation.node): r for r in _repeated(program)}
    return known


def _repeated(program: Program) -> Iterator[RepeatedEngine]:
    scheduled = _scheduled(program)
    for creation in program.creations("engine"):
        unit = creation.unit
        if (
            not isinstance(unit, Function)
            or program.role(unit) in _EXEMPT_ROLES
            or creation.name.endswith("mock_engine")
        ):
            continue
        if _is_kept(unit, creation.node):
            continue
        source = _source(program, unit, scheduled)
        if source is None and _is_provider(unit):
            source = unit, "a call"
        if source is not None and not _is_sound(creation, unit, source[1]):
            yield RepeatedEngine(creation, *source)


def occasion_of(program: Program, unit: Unit) -> str | None:
    """What a function runs again for (a request, a task), itself or below what does; None: nothing that is known."""
    if not isinstance(unit, Function):
        return None
    source = _source(program, unit, _scheduled(program))
    return None if source is None else source[1]


def is_shared(program: Program, creation: Creation) -> bool:
    """Whether one engine serves the whole program: made at module level, once for all calls, or by who keeps it so."""
    unit = creation.unit
    if not isinstance(unit, Function) or is_cached(program, unit) or _runs_once(unit) or _is_kept(unit, creation.node):
        return True
    callers = program.flow.facts.callers.get(unit, set())
    return bool(callers) and all(not isinstance(c, Function) or is_cached(program, c) or _runs_once(c) for c in callers)


_cache: WeakKeyDictionary[object, frozenset[Function]] = WeakKeyDictionary()


def _scheduled(program: Program) -> frozenset[Function]:
    """What is handed to background tasks, schedulers and queues."""
    known = _cache.get(program.analysis)
    if known is None:
        known = _cache[program.analysis] = frozenset(_find_scheduled(program))
    return known


def _find_scheduled(program: Program) -> set[Function]:
    calls = (c for c in program.external_calls() if c.name.removesuffix("()").rpartition(".")[2] in _BACKGROUND)
    return {f for call in calls for f in map(function_of, call.args.get(0, "func")) if f is not None}


def _source(program: Program, unit: Function, scheduled: frozenset[Function]) -> tuple[Unit, str] | None:
    """The nearest function up the calls that runs for every request or task."""
    queue: deque[Unit] = deque([unit])
    seen: set[Unit] = {unit}
    while queue:
        current = queue.popleft()
        if not isinstance(current, Function) or _runs_once(current) or program.role(current) in _EXEMPT_ROLES:
            continue
        entry = program.entry(current)
        if entry is not None and entry.kind in _PER_CALL:
            return current, _PER_CALL[entry.kind]
        if current in scheduled:
            return current, "a task"
        if entry is not None:
            continue
        if current in program.flow.facts.injected:
            return current, "a request"
        callers = sorted(program.flow.facts.callers.get(current, ()), key=lambda u: (u.module.path, u.qualname))
        for caller in callers:
            if caller not in seen and not _keeps_on_demand(caller):
                seen.add(caller)
                queue.append(caller)
    return None


def _runs_once(function: Function) -> bool:
    """Whether a decorator, or the class that a constructor belongs to, sees to it that the body runs once."""
    if any(_ONCE.search(dotted(d.func if isinstance(d, ir.Call) else d)) for d in function.decorators):
        return True
    if not isinstance(function.owner, Class):
        return False
    written = [dotted(base.value) for base in function.owner.node.bases]
    written += [dotted(d) for d in function.owner.node.decorators]
    return any(map(_ONCE.search, written)) or "_instance" in function.owner.attrs or "__new__" in function.owner.methods


def _is_kept(function: Function, node: ir.Call) -> bool:
    """Whether the engine is put where the next call finds it: a global, a mapping, an attribute set on demand."""
    around = path_to(function.body, node)
    if not around:
        return True  # in a nested definition's default or the like: not known
    statement = around[-1]
    if any(isinstance(outer, ir.If) and _asks_for_absence(outer.test) for outer in around[:-1]):
        return True
    names: set[str] = set()
    targets = statement.targets if isinstance(statement, ir.Assign) else ()
    for target in (*targets, *((statement.target,) if isinstance(statement, ir.AnnAssign) else ())):
        if isinstance(target, ir.Name):
            names.add(target.id)
        if _outlives(function, target):
            return True
    for other in walk(function.body):
        if (
            isinstance(other, ir.Assign)
            and any(_outlives(function, t) for t in other.targets)
            and _uses(other.value, names)
        ):
            return True
    keepers = (e for e in expressions(function.body) if isinstance(e, ir.Call) and dotted(e.func).endswith(_KEEPERS))
    return any(_uses(arg.value, names) for call in keepers for arg in call.args)


def _keeps_on_demand(unit: Unit) -> bool:
    """Whether a caller puts what it gets where its next call finds it, in a global or when it is not there yet."""
    if not isinstance(unit, Function):
        return False
    body = list(walk(unit.body))
    on_demand = [s for outer in body if isinstance(outer, ir.If) and _asks_for_absence(outer.test) for s in outer.body]
    if any(isinstance(s, ir.If) and _asks_for_presence(s.test) and isinstance(s.body[-1], ir.Return) for s in body):
        on_demand = body
    made: set[str] = set()
    for statement in body:
        if not isinstance(statement, ir.Assign):
            continue
        if any(isinstance(part, ir.Call) for part in subexpressions(statement.value)):
            made |= {t.id for t in statement.targets if isinstance(t, ir.Name)}
        elif not _uses(statement.value, made):
            continue
        if any(
            _outlives(unit, target) and (isinstance(target, ir.Name) or statement in on_demand)
            for target in statement.targets
        ):
            return True
    return False


def _uses(expr: ir.Expr, names: set[str]) -> bool:
    return any(isinstance(part, ir.Name) and part.id in names for part in subexpressions(expr))


def _outlives(function: Function, target: ir.Expr) -> bool:
    match target:
        case ir.Name(id=name):
            return name in function.outer_names
        case ir.Subscript():
            return True
        case ir.Attribute(value=ir.Name(id=owner)):
            own = function.takes_self and bool(function.params) and owner == function.params[0].name
            return not (own and function.name == "__init__")
        case ir.Attribute():
            return True
        case ir.Collection(items=items):
            return any(_outlives(function, item) for item in items)
        case _:
            return False


def _asks_for_absence(test: ir.Expr) -> bool:
    """Whether a condition asks if something is not there yet: ``is None``, ``not in``, ``not x``."""
    match test:
        case ir.Compare(ops=ops):
            return "is" in ops or "not in" in ops
        case ir.Unary(op="not"):
            return True
        case ir.BoolOp(values=values):
            return any(map(_asks_for_absence, values))
        case _:
            return False


def _asks_for_presence(test: ir.Expr) -> bool:
    """Whether a condition asks if something is there already: ``is not None``, ``in``, ``hasattr``, a bare name."""
    match test:
        case ir.Call(func=ir.Name(id="hasattr")):
            return True
        case ir.Compare(ops=ops):
            return "is not" in ops or "in" in ops
        case ir.Name() | ir.Attribute():
            return True
        case ir.BoolOp(values=values):
            return any(map(_asks_for_presence, values))
        case _:
            return False


def _is_provider(function: Function) -> bool:
    """Whether a function hands out a session of its own, and not a factory or the engine for its caller to keep."""
    values = function.yields.values if function.is_generator else function.returns.values
    if any(isinstance(v, Factory) for v in values) or _runs_once(function):
        return False
    return any(isinstance(v, (Session, Generator)) for v in values)


def _is_sound(creation: Creation, function: Function, occasion: str) -> bool:
    """Whether the engine is disposed of, and pools nothing or is for one task or for a database that the caller names."""
    disposes = any(
        isinstance(e, ir.Call) and isinstance(e.func, ir.Attribute) and e.func.name == "dispose"
        for e in expressions(function.body)
    )
    if not disposes:
        return False
    pool = creation.args.keywords.get("poolclass", frozenset())
    unpooled = any(isinstance(v, Symbol) and v.name.endswith((".NullPool", ".StaticPool")) for v in pool)
    return unpooled or occasion == "a task" or _names_database(creation.node, function)


def _names_database(node: ir.Call, function: Function) -> bool:
    """Whether the address comes from the function's own arguments."""
    given: set[str] = set()
    scope: object = function
    while isinstance(scope, Function):
        given |= {p.name for p in scope.params[scope.takes_self :]}
        scope = scope.parent
    for statement in walk(function.body):
        if isinstance(statement, ir.Assign) and _uses(statement.value, given):
            given |= {t.id for t in statement.targets if isinstance(t, ir.Name)}
    return bool(node.args) and _uses(node.args[0].value, given)
