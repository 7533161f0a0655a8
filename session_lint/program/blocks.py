"""What ``with`` blocks do to sessions, on the way in and on both ways out."""

from __future__ import annotations

from session_lint import ir
from session_lint.program import failures, states, waiting
from session_lint.program.actions import Actions
from session_lint.program.analysis import Run
from session_lint.program.contexts import Harm
from session_lint.program.control import Unreachable
from session_lint.program.remapping import tokens_in
from session_lint.program.symbols import Class
from session_lint.program.values import Const, ContextManager, External, Handle, Instance, Session, Value, Values
from session_lint.program.world import Arguments, members


class Blocks(Actions):
    """Adds the blocks of sessions, transactions and context managers."""

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
                        self.note_convention("rollback" if failed else "commit", token)
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
                    self.note_convention("close", token)
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
                    self.note_convention("commit", value.origin)
                    what = f"{run.context.unit.qualname} then commits"
                    failures.harm(self.state, value.origin, Harm("provider", self.context, span, what))
                if run.context.convention.rolls_back and failed:
                    self.note_convention("rollback", value.origin)
                failures.clear(self.state, value.origin)
                if run.context.convention.closes or run.context.convention.commits:
                    self.note_convention("close", value.origin)
        if exit_ is not None and exit_.tx is not None:
            for theirs, mine in run.tokens.items():
                if theirs in exit_.tx:
                    if (
                        not failed
                        and exit_.at_yield.get(theirs, 0) & states.BLOCK
                        and not exit_.tx[theirs] & states.BLOCK
                    ):
                        self.note_convention("commit", mine)
                    self.state.tx[mine] = states.NONE if failed else exit_.tx[theirs]
                    if self.state.tx[mine] == states.CLOSED:
                        self.left.add(mine)
                    waiting.ended(self.state, mine)

    def _leave_instance(self, cls: Class, value: Instance, entered: Values) -> None:
        method = cls.method("__aexit__") or cls.method("__exit__")
        if method is None:
            return
        # Entering may have set more on the object; what it returned without anything set on it says no more than the object.
        receivers = [v for v in entered if isinstance(v, Instance) and v.cls is cls and v.fields] or [value]
        nothing = [frozenset[Value]({Const(None)})] * 3
        for receiver in receivers:
            try:
                self.call_function(method, receiver, Arguments(list(nothing)), None)
            except Unreachable:
                continue


def _called(expr: ir.Expr) -> ir.Expr:
    return expr.value if isinstance(expr, ir.Await) else expr
