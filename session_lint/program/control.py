"""How control flows: conditions, branches, loops, exceptions and ``with`` blocks, over abstract states.

What calls, entering and leaving do to sessions is the interpreter's.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from session_lint import ir
from session_lint.program import failures, states, vocabulary
from session_lint.program.contexts import How
from session_lint.program.evaluator import Evaluator
from session_lint.program.flow import Flow
from session_lint.program.states import Outcome, State, join
from session_lint.program.symbols import Class, Function, Scope, Unit
from session_lint.program.values import (
    NOTHING,
    UNKNOWN,
    ClassValue,
    Const,
    External,
    Factory,
    Instance,
    Session,
    Symbol,
    Value,
    Values,
)
from session_lint.program.world import World, members
from session_lint.traversal import bound_names, is_false, walk

_BROAD = {"builtins.Exception", "builtins.BaseException"}


class Unreachable(Exception):
    """Raised inside the interpreter when a call never returns."""


class ControlFlow(Evaluator):
    """Executes the statements of one unit from an abstract state."""

    def __init__(self, world: World, flow: Flow, unit: Unit) -> None:
        super().__init__(world)
        self.flow = flow
        self.unit = unit
        self.scope: Scope = unit
        self.state = State()
        self.raising: list[State | None] = [None]
        self.guards: list[str] = []
        self.dropped: ir.Expr | None = None
        self.reading: tuple[How, str, Class | None] = ("unknown", "", None)
        self.caught: dict[str, ir.Span] = {}

    # What the interpreter adds

    def adopt(self, values: Values, key: object, how: How, path: str, holder: Class | None = None) -> Values:
        """Values from the flow, with the sessions in them as tokens of this context."""
        raise NotImplementedError

    def enter_item(self, item: ir.WithItem, values: Values) -> Values:
        """Enter what a ``with`` item evaluates to; gives what it binds."""
        raise NotImplementedError

    def leave_item(self, item: ir.WithItem, values: Values, entered: Values, failed: bool) -> None:
        """Leave it again, normally or by an exception."""
        raise NotImplementedError

    def suppresses(self, item: ir.WithItem, values: Values) -> bool:
        """Whether a context manager swallows exceptions."""
        raise NotImplementedError

    def handled(
        self, place: ir.Span, caught: ir.Expr | None, kinds: Values, unset: tuple[str, ...] = ()
    ) -> frozenset[str] | None:
        """A handler gets the exception under way; gives which errors of databases it catches, None for all of them.

        ``unset`` are the variables that are false in it because what would have set them failed.
        """
        raise NotImplementedError

    def raised_after_all(self, place: ir.Span) -> None:
        """A handler never ends but by an exception."""
        raise NotImplementedError

    def excluded(self, values: Values) -> None:
        """Note that a variable does not hold these values on this path."""
        raise NotImplementedError

    def returned_from(self, statement: ir.With, values: Values) -> None:
        """Note what is returned out of a block, whose item has just been left."""
        raise NotImplementedError

    def label(self, target: ir.Expr, entered: Values) -> None:
        """Note the name that a ``with`` item gives to a session."""
        raise NotImplementedError

    def may_raise(self) -> None:
        """The present state can leave by an exception."""
        self.raising[-1] = failures.fail(self.state, self.raising[-1])

    # Conditions

    def truth(self, node: ir.Expr) -> bool | None:
        """Whether a condition is known to hold on this path; None: either way."""
        match node:
            case ir.Unary(op="not", value=inner):
                known = self.truth(inner)
                return None if known is None else not known
            case ir.BoolOp(op=op, values=values):
                known_values = [self.truth(v) for v in values]
                if op == "and":
                    return False if False in known_values else (True if all(known_values) else None)
                return True if True in known_values else (False if all(v is False for v in known_values) else None)
            case ir.Compare(left=left, ops=("is" | "is not" as op,), rights=(ir.Constant(value=None),)):
                compared = self.peek(left)
                if not compared or any(not isinstance(v, (Const, Session, Factory)) for v in compared):
                    return None
                nones = {isinstance(v, Const) and v.value is None for v in compared}
                if len(nones) > 1:
                    return None
                return (True in nones) == (op == "is")
            case ir.Constant(value=value):
                return bool(value)
            case ir.Call(func=ir.Attribute(value=receiver, name="in_transaction")):
                open_ = states.AUTOBEGUN | states.BLOCK | states.BEGUN
                held = [v.origin for v in self.peek(receiver) if isinstance(v, Session)]
                bits = [self.state.tx.get(n, states.UNKNOWN) if isinstance(n, int) else states.UNKNOWN for n in held]
                if bits and all(b and not b & ~open_ for b in bits):
                    return True
                return False if bits and all(b and not b & ~(states.NONE | states.CLOSED) for b in bits) else None
            case ir.Call(func=ir.Name(id="isinstance"), args=(ir.Argument(value=asked), kinds)):
                fits = {fit for _, fit in self._by_class(asked, kinds.value)}
                return fits.pop() if len(fits) == 1 else None
            case ir.Name() | ir.Attribute():
                named = self.peek(node)
                if not named:
                    return None
                truths = {truth_of(v) for v in named}
                return truths.pop() if len(truths) == 1 else None
            case _:
                return None

    def _by_class(self, asked: ir.Expr, kinds: ir.Expr) -> list[tuple[Value, bool | None]]:
        """The sessions (and ``None``) of a name, each with whether it is of these classes; none where it holds no session."""
        values = self.peek(asked)
        if not any(isinstance(v, Session) for v in values):
            return []
        classes = self.eval(kinds)
        classes |= members(map(self.elements, classes))
        known = [vocabulary.session_class(c.name) for c in classes if isinstance(c, (External, Symbol))]
        if not known or None in known or any(isinstance(c, ClassValue) for c in classes):
            return []
        return [
            (v, v.is_async in known if isinstance(v, Session) else False if v == Const(None) else None) for v in values
        ]

    def peek(self, node: ir.Expr) -> Values:
        """The values of a plain name or attribute, looked at without a trace."""
        if isinstance(node, ir.Name):
            return self.state.env.get(node.id, NOTHING)
        if isinstance(node, ir.Attribute) and isinstance(node.value, ir.Name):
            held = self.state.env.get(node.value.id, NOTHING)
            return members(
                values for v in held if isinstance(v, Instance) for name, values in v.fields if name == node.name
            )
        return NOTHING

    def assume(self, node: ir.Expr, holds: bool) -> None:
        """Narrow what is known by a condition that holds (or does not)."""
        match node:
            case ir.Unary(op="not", value=inner):
                self.assume(inner, not holds)
            case ir.BoolOp(op=op, values=values) if (op == "and") == holds:
                for part in values:
                    self.assume(part, holds)
            case ir.Compare(left=left, ops=("is" | "is not" as op,), rights=(ir.Constant(value=None),)):
                if isinstance(left, ir.Name):
                    self._narrow(left.id, (op == "is") == holds, only_none=True)
                if (op == "is") != holds:
                    failures.known_true(self.state, left)
            case ir.Name(id=name):
                self._narrow(name, not holds, only_none=False)
                if holds:
                    failures.known_true(self.state, node)
            case ir.Call(func=ir.Attribute(value=receiver, name="in_transaction")):
                for value in self.eval(receiver):
                    if isinstance(value, Session) and isinstance(value.origin, int):
                        bits = self.state.tx.get(value.origin, states.UNKNOWN)
                        kept = bits & (states.OPEN | states.UNKNOWN) if holds else bits & ~states.OPEN
                        self.state.tx[value.origin] = (
                            kept if kept and holds else (kept & ~states.UNKNOWN) or states.NONE
                        )
            case ir.Call(func=ir.Name(id="isinstance"), args=(ir.Argument(value=ir.Name(id=name)), kinds)) if (
                holds and name in self.caught
            ):
                self._is_of(name, kinds.value)
            case ir.Call(func=ir.Name(id="isinstance"), args=(ir.Argument(value=ir.Name(id=name) as asked), kinds)):
                fitting = self._by_class(asked, kinds.value)
                if fitting:
                    self.state.env[name] = frozenset(v for v, fit in fitting if fit is None or fit is holds)
            case ir.Call() | ir.Await() | ir.Walrus() if holds:
                failures.known_true(self.state, node)
            case _:
                pass

    def _is_of(self, name: str, kinds: ir.Expr) -> None:
        """The caught exception is one of these: where none of them is a database's, nothing was swallowed."""
        values = self.eval(kinds)
        values |= members(map(self.elements, values))
        names = [v.name for v in values if isinstance(v, (External, Symbol))]
        if names and failures.catches(names, bare=False) == (frozenset(), False):
            failures.other(self.state, self.caught[name])

    def _narrow(self, name: str, falsy: bool, only_none: bool) -> None:
        values = self.state.env.get(name)
        if not values:
            return
        if falsy:
            kept = frozenset(v for v in values if truth_of(v) is not True)
        else:
            kept = frozenset(v for v in values if v != Const(None) and (only_none or v != Const(False)))
        if kept:
            self.state.env[name] = kept
            self.excluded(values - kept)

    def eval_bool_op(self, node: ir.BoolOp) -> Values:
        results: list[Values] = []
        for value in node.values:
            values = self.eval(value) or frozenset({UNKNOWN})
            last = value is node.values[-1]
            if node.op == "or" and not last:
                results.append(frozenset(v for v in values if truth_of(v) is not False))
                if values and all(truth_of(v) is True for v in values):
                    return members(results)
            elif last:
                results.append(values)
        return members(results)

    def eval_compare(self, node: ir.Compare) -> Values:
        known = self.truth(node)
        for child in (node.left, *node.rights):
            self.eval(child)
        return NOTHING if known is None else frozenset({Const(known)})

    def eval_conditional(self, node: ir.Conditional) -> Values:
        self.eval(node.test)
        known = self.truth(node.test)
        before = self.state
        results: list[Values] = []
        after: State | None = None
        for branch, holds in ((node.body, True), (node.orelse, False)):
            if known is (not holds):
                continue
            self.state = before.copy()
            self.assume(node.test, holds)
            results.append(self.eval(branch) or frozenset({UNKNOWN}))
            after = join(after, self.state)
        self.state = after or before
        return members(results)

    # Statements

    def block(self, body: Sequence[ir.Statement], state: State) -> Outcome:
        """Execute statements from a state."""
        outcome = Outcome()
        current: State | None = state
        for statement in body:
            if current is None:
                break
            self.state = current
            try:
                result = self.statement(statement)
            except Unreachable:
                self.may_raise()
                current = None
                break
            outcome.absorb(result)
            current = result.normal
        outcome.normal = current
        return outcome

    def statement(self, statement: ir.Statement) -> Outcome:
        match statement:
            case ir.ExprStatement(value=value):
                self.dropped = value
                if _drops_errors(value):
                    self._gather(value)
                else:
                    self.eval(value)
            case ir.Assign(targets=targets, value=value):
                values = self.eval(value)
                for target in targets:
                    self.store(target, values)
                if self.state.marks:
                    failures.stored(self.state, value, targets, self.caught)
            case ir.AnnAssign(target=target, annotation=annotation, value=value):
                values = self.eval(value)
                if value is not None:
                    if not values:
                        declared = self.instantiate(self.flow.at(self.unit).eval(annotation))
                        values = self.adopt(declared, ("annotated", id(statement)), "unknown", "")
                    self.store(target, values)
            case ir.AugAssign(target=target, value=value):
                self.eval(value)
                self.store(target, NOTHING)
            case ir.Return(value=value):
                values = self.eval(value)
                if not values and value is not None:
                    values = frozenset({UNKNOWN})
                if self.state.marks:
                    failures.returned(self.state, value, value is None or _may_be_false(value, values))
                return Outcome(None, self.state, values)
            case ir.Raise(exception=exception, cause=cause):
                self.eval(exception)
                self.eval(cause)
                failures.raised(self.state)
                self.may_raise()
                return Outcome()
            case ir.Jump(kind=kind):
                if kind == "break":
                    return Outcome(broken=self.state)
                if kind == "continue":
                    return Outcome(continued=self.state)
            case ir.Assert(test=test):
                self.eval(test)
                self.assume(test, True)
            case ir.Delete():
                pass
            case ir.If():
                return self._if(statement)
            case ir.While():
                return self._while(statement)
            case ir.For():
                return self._for(statement)
            case ir.Try():
                return self._try(statement)
            case ir.With():
                return self._with(statement, 0, self.state)
            case ir.Match():
                return self._match(statement)
            case ir.FunctionDef():
                self.reading = ("global", "", None)
                self.state.env[statement.name] = self._closure(statement)
            case ir.ClassDef():
                outside = dict(self.state.env)
                result = self.block(statement.body, self.state)
                if result.normal is not None:
                    self.state = result.normal
                    self.state.env = outside
                self.state.env[statement.name] = frozenset({ClassValue(self.world.classes[id(statement)])})
            case _:
                pass
        return Outcome(self.state)

    def _gather(self, value: ir.Expr) -> None:
        """Awaitables are run, and their exceptions dropped with their results."""
        self.raising.append(None)
        self.eval(value)
        caught = self.raising.pop()
        if caught is not None:
            self.state.failed |= caught.failed
            self.handled(value.span, None, NOTHING)
            self.may_raise()

    def _closure(self, statement: ir.FunctionDef) -> Values:
        scope: Scope = self.unit
        if isinstance(scope, Function) and statement.name in scope.cells:
            return scope.cells[statement.name].values
        return self.unit.cells[statement.name].values if statement.name in self.unit.cells else NOTHING

    def _if(self, statement: ir.If) -> Outcome:
        self.eval(statement.test)
        known = self.truth(statement.test)
        guard = self._guard_of(statement.test)
        before = self.state
        outcome = Outcome()
        results: list[Outcome] = []
        for body, holds in ((statement.body, True), (statement.orelse, False)):
            if known is (not holds):
                continue
            self.state = before.copy()
            self.assume(statement.test, holds)
            if guard:
                self.guards.append(guard)
            results.append(self.block(body, self.state))
            if guard:
                self.guards.pop()
        one_raises = any(not result.leaves for result in results)
        for result in results:
            if one_raises and result.normal is not None and result.normal.marks:
                failures.known_fine(result.normal, statement.test)
            outcome.absorb(result)
            outcome.normal = join(outcome.normal, result.normal)
        return outcome

    def _guard_of(self, test: ir.Expr) -> str | None:
        """The boolean parameter that a condition asks for (``if commit:``)."""
        inner = test.value if isinstance(test, ir.Unary) else test
        if isinstance(inner, ir.Call) and isinstance(inner.func, ir.Attribute) and inner.func.name == "in_transaction":
            return "in_transaction()"
        if isinstance(inner, ir.BoolOp):
            return next((g for g in (self._guard_of(v) for v in inner.values) if g), None)
        if isinstance(inner, ir.Name) and isinstance(self.unit, Function):
            for param in self.unit.params:
                if param.name == inner.id:
                    flag = isinstance(param.default, ir.Constant) and isinstance(param.default.value, bool)
                    typed = isinstance(param.annotation, ir.Name) and param.annotation.id == "bool"
                    return inner.id if flag or typed else None
        return None

    def _while(self, statement: ir.While) -> Outcome:
        endless = isinstance(statement.test, ir.Constant) and bool(statement.test.value)

        def head() -> None:
            self.eval(statement.test)
            self.assume(statement.test, holds=True)

        return self._loop(statement.body, statement.orelse, endless, head)

    def _for(self, statement: ir.For) -> Outcome:
        iterable = self.eval(statement.iterable)
        elements = members(self.elements(v) for v in iterable)

        def head() -> None:
            failures.known_true(self.state, statement.iterable)
            self.store(statement.target, elements)

        return self._loop(statement.body, statement.orelse, False, head)

    def _loop(
        self, body: Sequence[ir.Statement], orelse: Sequence[ir.Statement], endless: bool, head: Callable[[], object]
    ) -> Outcome:
        outcome = Outcome()
        entry: State | None = self.state
        for _ in range(2):
            assert entry is not None
            self.state = entry.copy()
            head()
            result = self.block(body, self.state)
            outcome.returned = join(outcome.returned, result.returned)
            outcome.values |= result.values
            outcome.broken = join(outcome.broken, result.broken)
            entry = join(entry, join(result.normal, result.continued))
        end = None if endless else entry
        if end is not None and orelse:
            result = self.block(orelse, end.copy())
            outcome.absorb(result)
            end = result.normal
        outcome.normal = join(end, outcome.broken)
        outcome.broken = None
        return outcome

    def _try(self, statement: ir.Try) -> Outcome:
        outcome = Outcome()
        self.raising.append(None)
        result = self.block(statement.body, self.state.copy())
        caught = self.raising.pop()
        escaping: State | None = caught
        if statement.final:
            self.raising.append(None)
        outcome.absorb(result)
        end = result.normal
        if end is not None and statement.orelse:
            result = self.block(statement.orelse, end)
            outcome.absorb(result)
            end = result.normal
        outcome.normal = end
        unset = self._unset(statement) if statement.handlers else ()
        for handler in statement.handlers:
            if caught is None:
                break
            self.state = caught.copy()
            kinds = self.eval(handler.type)
            kinds |= members(map(self.elements, kinds))
            errors = self.handled(handler.span, handler.type, kinds, unset)
            if errors is None or errors:
                caught = caught.copy()
                caught.failed = frozenset() if errors is None else failures.passed(caught.failed, errors)
                escaping = caught
            if handler.name:
                self.state.env[handler.name] = NOTHING
                self.caught[handler.name] = handler.span
            result = self.block(handler.body, self.state)
            if not result.leaves:
                self.raised_after_all(handler.span)
            outcome.absorb(result)
            outcome.normal = join(outcome.normal, result.normal)
            if handler.type is None or any(getattr(v, "name", "") in _BROAD for v in kinds):
                escaping = None
                break
        self.raising[-1] = join(self.raising[-1], escaping)
        if statement.final:
            self._finally(statement.final, outcome)
        return outcome

    def _unset(self, statement: ir.Try) -> tuple[str, ...]:
        """The variables that the last statement of a ``try`` sets, where only None, False or an empty display was set before."""
        last = statement.body[-1]
        if not isinstance(last, ir.Assign):
            return ()
        names = {target.id for target in last.targets if isinstance(target, ir.Name)}
        for other in walk(self.unit.body) if names else ():
            if other is last:
                continue
            if isinstance(other, (ir.Assign, ir.AnnAssign)):
                targets = other.targets if isinstance(other, ir.Assign) else (other.target,)
                if not (other.value is not None and is_false(other.value)):
                    names -= {name.id for target in targets for name in bound_names(target)}
        return tuple(sorted(names))

    def _finally(self, final: Sequence[ir.Statement], outcome: Outcome) -> None:
        escaping = self.raising.pop()
        for name in ("normal", "returned", "broken", "continued"):
            state = getattr(outcome, name)
            if state is not None:
                result = self._final(final, state.copy())
                setattr(outcome, name, result.normal)
                outcome.absorb(Outcome(None, result.returned, result.values))
        if escaping is not None:
            result = self._final(final, escaping.copy())
            self.raising[-1] = join(self.raising[-1], result.normal)
            outcome.absorb(Outcome(None, result.returned, result.values, result.broken, result.continued))

    def _final(self, final: Sequence[ir.Statement], state: State) -> Outcome:
        """Execute a ``finally``; what it closes counts as closed, should something before that fail in it."""
        self.raising.append(None)
        result = self.block(final, state)
        raised = self.raising.pop()
        if raised is not None:
            ends = result.normal.tx if result.normal is not None else {}
            raised.tx.update({token: bits for token, bits in ends.items() if bits == states.CLOSED})
            self.raising[-1] = join(self.raising[-1], raised)
        return result

    def _match(self, statement: ir.Match) -> Outcome:
        subject = self.eval(statement.subject)
        before = self.state
        outcome = Outcome(before)
        for case in statement.cases:
            self.state = before.copy()
            for name in case.bindings:
                self.store(name, subject)
            self.eval(case.guard)
            result = self.block(case.body, self.state)
            outcome.absorb(result)
            outcome.normal = join(outcome.normal, result.normal)
        return outcome

    def _with(self, statement: ir.With, position: int, state: State) -> Outcome:
        if position == len(statement.items):
            return self.block(statement.body, state)
        self.state = state
        item = statement.items[position]
        values = self.eval(item.context)
        entered = self.enter_item(item, values)
        if item.target is not None:
            self.store(item.target, entered)
            self.label(item.target, entered)
        self._enter_itself(item.context, values, entered)
        self.raising.append(None)
        outcome = self._with(statement, position + 1, self.state)
        raised = self.raising.pop()
        for name in ("normal", "returned", "broken", "continued"):
            end = getattr(outcome, name)
            if end is not None:
                end = end.copy()
                self.state = end
                self.leave_item(item, values, entered, failed=False)
                if name == "returned":
                    self.returned_from(statement, outcome.values)
                setattr(outcome, name, self.state)
        if raised is not None:
            self.state = raised.copy()
            self.leave_item(item, values, entered, failed=True)
            self.raising[-1] = join(self.raising[-1], self.state)
            if self.suppresses(item, values):
                outcome.normal = join(outcome.normal, self.state)
        return outcome

    def _enter_itself(self, context: ir.Expr, values: Values, entered: Values) -> None:
        """An object that gives itself when it is entered is known by its own name too, in its new state.

        What is known of an object of a subclass tells more than that it is one of the declared class.
        """
        classes = {v.cls for v in values if isinstance(v, Instance)}
        found = [v for v in entered if isinstance(v, Instance) and v.cls in classes]
        known = {base for v in found if v.fields for base in v.cls.lineage()}
        itself = frozenset(v for v in found if v.fields or v.cls not in known)
        if not itself:
            return
        match context:
            case ir.Name(id=name):
                self.state.env[name] = itself
            case ir.Attribute(value=ir.Name(id=name), name=attribute) if name in self.state.env:
                holders = self.state.env[name]
                self.state.env[name] = frozenset(
                    v.having(attribute, itself) if isinstance(v, Instance) else v for v in holders
                )


def _drops_errors(expr: ir.Expr) -> bool:
    """Whether a statement is ``await gather(…, return_exceptions=True)``, whose results nobody looks at."""
    call = expr.value if isinstance(expr, ir.Await) else expr
    if not isinstance(call, ir.Call) or not isinstance(call.func, (ir.Name, ir.Attribute)):
        return False
    name = call.func.id if isinstance(call.func, ir.Name) else call.func.name
    return name == "gather" and any(
        a.keyword == "return_exceptions" and isinstance(a.value, ir.Constant) and a.value.value is True
        for a in call.args
    )


def _may_be_false(expr: ir.Expr, values: Values) -> bool:
    """Whether what is returned may be None, False or empty."""
    if isinstance(expr, ir.Collection):
        return not expr.items
    if isinstance(expr, ir.Dict):
        return not expr.keys
    return any(truth_of(v) is False for v in values)


def truth_of(value: Value) -> bool | None:
    """Whether a value is true in a condition; None: it can be either."""
    match value:
        case Const(value=constant):
            return bool(constant)
        case Session() | Factory():
            return True
        case _:
            return None
