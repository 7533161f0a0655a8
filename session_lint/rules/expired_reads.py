"""Follows mapped objects through a coroutine function, and finds where they are read after a commit or rollback expired them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec

from session_lint import ir
from session_lint.program import Program
from session_lint.program.entrypoints import dotted
from session_lint.program.symbols import Class, Function
from session_lint.program.values import ClassValue
from session_lint.record import Record
from session_lint.rules.awaiting import body_of
from session_lint.rules.expiry import holds_expiring
from session_lint.traversal import bound_names, children, own_expressions, subexpressions

_ONE_RESULT = frozenset({"first", "one", "one_or_none", "scalar_one", "scalar_one_or_none", "scalar"})
_READ_AT_ONCE = frozenset({"model_validate", "from_orm", "jsonable_encoder"})
_KEEP = frozenset({"add", "delete", "isinstance", "id", "type", "bool"})
_NO_COLUMNS = frozenset({"metadata", "registry"})


class ExpiredRead(Record, frozen=True):
    """``node`` reads the object ``name`` (its ``attribute``, if one is named), which ``by`` expired."""

    node: ir.Expr
    name: str
    attribute: str
    by: ir.Expr
    how: str


class _State(msgspec.Struct):
    """What the function's names are.

    ``queries``: statements that select one mapped class; ``results``: what a session gave for one, by that session;
    ``made``: new objects; ``kept``: objects by the session that they are in, and whether they are rows; ``expired``: what by.
    """

    queries: set[str] = set()
    results: dict[str, str] = {}
    made: set[str] = set()
    kept: dict[str, tuple[str, bool]] = {}
    expired: dict[str, tuple[ir.Expr, str]] = {}

    def copy(self) -> _State:
        return _State(set(self.queries), dict(self.results), set(self.made), dict(self.kept), dict(self.expired))

    def forget(self, name: str) -> None:
        self.queries.discard(name)
        self.results.pop(name, None)
        self.made.discard(name)
        self.kept.pop(name, None)
        self.expired.pop(name, None)


def _joined(states: Sequence[_State | None]) -> _State | None:
    """What may hold after any of several ways; None of them: the code behind is not reached."""
    reached = [state for state in states if state is not None]
    if not reached:
        return None
    joined = reached[0].copy()
    for state in reached[1:]:
        joined.queries &= state.queries
        joined.results |= state.results
        joined.made |= state.made
        joined.kept |= state.kept
        joined.expired |= state.expired
    return joined


def expired_reads(program: Program, function: Function) -> list[ExpiredRead]:
    """The first read of each object that is expired by then."""
    follower = _Follower(program, function)
    follower.block(function.body, _State())
    return follower.found


class _Follower:
    def __init__(self, program: Program, function: Function) -> None:
        self.program = program
        self.function = function
        self.body = body_of(program, function)
        self.found: list[ExpiredRead] = []

    # Statements

    def block(self, body: Sequence[ir.Statement], state: _State | None) -> _State | None:
        for statement in body:
            if state is None:
                return None
            state = self._statement(statement, state)
        return state

    def _statement(self, statement: ir.Statement, state: _State) -> _State | None:
        for expr in own_expressions(statement):
            self._expression(expr, state)
        match statement:
            case ir.Return(value=value):
                self._returned(value, state)
                return None
            case ir.Raise() | ir.Jump(kind=("break" | "continue")):
                return None
            case ir.Assign(targets=targets, value=value):
                for target in targets:
                    self._assign(target, value, state)
            case ir.AnnAssign(target=target, value=value) if value is not None:
                self._assign(target, value, state)
            case ir.Delete(targets=targets):
                for target in targets:
                    self._forget(target, state)
            case ir.If(body=body, orelse=orelse):
                return _joined([self.block(body, state.copy()), self.block(orelse, state.copy())])
            case ir.While(body=body, orelse=orelse):
                return self.block(orelse, _joined([state.copy(), self.block(body, state.copy())]))
            case ir.For(target=target, body=body, orelse=orelse):
                inside = state.copy()
                self._forget(target, inside)
                return self.block(orelse, _joined([state.copy(), self.block(body, inside)]))
            case ir.Try():
                done = self.block(statement.orelse, self.block(statement.body, state.copy()))
                handled = [self.block(handler.body, state.copy()) for handler in statement.handlers]
                return self.block(statement.final, _joined([done, *handled]))
            case ir.With():
                return self._with(statement, state)
            case ir.Match(cases=cases):
                return _joined([state.copy(), *(self.block(case.body, state.copy()) for case in cases)])
            case _:
                pass
        return state

    def _with(self, statement: ir.With, state: _State) -> _State | None:
        for item in statement.items:
            if item.target is not None:
                self._forget(item.target, state)
        after = self.block(statement.body, state)
        for item in statement.items if after is not None else ():
            context = item.context
            if isinstance(context, ir.Call) and isinstance(context.func, ir.Attribute) and context.func.name == "begin":
                target = item.target if isinstance(item.target, ir.Name) else None
                for session in (context.func.value, target):
                    if session is not None and after is not None:
                        self._expire(session, context, "commit", after)
        return after

    def _forget(self, target: ir.Expr, state: _State) -> None:
        for name in bound_names(target):
            state.forget(name.id)

    def _assign(self, target: ir.Expr, value: ir.Expr, state: _State) -> None:
        of_query = self._selects_mapped(value, state)
        given = self._executed(value, state)
        loaded = self._loaded_from(value, state)
        self._forget(target, state)
        if not isinstance(target, ir.Name):
            return
        if isinstance(value, ir.Call) and self._is_mapped(value.func):
            state.made.add(target.id)
        elif loaded is not None:
            state.kept[target.id] = (loaded, True)
        elif given is not None:
            state.results[target.id] = given
        elif of_query and not any(isinstance(part, ir.Await) for part in subexpressions(value)):
            state.queries.add(target.id)

    def _loaded_from(self, value: ir.Expr, state: _State) -> str | None:
        """The session that an expression loads one mapped object from."""
        last = value.value if isinstance(value, ir.Await) else value
        if not isinstance(last, ir.Call) or not isinstance(last.func, ir.Attribute):
            return None
        if isinstance(value, ir.Await):
            if last.func.name in ("get", "get_one", "merge") and last.args:
                mapped = last.func.name == "merge" or self._is_mapped(last.args[0].value)
                return dotted(last.func.value) or None if mapped else None
            return self._executed(value, state) if last.func.name == "scalar" else None
        if last.func.name not in _ONE_RESULT:
            return None
        rows: ir.Expr = last.func.value
        while True:  # `.scalars()`, `.unique()` before the last call
            match rows:
                case ir.Call(func=ir.Attribute(value=inner, name=("scalars" | "unique"))):
                    rows = inner
                case ir.Name(id=name):
                    return state.results.get(name)
                case _:
                    return self._executed(rows, state)

    def _executed(self, value: ir.Expr, state: _State) -> str | None:
        """The session that runs a statement which selects one mapped class."""
        match value:
            case ir.Await(value=ir.Call(func=ir.Attribute(value=session, name=name), args=(query, *_))):
                runs = name in ("execute", "scalars", "scalar", "exec") and self._selects_mapped(query.value, state)
                return dotted(session) or None if runs else None
            case _:
                return None

    def _selects_mapped(self, query: ir.Expr, state: _State) -> bool:
        """Whether an expression is ``select(Mapped)`` and what is called on it, or on a name for it."""
        while isinstance(query, ir.Call):
            if dotted(query.func).rsplit(".", 1)[-1] == "select":
                return len(query.args) == 1 and self._is_mapped(query.args[0].value)
            if not isinstance(query.func, ir.Attribute):
                return False
            query = query.func.value
        return isinstance(query, ir.Name) and query.id in state.queries

    def _is_mapped(self, expr: ir.Expr) -> bool:
        values = self.program.flow.at(self.function).eval(expr)
        return bool(values) and all(isinstance(v, ClassValue) and _has_table(v.cls) for v in values)

    # Expressions

    def _expression(self, expr: ir.Expr | None, state: _State) -> None:
        for node in _in_order(expr):
            if isinstance(node, ir.Attribute):
                self._attribute(node, state)
            elif isinstance(node, ir.Call):
                self._call(node, state)

    def _attribute(self, node: ir.Attribute, state: _State) -> None:
        if not isinstance(node.value, ir.Name) or node.value.id not in state.expired:
            return
        name = node.value.id
        parent = self.body.parents.get(id(node))
        if isinstance(parent, ir.Assign) and any(node is target for target in parent.targets):
            return
        if node.name == "awaitable_attrs":
            state.expired.pop(name)
        elif not node.name.startswith("_") and node.name not in _NO_COLUMNS and not self._is_method(name, node.name):
            self._report(node, name, node.name, state)

    def _is_method(self, name: str, attribute: str) -> bool:
        values = self.program.flow.at(self.function).eval(ir.Name(self.function.node.place, name))
        classes = [cls for v in values if (cls := getattr(v, "cls", None)) is not None]
        methods = [m for cls in classes if isinstance(cls, Class) and (m := cls.method(attribute)) is not None]
        return any(not m.is_property for m in methods)

    def _call(self, node: ir.Call, state: _State) -> None:
        names = [arg.value.id for arg in node.args if isinstance(arg.value, ir.Name)]
        method = dotted(node.func).rsplit(".", 1)[-1]
        if isinstance(node.func, ir.Attribute):
            session, method = dotted(node.func.value), node.func.name
            if method == "add" and names and names[0] in state.made:
                state.made.discard(names[0])
                state.kept[names[0]] = (session, False)
            elif method in ("commit", "rollback") and isinstance(self.body.parents.get(id(node)), ir.Await):
                self._expire(node.func.value, node, method, state)
            elif method == "refresh":
                for name in names:
                    state.expired.pop(name, None)
                return
            elif method == "expunge_all":
                state.kept.clear()
        for name in names:
            if name in state.expired and method in _READ_AT_ONCE:
                self._report(node, name, "", state)
            elif method not in _KEEP:
                state.expired.pop(name, None)  # may be refreshed there
                if method == "expunge":
                    state.forget(name)

    def _expire(self, session: ir.Expr, by: ir.Expr, how: str, state: _State) -> None:
        text = dotted(session)
        names = [n for n, (kept, is_row) in state.kept.items() if kept == text and (is_row or how == "commit")]
        if not names or not holds_expiring(self.program, self.function, session):
            return
        for name in names:
            state.kept[name] = (text, True)
            state.expired[name] = (by, how)

    def _returned(self, value: ir.Expr | None, state: _State) -> None:
        entry = self.program.entry(self.function)
        if isinstance(value, ir.Name) and value.id in state.expired and entry is not None and entry.is_endpoint:
            self._report(value, value.id, "", state)

    def _report(self, node: ir.Expr, name: str, attribute: str, state: _State) -> None:
        by, how = state.expired[name]
        if not any(read.name == name and read.by is by for read in self.found):
            self.found.append(ExpiredRead(node, name, attribute, by, how))
        state.expired.pop(name)


def _has_table(cls: Class) -> bool:
    return any("__tablename__" in base.attrs or "__table__" in base.attrs for base in cls.lineage()) or any(
        base.keyword == "table" for part in cls.lineage() for base in part.node.bases
    )


def _in_order(expr: ir.Expr | None) -> Iterator[ir.Expr]:
    """An expression's parts as they are evaluated: what stands in a part comes before it."""
    stack: list[tuple[ir.Expr | None, bool]] = [(expr, False)]
    while stack:
        node, ready = stack.pop()
        if node is None:
            continue
        if ready:
            yield node
        else:
            stack.append((node, True))
            stack.extend((child, False) for child in reversed(list(children(node))))
