"""What a function reaches: the contexts below it, and what becomes of its sessions there."""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Iterable, Iterator
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from session_lint import ir
from session_lint.program.contexts import Context, Edge, Event
from session_lint.program.entrypoints import dotted
from session_lint.traversal import expressions

if TYPE_CHECKING:
    from session_lint.program import Program
    from session_lint.program.symbols import Function, Unit

_known: WeakKeyDictionary[object, dict[Context, list[tuple[Context, Edge]]]] = WeakKeyDictionary()


def entered(program: Program, function: Function) -> list[Context]:
    """The contexts in which a framework calls an entry point, tests left out."""
    contexts = program.analysis.by_function.get(function, ())
    return [context for context in contexts if context.entry is not None and not context.is_test]


def reached(program: Program, start: Context) -> Iterator[Context]:
    """A context and all that it calls, directly or not, each once."""
    stack, seen = [start], {start}
    while stack:
        context = stack.pop()
        yield context
        for callee, _ in _callees(program).get(context, ()):
            if callee not in seen:
                seen.add(callee)
                stack.append(callee)


def unreached(function: Function, contexts: Iterable[Context], kinds: Collection[str]) -> set[tuple[str, int]]:
    """Calls on sessions of a function that its text has and no way into it that is known comes to: name of the method, row."""
    contexts = list(contexts)
    paths = {token.path for context in contexts for token in context.tokens if token.path}
    reached = {event.node.span.row for context in contexts for event in context.events.values()}
    return {
        (node.func.name, node.span.row)
        for node in expressions(function.body)
        if isinstance(node, ir.Call)
        and isinstance(node.func, ir.Attribute)
        and node.func.name in kinds
        and node.span.row not in reached
        and dotted(node.func.value) in paths
    }


def life(program: Program, start: Context, token: int) -> Iterator[Event]:
    """All that happens to a session of a context, in it and wherever it is lent from there."""
    stack, seen = [(start, token)], {(start, token)}
    while stack:
        context, number = stack.pop()
        for event in context.events.values():
            if event.token == number:
                yield event
        for callee, edge in _callees(program).get(context, ()):
            for theirs, mine in edge.tokens.items():
                if mine == number and (callee, theirs) not in seen:
                    seen.add((callee, theirs))
                    stack.append((callee, theirs))


def borrowers(program: Program, start: Context, token: int) -> Iterator[Unit]:
    """The functions that a session of a context is lent to, the nearest first, each once."""
    queue, seen = deque([(start, token)]), {(start, token)}
    named: set[Unit] = {start.unit}
    while queue:
        context, number = queue.popleft()
        if context.unit not in named:
            named.add(context.unit)
            yield context.unit
        for callee, edge in _callees(program).get(context, ()):
            for theirs, mine in edge.tokens.items():
                if mine == number and (callee, theirs) not in seen:
                    seen.add((callee, theirs))
                    queue.append((callee, theirs))


def _callees(program: Program) -> dict[Context, list[tuple[Context, Edge]]]:
    known = _known.get(program.analysis)
    if known is None:
        known = _known[program.analysis] = {}
        for context in program.contexts():
            for edge in context.callers:
                known.setdefault(edge.caller, []).append((context, edge))
    return known
