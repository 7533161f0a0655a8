"""What a function reaches: the contexts below it, and what becomes of its sessions there."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from session_lint.program.contexts import Context, Edge, Event

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
