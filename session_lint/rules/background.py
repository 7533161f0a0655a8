"""Where sessions are handed to work that outlives the request or block that they belong to."""

from __future__ import annotations

from collections.abc import Iterator
from weakref import WeakKeyDictionary

from session_lint import ir
from session_lint.findings import Confidence
from session_lint.program import Program
from session_lint.program.entrypoints import dotted
from session_lint.program.keeping import owns_session
from session_lint.program.remapping import bears_session
from session_lint.program.symbols import Class, Function, Unit
from session_lint.program.values import (
    BoundMethod,
    FunctionValue,
    Generator,
    Instance,
    ManagerFunction,
    Partial,
    Session,
    Values,
    Wrapped,
    function_of,
    stable,
)
from session_lint.record import Record
from session_lint.rules.fastapi_releases import ends_before_response, fastapi_release
from session_lint.traversal import expressions, own_expressions, subexpressions, walk

_METHODS = {
    "add_task": "a background task",
    "add_job": "a scheduled job",
    "delay": "a queue",
    "apply_async": "a queue",
    "send_task": "a queue",
    "enqueue": "a queue",
    "enqueue_job": "a queue",
    "enqueue_in": "a queue",
    "enqueue_at": "a queue",
    "kiq": "a queue",
    "send": "a queue",
    "submit": "an executor",
}
_TASK_STARTERS = {"create_task", "ensure_future", "run_coroutine_threadsafe", "run_in_executor"}
_MAX_DEPTH = 3  # how many attributes deep a session is looked for
_MAX_CALLS = 4
_OBJECTS = {
    "starlette.background.BackgroundTask": "a background task",
    "fastapi.BackgroundTask": "a background task",
    "threading.Thread": "a thread",
    "threading.Timer": "a thread",
}
_MAKERS = {name.rsplit(".", 1)[-1] for name in _OBJECTS}
_STREAMS = {
    "fastapi.responses.StreamingResponse",
    "sse_starlette.EventSourceResponse",
    "sse_starlette.sse.EventSourceResponse",
    "starlette.responses.StreamingResponse",
}
_STREAM_MAKERS = sorted({name.rsplit(".", 1)[-1] for name in _STREAMS})
STREAM = "a streamed response"
_SINKS = sorted({*_METHODS, *_TASK_STARTERS, *_MAKERS})
_WAITERS = {
    "gather",
    "wait",
    "as_completed",
    "wait_for",
    "shield",
    "run_until_complete",
    "append",
    "result",
    "add_done_callback",
}


class HandOver(Record, frozen=True):
    unit: Unit
    node: ir.Call
    sink: str
    what: str
    confidence: Confidence


_cache: WeakKeyDictionary[object, tuple[HandOver, ...]] = WeakKeyDictionary()


def handed_over(program: Program) -> tuple[HandOver, ...]:
    """Every place outside the tests where a session, or something that holds or catches one, goes to background work."""
    known = _cache.get(program.analysis)
    if known is None:
        known = _cache[program.analysis] = tuple(_handed_over(program))
    return known


def _handed_over(program: Program) -> Iterator[HandOver]:
    for unit, node in program.places.calls_of(_SINKS):
        sink = _sink(program, unit, node)
        if sink is not None:
            yield from _judge(program, unit, node, sink)
    release = fastapi_release(program)
    if release is not None and ends_before_response(release):
        for unit, node in program.places.calls_of(_STREAM_MAKERS):
            if any(getattr(value, "name", "") in _STREAMS for value in program.flow.at(unit).eval(node.func)):
                yield from _judge_stream(program, unit, node)


def _sink(program: Program, unit: Unit, node: ir.Call) -> str | None:
    func = node.func
    last = func.name if isinstance(func, ir.Attribute) else func.id if isinstance(func, ir.Name) else ""
    if last in _METHODS and isinstance(node.func, ir.Attribute):
        receivers = program.flow.at(unit).eval(node.func.value)
        if last == "submit" and (
            not any("Executor" in getattr(v, "name", "") for v in receivers) or _is_entered(unit, node)
        ):
            return None
        if last == "send" and not any(map(function_of, receivers)):
            return None  # actors are functions; most of what else sends is no queue
        if last in ("delay", "apply_async", "kiq", "enqueue") and any(
            isinstance(v, (Instance, Session)) for v in receivers
        ):
            return None
        if any(isinstance(v, Instance) for v in receivers):
            return None
        return _METHODS[last]
    if last in _TASK_STARTERS:
        receivers = program.flow.at(unit).eval(node.func.value) if isinstance(node.func, ir.Attribute) else frozenset()
        grouped = any("TaskGroup" in getattr(v, "name", "") for v in receivers) or _is_entered(unit, node)
        if grouped or not _is_discarded(unit, node):
            return None
        return f"{last}()"
    for value in program.flow.at(unit).eval(node.func) if last in _MAKERS else ():
        name = getattr(value, "name", "")
        if name in _OBJECTS and (not name.startswith("threading.") or not _is_joined(unit)):
            return _OBJECTS[name]
    return None


def _is_entered(unit: Unit, node: ir.Call) -> bool:
    """Whether a method is called of what a ``with`` of the function binds: the block ends when the tasks have."""
    receiver = dotted(node.func).rpartition(".")[0]
    return bool(receiver) and any(
        item.target is not None and dotted(item.target) == receiver
        for statement in walk(unit.body)
        if isinstance(statement, ir.With)
        for item in statement.items
    )


def _is_discarded(unit: Unit, node: ir.Call) -> bool:
    """Whether nobody in the function waits for the task."""
    for statement in walk(unit.body):
        if isinstance(statement, ir.ExprStatement) and statement.value is node:
            return True
        if isinstance(statement, ir.Assign) and statement.value is node:
            return not any(_is_kept(unit, target) for target in statement.targets)
    return False


def _is_kept(unit: Unit, target: ir.Expr) -> bool:
    """Whether somebody waits for what a variable holds, or, of the same module, an attribute or a collection."""
    if isinstance(target, ir.Name):
        return _is_awaited(unit, target.id)
    holder = dotted(target.value if isinstance(target, ir.Subscript) else target)
    return not holder or any(_is_awaited(other, holder) for other in (unit, *unit.module.functions))


def _is_awaited(unit: Unit, name: str) -> bool:
    for expr in expressions(unit.body):
        waits = isinstance(expr, ir.Call) and dotted(expr.func).rsplit(".", 1)[-1] in _WAITERS
        if (waits or isinstance(expr, ir.Await)) and _names(expr, name):
            return True
    return any(isinstance(s, ir.Return) and _names(s.value, name) for s in walk(unit.body))


def _names(expr: ir.Expr | None, name: str) -> bool:
    return any(dotted(part) == name for part in subexpressions(expr))


def _is_joined(unit: Unit) -> bool:
    return any(isinstance(e, ir.Attribute) and e.name == "join" for e in expressions(unit.body))


def _judge(program: Program, unit: Unit, node: ir.Call, sink: str) -> Iterator[HandOver]:
    flow = program.flow.at(unit)
    for argument in _handed(node):
        values = flow.eval(argument)
        what = _what(program, unit, argument, values)
        if what is not None:
            typed = any(isinstance(v, Session) for v in values)
            yield HandOver(unit, node, sink, what, Confidence.HIGH if typed else Confidence.MEDIUM)
            return


def _judge_stream(program: Program, unit: Unit, node: ir.Call) -> Iterator[HandOver]:
    """A generator that is sent as the response, and works on a session that the function was given."""
    content = next(
        (a.value for i, a in enumerate(node.args) if a.keyword == "content" or (i == 0 and not a.keyword)), None
    )
    flow = program.flow.at(unit)
    if not isinstance(content, ir.Call) or not any(isinstance(v, Generator) for v in flow.eval(content)):
        return
    given = {param.name for param in unit.params} if isinstance(unit, Function) else set()
    for part in (content.func, *(arg.value for arg in content.args)):
        values = flow.eval(part)
        caught = {caught_session(v.function) for v in values if isinstance(v, FunctionValue)}
        lent = any(isinstance(v, BoundMethod) for v in values) or not given.isdisjoint(caught | {dotted(part)})
        what = _what(program, unit, part, values) if lent else None
        if what is not None:
            yield HandOver(unit, node, STREAM, what, Confidence.MEDIUM)
            return


def _handed(node: ir.Call) -> Iterator[ir.Expr]:
    """The expressions handed over: arguments, what stands in ``args=``, and those of a coroutine called on the spot."""
    for arg in node.args:
        inner = arg.value
        if isinstance(inner, ir.Call):
            yield from _handed(inner)
            yield inner.func
        elif isinstance(inner, ir.Collection):
            yield from inner.items
        elif isinstance(inner, ir.Dict):
            yield from inner.values
        else:
            yield inner


def _what(program: Program, unit: Unit, expr: ir.Expr, values: Values) -> str | None:
    name = dotted(expr)
    for value in sorted(values, key=stable):
        match value:
            case Session():
                return f"the session `{name}`" if name else "a session"
            case BoundMethod(function=function, receiver=Instance(cls=cls)):
                if function in program.analysis.reaching and (
                    holds_session(program, cls) or _works_on_deeper(program, cls, function)
                ):
                    return (
                        f"`{name}`, a method of an object that holds a session,"
                        if name
                        else "a method of an object that holds a session"
                    )
            case Instance(cls=cls) if holds_session(program, cls):
                return f"`{name}`, an object that holds a session," if name else "an object that holds a session"
            case FunctionValue(function=function) if isinstance(function.parent, Function):
                caught = caught_session(function)
                if caught:
                    return f"a function that catches the session `{caught}`"
            case Partial() | ManagerFunction() | Wrapped() if bears_session(value):
                return "a partial that holds a session"
            case _:
                pass
    return None


def holds_session(program: Program, cls: Class) -> bool:
    """Whether objects of a class keep a session that somebody lent them."""
    for base in cls.lineage():
        for name, cell in base.attrs.items():
            if any(isinstance(v, Session) for v in cell.values) and not owns_session(program.flow, cls, name):
                return True
    return False


def _works_on_deeper(program: Program, cls: Class, method: Function) -> bool:
    """Whether a method works on a session that an object in an attribute keeps, itself or in an attribute of its own."""
    own = method.params[0].name if method.takes_self and method.params else ""
    used = {e.name for e in expressions(method.body) if isinstance(e, ir.Attribute) and dotted(e.value) == own}
    keepers = {k for name in used for k in _keepers(program, cls, name, _MAX_DEPTH)}
    return bool(keepers) and any(
        below.owner is not None and not keepers.isdisjoint(below.owner.descendants() + below.owner.lineage())
        for below in _below(program, method)
    )


def _keepers(program: Program, cls: Class, name: str, depth: int) -> Iterator[Class]:
    """The classes of the objects in an attribute, and in theirs, that keep a session which was lent them."""
    for base in cls.lineage():
        for value in base.attrs[name].values if name in base.attrs else ():
            if isinstance(value, Instance):
                if holds_session(program, value.cls):
                    yield value.cls
                elif depth > 1:
                    names = {inner for c in value.cls.lineage() for inner in c.attrs}
                    yield from (k for inner in sorted(names) for k in _keepers(program, value.cls, inner, depth - 1))


def _below(program: Program, function: Function) -> Iterator[Function]:
    """The functions that use sessions among those that a function calls, a few calls down."""
    targets, touching = program.flow.facts.call_targets, program.flow.facts.touching
    seen = level = {function}
    for _ in range(_MAX_CALLS):
        called = {f for one in level for e in expressions(one.body) for f in targets.get(id(e), ())}
        level = called - seen
        seen = seen | level
        yield from (f for f in level if f in touching)


def caught_session(function: Function) -> str | None:
    """The session of an enclosing function that a nested function or lambda uses."""
    own = set(function.cells)
    names: set[str] = set()
    stack = [function.body]
    while stack:
        for statement in walk(stack.pop()):
            if isinstance(statement, ir.FunctionDef):
                stack.append(statement.body)
            for expr in own_expressions(statement):
                names |= {n.id for n in subexpressions(expr) if isinstance(n, ir.Name)}
    outer = function.parent
    while isinstance(outer, Function):
        for name in sorted(names - own):
            if name in outer.cells and any(isinstance(v, Session) for v in outer.cells[name].values):
                return name
        outer = outer.parent
    return None
