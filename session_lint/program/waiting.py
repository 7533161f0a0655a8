"""Waiting for something outside the process: which calls do, and which sessions keep a transaction open meanwhile.

A transaction that has sent a statement holds its connection, and its locks, until it ends. These functions keep the book of
which sessions have; every context lists its calls that wait (a ``Wait``), for whoever holds a session around it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Container, Iterable, Iterator, Mapping
from functools import cached_property

from session_lint import ir
from session_lint.program import states, vocabulary
from session_lint.program.contexts import Context, Exit, Wait
from session_lint.program.flow import Flow
from session_lint.program.states import State
from session_lint.program.symbols import Function, Unit
from session_lint.traversal import expressions, subexpressions

Below = tuple[str, tuple[tuple[Unit, ir.Call], ...]]
"""What is waited for in the end, and the calls that lead there."""

# Calls that send a statement, so that the session holds a connection from then on.
STATEMENTS = vocabulary.AUTOBEGIN_METHODS - {"add", "add_all", "delete", "enable_relationship_loading"}
# What starts a coroutine that it is given, and does not wait for it.
_STARTERS = frozenset(
    ["create_task", "ensure_future", "start_soon", "add_task", "run_coroutine_threadsafe", "spawn", "add_job"]
)
_IDLE = states.NONE | states.CLOSED
_DEPTH = 3  # how many calls further down a wait still counts: what is deeper is seldom sure to happen


class Waiting:
    """Which functions wait, by what they call; needed for those that reach no session, which nobody interprets."""

    def __init__(self, flow: Flow) -> None:
        self._flow = flow

    def below(self, function: Function) -> Below | None:
        """What a function waits for and by which calls; None: it does not wait."""
        calls: list[tuple[Unit, ir.Call]] = []
        while True:
            step = self._steps.get(function)
            if step is None:
                return None
            node, leads = step
            calls.append((function, node))
            if isinstance(leads, str):
                return (leads, tuple(calls)) if len(calls) <= _DEPTH else None
            function = leads

    @cached_property
    def _steps(self) -> Mapping[Function, tuple[ir.Call, str | Function]]:
        """For each function that waits the first call that makes it, and what is called, nearest first."""
        facts, models = self._flow.facts, self._flow.world.models
        found: dict[Function, tuple[ir.Call, str | Function]] = {}
        for call in list(facts.externals.values()):
            if call.subject is not None or not models.waits(call.name) or is_no_wait(call.node):
                continue
            if isinstance(call.unit, Function) and id(call.node) not in set(_started(call.unit)):
                found.setdefault(call.unit, (call.node, call.name))
        queue = deque(found)
        while queue:
            function = queue.popleft()
            if function.is_generator:
                continue  # its body runs where it is iterated
            for caller in facts.callers.get(function, ()):
                if isinstance(caller, Function) and caller not in found:
                    node = self._call_of(function, caller, found)
                    if node is not None:
                        found[caller] = node, function
                        queue.append(caller)
        return found

    def _call_of(self, function: Function, caller: Function, found: Container[Function]) -> ir.Call | None:
        """The call of a function that waits; where others may be meant by it, these have to wait too."""
        started = set(_started(caller))
        for expr in expressions(caller.body):
            if isinstance(expr, ir.Call) and id(expr) not in started:
                targets = self._flow.facts.call_targets.get(id(expr), ())
                if function in targets and all(target in found for target in targets):
                    return expr
        return None


def is_no_wait(node: ir.Call) -> bool:
    """Whether a call gives way and no more: ``sleep(0)``."""
    return len(node.args) == 1 and isinstance(node.args[0].value, ir.Constant) and node.args[0].value.value == 0


def _started(unit: Unit) -> Iterator[int]:
    """The calls of coroutine functions whose coroutines run on their own."""
    for expr in expressions(unit.body):
        if isinstance(expr, ir.Call) and _starts(expr):
            yield from (id(e) for argument in expr.args for e in subexpressions(argument.value))


def _starts(node: ir.Call) -> bool:
    func = node.func
    name = func.name if isinstance(func, ir.Attribute) else func.id if isinstance(func, ir.Name) else ""
    return name in _STARTERS


def forget_started(context: Context, node: ir.Call) -> None:
    """A call has been evaluated: coroutines that it starts are not waited for."""
    if context.waits and _starts(node):
        for argument in node.args:
            for expr in subexpressions(argument.value):
                context.waits.pop(id(expr), None)


def leave_out_companions(context: Context, before: State, node: ir.Call) -> None:
    """A ``gather()`` has been evaluated: what one of its coroutines sends is not sent before the others wait."""
    func = node.func
    if not context.waits or not isinstance(func, ir.Attribute) or func.name != "gather":
        return
    for argument in node.args:
        for expr in subexpressions(argument.value):
            found = context.waits.get(id(expr))
            if found is not None:
                found.held &= before.sent


def ended(state: State, token: int) -> None:
    """The session's transaction ends, or is out of sight."""
    if token in state.sent:
        state.sent -= {token}


def returned(state: State, exit_: Exit, tokens: Mapping[int, int]) -> None:
    """A callee has returned: its sessions are, by ``tokens``, those of its caller."""
    for theirs, mine in tokens.items():
        if theirs in exit_.sent:
            state.sent |= {mine}
        elif _is_idle((exit_.tx or {}).get(theirs, states.UNKNOWN)):
            ended(state, mine)


def wait(context: Context, state: State, found: Wait) -> None:
    """A call waits, in this state."""
    settled = found.settled | {token for token, bits in state.tx.items() if _is_idle(bits)}
    held = state.sent - settled
    known = context.waits.get(id(found.node))
    if known is None:
        found.held, found.settled = held, settled | held
        context.waits[id(found.node)] = found
    else:
        known.held |= held
        known.settled = (known.settled & settled) | known.held


def called(context: Context, state: State, below: Context, back: Mapping[int, int], node: ir.Call) -> None:
    """A callee has been interpreted: where it waits, its caller does."""
    if not below.waits:
        return
    waits = sorted(below.waits.values(), key=lambda w: (len(w.settled), len(w.below)))
    settled = frozenset.intersection(*(w.settled for w in waits))
    first = waits[0]
    if len(first.below) >= _DEPTH:
        return
    mine = frozenset(back[token] for token in settled if token in back)
    wait(context, state, Wait(node, first.what, ((below.unit, first.node), *first.below), settled=mine))


def one_of(context: Context, known: Wait | None, found: Iterable[Wait | None]) -> None:
    """One of several things is called: the call waits where each of them does."""
    waits = [*found]
    if known is not None:
        waits.append(known)
    certain = [one for one in waits if one is not None]
    if certain and len(certain) == len(waits):
        first = certain[0]
        first.held = frozenset().union(*(one.held for one in certain))
        first.settled = frozenset.intersection(*(one.settled for one in certain)) | first.held
        context.waits[id(first.node)] = first


def injected(context: Context, state: State, back: Mapping[int, int]) -> None:
    """An entry point got sessions on which dependencies had sent statements before."""
    sent = frozenset(theirs for theirs, mine in back.items() if mine in state.sent)
    for known in context.waits.values():
        known.held |= sent - known.settled


def _is_idle(bits: int) -> bool:
    return bool(bits) and not bits & ~_IDLE
