"""SL401 unawaited-call · a coroutine of an async session or engine is never awaited.

## What it does
Reports calls of coroutine methods of an `AsyncSession` (`commit`, `rollback`, `flush`, `close`, `execute`, `get`,
`delete`, `refresh` ...), an `AsyncEngine` (`dispose`) or an `AsyncConnection` that nobody awaits: calls that
stand alone, and calls whose coroutine is used as if it were the result (`session.execute(query).scalars()`).
Reports as well

- a helper that returns such a coroutine, or is a coroutine function that uses a session, where its caller drops
  what it returns;
- a method that is named but not called: `session.commit`, of a sync session too.

A coroutine that is returned, gathered, stored or passed on is somebody else's to await, and is not reported.

## Why is this bad?
A coroutine that is not awaited does nothing, and Python says so with a warning at best. Observed on SQLAlchemy
2.1.9, 2.0.58 and 1.4.54:

- `session.commit()` without `await`: no rows, no exception, only
  `RuntimeWarning: coroutine 'AsyncSession.commit' was never awaited`. With `session.commit`, without
  parentheses, not even that.
- `session.rollback()` without `await`, then a commit: what was to be rolled back was committed.
- `session.execute(...)` of an INSERT, or `session.delete(user)`, then a commit: nothing was inserted or deleted.
- `session.close()` without `await`: the connection stayed checked out.
- A helper that returns `session.commit()`, called without `await`: no rows, no exception.
- `session.execute(query).scalars()`: `AttributeError: 'coroutine' object has no attribute 'scalars'`.

## Example
```python
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession


async def rename(session: AsyncSession, user_id: int, name: str) -> None:
    await session.execute(text("UPDATE users SET name = :name WHERE id = :id"), {"name": name, "id": user_id})


async def main(session: AsyncSession) -> None:
    await rename(session, 1, "Ann")
    session.commit()
```

## Use instead
```python
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession


async def rename(session: AsyncSession, user_id: int, name: str) -> None:
    await session.execute(text("UPDATE users SET name = :name WHERE id = :id"), {"name": name, "id": user_id})


async def main(session: AsyncSession) -> None:
    await rename(session, 1, "Ann")
    await session.commit()
```

## When not to use
There is no reason to leave it out. A session whose type is not known, or that is sync for some callers and async
for others, is not reported. `session.begin()` and `session.begin_nested()` are no coroutines: SL311 is about
those. The fix inserts `await`, in `async def` alone; a sync function has to become one first. In tests, only files that
speak of sessions or databases are looked at.

## References
- [SQLAlchemy, asyncio](https://docs.sqlalchemy.org/en/20/orm/extensions/asyncio.html)
- [Python, detecting never-awaited coroutines](https://docs.python.org/3/library/asyncio-dev.html)
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from session_lint import ir
from session_lint.findings import Edit, Finding, Fix, Severity
from session_lint.program import Program
from session_lint.program.entrypoints import dotted
from session_lint.program.symbols import Function, Unit
from session_lint.program.values import BoundMethod, FunctionValue
from session_lint.record import Record
from session_lint.rules.awaiting import (
    SESSION_COROUTINES,
    SESSION_PLAIN,
    Use,
    await_edits,
    body_of,
    can_await,
    kind_of,
    method_calls,
    use_of,
)
from session_lint.rules.registry import rule
from session_lint.traversal import walk

_SESSION_METHODS = SESSION_COROUTINES | SESSION_PLAIN


class Unawaited(Record, frozen=True):
    """A place where a coroutine is lost, what is to be said of it, and the edits that mend it."""

    unit: Unit
    node: ir.Expr
    fault: str
    remedy: str
    edits: tuple[Edit, ...]


@rule("SL401", "unawaited-call", severity=Severity.ERROR, check="async-correctness", fix="safe")
def unawaited_call(program: Program) -> Iterator[Finding]:
    """Coroutines of sessions and engines that nobody awaits."""
    returned: dict[Function, str] = {}
    for found in (*_methods(program, returned), *_helpers(program, returned), *_named_only(program)):
        module = found.unit.module
        yield unawaited_call.finding(
            module.path,
            found.node.span,
            f"{found.unit.qualname} {found.fault}; {found.remedy}",
            symbol=found.unit.qualname,
            fix=Fix("Await the call", safe=True, edits=found.edits) if found.edits else None,
            digest=program.digest(module, found.node.span),
        )


def _methods(program: Program, returned: dict[Function, str]) -> Iterator[Unawaited]:
    """Coroutine methods called and not awaited; those that a function returns are noted in ``returned``."""
    for call in method_calls(program):
        if not call.is_coroutine:
            continue
        text = f"{dotted(call.node.func) or call.name}()"
        use = use_of(program, call.unit, call.node)
        if use is Use.RETURNED and isinstance(call.unit, Function):
            if call.unit.is_async and _result_is_lost(program, call.unit):
                use = Use.DROPPED
            elif not call.unit.is_async:
                returned[call.unit] = text
        if use is Use.DROPPED:
            fault = f"calls {text} and never awaits it, so it does nothing"
        elif use is Use.READ:
            fault = f"uses the coroutine of {text} as if it were its result"
        else:
            continue
        yield Unawaited(call.unit, call.node, fault, _remedy(call.unit), await_edits(program, call.unit, call.node))


def _remedy(unit: Unit) -> str:
    if isinstance(unit, Function) and not unit.is_async:
        return f"make {unit.name} a coroutine function and await it"
    return "await it"


def _result_is_lost(program: Program, function: Function) -> bool:
    """Whether whoever awaits a coroutine function takes what it returns for a result, and no coroutine."""
    entry = program.entry(function)
    if entry is not None and entry.is_endpoint:
        return True
    uses = [_use_of_result(program, unit, node) for unit, node in _calls_of(program, function)]
    return bool(uses) and all(use in (Use.DROPPED, Use.READ) for use in uses)


def _use_of_result(program: Program, unit: Unit, node: ir.Call) -> Use:
    awaited = body_of(program, unit).parents.get(id(node))
    return use_of(program, unit, awaited) if isinstance(awaited, ir.Await) else Use.PASSED


def _calls_of(program: Program, function: Function) -> Iterator[tuple[Unit, ir.Call]]:
    facts = program.flow.facts
    for unit in facts.callers.get(function, ()):
        for node in body_of(program, unit).calls:
            if function in facts.call_targets.get(id(node), ()):
                yield unit, node


def _helpers(program: Program, returned: dict[Function, str]) -> Iterator[Unawaited]:
    """Calls that stand alone of functions that give a coroutine."""
    reaching, callers = program.analysis.reaching, program.flow.facts.callers
    giving = [
        f for module in program.modules for f in module.functions if f in returned or (f.is_async and f in reaching)
    ]
    units = dict.fromkeys(unit for function in giving for unit in callers.get(function, ()))
    for unit, node in _calls_alone(program, units):
        helper = _only_function(program, unit, node)
        if helper is None or helper.decorators or helper.is_generator:
            continue
        if helper in returned:
            what = f"which returns the coroutine of {returned[helper]},"
        elif helper.is_async and helper in program.analysis.reaching:
            what = "a coroutine function that uses a session,"
        else:
            continue
        fault = f"calls {dotted(node.func) or helper.name}(), {what} and never awaits it, so it does nothing"
        yield Unawaited(unit, node, fault, _remedy(unit), await_edits(program, unit, node))


def _only_function(program: Program, unit: Unit, node: ir.Call) -> Function | None:
    """The function that a call runs, where it can be no other."""
    found: set[Function] = set()
    for value in program.flow.at(unit).eval(node.func):
        if not isinstance(value, (FunctionValue, BoundMethod)):
            return None
        found.add(value.function)
    return next(iter(found)) if len(found) == 1 else None


def _named_only(program: Program) -> Iterator[Unawaited]:
    """Methods of sessions that stand alone and are not called, tests left out."""
    for unit, node in program.places.alone:
        if node.name not in _SESSION_METHODS:
            continue
        kinds = {kind_of(value) for value in program.flow.at(unit).eval(node.value)}
        if len(kinds) != 1 or (kind := next(iter(kinds))) is None or kind[0] != "session":
            continue
        awaited = kind[1] and node.name in SESSION_COROUTINES
        edits: tuple[Edit, ...] = (Edit(_end(node), "()"),)
        if awaited:
            edits = (Edit(_start(node), "await "), *edits) if can_await(program, unit, node) else ()
        fault = f"names {dotted(node) or node.name} without calling it, so nothing happens"
        yield Unawaited(unit, node, fault, "call it and await it" if awaited else "call it", edits)


def _calls_alone(program: Program, units: Iterable[Unit]) -> Iterator[tuple[Unit, ir.Call]]:
    """The calls of functions of the project that stand alone as a statement."""
    targets = program.flow.facts.call_targets
    for unit in units:
        for statement in walk(unit.body):
            node = statement.value if isinstance(statement, ir.ExprStatement) else None
            if isinstance(node, ir.Call) and id(node) in targets:
                yield unit, node


def _start(node: ir.Expr) -> ir.Span:
    return ir.Span(node.span.row, node.span.column, node.span.row, node.span.column)


def _end(node: ir.Expr) -> ir.Span:
    return ir.Span(node.span.end_row, node.span.end_column, node.span.end_row, node.span.end_column)
