"""The sessions that a function holds: under which names and attributes, and who else may hold them."""

from __future__ import annotations

from collections.abc import Iterable

from session_lint import ir
from session_lint.program import states, waiting
from session_lint.program.analysis import Analysis
from session_lint.program.contexts import Context, Event, How, Token
from session_lint.program.control import ControlFlow
from session_lint.program.remapping import bear_session, kept_in_field, remap, tokens_in
from session_lint.program.states import State
from session_lint.program.symbols import Cell, Class, Function, Module, Scope, Unit
from session_lint.program.values import NOTHING, UNKNOWN, Instance, Session, Value, Values
from session_lint.program.world import Arguments, members
from session_lint.traversal import expressions, subexpressions


class Holding(ControlFlow):
    """Adds sessions to control flow: each is a token of the context, a number under which its transaction state is kept."""

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

    def new_token(self, token: Token, bits: int) -> int:
        """Add a session to the context; gives its number."""
        self.context.tokens.append(token)
        number = len(self.context.tokens) - 1
        self.state.tx[number] = bits
        return number

    def adopt(self, values: Values, key: object, how: How, path: str, holder: Class | None = None) -> Values:
        """Values from the flow, with the sessions in them as tokens of this context."""
        if not bear_session(values):
            return values

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
            if kind == "registry" and not self.context.tokens[number].path:  # known by a callee until now
                self.context.tokens[number].path = path
            return Session(value.is_async, number)

        return remap(values, session)

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

    def part(self, values: Values, position: int) -> Values:
        parts = [self.unpacked(v, position) for v in values]
        return members(parts) if all(parts) else members(parts) | {UNKNOWN}

    def store(self, target: ir.Expr, values: Values) -> None:
        match target:
            case ir.Attribute(value=ir.Name(id=name)) if self._is_constructed(name):
                pass  # the object holds what its constructor was given, and is watched itself
            case ir.Attribute() | ir.Subscript():
                self._keep(target, values)
                self.give([values])
            case ir.Name(id=name) if isinstance(self.unit, Function) and name in self.unit.outer_names:
                self.give([values])
            case _:
                pass
        super().store(target, values)
        kept = isinstance(target, ir.Attribute) and any(isinstance(v, Instance) for v in self.peek(target.value))
        if isinstance(target, (ir.Subscript, ir.Attribute)) and not kept:
            self.lose(values)

    def _keep(self, target: ir.Attribute | ir.Subscript, values: Values) -> None:
        """Note sessions that are kept after their block, by the function's own object or in a collection."""
        if isinstance(target, ir.Subscript) or dotted(target.value) == "self":
            for token in tokens_in(values):
                if token in self.left and self.state.tx.get(token) == states.CLOSED:
                    self.context.late.setdefault(token, target)

    def _is_constructed(self, name: str) -> bool:
        unit = self.unit
        return (
            isinstance(unit, Function) and unit.name == "__init__" and unit.takes_self and unit.params[0].name == name
        )

    def give(self, groups: Iterable[Values]) -> None:
        """Note that the sessions among the values go to somebody who may keep, or close, them."""
        for values in groups:
            if bear_session(values):
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
            others = self.state.env[target.value.id] - {owner}
            self.state.env[target.value.id] = others | {owner.having(target.name, kept)}

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

    def held(self, is_async: bool) -> Values:
        how, path, holder = self.reading
        if how != "attr":  # an attribute of a library's attribute, which is called by its whole name
            path = ".".join(path.split(".")[-2:])
        return self.adopt(super().held(is_async), ("held", path), "attr", path, holder)

    def _external_attribute(self, base: str, name: str) -> Values:
        self.reading = ("state", f"{base}.{name}", None)
        return super()._external_attribute(base, name)

    def shared_value(self, name: str) -> Values:
        is_variable = name.startswith("ContextVar@")
        path = name.rpartition(":")[2] if is_variable else name
        self.reading = ("registry" if is_variable else "state", path, None)
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
                self.give([self.state.env[expr.id]])

    def lose(self, values: Values) -> None:
        """Something unknown gets these values, and may end the transactions of the sessions in them."""
        if not bear_session(values):
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

    def lose_call(self, args: Arguments, node: ir.Call | None) -> None:
        """Something unknown is called: it gets the arguments, and the object whose method it is."""
        self.lose(members(args.everything()))
        self.give(args.everything())
        if node is not None and isinstance(node.func, ir.Attribute):
            receiver = node.func.value
            unit = self.unit
            # A method may lack its `self`.
            if isinstance(receiver, ir.Call) and isinstance(unit, Function) and unit.takes_self and unit.params:
                receiver = ir.Name(receiver.place, unit.params[0].name)
            held = frozenset(v for v in self.peek(receiver) if not isinstance(v, Session))
            self.lose(held)
            self.give([held])

    def called_unknown(self, args: Arguments, node: ir.Call) -> None:
        self.lose_call(args, node)


def dotted(expr: ir.Expr) -> str:
    match expr:
        case ir.Name(id=name):
            return name
        case ir.Attribute(value=value, name=name):
            return f"{dotted(value)}.{name}"
        case _:
            return "…"
