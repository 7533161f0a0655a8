"""What SL306 and SL311 rest on: which sessions are written, through which calls, and which of them somebody may commit."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from weakref import WeakKeyDictionary

from session_lint import ir
from session_lint.program import Program, states, vocabulary
from session_lint.program.contexts import Context, Edge, Event, Token
from session_lint.program.symbols import Function, Unit
from session_lint.program.values import External, Session, Symbol
from session_lint.record import Record
from session_lint.traversal import expressions, walk

_OBJECT_WRITES = frozenset(
    ["add", "add_all", "delete", "merge", "flush", "bulk_save_objects", "bulk_insert_mappings", "bulk_update_mappings"]
)
_STATEMENTS = frozenset({"execute", "exec", "scalar", "scalars", "stream", "stream_scalars"})
_DML = ("insert", "update", "delete", "merge", "replace")

# Decorators with such names may well commit.
_TELLING = ("transaction", "commit", "atomic", "session", "unit_of_work", "uow")

Place = tuple[int, int]
"""A session in a context: the context's id and the token's number."""


class Write(Record, frozen=True):
    """How a context writes: by ``event`` itself, or by ``call`` of another context that does."""

    context: Context
    token: int
    event: Event | None
    call: ir.Call | None = None
    below: Write | None = None

    @property
    def last(self) -> Write:
        """Where the session's own method is called."""
        return self.below.last if self.below is not None else self

    @property
    def node(self) -> ir.Call | None:
        return self.event.node if self.event is not None else self.call


class Uncommitted(Record, frozen=True):
    """A session that its owner writes and nobody commits; ``savepoint`` is the owner's ``begin_nested()``, if there is one."""

    write: Write
    token: Token
    savepoint: Event | None


class Uses:
    """What happens to every session, followed up the call graph from where it happens to those who lent it."""

    def __init__(self, program: Program) -> None:
        self._program = program
        self._contexts = [c for c in program.analysis.all_contexts() if not c.is_test]
        self.ended = self._up(self._ends())
        self.written = self._writes()
        self._providers: dict[Function, bool] = {}

    def may_commit(self, provider: Function) -> bool:
        """Whether a provider, or one that it has the session from, ends the transaction or gives the session to unknown code."""
        known = self._providers.get(provider)
        if known is None:
            self._providers[provider] = False
            known = self._program.commits_by_itself(provider) or any(
                (id(context), number) in self.ended
                or (token.provider is not None and token.provider is not provider and self.may_commit(token.provider))
                for context in self._program.analysis.by_function.get(provider, ())
                for number, token in enumerate(context.tokens)
            )
            self._providers[provider] = known
        return known

    def _ends(self) -> Iterator[Place]:
        for context in self._contexts:
            for number, token in enumerate(context.tokens):
                if token.lost or self._is_ended_around(context.unit):
                    yield id(context), number
                if token.how == "closure":
                    yield from self._outer(context, token)
            for event in context.events.values():
                if _may_end(event):
                    yield id(context), event.token

    def _is_ended_around(self, unit: Unit) -> bool:
        """Whether a decorator of the project commits, or begins, around the function: which session is not followed."""
        wrappers = self._program.analysis.decorated.get(unit, ()) if isinstance(unit, Function) else ()
        return any(_speaks_of_ending(wrapper) for wrapper in wrappers)

    def _outer(self, context: Context, token: Token) -> Iterator[Place]:
        """The sessions of the functions around a nested one that uses one of them: which, is not followed."""
        outer = context.unit.parent if isinstance(context.unit, Function) else None
        while isinstance(outer, Function):
            for around in self._program.analysis.by_function.get(outer, ()):
                yield from ((id(around), n) for n, t in enumerate(around.tokens) if t.is_async == token.is_async)
            outer = outer.parent if isinstance(outer.parent, Function) else None

    def _up(self, places: Iterable[Place]) -> set[Place]:
        edges = {id(context): context.callers for context in self._contexts}
        reached: set[Place] = set()
        queue = list(places)
        while queue:
            place = queue.pop()
            if place in reached:
                continue
            reached.add(place)
            for edge in edges.get(place[0], ()):
                if place[1] in edge.tokens:
                    queue.append((id(edge.caller), edge.tokens[place[1]]))
        return reached

    def _writes(self) -> dict[Place, Write]:
        found: dict[Place, Write] = {}
        queue: deque[tuple[Context, int]] = deque()
        for context in self._contexts:
            for event in sorted(context.events.values(), key=lambda e: (e.node.span.row, e.node.span.column)):
                place = (id(context), event.token)
                if place not in found and is_write(self._program, event):
                    found[place] = Write(context, event.token, event)
                    queue.append((context, event.token))
        while queue:
            context, token = queue.popleft()
            for edge in context.callers:
                mine = edge.tokens.get(token)
                if mine is None or edge.caller.is_test:
                    continue
                place = (id(edge.caller), mine)
                if place not in found:
                    found[place] = Write(edge.caller, mine, None, edge.node, found[id(context), token])
                    queue.append((edge.caller, mine))
        return found


def hands_on(context: Context, number: int) -> bool:
    """Whether a context gives a session of its own to its caller: then that one owns it."""
    exit_ = context.exit
    if exit_ is None:
        return True
    return any(_is_in(exit_.values | exit_.yields, number))


def _is_in(values: Iterable[object], number: int) -> Iterator[bool]:
    from session_lint.program.remapping import remap

    seen: list[int] = []

    def note(session: Session) -> Session:
        if isinstance(session.origin, int):
            seen.append(session.origin)
        return session

    remap(frozenset(values), note)  # type: ignore[arg-type]
    return (n == number for n in seen)


def _speaks_of_ending(function: Function) -> bool:
    return any(isinstance(e, ir.Attribute) and e.name in ("commit", "begin") for e in expressions(function.body))


def _may_end(event: Event) -> bool:
    if event.bits & (states.BLOCK | states.BEGUN):
        return True
    if event.kind == "begin":
        return not (event.dropped and event.session.is_async)
    if event.kind == "rollback":
        return not _is_in_handler(event)
    return event.kind == "commit" or event.kind in vocabulary.TRANSACTION_ACCESS


def _is_in_handler(event: Event) -> bool:
    """Whether a rollback only answers an error; elsewhere it says that nothing is to be kept."""
    row = event.node.span.row
    return any(
        body and body[0].span.row <= row <= body[-1].span.end_row
        for statement in walk(event.context.unit.body)
        if isinstance(statement, ir.Try)
        for body in (handler.body for handler in statement.handlers)
    )


def is_write(program: Program, event: Event) -> bool:
    if event.forwarded:
        return False
    if event.kind in _OBJECT_WRITES:
        if event.kind == "flush":
            return _changes_objects(event.context.unit)
        return not any(arg.keyword == "load" for arg in event.node.args)
    if event.kind in _STATEMENTS and event.node.args:
        return _is_dml(program, event.context.unit, event.node.args[0].value, frozenset())
    return False


def _changes_objects(unit: Unit) -> bool:
    """Whether attributes of objects are set, which a flush then writes: on its own it writes nothing."""
    return any(
        isinstance(target, ir.Attribute) and not (isinstance(target.value, ir.Name) and target.value.id == "self")
        for statement in walk(unit.body)
        if isinstance(statement, (ir.Assign, ir.AugAssign))
        for target in (statement.targets if isinstance(statement, ir.Assign) else (statement.target,))
    ) or any(
        isinstance(part, ir.Call) and isinstance(part.func, ir.Name) and part.func.id == "setattr"
        for part in expressions(unit.body)
    )


def _is_dml(program: Program, unit: Unit, expr: ir.Expr, seen: frozenset[str]) -> bool:
    """Whether an expression surely is an INSERT, UPDATE or DELETE."""
    match expr:
        case ir.Constant(value=str(sql)):
            return sql.lstrip().lower().startswith(tuple(f"{word} " for word in _DML))
        case ir.FString(parts=parts) if parts:
            return _is_dml(program, unit, parts[0], seen)
        case ir.Name(id=name) if name not in seen:
            given = [
                s.value
                for s in walk(unit.body)
                if isinstance(s, ir.Assign)
                and any(isinstance(target, ir.Name) and target.id == name for target in s.targets)
            ]
            inner = seen | {name}
            decided = [value for value in given if _root(value) != name]
            return bool(decided) and all(_is_dml(program, unit, value, inner) for value in decided)
        case ir.Call(func=func, args=args):
            names = {v.name for v in program.flow.at(unit).eval(func) if isinstance(v, (Symbol, External))}
            if len(names) == 1:
                top, _, last = next(iter(names)).rpartition(".")
                if top.startswith(("sqlalchemy", "sqlmodel")) and "()" not in top:
                    if last == "text" and args:
                        return _is_dml(program, unit, args[0].value, seen)
                    return last in _DML
            return isinstance(func, ir.Attribute) and _is_dml(program, unit, func.value, seen)
        case _:
            return False


def _root(expr: ir.Expr) -> str | None:
    while isinstance(expr, (ir.Call, ir.Attribute)):
        expr = expr.func if isinstance(expr, ir.Call) else expr.value
    return expr.id if isinstance(expr, ir.Name) else None


def commits_each_statement(program: Program) -> bool:
    """Whether a module that makes session factories sets AUTOCOMMIT: then writes need no commit."""
    modules = {creation.unit.module for creation in program.creations("factory")}
    return any(
        arg.keyword == "isolation_level"
        and isinstance(arg.value, ir.Constant)
        and str(arg.value.value).upper() == "AUTOCOMMIT"
        for module in modules
        for body in (module.body, *(f.body for f in module.functions))
        for part in expressions(body)
        if isinstance(part, ir.Call)
        for arg in part.args
    )


def edges_below(program: Program) -> dict[int, list[tuple[Context, Edge]]]:
    """The contexts that each context calls, by the caller's id."""
    below: dict[int, list[tuple[Context, Edge]]] = {}
    for context in program.analysis.all_contexts():
        for edge in context.callers:
            below.setdefault(id(edge.caller), []).append((context, edge))
    return below


_cache: WeakKeyDictionary[object, tuple[Uncommitted, ...]] = WeakKeyDictionary()


def uncommitted(program: Program) -> tuple[Uncommitted, ...]:
    """The sessions that are written and that nobody commits, one for each function that owns them."""
    known = _cache.get(program.analysis)
    if known is None:
        known = _cache[program.analysis] = tuple(_uncommitted(program))
    return known


def _uncommitted(program: Program) -> Iterator[Uncommitted]:
    if commits_each_statement(program):
        return
    uses = Uses(program)
    below = edges_below(program)
    silent: set[tuple[object, ...]] = set()
    found: dict[tuple[object, ...], tuple[Write, Token]] = {}
    for context in program.analysis.all_contexts():
        if context.is_test:
            continue
        for number, token in enumerate(context.tokens):
            if token.how != "created" or token.evidence == "name":
                continue
            for owner, write in _owners(uses, below, context, number):
                key: tuple[object, ...] = (owner, token.provider, token.site, token.path if token.site is None else "")
                if _may_be_committed(uses, context, number, token) or _is_prepared(program, owner):
                    silent.add(key)
                elif write is not None and write.node is not None:
                    found.setdefault(key, (write, token))
    reported: set[int] = set()
    for key, (write, token) in found.items():
        if key not in silent and id(write.node) not in reported:
            reported.add(id(write.node))
            yield Uncommitted(write, token, _savepoint(write))


def _savepoint(write: Write) -> Event | None:
    """The first savepoint that the owner itself opens on the session that it writes."""
    number = write.token
    nested = [e for e in write.context.events.values() if e.kind == "begin_nested" and e.token == number]
    return min(nested, key=lambda e: (e.node.span.row, e.node.span.column)) if nested else None


def _owners(
    uses: Uses, below: dict[int, list[tuple[Context, Edge]]], context: Context, number: int
) -> Iterator[tuple[Function, Write | None]]:
    """Who owns a session that a context made, and how it writes; for what a framework makes, those it is injected into."""
    if not context.is_synthetic:
        if isinstance(context.unit, Function) and not hands_on(context, number):
            ends = context.exit is not None and context.exit.tx is not None
            ends = ends or _is_opened_over_and_over(context.unit, context.tokens[number])
            yield context.unit, uses.written.get((id(context), number)) if ends else None
        return
    for callee, edge in below.get(id(context), ()):
        for theirs, mine in edge.tokens.items():
            if mine == number and isinstance(callee.unit, Function):
                yield callee.unit, uses.written.get((id(callee), theirs))


def _is_opened_over_and_over(unit: Unit, token: Token) -> bool:
    """Whether a session is opened in a loop that never ends, as a worker's does: the loop goes on when the session has ended."""
    return any(
        isinstance(statement, ir.While)
        and isinstance(statement.test, ir.Constant)
        and bool(statement.test.value)
        and any(expr is token.node for expr in expressions(statement.body))
        and not any(isinstance(inner, ir.Raise) for inner in walk(statement.body))
        for statement in walk(unit.body)
    )


def _may_be_committed(uses: Uses, context: Context, number: int, token: Token) -> bool:
    if (id(context), number) in uses.ended:
        return True
    provider = token.provider
    return provider is not None and (provider.name in ("__enter__", "__aenter__") or uses.may_commit(provider))


def _is_prepared(program: Program, owner: Function) -> bool:
    """Whether the owner commits under conditions that no known call fulfils, or a decorator may commit for it."""
    if _speaks_of_ending(owner):
        return True
    for decorator in owner.decorators:
        target = decorator.func if isinstance(decorator, ir.Call) else decorator
        name = target.name if isinstance(target, ir.Attribute) else target.id if isinstance(target, ir.Name) else ""
        if any(word in name.lower() for word in _TELLING):
            return True
    return owner in program.analysis.wrapped
