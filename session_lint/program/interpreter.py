"""The abstract interpreter: follows each session's transaction through functions, branches, loops, blocks and exceptions.

A function is entered once per abstract entry state (which arguments hold which sessions, in which transaction state, with
which flags); that context is remembered and used again for every call that enters alike.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from session_lint import ir
from session_lint.program import failures, states, vocabulary, waiting
from session_lint.program.contexts import Context, Edge, Event, Exit, Harm, How, Token, Wait
from session_lint.program.control import ControlFlow, Unreachable
from session_lint.program.flow import Flow, bind, dataclass_fields
from session_lint.program.keeping import owns_session
from session_lint.program.remapping import bears_session, kept_in_field, relevant, remap, shallow, tokens_in
from session_lint.program.states import State, join
from session_lint.program.symbols import Cell, Class, Function, Module, Scope, Unit
from session_lint.program.values import (
    NOTHING,
    UNKNOWN,
    BoundMethod,
    ClassValue,
    Connection,
    Const,
    ContextManager,
    Coroutine,
    Dependency,
    External,
    Factory,
    FunctionValue,
    Generator,
    Handle,
    Instance,
    Session,
    Site,
    Symbol,
    Value,
    Values,
    Wrapped,
)
from session_lint.program.waiting import Waiting
from session_lint.program.world import Arguments, is_stub, members, sessions
from session_lint.traversal import expressions, subexpressions, walk

MAX_CONTEXTS = 12
MAX_CALL_DEPTH = 30
HOLD_NOTHING = frozenset(
    {"contextlib.closing", "contextlib.aclosing", "contextlib.nullcontext", "functools.partial", "typing.cast"}
    | {"asyncio.run", "asyncio.gather", "asyncio.wait_for", "asyncio.shield", "asyncio.to_thread", "anyio.run"}
)
_LOG_METHODS = frozenset({"debug", "info", "warning", "error", "exception", "critical"})
_SESSION_ONLY = frozenset(["add", "add_all", "flush", "refresh", "scalars", "query", "merge", "expunge", "delete"])


@dataclass(eq=False, repr=False)
class Analysis:
    """All contexts found so far, and what every frame needs to know."""

    flow: Flow
    session_names: frozenset[str]
    is_test: Callable[[Module], bool]
    reaching: set[Unit]
    wrapped: set[Function]
    wrappers: set[Function]
    decorated: set[Function]
    entries: frozenset[Function]
    waiting: Waiting
    contexts: dict[object, Context] = field(default_factory=dict)
    by_function: dict[Function, list[Context]] = field(default_factory=dict)
    depth: int = 0

    def all_contexts(self) -> list[Context]:
        return list(self.contexts.values())

    def enter(
        self,
        function: Function,
        bound: dict[str, Values],
        bits: dict[int, int],
        caller: Context | None,
        node: ir.Call | None,
        how: How = "param",
        entry: str | None = None,
        through_decorator: bool = False,
    ) -> tuple[Context, dict[int, int]]:
        """The context of a function entered with these arguments, interpreted if it is new.

        Args:
            bound: argument values by parameter, with the caller's session tokens.
            bits: transaction states of the caller's tokens.
            how: how the sessions among the arguments come to the function.

        Returns:
            The context, and which caller token each of its first tokens is.
        """
        numbers: dict[int, int] = {}
        through_decorator = through_decorator or how == "decorator"

        def number(session: Session) -> Value:
            if not isinstance(session.origin, int):
                return session
            return Session(session.is_async, numbers.setdefault(session.origin, len(numbers)))

        arguments = {name: remap(relevant(values), number) for name, values in bound.items()}
        entry_bits = tuple(bits.get(token, states.UNKNOWN) for token in numbers)
        seen = self.by_function.setdefault(function, [])
        if len(seen) >= MAX_CONTEXTS:
            entry_bits = tuple(states.UNKNOWN for _ in numbers)
            own = function.params[0].name if function.name == "__init__" and function.takes_self else ""
            arguments = {
                name: values if name == own else frozenset(v for v in values if bears_session(v))
                for name, values in arguments.items()
            }
        from_test = caller is not None and caller.is_test
        key = (
            function,
            tuple(sorted(arguments.items(), key=lambda i: i[0])),
            entry_bits,
            how,
            entry,
            through_decorator,
            from_test,
        )
        back = {mine: theirs for theirs, mine in numbers.items()}
        context = self.contexts.get(key)
        if context is None:
            context = Context(function, entry=entry, is_test=from_test or self.is_test(function.module))
            context.entry_bits = entry_bits
            self.contexts[key] = context
            seen.append(context)
            for theirs in numbers:
                token = caller.tokens[theirs] if caller is not None else None
                kind = token.is_async if token else True
                evidence = token.evidence if token and token.evidence == "name" else "flow"
                context.tokens.append(Token(how, token.path if token else "", kind, evidence))
            called = caller is not None and entry is None
            Frame(self, context, function).run_function(arguments, entry_bits, through_decorator, called)
        if caller is not None:
            context.callers.append(Edge(caller, node, back))
        return context, back


@dataclass(frozen=True, slots=True, eq=False)
class Run:
    """A call of a generator: its context, and which of the caller's tokens its own are."""

    context: Context
    tokens: dict[int, int]


class Frame(ControlFlow):
    """Interprets one function (or module) in one context."""

    def __init__(self, analysis: Analysis, context: Context, unit: Unit) -> None:
        super().__init__(analysis.flow.world, analysis.flow, unit)
        self.analysis = analysis
        self.context = context
        self.adopted: dict[tuple[object, bool], int] = {}
        self.inherited: dict[int, Event] = {}
        self.left: set[int] = set()
        self.yields: Values = NOTHING
        self.at_yield: dict[int, int] = {}
        self.noted: tuple[State | None, State | None] = (None, None)

    # Entering and leaving

    def run_function(
        self, arguments: dict[str, Values], bits: Sequence[int], through_decorator: bool, called: bool
    ) -> None:
        """Interpret the function with its arguments; the context gets its events and its exit."""
        function = self.unit
        assert isinstance(function, Function)
        self.state.tx = dict(enumerate(bits))
        decorated = through_decorator or function in self.analysis.wrapped
        for position, param in enumerate(function.params):
            self.state.env[param.name] = self._parameter(function, position, param, arguments, decorated, called)
        self._name_tokens(function)
        outcome = self.block(function.body, self.state)
        if outcome.normal is not None and outcome.normal.marks:
            failures.returned(outcome.normal, None, falsy=True)
        end = join(outcome.normal, outcome.returned)
        if end is not None:
            for event in self.context.events.values():
                event.goes_on |= id(event) in end.rolled_back
            for event in self.inherited.values():
                event.caller_goes_on |= id(event) in end.rolled_back
            if end.phase == states.THROWN or (end.phase & states.THROWN and self.raising[0] is None):
                self.context.convention.swallows = True
        receiver = NOTHING
        if function.takes_self and function.params and end is not None:
            receiver = end.env.get(function.params[0].name, NOTHING)
        tx = dict(end.tx) if end is not None else None
        marks = end.marks if end is not None else frozenset()
        sent = end.sent if end is not None else frozenset()
        failed = self.raising[0].failed if self.raising[0] is not None else frozenset()
        raised = dict(self.raising[0].tx) if self.raising[0] is not None else {}
        self.context.exit = Exit(tx, raised, outcome.values, self.yields, self.at_yield, receiver, failed, marks, sent)

    def _parameter(
        self,
        function: Function,
        position: int,
        param: ir.Parameter,
        arguments: dict[str, Values],
        decorated: bool,
        called: bool,
    ) -> Values:
        given = arguments.get(param.name)
        # What a dependency outside the project injects is better known from the annotation.
        if given and not (self.context.entry and all(isinstance(v, External) and not v.kept for v in given)):
            return self._fitting(function, param, given)
        if position == 0 and function.takes_self and function.owner is not None:
            return frozenset({ClassValue(function.owner) if function.is_classmethod else Instance(function.owner)})
        cell = function.cells[param.name].values
        how: How = "decorator" if decorated else ("injected" if self.context.entry else "param")
        if given is None and called and param.default is not None and not decorated:
            default = self.analysis.flow.at(function, function.parent).eval(param.default)
            forgotten = (
                default == {Const(None)} and any(map(bears_session, cell)) and not _asks_for(function, param.name)
            )
            if not forgotten and not any(isinstance(v, Dependency) for v in default):
                return self.adopt(default, ("default", param.name), "unknown", param.name)
        values = self.adopt(cell, ("param", param.name), how, param.name)
        if param.annotation is not None:
            self._typed(values)
        if param.default is not None and isinstance(param.default, ir.Constant) and param.default.value is None:
            values |= {Const(None)}
        if not (values - {Const(None)}) and param.kind in ("positional-only", "positional", "keyword"):
            values |= self._by_name(function, param, how)
        if values == {Const(None)}:  # the default, or whatever else is given
            values |= {UNKNOWN}
        return values

    def _fitting(self, function: Function, param: ir.Parameter, given: Values) -> Values:
        """What is given without the objects that the parameter's annotation rules out, where others remain."""
        classes = {v.cls for v in given if isinstance(v, Instance)}
        if len(classes) < 2 or param.annotation is None:
            return given
        annotation = self.analysis.flow.at(function, function.parent).eval(param.annotation)
        declared = {v.cls for v in annotation if isinstance(v, ClassValue)}
        if any(base.endswith(".Protocol") for cls in declared for base in cls.external_lineage()):
            return given
        fits = {c for c in classes if any(d in c.lineage() or c in d.lineage() for d in declared)}
        return frozenset(v for v in given if not isinstance(v, Instance) or v.cls in fits) if fits else given

    def _typed(self, values: Values) -> None:
        for value in values:
            if isinstance(value, Session) and isinstance(value.origin, int):
                self.context.tokens[value.origin].evidence = "type"

    def _by_name(self, function: Function, param: ir.Parameter, how: How) -> Values:
        if param.name not in self.analysis.session_names or param.annotation is not None:
            return NOTHING
        used = {
            node.name
            for node in expressions(function.body)
            if isinstance(node, ir.Attribute) and isinstance(node.value, ir.Name) and node.value.id == param.name
        }
        if not used & _SESSION_ONLY and not (param.name.endswith("session") and "commit" in used):
            return NOTHING
        token = self.new_token(Token(how, param.name, function.is_async, "name"), states.UNKNOWN)
        return frozenset({Session(function.is_async, token)})

    def _name_tokens(self, function: Function) -> None:
        for param in function.params:
            for value in self.state.env.get(param.name, NOTHING):
                if isinstance(value, Session) and isinstance(value.origin, int):
                    self.context.tokens[value.origin].path = param.name
                    if param.annotation is not None and self.context.tokens[value.origin].evidence == "flow":
                        self.context.tokens[value.origin].evidence = "type"
                elif isinstance(value, Instance):
                    for name, inner in value.fields:
                        for v in inner:
                            if isinstance(v, Session) and isinstance(v.origin, int):
                                token = self.context.tokens[v.origin]
                                token.path, token.holder = f"{param.name}.{name}", value.cls
                                if token.how == "param":
                                    token.how = "attr"

    def new_token(self, token: Token, bits: int) -> int:
        """Add a session to the context; gives its number."""
        self.context.tokens.append(token)
        number = len(self.context.tokens) - 1
        self.state.tx[number] = bits
        return number

    def adopt(self, values: Values, key: object, how: How, path: str, holder: Class | None = None) -> Values:
        """Values from the flow, with the sessions in them as tokens of this context."""

        def session(value: Session) -> Value:
            if isinstance(value.origin, int):
                return value
            kind: How = "registry" if value.origin == "registry" else how
            where: object = "registry" if kind == "registry" else key
            number = self.adopted.get((where, value.is_async))
            if number is None:
                number = self.new_token(Token(kind, path, value.is_async, "flow", holder=holder), states.UNKNOWN)
                self.adopted[where, value.is_async] = number
            elif number not in self.state.tx:
                self.state.tx[number] = states.UNKNOWN
            return Session(value.is_async, number)

        return remap(values, session) if any(bears_session(v) for v in values) else values

    # Names and attributes

    def read(self, cell: Cell) -> Values:
        how, path, holder = self.reading
        return self.adopt(cell.values, id(cell), how, path, holder)

    def write(self, cell: Cell, values: Values) -> None:
        return

    def load(self, name: str) -> Values:
        if name in self.state.env:
            return self.state.env[name]
        scope: Scope = self.scope
        how: How = "global"
        while not isinstance(scope, Module):
            if isinstance(scope, Function) and scope is not self.unit and name in scope.cells:
                how = "closure"
                break
            scope = scope.parent
        if (
            isinstance(self.unit, Function)
            and name in self.unit.cells
            and how == "global"
            and name not in self.unit.links
        ):
            return NOTHING  # not bound yet on this path
        self.reading = (how, name, None)
        return super().load(name)

    def store_name(self, name: str, values: Values) -> None:
        self.state.env[name] = values or frozenset({UNKNOWN})

    def store(self, target: ir.Expr, values: Values) -> None:
        match target:
            case ir.Attribute(value=ir.Name(id=name)) if self._is_constructed(name):
                pass  # the object holds what its constructor was given, and is watched itself
            case ir.Attribute() | ir.Subscript():
                self._give([values])
            case ir.Name(id=name) if isinstance(self.unit, Function) and name in self.unit.outer_names:
                self._give([values])
            case _:
                pass
        super().store(target, values)
        kept = isinstance(target, ir.Attribute) and any(isinstance(v, Instance) for v in self.peek(target.value))
        if isinstance(target, (ir.Subscript, ir.Attribute)) and not kept:
            self.lose(values)

    def _is_constructed(self, name: str) -> bool:
        unit = self.unit
        return (
            isinstance(unit, Function) and unit.name == "__init__" and unit.takes_self and unit.params[0].name == name
        )

    def _give(self, groups: Iterable[Values]) -> None:
        """Note that the sessions among the values go to somebody who may keep, or close, them."""
        for values in groups:
            self.context.given |= tokens_in(values)

    def excluded(self, values: Values) -> None:
        gone = {n for n in tokens_in(values) if self.context.tokens[n].how == "created"}
        for number in gone - (tokens_in(members(self.state.env.values())) if gone else set()):
            self.state.tx.pop(number, None)

    def store_attribute(self, target: ir.Attribute, owner: Value, values: Values) -> None:
        if isinstance(owner, Instance) and isinstance(target.value, ir.Name) and target.value.id in self.state.env:
            kept = kept_in_field(values)
            for value in kept:
                if isinstance(value, Session) and isinstance(value.origin, int):
                    token = self.context.tokens[value.origin]
                    if token.how == "created":
                        token.how, token.holder = "object", owner.cls
            fields = tuple(f for f in owner.fields if f[0] != target.name)
            if kept:
                fields = tuple(sorted((*fields, (target.name, kept)), key=lambda f: f[0]))
            others = self.state.env[target.value.id] - {owner}
            self.state.env[target.value.id] = others | {Instance(owner.cls, fields)}

    def instance_attribute(self, value: Instance, name: str) -> Values:
        first = (
            self.unit.params[0].name
            if isinstance(self.unit, Function) and self.unit.takes_self and self.unit.params
            else ""
        )
        own = any(v == value for v in self.state.env.get(first, NOTHING))
        self.reading = ("attr", f"self.{name}" if own else f"{value.cls.name}.{name}", value.cls)
        return super().instance_attribute(value, name)

    def class_attribute(self, cls: Class, name: str, receiver: Value) -> Values:
        self.reading = ("global", f"{cls.name}.{name}", cls)
        return super().class_attribute(cls, name, receiver)

    def _external_attribute(self, base: str, name: str) -> Values:
        self.reading = ("state", f"{base}.{name}", None)
        return super()._external_attribute(base, name)

    def shared_value(self, name: str) -> Values:
        self.reading = ("registry" if name.startswith("ContextVar@") else "state", name, None)
        return super().shared_value(name)

    def local_names(self) -> dict[str, Values]:
        return dict(self.state.env)

    def eval_lambda(self, node: ir.Lambda) -> Values:
        self._capture(node.body)
        return super().eval_lambda(node)

    def _closure(self, statement: ir.FunctionDef) -> Values:
        for expr in expressions(statement.body):
            if isinstance(expr, ir.Name):
                self._capture(expr)
        return super()._closure(statement)

    def _capture(self, body: ir.Expr) -> None:
        """A nested function may close the sessions that it uses, whenever it runs."""
        for expr in subexpressions(body):
            if isinstance(expr, ir.Name) and expr.id in self.state.env:
                self._give([self.state.env[expr.id]])

    # Calls

    def eval_call(self, node: ir.Call) -> Values:
        if _is_log(node):
            return self.adopt(super().eval_call(node), "registry", "registry", "registry")
        before = self.state.copy()
        ends = self._ends_session(node)
        try:
            result = self.adopt(super().eval_call(node), "registry", "registry", "registry")
            self._compare(before, node)
        finally:
            if not ends:
                self._fails_in(before)
        if self.state != before:
            after = self.state.copy()
            for number, token in enumerate(self.context.tokens):
                if token.node is node:  # the call has given this session, and so did not fail
                    after.tx.pop(number, None)
            self._fails_in(after)
        elif ends:
            self._fails_in(before)
        waiting.forget_started(self.context, node)
        return result

    def _fails_in(self, state: State) -> None:
        """An exception can leave in a state, which is not changed any more; most calls leave the state as it was."""
        known, last = self.noted
        if known is None or self.raising[-1] is not known or state != last:
            self.raising[-1] = join(self.raising[-1], state)
            self.noted = (self.raising[-1], state)

    def call_any(self, funcs: Values, args: Arguments, node: ir.Call) -> Values:
        """Only one of several functions is called: none sees what another does to sessions.

        A method is called on all objects that a variable may hold: what held before the call did so for the one that it is.
        """
        groups: dict[object, list[Value]] = {}
        for func in funcs:
            called = func.function if isinstance(func, (FunctionValue, BoundMethod)) else None
            groups.setdefault(called, []).append(func)
        if len(groups) == 1:
            return super().call_any(funcs, args, node)
        before, after = self.state, None
        results: list[Values] = []
        known = self.context.waits.pop(id(node), None)
        waits: list[Wait | None] = []
        for group in groups.values():
            self.state = before.copy()
            try:
                results.extend(self.call(func, args, node) for func in group)
            except Unreachable:
                continue
            finally:
                waits.append(self.context.waits.pop(id(node), None))
            after = join(after, self.state)
        waiting.one_of(self.context, known, waits)
        if after is None:
            raise Unreachable
        self.state = after
        return members(results)

    def _compare(self, before: State, node: ir.Call) -> None:
        """Look at what a call did to sessions: one that closes a session has done so even if it fails."""
        for token, bits in before.tx.items():
            after = self.state.tx.get(token, bits)
            if after == bits:
                continue
            if after == states.CLOSED:
                before.tx[token] = after
            elif bits == states.CLOSED and after & states.OPEN and token in self.left:
                self.context.late.setdefault(token, node)

    def _ends_session(self, node: ir.Call) -> bool:
        """Whether the call rolls back or closes a session: nothing that matters can fail before it does."""
        func = node.func
        return (
            isinstance(func, ir.Attribute)
            and func.name in failures.ENDINGS
            and any(isinstance(v, Session) for v in self.peek(func.value))
        )

    def created(self, kind: str, value: Value, name: str, args: Arguments, node: ir.Call | None) -> Value:
        if isinstance(value, Session):
            if kind == "session" and (given := [v for v in args.get(-1, "bind") if isinstance(v, Session)]):
                return given[0]
            site = Site(self.unit.module, node.span) if node else None
            key = ("created", id(node) if node else 0)
            number = self.adopted.get((key, value.is_async))
            if number is None:
                fresh = Token("created", "", value.is_async, "type", site=site, node=node)
                number = self.new_token(fresh, states.NONE)
                self.adopted[key, value.is_async] = number
            self.state.tx[number] = states.NONE
            is_own = bool(name) and vocabulary.session_class(name) is None
            if is_own or any(isinstance(v, Connection) for v in members(args.everything())):
                self.context.tokens[number].lost = True  # a class or connection with its own idea of when to commit
            failures.clear(self.state, number)
            waiting.ended(self.state, number)
            self.left.discard(number)
            return Session(value.is_async, number)
        return value

    def lose(self, values: Values) -> None:
        """Something unknown gets these values, and may end the transactions of the sessions in them."""
        if not any(bears_session(v) for v in values):
            return

        def found(session: Session) -> Value:
            if isinstance(session.origin, int):
                self.context.tokens[session.origin].lost = True
                waiting.ended(self.state, session.origin)
                bits = self.state.tx.get(session.origin, states.UNKNOWN)
                if bits != states.BLOCK:
                    self.state.tx[session.origin] = bits | states.UNKNOWN
            return session

        remap(values, found)

    def _lose_call(self, args: Arguments, node: ir.Call | None) -> None:
        """Something unknown is called: it gets the arguments, and the object whose method it is."""
        self.lose(members(args.everything()))
        self._give(args.everything())
        if node is not None and isinstance(node.func, ir.Attribute):
            receiver = node.func.value
            unit = self.unit
            # A method may lack its `self`.
            if isinstance(receiver, ir.Call) and isinstance(unit, Function) and unit.takes_self and unit.params:
                receiver = ir.Name(receiver.span, unit.params[0].name)
            held = frozenset(v for v in self.peek(receiver) if not isinstance(v, Session))
            self.lose(held)
            self._give([held])

    def called_unknown(self, args: Arguments, node: ir.Call) -> None:
        self._lose_call(args, node)

    def call_function(
        self, function: Function, receiver: Value | None, args: Arguments, node: ir.Call | None
    ) -> Values:
        return self._enter_function(function, receiver, args, node, through_decorator=False)

    def call_wrapped(self, func: Wrapped, args: Arguments, node: ir.Call | None) -> Values:
        match func.func:
            case BoundMethod(function=function, receiver=receiver):
                return self._enter_function(function, receiver, args, node, through_decorator=True)
            case Wrapped():
                return self.call_wrapped(func.func, args, node)
            case _ as inner:
                function_ = getattr(inner, "function", None)
                if isinstance(function_, Function):
                    return self._enter_function(function_, None, args, node, through_decorator=True)
                return self.call(inner, args, node)

    def _enter_function(
        self, function: Function, receiver: Value | None, args: Arguments, node: ir.Call | None, through_decorator: bool
    ) -> Values:
        analysis = self.analysis
        bound = bind(function, receiver, args)
        if args.has_rest:
            self.lose(args.rest)
            bound = {name: values for name, values in bound.items() if values}
        reaches = function in analysis.reaching
        builds = function.name == "__init__"
        leaves_tests = self.context.is_test and not analysis.is_test(function.module)
        if not (reaches or builds) or leaves_tests:
            self._give(args.everything())
            if not is_stub(function) and _always_raises(function.body):
                raise Unreachable
            return self._unvisited(function, node)
        wrapped = self.unit in analysis.wrappers and function in analysis.decorated
        how: How = (
            "decorator" if wrapped and (function in analysis.wrapped or function in analysis.entries) else "param"
        )
        followed = self._follow(function, bound, node, how, through_decorator=through_decorator)
        self._give([args.rest])
        if followed is None:
            self._lose_call(args, node)
            return self._unvisited(function, node)
        context, back = followed
        if context.exit is None:  # recursion: the call is being interpreted further up
            return self._unvisited(function, node, list(back.values()))
        return self._after_call(function, context, back, receiver, node)

    def _follow(
        self, function: Function, bound: dict[str, Values], node: ir.Call | None, how: How, *, through_decorator: bool
    ) -> tuple[Context, dict[int, int]] | None:
        """Enter a function; None when that goes too deep, and what it does stays unknown."""
        if self.analysis.depth >= MAX_CALL_DEPTH:
            return None
        self.analysis.depth += 1
        try:
            return self.analysis.enter(
                function, bound, self.state.tx, self.context, node, how, through_decorator=through_decorator
            )
        except RecursionError:
            return None
        finally:
            self.analysis.depth -= 1

    def _unvisited(self, function: Function, node: ir.Call | None, tokens: Sequence[int] = ()) -> Values:
        if node is not None and (below := self.analysis.waiting.below(function)) is not None:
            waiting.wait(self.context, self.state, Wait(node, *below))
        for token in tokens:
            self.state.tx[token] = states.UNKNOWN
        values = self.analysis.flow.at(self.unit).result_of(function)
        return self.adopt(values, ("result", id(node), function), "unknown", function.name)

    def _after_call(
        self, function: Function, context: Context, back: dict[int, int], receiver: Value | None, node: ir.Call | None
    ) -> Values:
        assert context.exit is not None
        exit_ = context.exit
        tokens = dict(back)

        def mine(session: Session) -> Value:
            number = session.origin
            if not isinstance(number, int):
                return session
            if number not in tokens:
                theirs = context.tokens[number]
                key = ("from", id(node), function, number)
                known = self.adopted.get((key, session.is_async))
                how: How = theirs.how if theirs.how in ("registry", "global", "state", "unknown") else "created"
                path = ""
                if theirs.how in ("object", "attr") and not function.is_generator:
                    how = "object" if theirs.how == "object" else "unknown"
                    if theirs.how == "attr" and function.is_property:  # an attribute like any other
                        how, path = "attr", theirs.path
                if known is None:
                    provider = (
                        theirs.provider if theirs.provider is not None and not function.is_generator else function
                    )
                    fresh = Token(
                        how, path, session.is_async, theirs.evidence, provider, theirs.site, theirs.holder, node=node
                    )
                    known = self.new_token(fresh, states.NONE)
                    self.adopted[key, session.is_async] = known
                exit_bits = exit_.at_yield if function.is_generator else (exit_.tx or {})
                self.state.tx[known] = exit_bits.get(number, states.UNKNOWN)
                failures.clear(self.state, known)
                self.left.discard(known)
                tokens[number] = known
            return Session(session.is_async, tokens[number])

        if function.is_generator:
            items = remap(exit_.yields, mine)
            self._given_by(context, tokens)
            return frozenset({Generator(items, function, function.is_async, Run(context, tokens))})
        if node is not None:
            waiting.called(self.context, self.state, context, back, node)
        self.after_failures(context, back, node)
        if exit_.tx is None and not exit_.values and _never_returns(function):
            raise Unreachable
        for number, bits in (exit_.tx or {}).items():
            if number in back:
                self.state.tx[back[number]] = bits
        for event in context.events.values():
            if event.kind == "rollback" and event.goes_on:
                event.is_lent = True
                self.inherited[id(event)] = event
                self.state.rolled_back |= {id(event)}
        self._receiver_after(exit_.receiver, receiver, node, mine)
        self._forward(context, receiver, node, tokens)
        values = _may_differ(remap(exit_.values, mine))
        waiting.returned(self.state, exit_, tokens)
        self._given_by(context, tokens)
        if not values - {UNKNOWN}:
            return self._unvisited(function, node)
        return frozenset({Coroutine(values, function)}) if function.is_async else values

    def _given_by(self, context: Context, tokens: dict[int, int]) -> None:
        self.context.given |= {tokens[number] for number in context.given if number in tokens}

    def after_failures(self, context: Context, back: dict[int, int], node: ir.Call | None) -> None:
        """What a callee's statements and handlers mean for the sessions that were lent to it."""
        exit_ = context.exit
        assert exit_ is not None
        span = node.span if node is not None else context.place
        for theirs, method in context.uses.items():
            if theirs in back:
                self._used(back[theirs], method, span, f"{context.unit.qualname} runs {method}() on it")
        failed = frozenset((back[token], method) for token, method in exit_.failed if token in back)
        if failed:
            self.raising[-1] = failures.fail(self.state, self.raising[-1], failed)
        for theirs, bits in (exit_.tx or {}).items():
            if theirs in back and not bits & ~(states.NONE | states.CLOSED):
                failures.clear(self.state, back[theirs])
        if exit_.marks:
            self.state.marks |= {
                failures.called(mark, back[mark.token], id(node)) for mark in exit_.marks if mark.token in back
            }

    def _used(self, token: int, method: str, span: ir.Span, what: str) -> None:
        """A statement is sent on a session."""
        self.context.uses.setdefault(token, method)
        if self.state.marks:
            failures.harm(self.state, token, Harm("use", self.context, span, what))

    def handled(self, place: ir.Span, caught: ir.Expr | None, kinds: Values, unset: tuple[str, ...] = ()) -> bool:
        """A handler gets the exception under way; gives whether it catches every error of a database."""
        names = [v.name for v in kinds if isinstance(v, (External, Symbol))]
        some, every = failures.catches(names, bare=caught is None)
        if some and self.state.failed:
            failures.swallow(self.state, self.context, place, caught, unset)
        self.state.failed = frozenset()
        return every

    def raised_after_all(self, place: ir.Span) -> None:
        for site in [site for site, known in self.context.swallows.items() if known.place == place]:
            del self.context.swallows[site]

    def _receiver_after(
        self, after: Values, receiver: Value | None, node: ir.Call | None, mine: Callable[[Session], Value]
    ) -> None:
        if not isinstance(receiver, Instance) or node is None or not isinstance(node.func, ir.Attribute):
            return
        target = node.func.value
        name = ""
        if isinstance(target, ir.Name):
            name = target.id
        elif isinstance(target, ir.Call) and isinstance(target.func, ir.Name) and target.func.id == "super":
            name = self.unit.params[0].name if isinstance(self.unit, Function) and self.unit.params else ""
        held = self.state.env.get(name)
        if held is None or receiver not in held:
            return
        changed = frozenset(v for v in remap(after, mine) if isinstance(v, Instance) and v.cls is receiver.cls)
        if changed:
            self.state.env[name] = (held - {receiver}) | changed

    def _forward(self, context: Context, receiver: Value | None, node: ir.Call | None, tokens: dict[int, int]) -> None:
        """A unit of work's own methods act for whoever calls them: their events happen at the call."""
        if node is None or not isinstance(receiver, Instance):
            return
        for event in list(context.events.values()):
            if event.kind not in ("commit", "rollback", "begin"):
                continue
            token = event.session
            if token.how != "object" and not (
                token.how == "attr" and owns_session(self.flow, receiver.cls, token.path)
            ):
                continue
            number = tokens.get(event.token)
            if number is None:
                number = self._receiver_token(node, token)
            self.record(event.kind, node, number, forwarded=True)

    def _receiver_token(self, node: ir.Call, theirs: Token, own: How = "object") -> int:
        """A session that the object before the dot keeps; ``own`` is how a method of that object itself has it."""
        how: How = "created"
        path = ""
        if isinstance(node.func, ir.Attribute):
            root = node.func.value
            path = _text(root)
            while isinstance(root, ir.Attribute):
                root = root.value
            if isinstance(root, ir.Name) and isinstance(self.unit, Function):
                names = [p.name for p in self.unit.params]
                if self.unit.takes_self and names and root.id == names[0]:
                    how = own if isinstance(node.func.value, ir.Name) else "attr"
                elif root.id in names and not _enters(self.unit, root.id):
                    how = "injected" if self.context.entry else "param"
        key = ("receiver", path)
        number = self.adopted.get((key, theirs.is_async))
        if number is None:
            number = self.new_token(
                Token(how, path, theirs.is_async, theirs.evidence, holder=theirs.holder), states.UNKNOWN
            )
            self.adopted[key, theirs.is_async] = number
        return number

    def construct(self, cls: Class, args: Arguments, node: ir.Call | None) -> Values:
        instance: Value = Instance(cls)
        init = cls.method("__init__")
        if init is None:
            fields = {name: kept_in_field(values) for name, values in dataclass_fields(cls, args).items()}
            if any(self.world.models.keeps_session(base) for base in cls.external_lineage()):
                fields["session"] = sessions(args)
            kept = tuple(sorted(((n, v) for n, v in fields.items() if v), key=lambda f: f[0]))
            return frozenset({Instance(cls, kept)})
        bound = bind(init, instance, args)
        followed = self._follow(init, bound, node, "param", through_decorator=False)
        if followed is None:
            self._give(args.everything())
            return frozenset({instance})
        context, back = followed
        exit_ = context.exit
        if exit_ is None:
            return frozenset({instance})
        built: list[Value] = []
        tokens = dict(back)

        def mine(session: Session) -> Value:
            number = session.origin
            if not isinstance(number, int):
                return session
            if number not in tokens:
                theirs = context.tokens[number]
                key = ("built", id(node), cls, number)
                known = self.adopted.get((key, session.is_async))
                if known is None:
                    how: How = "object" if theirs.how in ("object", "created") else theirs.how
                    known = self.new_token(
                        Token(how, "", session.is_async, theirs.evidence, theirs.provider, theirs.site, cls, node=node),
                        states.NONE,
                    )
                    self.adopted[key, session.is_async] = known
                self.state.tx[known] = (exit_.tx or {}).get(number, states.UNKNOWN)
                tokens[number] = known
            return Session(session.is_async, tokens[number])

        for value in remap(exit_.receiver, mine):
            if isinstance(value, Instance) and value.cls is cls:
                built.append(shallow(value))
        self._given_by(context, tokens)
        return frozenset(built) or frozenset({instance})

    def called_method(self, subject: Value, name: str, args: Arguments, node: ir.Call | None) -> None:
        if isinstance(subject, Factory) and subject.is_registry:
            path = _text(node.func.value) if node is not None and isinstance(node.func, ir.Attribute) else "registry"
            adopted = self.adopt(frozenset({Session(subject.is_async, "registry")}), "registry", "registry", path)
            subject = next(iter(adopted))
            owner = self.unit.owner if isinstance(self.unit, Function) else None
            if owner is not None and path.startswith("self.") and owns_session(self.flow, owner, path):
                assert isinstance(subject, Session)
                assert isinstance(subject.origin, int)
                self.context.tokens[subject.origin].how = "object"
        if isinstance(subject, Handle):
            self._called_handle(subject, name)
        elif not isinstance(subject, Session):
            self._lose_call(args, node)
        if node is None or not isinstance(subject, Session) or not isinstance(subject.origin, int):
            return
        token = subject.origin
        self.record(name, node, token)
        if name in failures.STATEMENTS:
            self._used(token, name, node.span, f"{name}() is called on it")
            if name in waiting.STATEMENTS:
                self.state.sent |= {token}
            if name != "begin_nested":  # whoever enters it tells what fails inside
                self.raising[-1] = failures.fail(self.state, self.raising[-1], frozenset({(token, name)}))
        elif name in failures.ENDINGS:
            failures.clear(self.state, token)
        bits = self.state.tx.get(token, states.UNKNOWN)
        if name in ("begin", "begin_nested") and subject.is_async and node is self.dropped:
            return  # nothing happens: it is neither awaited nor entered
        if name == "begin" and not _is_savepoint(args):
            self.state.tx[token] = states.BEGUN
        elif name in ("commit", "rollback"):
            waiting.ended(self.state, token)
            self.state.tx[token] = states.CLOSED if bits == states.CLOSED else states.NONE
        elif name in vocabulary.CLOSE_METHODS:
            waiting.ended(self.state, token)
            self.state.tx[token] = states.CLOSED
        elif name in vocabulary.TRANSACTION_ACCESS or (name == "run_sync" and not args.get(0)):
            self.lose(frozenset({subject}))
        elif name in vocabulary.AUTOBEGIN_METHODS and bits & (states.NONE | states.CLOSED):
            self.state.tx[token] = (bits & ~(states.NONE | states.CLOSED)) | states.AUTOBEGUN

    def _called_handle(self, handle: Handle, name: str) -> None:
        """``transaction.commit()``, where no block ends it."""
        if name in failures.ENDINGS and isinstance(handle.subject, Session) and isinstance(handle.subject.origin, int):
            failures.clear(self.state, handle.subject.origin)
        if handle.kind == "transaction" and isinstance(handle.subject, Session):
            token = handle.subject.origin
            ends = name in ("commit", "rollback", "close")
            if isinstance(token, int) and ends and self.state.tx.get(token, states.UNKNOWN) == states.BEGUN:
                self.state.tx[token] = states.NONE

    def called_external(self, name: str, args: Arguments, node: ir.Call | None, kept: Values = NOTHING) -> None:
        if name in vocabulary.NEVER_RETURN:
            raise Unreachable
        if not name.startswith("builtins.") and name not in HOLD_NOTHING:
            self._give(args.everything())
        rule = self.world.models.commit_rule(name)
        if node is not None and self.world.models.waits(name) and not waiting.is_no_wait(node):
            waiting.wait(self.context, self.state, Wait(node, name))
        if name.split(".", maxsplit=1)[0] not in vocabulary.HARMLESS_LIBRARIES or name == "builtins.setattr":
            self.lose(kept)
            self._lose_call(args, node)
        if rule is None or node is None:
            return
        if rule.unless and Const(False) in args.keywords.get(rule.unless, NOTHING):
            return
        if rule.when and Const(True) not in args.keywords.get(rule.when, NOTHING):
            return
        held = self.peek(node.func.value) if isinstance(node.func, ir.Attribute) else NOTHING
        fields = [values for v in held if isinstance(v, Instance) for _, values in v.fields]
        tokens = {
            value.origin
            for value in members([*args.everything(), *fields, kept])
            if isinstance(value, Session) and isinstance(value.origin, int)
        }
        for token in sorted(tokens) or [self._receiver_token(node, Token("param", "", True, "flow"), own="attr")]:
            self.record("commit", node, token)
            waiting.ended(self.state, token)
            self.state.tx[token] = states.NONE

    def record(self, kind: str, node: ir.Call, token: int, forwarded: bool = False) -> None:
        """Note that something happened to a session."""
        bits = self.state.tx.get(token, states.UNKNOWN)
        key = (id(node), kind, token)
        event = self.context.events.get(key)
        if event is None:
            guard = self.guards[-1] if self.guards else None
            event = Event(kind, node, self.context, token, 0, guard, forwarded=forwarded)
            event.dropped = node is self.dropped
            self.context.events[key] = event
        event.bits |= bits
        if kind == "rollback":
            self.state.rolled_back |= {id(event)}
        self._convention(kind, token)

    def _convention(self, kind: str, token: int) -> None:
        convention = self.context.convention
        if token not in tokens_in(self.yields):  # by itself, or with other things in a tuple or an object
            return
        if kind == "commit" and self.state.phase & states.RESUMED:
            convention.commits = True
        elif kind == "rollback" and self.state.phase & states.THROWN:
            convention.rolls_back = True
        elif kind in vocabulary.CLOSE_METHODS:
            convention.closes = True

    def yielded(self, node: ir.Yield) -> Values:
        values = self.eval(node.value)
        self.yields |= values
        for token, bits in self.state.tx.items():
            self.at_yield[token] = self.at_yield.get(token, 0) | bits
            if bits & (states.BLOCK | states.BEGUN) and any(
                isinstance(v, Session) and v.origin == token for v in values
            ):
                self.context.convention.begins = True
        for token in tokens_in(values):  # who has it may begin a transaction
            bits = self.state.tx.get(token, states.UNKNOWN)
            if bits & states.NONE:
                self.state.tx[token] = (bits & ~states.NONE) | states.UNKNOWN
        thrown = self.state.copy()
        thrown.phase = states.THROWN
        self.raising[-1] = join(self.raising[-1], thrown)
        self.state.phase = states.RESUMED
        return NOTHING

    def yielded_from(self, node: ir.YieldFrom) -> Values:
        self.yields |= members(self.elements(v) for v in self.eval(node.value))
        return NOTHING

    # Blocks

    def suppresses(self, item: ir.WithItem, values: Values) -> bool:
        for value in values:
            if (
                isinstance(value, ContextManager)
                and isinstance(value.run, Run)
                and value.run.context.convention.swallows
            ):
                return True
            if isinstance(value, External) and value.name.startswith("contextlib.suppress"):
                if isinstance(item.context, ir.Call):
                    kinds = members(self.eval(argument.value) for argument in item.context.args)
                    self.handled(item.context.span, item.context, kinds)
                return True
        return False

    def label(self, target: ir.Expr, entered: Values) -> None:
        if isinstance(target, ir.Name):
            for value in entered:
                if isinstance(value, Session) and isinstance(value.origin, int):
                    token = self.context.tokens[value.origin]
                    token.path = token.path or target.id

    def enter_item(self, item: ir.WithItem, values: Values) -> Values:
        entered = members(self.enter(v, None) for v in values)
        for value in values:
            match value:
                case Handle(kind=kind, subject=Session(origin=int(token))):
                    if kind in ("transaction", "factory-begin"):
                        waiting.ended(self.state, token)
                        self.state.tx[token] = states.BLOCK
                        for event in self.context.events.values():
                            if event.kind == "begin" and event.token == token and event.node is _called(item.context):
                                event.is_context = True
                    elif kind == "savepoint" and self.state.tx.get(token, 0) & states.NONE:
                        self.state.tx[token] = states.AUTOBEGUN
                case ContextManager(run=Run() as run) if run.context.exit is not None:
                    at_yield = run.context.exit.at_yield
                    self.state.tx.update(
                        {mine: at_yield[theirs] for theirs, mine in run.tokens.items() if theirs in at_yield}
                    )
                case Session(origin=int(token)):
                    self.context.entered[id(item.context), token] = item.context
                    if self.state.tx.get(token) == states.CLOSED:
                        self.state.tx[token] = states.NONE
                case _:
                    pass
        return entered

    def leave_item(self, item: ir.WithItem, values: Values, entered: Values, failed: bool) -> None:
        for value in values:
            match value:
                case Handle(kind=kind, subject=Session(origin=int(token))):
                    if kind == "savepoint" and not failed:
                        failures.leave_savepoint(self.state, token)
                        continue
                    if kind in ("transaction", "factory-begin"):
                        self._convention("rollback" if failed else "commit", token)
                        if self.state.marks and not failed:
                            what = "its `with session.begin()` block then commits"
                            failures.harm(self.state, token, Harm("block", self.context, item.context.span, what))
                        if kind == "factory-begin":
                            self._leave_session(token)
                        else:
                            waiting.ended(self.state, token)
                            self.state.tx[token] = states.NONE
                    failures.clear(self.state, token)
                case Session(origin=int(token)):
                    self._convention("close", token)
                    failures.clear(self.state, token)
                    self._leave_session(token)
                case ContextManager(run=Run() as run):
                    self._leave_manager(run, entered, failed, item.context.span)
                case ContextManager(function=None):
                    for token in tokens_in(entered):
                        if self.context.tokens[token].how == "created":
                            self._leave_session(token)
                case Instance(cls=cls) if not failed:
                    self._leave_instance(cls, value, entered)
                case _:
                    pass

    def _leave_session(self, token: int) -> None:
        waiting.ended(self.state, token)
        self.state.tx[token] = states.CLOSED
        self.left.add(token)

    def returned_from(self, statement: ir.With, values: Values) -> None:
        for token in tokens_in(values):
            if token in self.left and self.state.tx.get(token) == states.CLOSED:
                self.context.returned_late.setdefault(token, statement)

    def _leave_manager(self, run: Run, entered: Values, failed: bool, span: ir.Span) -> None:
        exit_ = run.context.exit
        for value in entered:
            if isinstance(value, Session) and isinstance(value.origin, int):
                if run.context.convention.commits and not failed:
                    self._convention("commit", value.origin)
                    what = f"{run.context.unit.qualname} then commits"
                    failures.harm(self.state, value.origin, Harm("provider", self.context, span, what))
                if run.context.convention.rolls_back and failed:
                    self._convention("rollback", value.origin)
                failures.clear(self.state, value.origin)
                if run.context.convention.closes or run.context.convention.commits:
                    self._convention("close", value.origin)
        if exit_ is not None and exit_.tx is not None:
            for theirs, mine in run.tokens.items():
                if theirs in exit_.tx:
                    self.state.tx[mine] = states.NONE if failed else exit_.tx[theirs]
                    if self.state.tx[mine] == states.CLOSED:
                        self.left.add(mine)
                    waiting.ended(self.state, mine)

    def _leave_instance(self, cls: Class, value: Instance, entered: Values) -> None:
        method = cls.method("__aexit__") or cls.method("__exit__")
        if method is None:
            return
        receivers = [v for v in entered if isinstance(v, Instance) and v.cls is cls] or [value]
        nothing = [frozenset[Value]({Const(None)})] * 3
        for receiver in receivers:
            try:
                self.call_function(method, receiver, Arguments(list(nothing)), None)
            except Unreachable:
                continue


def _is_log(node: ir.Call) -> bool:
    """Whether a call writes a log, which does not fail: a handler often does before it goes on."""
    func = node.func
    return isinstance(func, ir.Attribute) and func.name in _LOG_METHODS and "log" in _text(func.value).lower()


def _asks_for(function: Function, name: str) -> bool:
    """Whether a function looks if it was given an argument, or leaves that to what it calls."""

    def named(expr: ir.Expr | None) -> bool:
        return isinstance(expr, ir.Name) and expr.id == name

    for expr in expressions(function.body):
        match expr:
            case ir.Compare(left=left) if named(left):
                return True
            case ir.BoolOp(values=values) if any(map(named, values)):
                return True
            case ir.Unary(value=value) | ir.Conditional(test=value) if named(value):
                return True
            case _:
                pass
    return any(named(statement.test) for statement in walk(function.body) if isinstance(statement, (ir.If, ir.While)))


def _may_differ(values: Values) -> Values:
    """What a call gives, without the flags: a function that always says yes today is asked for a reason."""
    return frozenset(v for v in values if not (isinstance(v, Const) and isinstance(v.value, bool)))


def _always_raises(body: Sequence[ir.Statement]) -> bool:
    """Whether statements end by an exception whatever happens, as far as can be told from their form."""
    if not body or any(isinstance(statement, ir.Return) for statement in walk(body)):
        return False
    match body[-1]:
        case ir.Raise():
            return True
        case ir.If(body=first, orelse=second):
            return _always_raises(first) and _always_raises(second)
        case ir.With(body=inner):
            return _always_raises(inner)
        case _:
            return False


def _never_returns(function: Function) -> bool:
    """Whether a function only raises; one that an override fills in does not count."""
    return not is_stub(function) and not any(isinstance(s, ir.Return) for s in walk(function.body))


def _enters(function: Function, name: str) -> bool:
    """Whether a function enters a parameter (``with uow:``), and so owns what it opens."""
    return any(
        isinstance(item.context, ir.Name) and item.context.id == name
        for statement in walk(function.body)
        if isinstance(statement, ir.With)
        for item in statement.items
    )


def _is_savepoint(args: Arguments) -> bool:
    """Whether the arguments of ``begin()`` ask for no new transaction: ``nested=True``, ``subtransactions=True``."""
    return any(Const(True) in values for values in args.everything())


def _called(expr: ir.Expr) -> ir.Expr:
    return expr.value if isinstance(expr, ir.Await) else expr


def _text(expr: ir.Expr) -> str:
    match expr:
        case ir.Name(id=name):
            return name
        case ir.Attribute(value=value, name=name):
            return f"{_text(value)}.{name}"
        case _:
            return "…"
