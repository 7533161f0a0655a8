"""SL403 sync-session-in-async · a coroutine function waits for the database through a sync session.

## What it does
Reports coroutine functions (`async def`) that call a method of a sync session that goes to the database (`execute`,
`scalars`, `get`, `query`, `flush`, `commit`, `refresh` ...), one finding a function, at the first such call.

Functions that `AsyncSession.run_sync` runs are not reported, nor is what runs at start-up, before there is
anybody to wait.

## Why is this bad?
While a sync session waits for the database, the event loop stands still: no other request is served, no timeout
fires. Observed on SQLAlchemy 2.1.9, 2.0.58 and 1.4.54 with PostgreSQL 15:

- A query of 0.5 s stalled the event loop for 0.53 s; through an `AsyncSession` for 0.01 s, in a thread
  (`asyncio.to_thread`) for 0.02 s.
- With a pool of one connection and an `await` while it was held, the next coroutine waited for the connection
  inside the event loop, so that the first could never give it back: `TimeoutError` of the pool.

## Example
```python
import asyncio

from sqlalchemy import text
from sqlalchemy.orm import Session


async def total(session: Session, query: str) -> int:
    await asyncio.sleep(0)
    return session.execute(text(query)).scalar_one()
```

## Use instead
```python
import asyncio

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession


async def total(session: AsyncSession, query: str) -> int:
    await asyncio.sleep(0)
    return (await session.execute(text(query))).scalar_one()
```

A FastAPI endpoint or dependency that awaits nothing can be a plain `def` as well: FastAPI runs those in threads.

## When not to use
Tests, migrations and scripts are exempt. Where the loop has nothing else to do, in a worker that handles one
message at a time say, blocking it costs nothing: suppress the finding with that reason.

## References
- [SQLAlchemy, asyncio](https://docs.sqlalchemy.org/en/20/orm/extensions/asyncio.html)
- [FastAPI, concurrency and async / await](https://fastapi.tiangolo.com/async/)
"""

from __future__ import annotations

from collections.abc import Iterator

from session_lint import ir
from session_lint.findings import Finding, Severity
from session_lint.program import Program
from session_lint.program.entrypoints import dotted
from session_lint.program.symbols import Function
from session_lint.rules.awaiting import MethodCall, body_of, method_calls
from session_lint.rules.creation import EXEMPT_ROLES
from session_lint.rules.registry import rule
from session_lint.rules.start_up import runs_at_start_up
from session_lint.traversal import walk

_BLOCKING = frozenset(
    {"execute", "scalar", "scalars", "exec", "get", "get_one", "query", "connection", "flush", "commit", "rollback"}
    | {"refresh", "merge", "bulk_save_objects", "bulk_insert_mappings", "bulk_update_mappings"}
)


@rule("SL403", "sync-session-in-async", severity=Severity.WARNING, check="async-correctness")
def sync_session_in_async(program: Program) -> Iterator[Finding]:
    """Coroutine functions that wait for the database through a sync session."""
    calls: dict[Function, list[ir.Call]] = {}
    for call in method_calls(program):
        if isinstance(call.unit, Function) and call.unit.is_async and _blocks(program, call):
            calls.setdefault(call.unit, []).append(call.node)
    for function, nodes in calls.items():
        if program.role(function) in EXEMPT_ROLES or runs_at_start_up(program, function):
            continue
        first, *rest = sorted(nodes, key=lambda node: (node.span.row, node.span.column))
        more = f" and {len(rest)} more call{'s' if len(rest) > 1 else ''}" if rest else ""
        yield sync_session_in_async.finding(
            function.module.path,
            first.span,
            f"{function.qualname} is a coroutine function and blocks the event loop with {_text(first)}(){more} of a sync"
            f" session; {_remedy(program, function)}",
            symbol=function.qualname,
            digest=program.digest(function.module, first.span),
        )


def _blocks(program: Program, call: MethodCall) -> bool:
    if call.is_async or call.kind != "session" or call.name not in _BLOCKING:
        return False
    of_async = isinstance(call.node.func, ir.Attribute) and _text(call.node).endswith(f".sync_session.{call.name}")
    return not of_async and not isinstance(body_of(program, call.unit).parents.get(id(call.node)), ir.Await)


def _text(node: ir.Call) -> str:
    return dotted(node.func) or (node.func.name if isinstance(node.func, ir.Attribute) else "")


def _remedy(program: Program, function: Function) -> str:
    """A function that awaits nothing need not be a coroutine function; FastAPI runs it in a thread then."""
    waits = any(isinstance(parent, ir.Await) for parent in body_of(program, function).parents.values()) or any(
        isinstance(s, (ir.For, ir.With)) and s.is_async for s in walk(function.body)
    )
    if program.entry(function) is not None and not waits:
        return "make it a plain def, or use an AsyncSession"
    return "use an AsyncSession, or run this in a thread"
