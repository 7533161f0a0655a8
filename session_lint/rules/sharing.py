"""Which sessions calls that run at once work on, and which of them they share."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from functools import cached_property
from itertools import combinations

from session_lint import ir
from session_lint.program import Program
from session_lint.program.contexts import Context, Token
from session_lint.program.entrypoints import dotted
from session_lint.program.remapping import bears_session
from session_lint.program.symbols import Function, Unit
from session_lint.program.values import Container, Instance, Partial, Session, Value, function_of
from session_lint.program.vocabulary import AUTOBEGIN_METHODS
from session_lint.record import Record
from session_lint.rules.background import caught_session, holds_session
from session_lint.rules.concurrency import CALLED, Concurrent, Loop, Place, concurrent
from session_lint.traversal import bound_names, subexpressions, walk

# What works on the connection; adding objects alone only changes memory.
_WORK = (AUTOBEGIN_METHODS - {"add", "add_all", "query"}) | {"commit", "rollback", "begin", "begin_nested"}
_COMPARED = 8
_LENT = ("param", "attr", "injected", "closure", "decorator", "object")

Key = int | str
"""A session as a context knows it: the number of a token, or where it stands (``self.session``)."""


class Shared(Record, frozen=True):
    """A session that calls which run at once share."""

    unit: Unit
    group: Concurrent
    name: str
    token: Token | None
    users: tuple[ir.Expr, ...]


def shared_sessions(program: Program) -> Iterator[Shared]:
    """Every session that several calls use at once; one a place."""
    finder = _Finder(program)
    starting = {unit for unit, _ in program.places.calls_of(CALLED)}
    contexts: dict[Unit, list[Context]] = defaultdict(list)
    for context in program.contexts():
        if context.unit in starting:
            contexts[context.unit].append(context)
    for unit, entered in contexts.items():
        found: set[int] = set()
        for group in concurrent(unit.body):
            for context in entered:
                shared = finder.shared(context, group) if id(group.node) not in found else None
                if shared is not None:
                    found.add(id(group.node))
                    yield shared


class _Finder:
    """Looks up what the calls below a context do; remembers what it found."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self._works: dict[Context, frozenset[Key]] = {}

    @cached_property
    def _entered(self) -> dict[Context, list[tuple[ir.Call, Context, dict[int, int]]]]:
        """The contexts that each context enters, where, and which of their sessions are which of its own."""
        found: dict[Context, list[tuple[ir.Call, Context, dict[int, int]]]] = defaultdict(list)
        for context in self.program.analysis.all_contexts():
            for edge in context.callers:
                if edge.node is not None:
                    found[edge.caller].append((edge.node, context, edge.tokens))
        return found

    def shared(self, context: Context, group: Concurrent) -> Shared | None:
        """The session of a context that at least two calls of a group use."""
        users: dict[str, list[Place]] = defaultdict(list)
        names: dict[str, Key] = {}
        for member in group.members:
            loops = group.repeating(member)
            own = {
                _name(context, key): key
                for key in self._used(context, member.expr)
                if not self._is_other_each_time(context, member.expr, key, loops)
            }
            names.update(own)
            for name in own:
                users[name] += [member, member] if loops else [member]
        for name, places in users.items():
            pairs = [(a, b) for a, b in combinations(places[:_COMPARED], 2) if not a.excludes(b)]
            if pairs:
                key = names[name]
                token = context.tokens[key] if isinstance(key, int) else None
                return Shared(context.unit, group, name, token, tuple(p.expr for p in pairs[0]))
        return None

    def _used(self, context: Context, expr: ir.Expr) -> set[Key]:
        """The sessions of a context that a call of it works on."""
        if not isinstance(expr, ir.Call):
            return set()
        keys: set[Key] = {e.token for e in context.events.values() if e.node is expr and e.kind in _WORK}
        for node, below, tokens in self._entered[context]:
            if node is expr:
                keys |= self._lifted(context, node, below, tokens)
        if not keys:
            keys |= self._handed(context, expr)
        return keys

    def _lifted(self, context: Context, node: ir.Call, below: Context, tokens: dict[int, int]) -> set[Key]:
        """What a called context works on, as its caller knows it."""
        keys: set[Key] = set()
        for key in self._works_on(below):
            if isinstance(key, int) and key in tokens:
                keys.add(tokens[key])
                continue
            token = below.tokens[key] if isinstance(key, int) else None
            path = token.path if token is not None else str(key)
            if token is not None and token.how == "closure":
                keys.add(_own(context, path))
            elif (
                path.startswith("self.")
                and isinstance(node.func, ir.Attribute)
                and (token is None or token.how == "attr")
            ):
                if token is not None and self.program.owned_by_object(token):
                    continue
                receiver = dotted(node.func.value)
                if receiver:
                    keys.add(_own(context, receiver + path.removeprefix("self")))
        return keys

    def _works_on(self, context: Context) -> frozenset[Key]:
        known = self._works.get(context)
        if known is None:
            self._works[context] = frozenset()  # recursion adds nothing
            keys: set[Key] = set()
            if not _takes_turns(context.unit):
                keys |= {e.token for e in context.events.values() if e.kind in _WORK}
                for node, below, tokens in self._entered[context]:
                    keys |= self._lifted(context, node, below, tokens)
            known = self._works[context] = frozenset(keys)
        return known

    def _handed(self, context: Context, call: ir.Call) -> set[Key]:
        """Sessions that a call of something outside the project is given, or that a function given by name catches."""
        keys: set[Key] = set()
        flow = self.program.flow.at(context.unit)
        if self.program.flow.facts.call_targets.get(id(call)):
            return keys
        for expr in (arg.value for arg in call.args):
            values = flow.eval(expr)
            if any(isinstance(v, Session) for v in values) and dotted(expr):
                keys.add(_own(context, dotted(expr)))
            if isinstance(expr, ir.Call) and any(isinstance(v, Partial) for v in values):
                keys |= self._handed(context, expr)
            for function in filter(None, map(function_of, values)):
                keys |= self._caught(context, function, expr)
        return keys

    def _caught(self, context: Context, function: Function, expr: ir.Expr) -> set[Key]:
        if function.parent is context.unit:
            name = caught_session(function)
            return {_own(context, name)} if name and not _takes_turns(function) else set()
        keys: set[Key] = set()
        for below in self.program.analysis.by_function.get(function, ()):
            for key in self._works_on(below):
                token = below.tokens[key] if isinstance(key, int) else None
                path = token.path if token is not None else str(key)
                lent = token is None or (token.how == "attr" and not self.program.owned_by_object(token))
                if path.startswith("self.") and lent and isinstance(expr, ir.Attribute):
                    keys.add(_own(context, dotted(expr.value) + path.removeprefix("self")))
        return keys

    def _is_other_each_time(self, context: Context, expr: ir.Expr, key: Key, loops: tuple[Loop, ...]) -> bool:
        """Whether a loop takes another session each time round."""
        carriers = self._carriers(context, expr, loops)
        if isinstance(key, int) and context.tokens[key].how in _LENT:
            return bool(carriers) and carriers <= {name for loop in loops for name in _targets(loop)}
        bound = {name for loop in loops for name in (*_targets(loop), *_assigned(loop))}
        path = context.tokens[key].path if isinstance(key, int) else key
        return not carriers.isdisjoint(bound) or path.split(".")[0] in bound

    def _carriers(self, context: Context, expr: ir.Expr, loops: tuple[Loop, ...]) -> set[str]:
        """The variables that bring the session into a call."""
        flow = self.program.flow.at(context.unit)
        found = {
            name
            for loop in loops
            if isinstance(loop, ir.Comprehension)
            for clause in loop.clauses
            if any(map(self._bears, flow.eval(clause.iterable)))
            for name in (bound.id for bound in bound_names(clause.target))
        }
        names = {p.id: p for p in subexpressions(expr) if isinstance(p, ir.Name)}
        return {n for n, node in names.items() if n in found or any(map(self._bears, flow.eval(node)))}

    def _bears(self, value: Value) -> bool:
        if isinstance(value, Container):
            return any(self._bears(v) for values in value.items for v in values)
        return bears_session(value) or (isinstance(value, Instance) and holds_session(self.program, value.cls))


def _own(context: Context, path: str) -> Key:
    """The context's token of that name, if there is one."""
    found = [number for number, token in enumerate(context.tokens) if token.path == path]
    return found[0] if found else path


def _name(context: Context, key: Key) -> str:
    if isinstance(key, str):
        return key
    return context.tokens[key].path or f"#{key}"


def _targets(loop: Loop) -> Iterator[str]:
    if isinstance(loop, ir.For):
        yield from (name.id for name in bound_names(loop.target))
    elif isinstance(loop, ir.Comprehension):
        yield from (name.id for clause in loop.clauses for name in bound_names(clause.target))


def _assigned(loop: Loop) -> Iterator[str]:
    """The names that the body of a loop binds."""
    for statement in walk(loop.body) if isinstance(loop, (ir.For, ir.While)) else ():
        match statement:
            case ir.Assign(targets=targets):
                yield from (name.id for target in targets for name in bound_names(target))
            case ir.With(items=items):
                yield from (n.id for item in items if item.target is not None for n in bound_names(item.target))
            case _:
                pass


def _takes_turns(unit: Unit) -> bool:
    """Whether a function does its work under a lock."""
    return any(
        isinstance(statement, ir.With) and any("lock" in dotted(item.context).lower() for item in statement.items)
        for statement in walk(unit.body)
    )
