"""What code does to the sessions that it holds: makes them, calls their methods, hands them out."""

from __future__ import annotations

from session_lint import ir
from session_lint.program import failures, states, vocabulary, waiting
from session_lint.program.contexts import Event, Harm, How, Token, Wait
from session_lint.program.control import Unreachable
from session_lint.program.holding import Holding, dotted
from session_lint.program.keeping import owns_session
from session_lint.program.remapping import tokens_in
from session_lint.program.states import join
from session_lint.program.symbols import Function
from session_lint.program.values import (
    NOTHING,
    Connection,
    Const,
    External,
    Factory,
    Handle,
    Instance,
    Session,
    Site,
    Symbol,
    Value,
    Values,
)
from session_lint.program.world import Arguments, members
from session_lint.traversal import walk

HOLD_NOTHING = frozenset(
    {"contextlib.closing", "contextlib.aclosing", "contextlib.nullcontext", "functools.partial", "typing.cast"}
    | {"asyncio.run", "asyncio.gather", "asyncio.wait_for", "asyncio.shield", "asyncio.to_thread", "anyio.run"}
)


class Actions(Holding):
    """Adds events and transaction states to the sessions that are held."""

    def enter(self, value: Value, node: ir.Call | None) -> Values:
        if node is not None and isinstance(value, Session) and isinstance(value.origin, int):
            self.context.entered[id(node), value.origin] = node.args[0].value  # on a stack, which closes it
        return super().enter(value, node)

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

    def called_method(self, subject: Value, name: str, args: Arguments, node: ir.Call | None) -> None:
        if isinstance(subject, Factory) and subject.is_registry:
            path = dotted(node.func.value) if node is not None and isinstance(node.func, ir.Attribute) else "registry"
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
            self.lose_call(args, node)
        if node is None or not isinstance(subject, Session) or not isinstance(subject.origin, int):
            return
        token = subject.origin
        self.record(name, node, token)
        if name in failures.STATEMENTS:
            self.used(token, name, node.span, f"{name}() is called on it")
            if name in waiting.STATEMENTS:
                self.state.sent |= {token}
            if name != "begin_nested":  # whoever enters it tells what fails inside
                self.raising[-1] = failures.fail(self.state, self.raising[-1], failures.of_call(token, name))
        elif name in failures.ENDINGS:
            failures.clear(self.state, token)
            self.state.ended |= {token}
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

    def called_unknown(self, args: Arguments, node: ir.Call) -> None:
        super().called_unknown(args, node)
        if isinstance(node.func, ir.Attribute) and node.func.name == "rollback":
            self._rolled_back_somewhere()

    def _rolled_back_somewhere(self) -> None:
        """Something unknown is rolled back: a registry's session, as far as is known."""
        for number, token in enumerate(self.context.tokens):
            if token.how == "registry":
                failures.clear(self.state, number)

    def called_external(self, name: str, args: Arguments, node: ir.Call | None, kept: Values = NOTHING) -> None:
        if name in vocabulary.NEVER_RETURN:
            raise Unreachable
        if not name.startswith("builtins.") and name not in HOLD_NOTHING:
            self.give(args.everything())
        if name.endswith(".rollback"):
            self._rolled_back_somewhere()
        if name in ("builtins.next", "builtins.anext"):
            for token in tokens_in(args.get(0)):
                self.context.tokens[token].by_next = True
        rule = self.world.models.commit_rule(name)
        if node is not None and self.world.models.waits(name) and not waiting.is_no_wait(node):
            waiting.wait(self.context, self.state, Wait(node, name))
        if name.startswith("sqlalchemy.Result."):
            # A mapped object's method, which may commit: those of a result take no session.
            for number in tokens_in(members(args.everything())):
                self.context.tokens[number].lost = True
        if name.split(".", maxsplit=1)[0] not in vocabulary.HARMLESS_LIBRARIES or name == "builtins.setattr":
            self.lose(kept)
            self.lose_call(args, node)
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
        for token in sorted(tokens) or [self.receiver_token(node, Token("param", "", True, "flow"), own="attr")]:
            self.record("commit", node, token)
            waiting.ended(self.state, token)
            self.state.tx[token] = states.NONE

    def receiver_token(self, node: ir.Call, theirs: Token, own: How = "object") -> int:
        """A session that the object before the dot keeps; ``own`` is how a method of that object itself has it."""
        how: How = "created"
        path = ""
        if isinstance(node.func, ir.Attribute):
            root = node.func.value
            path = dotted(root)
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
        self.note_convention(kind, token)

    def note_convention(self, kind: str, token: int) -> None:
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

    def used(self, token: int, method: str, span: ir.Span, what: str) -> None:
        """A statement is sent on a session."""
        if token not in self.state.ended:
            self.context.uses.setdefault(token, method)
        if self.state.marks:
            failures.harm(self.state, token, Harm("use", self.context, span, what))

    def handled(
        self, place: ir.Span, caught: ir.Expr | None, kinds: Values, unset: tuple[str, ...] = ()
    ) -> frozenset[str] | None:
        """A handler gets the exception under way; gives which errors of databases it catches, None for all of them."""
        names = [v.name for v in kinds if isinstance(v, (External, Symbol))]
        errors, every = failures.catches(names, bare=caught is None)
        if not every:
            self.state.failed = frozenset(f for f in self.state.failed if errors - f[2])
        if self.state.failed:
            failures.swallow(self.state, self.context, place, caught, unset)
        self.state.failed = frozenset()
        return None if every else errors

    def raised_after_all(self, place: ir.Span) -> None:
        for site in [site for site, known in self.context.swallows.items() if known.place == place]:
            del self.context.swallows[site]


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
