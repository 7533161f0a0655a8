"""SL402 awaited-sync-call · `await` on a method that is not a coroutine, or on a sync session.

## What it does
Reports `await` on the synchronous methods of an `AsyncSession` (`add`, `add_all`, `expunge`, `expire`,
`is_modified`, `in_transaction` ...), on those of a result that has been awaited before (`await result.scalars()`), on
any method of a sync `Session`, engine or connection, and on the session that calling a class or factory gives
(`await session_factory()`).

`await session.begin()` and `await session.begin_nested()` of an `AsyncSession` are valid, and are not reported.

## Why is this bad?
It raises, and too late. Observed on SQLAlchemy 2.1.9, 2.0.58 and 1.4.54:

- `await session.add(user)`: `TypeError: object NoneType can't be used in 'await' expression`.
- `await session.commit()` on a sync session: the same `TypeError`, after the row was committed. The caller sees
  an error, and retries what is already done.
- `await result.scalars()`: `TypeError: object ScalarResult can't be used in 'await' expression`, after the query.
- `await session_factory()`: `TypeError: object AsyncSession can't be used in 'await' expression`.

From Python 3.14 on the messages read `'NoneType' object can't be awaited`.

## Example
```python
from sqlalchemy import text
from sqlalchemy.orm import Session


async def rename(session: Session, user_id: int, name: str) -> None:
    session.execute(text("UPDATE users SET name = :name WHERE id = :id"), {"name": name, "id": user_id})
    await session.commit()
```

## Use instead
```python
from sqlalchemy import text
from sqlalchemy.orm import Session


def rename(session: Session, user_id: int, name: str) -> None:
    session.execute(text("UPDATE users SET name = :name WHERE id = :id"), {"name": name, "id": user_id})
    session.commit()
```

## When not to use
There is no reason to leave it out. A session that is sync for some callers and async for others is not reported,
nor is one that is sync by a parameter's annotation alone while every call on it is awaited: there the annotation is wrong.
The fix removes the `await`; that the function then blocks the event loop is SL403's.

## References
- [SQLAlchemy, asyncio](https://docs.sqlalchemy.org/en/20/orm/extensions/asyncio.html)
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator

from session_lint import ir
from session_lint.findings import Edit, Finding, Fix, Severity
from session_lint.program import Program
from session_lint.program.contexts import origins
from session_lint.program.entrypoints import dotted
from session_lint.program.symbols import Function, Unit
from session_lint.program.values import ClassValue, Factory, Symbol
from session_lint.rules.awaiting import (
    SESSION_COROUTINES,
    SESSION_PLAIN,
    SYNC_SESSION_ONLY,
    MethodCall,
    body_of,
    method_calls,
)
from session_lint.rules.registry import rule
from session_lint.traversal import bound_names, expressions, walk

_SYNC_METHODS = {
    "session": SESSION_COROUTINES | SESSION_PLAIN | SYNC_SESSION_ONLY,
    "engine": frozenset({"connect", "begin", "dispose", "raw_connection"}),
    "connection": frozenset({"execute", "scalar", "scalars", "commit", "rollback", "close", "exec_driver_sql"}),
    "handle": frozenset({"commit", "rollback"}),
}
# What gives a buffered result, and what such a result and those made of it have.
_RESULTS = ("execute", "scalars", "exec")
_RESULT_METHODS = frozenset(
    {"all", "columns", "fetchall", "fetchmany", "fetchone", "first", "freeze", "mappings", "one"}
) | {
    *(
        "one_or_none",
        "partitions",
        "scalar",
        "scalar_one",
        "scalar_one_or_none",
        "scalars",
        "tuples",
        "unique",
        "yield_per",
    )
}
_LENGTH = len("await ")


@rule("SL402", "awaited-sync-call", severity=Severity.ERROR, check="async-correctness", fix="safe")
def awaited_sync_call(program: Program) -> Iterator[Finding]:
    """``await`` on what is no coroutine."""
    for unit, node, why in (*_methods(program), *_sessions(program), *_results(program)):
        awaited = body_of(program, unit).parents.get(id(node))
        if not isinstance(awaited, ir.Await):
            continue
        module = unit.module
        yield awaited_sync_call.finding(
            module.path,
            awaited.span,
            f"{unit.qualname} awaits {dotted(node.func) or 'a call'}(), {why}; remove the await",
            symbol=unit.qualname,
            fix=_fix(awaited),
            digest=program.digest(module, awaited.span),
        )


def _methods(program: Program) -> Iterator[tuple[Unit, ir.Call, str]]:
    for call in method_calls(program):
        if _is_plain(call) and not _may_be_misnamed(program, call):
            what = (
                f"a sync {call.kind}'s method"
                if not call.is_async
                else f"which an async {call.kind} has as a plain method"
            )
            yield call.unit, call.node, f"{what}: a TypeError"


def _may_be_misnamed(program: Program, call: MethodCall) -> bool:
    """Whether a sync session is known by a parameter's annotation alone, which the awaits on every call say is the mistake."""
    receiver = call.node.func.value if isinstance(call.node.func, ir.Attribute) else None
    if (
        call.is_async
        or call.kind != "session"
        or not isinstance(receiver, ir.Name)
        or not isinstance(call.unit, Function)
    ):
        return False
    if not any(param.name == receiver.id for param in call.unit.params):
        return False
    parents = body_of(program, call.unit).parents
    for node in expressions(call.unit.body):
        if isinstance(node, ir.Call) and isinstance(node.func, ir.Attribute) and isinstance(node.func.value, ir.Name):
            calls_it = node.func.value.id == receiver.id and node.func.name in SESSION_COROUTINES
            if calls_it and not isinstance(parents.get(id(node)), ir.Await):
                return False
    return all(
        token.how == "param" or (token.how == "injected" and token.provider is None)
        for context in program.analysis.by_function.get(call.unit, ())
        for number, mine in enumerate(context.tokens)
        if mine.path == receiver.id
        for _, token in origins(context, number)
    )


def _is_plain(call: MethodCall) -> bool:
    if call.is_async:
        return call.kind == "session" and call.name in SESSION_PLAIN
    return call.name in _SYNC_METHODS[call.kind]


def _sessions(program: Program) -> Iterator[tuple[Unit, ir.Call, str]]:
    """Calls of session classes and factories."""
    for creation in (*program.creations("session"), *program.creations("factory-session")):
        callees = program.flow.at(creation.unit).eval(creation.node.func)
        if callees and all(isinstance(v, (Factory, Symbol, ClassValue)) for v in callees):
            yield creation.unit, creation.node, "which makes a session and is no coroutine: a TypeError"


def _results(program: Program) -> Iterator[tuple[Unit, ir.Call, str]]:
    """Methods of the results that an async session's calls give once they are awaited."""
    results: dict[Unit, set[int]] = defaultdict(set)
    for call in method_calls(program):
        awaited = body_of(program, call.unit).parents.get(id(call.node))
        if call.kind == "session" and call.is_async and call.name in _RESULTS and isinstance(awaited, ir.Await):
            results[call.unit].add(id(awaited))
    for unit, made in results.items():
        names = _always(unit, made)
        for expr in expressions(unit.body):
            if not isinstance(expr, ir.Await) or not isinstance(expr.value, ir.Call):
                continue
            source: ir.Expr = expr.value
            while (
                isinstance(source, ir.Call)
                and isinstance(source.func, ir.Attribute)
                and source.func.name in _RESULT_METHODS
            ):
                source = source.func.value
            if source is not expr.value and (
                id(source) in made or (isinstance(source, ir.Name) and source.id in names)
            ):
                yield unit, expr.value, "a plain method of a result that is there already: a TypeError"


def _always(unit: Unit, made: Collection[int]) -> set[str]:
    """The variables that hold nothing but such results."""
    good: set[str] = set()
    bad = {param.name for param in unit.params} if isinstance(unit, Function) else set()
    for statement in walk(unit.body):
        match statement:
            case ir.Assign(targets=targets, value=value):
                names = {name.id for target in targets for name in bound_names(target)}
                plain = len(targets) == 1 and isinstance(targets[0], ir.Name) and id(value) in made
                (good if plain else bad).update(names)
            case ir.AnnAssign(target=target) | ir.AugAssign(target=target) | ir.For(target=target):
                bad |= {name.id for name in bound_names(target)}
            case ir.With(items=items):
                bad |= {n.id for item in items if item.target is not None for n in bound_names(item.target)}
            case _:
                pass
    return good - bad


def _fix(awaited: ir.Await) -> Fix | None:
    """Without the word, where it stands right before what it awaits."""
    start, inner = awaited.span, awaited.value.span
    if start.row != inner.row or inner.column - start.column != _LENGTH:
        return None
    edit = Edit(ir.Span(start.row, start.column, inner.row, inner.column), "")
    return Fix("Remove the await", safe=True, edits=(edit,))
