"""What SL401 to SL403 share: which methods of sessions, engines and connections are coroutines, and how a call's value is used."""

from __future__ import annotations

import enum
from collections.abc import Collection, Iterator, Sequence
from itertools import pairwise
from typing import TypeAlias
from weakref import WeakKeyDictionary

import msgspec

from session_lint import ir
from session_lint.findings import Edit
from session_lint.program import Program, vocabulary
from session_lint.program.entrypoints import dotted
from session_lint.program.symbols import Function, Unit
from session_lint.program.values import Connection, Engine, External, Factory, Handle, Session, Symbol, Value
from session_lint.record import Record
from session_lint.traversal import children, expressions, own_expressions, path_to, walk

_Parent: TypeAlias = ir.Expr | ir.Statement

# How a registry's `remove` is awaited is another rule's.
SESSION_COROUTINES = vocabulary.COROUTINE_METHODS - {"remove"}
SESSION_PLAIN = frozenset(
    [
        "add",
        "add_all",
        "expunge",
        "expunge_all",
        "expire",
        "expire_all",
        "is_modified",
        "in_transaction",
        "in_nested_transaction",
        "get_bind",
    ]
)
SYNC_SESSION_ONLY = frozenset(
    ["begin", "begin_nested", "query", "bulk_save_objects", "bulk_insert_mappings", "bulk_update_mappings"]
)
_ENGINE_COROUTINES = frozenset({"dispose", "raw_connection"})
_CONNECTION_COROUTINES = frozenset(
    [
        "execute",
        "scalar",
        "scalars",
        "commit",
        "rollback",
        "close",
        "aclose",
        "run_sync",
        "exec_driver_sql",
        "invalidate",
        "start",
        "get_raw_connection",
    ]
)
_HANDLE_COROUTINES = frozenset({"commit", "rollback"})
_COROUTINE_ATTRIBUTES = frozenset(
    {"send", "throw", "close", "cr_frame", "cr_running", "cr_await", "cr_code", "__await__"}
)


class Use(enum.Enum):
    """What becomes of a value: READ where it is used as if it were what awaiting it gives, PASSED where somebody else decides."""

    AWAITED = "awaited"
    DROPPED = "dropped"
    READ = "read"
    RETURNED = "returned"
    PASSED = "passed"


class MethodCall(Record, frozen=True):
    """A call of a method of sessions, engines or connections that are all async, or all sync."""

    unit: Unit
    node: ir.Call
    name: str
    kind: str
    is_async: bool

    @property
    def is_coroutine(self) -> bool:
        return self.is_async and self.name in _COROUTINES[self.kind]


_EITHER_SESSION = {("session", True), ("session", False)}
_COROUTINES = {
    "session": SESSION_COROUTINES,
    "engine": _ENGINE_COROUTINES,
    "connection": _CONNECTION_COROUTINES,
    "handle": _HANDLE_COROUTINES,
}


class Body(msgspec.Struct):
    """A function's or module's own expressions, each with what it stands in, and where its names are read."""

    parents: dict[int, _Parent] = {}
    names: dict[str, list[ir.Name]] = {}
    calls: list[ir.Call] = []
    inner_names: set[str] = set()


_bodies: WeakKeyDictionary[object, dict[Unit, Body]] = WeakKeyDictionary()


def body_of(program: Program, unit: Unit) -> Body:
    """The expressions of a function or module, looked through once."""
    known = _bodies.setdefault(program.analysis, {})
    if unit not in known:
        known[unit] = _look_through(unit)
    return known[unit]


def _look_through(unit: Unit) -> Body:
    body = Body()
    for statement in walk(unit.body):
        if isinstance(statement, (ir.FunctionDef, ir.ClassDef)):
            body.inner_names |= {n.id for n in _names_within(statement.body)}
        stack: list[tuple[ir.Expr, _Parent]] = [(e, statement) for e in own_expressions(statement) if e is not None]
        while stack:
            node, parent = stack.pop()
            body.parents[id(node)] = parent
            if isinstance(node, ir.Name) and not _is_target(node, parent):
                body.names.setdefault(node.id, []).append(node)
            elif isinstance(node, ir.Call):
                body.calls.append(node)
            elif isinstance(node, ir.Lambda):
                body.inner_names |= {n.id for n in _names_within((ir.ExprStatement(node.place, "", node.body),))}
            stack.extend((child, node) for child in children(node) if child is not None)
    return body


def _names_within(body: Sequence[ir.Statement]) -> Iterator[ir.Name]:
    stack: list[Sequence[ir.Statement]] = [body]
    while stack:
        current = stack.pop()
        stack.extend(s.body for s in walk(current) if isinstance(s, (ir.FunctionDef, ir.ClassDef)))
        for expr in expressions(current):
            if isinstance(expr, ir.Name):
                yield expr
            elif isinstance(expr, ir.Lambda):
                stack.append((ir.ExprStatement(expr.place, "", expr.body),))


def _is_target(node: ir.Name, parent: _Parent) -> bool:
    match parent:
        case ir.Assign(targets=targets):
            return any(node is target for target in targets)
        case ir.AnnAssign(target=target) | ir.For(target=target):
            return node is target
        case ir.Walrus(target=target):
            return node is target
        case ir.With(items=items):
            return any(node is item.target for item in items)
        case _:
            return False


def use_of(program: Program, unit: Unit, node: ir.Expr) -> Use:
    """What becomes of the value of an expression of the unit."""
    body = body_of(program, unit)
    parent = body.parents.get(id(node))
    match parent:
        case ir.Assign(targets=(ir.Name(id=name),)) | ir.AnnAssign(target=ir.Name(id=name)):
            return _use_of_name(unit, body, name)
        case _:
            return _use_in_place(body, node)


def _use_in_place(body: Body, node: ir.Expr) -> Use:
    parent = body.parents.get(id(node))
    match parent:
        case ir.Await():
            return Use.AWAITED
        case ir.ExprStatement():
            return Use.DROPPED
        case ir.Return():
            return Use.RETURNED
        case ir.Attribute(name=name):
            return Use.PASSED if name in _COROUTINE_ATTRIBUTES else Use.READ
        case ir.Subscript(value=value):
            return Use.READ if value is node else Use.PASSED
        case ir.For(iterable=iterable):
            return Use.READ if iterable is node else Use.PASSED
        case ir.Comprehension(clauses=clauses):
            return Use.READ if any(clause.iterable is node for clause in clauses) else Use.PASSED
        case ir.Compare() | ir.If() | ir.While() | ir.Unary(op="not"):
            return Use.READ
        case ir.Conditional(test=test) if test is node:
            return Use.READ
        case ir.Conditional() | ir.BoolOp():
            return _use_in_place(body, parent)
        case _:
            return Use.PASSED


def _use_of_name(unit: Unit, body: Body, name: str) -> Use:
    """What becomes of a value that is bound to a local name: dropped or read only where nothing else can happen to it."""
    if not isinstance(unit, Function) or name in unit.outer_names or name in body.inner_names:
        return Use.PASSED
    uses = {_use_in_place(body, read) for read in body.names.get(name, ())}
    if not uses:
        return Use.DROPPED
    return Use.READ if uses == {Use.READ} else Use.PASSED


def method_calls(program: Program) -> Iterator[MethodCall]:
    """Calls of methods of sessions, engines and connections whose kind is sure, each call once."""
    facts = program.flow.facts
    replaced = _overridden(program)
    seen: set[int] = set()
    for call in program.external_calls():
        site = id(call.node)
        if call.subject is None or site in seen or site in facts.call_targets:
            continue
        seen.add(site)
        kinds = _kinds(call.unit, facts.receivers.get(site, ()))
        name = call.name.rsplit(".", 1)[-1]
        if len(kinds) == 1 and (kind := next(iter(kinds))) is not None and name not in replaced:
            found = MethodCall(call.unit, call.node, name, *kind)
            if not _is_of_other_class(program, found):
                yield found


def _kinds(unit: Unit, receivers: Collection[Value]) -> set[tuple[str, bool] | None]:
    """What a call's receivers are; a coroutine function that says `Session` of what its callers make as async sessions is mistaken."""
    kinds = {kind_of(value) for value in receivers}
    if kinds == _EITHER_SESSION and isinstance(unit, Function) and unit.is_async:
        made = {value.is_async for value in receivers if isinstance(value, Session) and value.origin is not None}
        if made == {True}:
            return {("session", True)}
    return kinds


def _is_of_other_class(program: Program, call: MethodCall) -> bool:
    """Whether a condition around the call says that its session is of the other class: ``isinstance(session, Session)``."""
    func = call.node.func
    if call.kind != "session" or "isinstance" not in body_of(program, call.unit).names:
        return False
    receiver = dotted(func.value) if isinstance(func, ir.Attribute) else ""
    for outer, inner in pairwise(path_to(call.unit.body, call.node)):
        match outer:
            case ir.If(test=ir.Call(func=ir.Name(id="isinstance"), args=(ir.Argument(value=asked), kinds))) if (
                receiver and dotted(asked) == receiver
            ):
                named = program.flow.at(call.unit).eval(kinds.value)
                classes = {vocabulary.session_class(c.name) for c in named if isinstance(c, (External, Symbol))}
                if classes - {None} and (call.is_async in classes) != any(inner is s for s in outer.body):
                    return True
            case _:
                pass
    return False


def kind_of(value: Value) -> tuple[str, bool] | None:
    """What a method belongs to (session, engine, connection, handle of a transaction), and whether it is async."""
    match value:
        case Session(is_async=is_async) | Factory(is_async=is_async, is_registry=True):
            return "session", is_async
        case Engine(is_async=is_async):
            return "engine", is_async
        case Connection(is_async=is_async):
            return "connection", is_async
        case Handle(kind=("transaction" | "savepoint"), subject=Session(is_async=is_async)):
            return "handle", is_async
        case _:
            return None


def _overridden(program: Program) -> frozenset[str]:
    """The methods that session classes of the project define themselves, and may have made async or sync."""
    classes = (c for m in program.modules for c in m.classes if program.flow.session_kind_of(c) is not None)
    return frozenset(name for cls in classes for name in cls.methods)


def can_await(program: Program, unit: Unit, node: ir.Expr) -> bool:
    """Whether ``await`` may stand at an expression without turning anything around it into something else."""
    if not isinstance(unit, Function) or not unit.is_async:
        return False
    parents = body_of(program, unit).parents
    parent = parents.get(id(node))
    while parent is not None:
        if isinstance(parent, ir.Comprehension) and parent.kind == "generator":
            return False
        parent = parents.get(id(parent))
    return True


def await_edits(program: Program, unit: Unit, node: ir.Call) -> tuple[Edit, ...]:
    """The edits that await a call; none where that cannot be said."""
    if not can_await(program, unit, node):
        return ()
    parents = body_of(program, unit).parents
    parent = parents.get(id(node))
    start, end = _before(node.span), _after(node.span)
    if isinstance(parent, (ir.Attribute, ir.Subscript)):
        awaited = _awaited_chain(parents, node)
        if awaited is None:
            return Edit(start, "(await "), Edit(end, ")")
        name = node.func.name if isinstance(node.func, ir.Attribute) else ""
        if name not in ("execute", "scalars", "exec"):
            return ()
        outer = awaited.span
        return Edit(ir.Span(outer.row, outer.column, node.span.row, node.span.column), "(await "), Edit(end, ")")
    if isinstance(parent, (ir.Assign, ir.AnnAssign)):
        targets = parent.targets if isinstance(parent, ir.Assign) else (parent.target,)
        reads = body_of(program, unit).names.get(targets[0].id, ()) if isinstance(targets[0], ir.Name) else ()
        if any(_awaited_chain(parents, read) is not None for read in reads):
            return ()
    return (Edit(start, "await "),)


def _awaited_chain(parents: dict[int, _Parent], node: ir.Expr) -> ir.Await | None:
    """The ``await`` around a chain of attributes and calls that starts with the node."""
    while True:
        parent = parents.get(id(node))
        match parent:
            case ir.Attribute(value=inner) | ir.Call(func=inner) | ir.Subscript(value=inner) if inner is node:
                node = parent
            case ir.Await():
                return parent
            case _:
                return None


def _before(span: ir.Span) -> ir.Span:
    return ir.Span(span.row, span.column, span.row, span.column)


def _after(span: ir.Span) -> ir.Span:
    return ir.Span(span.end_row, span.end_column, span.end_row, span.end_column)
