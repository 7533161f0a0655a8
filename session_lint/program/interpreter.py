"""The abstract interpreter: follows each session's transaction through functions, branches, loops, blocks and exceptions.

A function is entered once per abstract entry state (which arguments hold which sessions, in which transaction state, with
which flags); that context is remembered and used again for every call that enters alike.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

import msgspec

from session_lint import ir
from session_lint.program import failures, states, waiting
from session_lint.program.analysis import Analysis, Run
from session_lint.program.binding import bind, dataclass_fields
from session_lint.program.blocks import Blocks
from session_lint.program.contexts import Context, Edge, Exit, How, Token, Wait
from session_lint.program.control import Unreachable
from session_lint.program.holding import dotted
from session_lint.program.keeping import owns_session
from session_lint.program.remapping import bears_session, kept_in_field, relevant, remap, shallow, tokens_in
from session_lint.program.states import State, join
from session_lint.program.symbols import Class, Function
from session_lint.program.values import (
    NOTHING,
    UNKNOWN,
    BoundMethod,
    ClassValue,
    Const,
    Container,
    ContextManager,
    Coroutine,
    Dependency,
    External,
    FunctionValue,
    Generator,
    Instance,
    Session,
    Value,
    Values,
    Wrapped,
)
from session_lint.program.world import Arguments, is_stub, members, sessions
from session_lint.traversal import always_raises, expressions, walk

MAX_CONTEXTS = 12
MAX_CALL_DEPTH = 30
_LOG_METHODS = frozenset({"debug", "info", "warning", "error", "exception", "critical"})
_SESSION_ONLY = frozenset(["add", "add_all", "flush", "refresh", "scalars", "query", "merge", "expunge", "delete"])


def enter(
    analysis: Analysis,
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

    holders = analysis.flow.world.models.registry_holders
    arguments = {name: _renumbered(remap(relevant(values, holders), number), numbers) for name, values in bound.items()}
    entry_bits = tuple(bits.get(token, states.UNKNOWN) for token in numbers)
    seen = analysis.by_function.setdefault(function, [])
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
    context = analysis.contexts.get(key)
    if context is None:
        context = Context(function, entry=entry, is_test=from_test or analysis.is_test(function.module))
        context.entry_bits = entry_bits
        analysis.contexts[key] = context
        seen.append(context)
        for theirs in numbers:
            token = caller.tokens[theirs] if caller is not None else None
            kind = token.is_async if token else True
            evidence = token.evidence if token and token.evidence == "name" else "flow"
            context.tokens.append(Token(how, token.path if token else "", kind, evidence))
        called = caller is not None and entry is None
        Frame(analysis, context, function).run_function(arguments, entry_bits, through_decorator, called)
    if caller is not None:
        context.callers.append(Edge(caller, node, back))
    return context, back


def _renumbered(values: Values, numbers: Mapping[int, int]) -> Values:
    """Values whose records of calls speak of the tokens of the context that they come to."""
    changed = {
        value: msgspec.structs.replace(value, run=value.run.renumbered(numbers))
        for value in values
        if isinstance(value, (Generator, ContextManager)) and isinstance(value.run, Run)
    }
    return values - changed.keys() | frozenset(changed.values()) if changed else values


class Frame(Blocks):
    """Interprets one function (or module) in one context."""

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
        ended = end.ended if end is not None else frozenset()
        self.context.exit = Exit(
            tx, raised, outcome.values, self.yields, self.at_yield, receiver, failed, marks, sent, ended
        )

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
        waiting.leave_out_companions(self.context, before, node)
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
            # What is spread may be any of the others.
            bound.update((p.name, NOTHING) for p in function.params if p.default is not None and p.name not in bound)
        reaches = function in analysis.reaching
        builds = function.name == "__init__"
        leaves_tests = self.context.is_test and not analysis.is_test(function.module)
        if not (reaches or builds) or leaves_tests:
            self.give(args.everything())
            if self._only_raises(function):
                raise Unreachable
            values = self._unvisited(function, node)
            if isinstance(receiver, Instance) and receiver.fields and _gives_itself(function):
                itself: Values = frozenset({receiver})
                return frozenset({Coroutine(itself, function)}) if function.is_async else itself
            return values
        wrapped = self.unit in analysis.wrappers and function in analysis.decorated
        how: How = (
            "decorator" if wrapped and (function in analysis.wrapped or function in analysis.entries) else "param"
        )
        followed = self._follow(function, bound, node, how, through_decorator=through_decorator)
        self.give([args.rest])
        if followed is None:
            self.lose_call(args, node)
            return self._unvisited(function, node)
        context, back = followed
        if context.exit is None:  # recursion: the call is being interpreted further up
            return self._unvisited(function, node, list(back.values()))
        return self._after_call(function, context, back, receiver, node)

    def _only_raises(self, function: Function) -> bool:
        known = self.analysis.endless.get(function)
        if known is None:
            raises = always_raises(function.body) or _is_said_to_raise(function)
            known = raises and not _may_be_another(function)
            self.analysis.endless[function] = known
        return known

    def _follow(
        self, function: Function, bound: dict[str, Values], node: ir.Call | None, how: How, *, through_decorator: bool
    ) -> tuple[Context, dict[int, int]] | None:
        """Enter a function; None when that goes too deep, and what it does stays unknown."""
        if self.analysis.depth >= MAX_CALL_DEPTH or function in self.analysis.failed:
            return None
        self.analysis.depth += 1
        try:
            return enter(
                self.analysis,
                function,
                bound,
                self.state.tx,
                self.context,
                node,
                how,
                through_decorator=through_decorator,
            )
        except RecursionError:
            return None
        except Unreachable:
            raise
        except Exception as error:  # noqa: BLE001  (the callers go on without it)
            self.analysis.fail(function, error)
            return None
        finally:
            self.analysis.depth -= 1

    def _unvisited(self, function: Function, node: ir.Call | None, tokens: Sequence[int] = ()) -> Values:
        if node is not None and (below := self.analysis.waiting.below(function)) is not None:
            waiting.wait(self.context, self.state, Wait(node, *below))
        for token in tokens:
            self.state.tx[token] = states.UNKNOWN
        values = frozenset(map(_may_be_more, self.analysis.flow.at(self.unit).result_of(function)))
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
                givers = self.context.tokens[known].given_by
                givers.extend(c for c in ([context] if function.is_generator else theirs.given_by) if c not in givers)
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
        back = self._with_registries(context, back)
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
        values = _may_differ(_renumbered(remap(exit_.values, mine), tokens))
        waiting.returned(self.state, exit_, tokens)
        self._given_by(context, tokens)
        if not values - {UNKNOWN}:
            return self._unvisited(function, node)
        return frozenset({Coroutine(values, function)}) if function.is_async else values

    def _given_by(self, context: Context, tokens: dict[int, int]) -> None:
        self.context.given |= {tokens[number] for number in context.given if number in tokens}

    def _with_registries(self, context: Context, back: dict[int, int]) -> dict[int, int]:
        """Which of this context's sessions each of the callee's is: a registry's need not be lent to be the same."""
        known = back
        for number, theirs in enumerate(context.tokens) if self.analysis.one_registry else ():
            if theirs.how == "registry" and number not in back:
                own = frozenset({Session(theirs.is_async, "registry")})
                known = known | {number: min(tokens_in(self.adopt(own, "registry", "registry", "")))}
        return known

    def after_failures(self, context: Context, back: dict[int, int], node: ir.Call | None) -> None:
        """What a callee's statements and handlers mean for the sessions that were lent to it."""
        exit_ = context.exit
        assert exit_ is not None
        span = node.span if node is not None else context.place
        for theirs, method in context.uses.items():
            if theirs in back:
                self.used(back[theirs], method, span, f"{context.unit.qualname} runs {method}() on it")
        failed = frozenset((back[token], method, known) for token, method, known in exit_.failed if token in back)
        if failed:
            self.raising[-1] = failures.fail(self.state, self.raising[-1], failed)
        for theirs, bits in (exit_.tx or {}).items() if self.state.marks or self.state.failed else ():
            if not bits & ~(states.NONE | states.CLOSED):
                for token in (back[theirs],) if theirs in back else self._same_attribute(context.tokens[theirs]):
                    failures.clear(self.state, token)
        for token in exit_.ended:
            if token in back:
                failures.clear(self.state, back[token])
                self.state.ended |= {back[token]}
        if exit_.marks:
            self.state.marks |= {
                failures.called(mark, back[mark.token], id(node)) for mark in exit_.marks if mark.token in back
            }

    def _same_attribute(self, theirs: Token) -> Iterator[int]:
        """This context's tokens of what a callee knows as the same attribute of an object whose maker is not seen."""
        name = theirs.path.rpartition(".")[2]
        for number, mine in enumerate(self.context.tokens):
            if theirs.how == mine.how == "attr" and theirs.holder is mine.holder and mine.path.endswith(f".{name}"):
                yield number

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
                number = self.receiver_token(node, token)
            self.record(event.kind, node, number, forwarded=True)

    def _keeping(self, built: Instance, args: Arguments) -> Instance:
        """What a constructor hands on to a library's own, which keeps the session."""
        keeps = any(self.world.models.keeps_session(base) for base in built.cls.external_lineage())
        if not keeps or any(name == "session" for name, _ in built.fields) or not (given := sessions(args)):
            return built
        return built.having("session", given)

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
            self.give(args.everything())
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
                built.append(shallow(self._keeping(value, args)))
        self._given_by(context, tokens)
        return frozenset(built) or frozenset({instance})


def _is_log(node: ir.Call) -> bool:
    """Whether a call writes a log, which does not fail: a handler often does before it goes on."""
    func = node.func
    return isinstance(func, ir.Attribute) and func.name in _LOG_METHODS and "log" in dotted(func.value).lower()


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


def _gives_itself(method: Function) -> bool:
    """Whether a method returns the object that it is called of, and nothing else."""
    returned = [statement.value for statement in walk(method.body) if isinstance(statement, ir.Return)]
    return bool(returned) and all(isinstance(v, ir.Name) and v.id == method.params[0].name for v in returned)


def _may_differ(values: Values) -> Values:
    """What a call gives, without the flags: a function that always says yes today is asked for a reason."""
    return frozenset(v for v in values if not (isinstance(v, Const) and isinstance(v.value, bool)))


def _may_be_more(value: Value) -> Value:
    """What a function returns that is not looked into: beside ``None`` in a tuple there may be what is not known."""
    if isinstance(value, Container) and value.by_position:
        return Container(tuple(NOTHING if items == {Const(None)} else items for items in value.items), True)
    return value


def _never_returns(function: Function) -> bool:
    """Whether a function only raises."""
    return not any(isinstance(s, ir.Return) for s in walk(function.body)) and not _may_be_another(function)


def _is_said_to_raise(function: Function) -> bool:
    returns = function.node.returns if isinstance(function.node, ir.FunctionDef) else None
    return returns is not None and dotted(returns).rsplit(".", 1)[-1] in ("NoReturn", "Never")


def _may_be_another(function: Function) -> bool:
    """Whether a function only declares, or subclasses have methods in its place: what is called may be one of those."""
    subclasses = function.owner.descendants() if function.owner is not None else ()
    return is_stub(function) or any(function.name in cls.methods for cls in subclasses)
