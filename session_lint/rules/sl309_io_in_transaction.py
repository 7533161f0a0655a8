"""SL309 io-in-transaction · a transaction that has run SQL stays open while the code waits for something else.

## What it does
Reports a call that waits for the network, another process or the clock while a session holds a transaction that has
run SQL: at the call itself, or where a function is called that waits further down. The list of such calls is data; a model (`docs/models.md`) can add to it.

## Why is this bad?
From its first statement on a session keeps a connection, and what it has locked, until the transaction ends. While the
code waits for somebody else, nobody can use either. Observed alike on SQLAlchemy 2.1.9, 2.0.58 and 1.4.54 with
PostgreSQL 15:

- A `SELECT`, then a call that takes 0.8 s: after half a second `pg_stat_activity` shows the connection as
  `idle in transaction`, and the pool has one checked out. After `commit()`, or in a `begin()` block that has run no
  SQL, it has none.
- A pool of two connections and six requests that read and then call: two of them end in
  `TimeoutError: QueuePool limit of size 2 overflow 0 reached`. Where they commit before the call, none does.
- A server with `idle_in_transaction_session_timeout` ends the connection meanwhile; the next statement raises
  `InterfaceError ... connection is closed`.

## Example
```python
import asyncio

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession


async def deliver(engine: AsyncEngine, seconds: float) -> None:
    async with AsyncSession(engine) as session:
        await session.execute(text("SELECT url FROM hooks"))
        await asyncio.sleep(seconds)  # or an HTTP request that takes as long
```

## Use instead
```python
import asyncio

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession


async def deliver(engine: AsyncEngine, seconds: float) -> None:
    async with AsyncSession(engine) as session:
        await session.execute(text("SELECT url FROM hooks"))
        await session.commit()
        await asyncio.sleep(seconds)  # or an HTTP request that takes as long
```

Read what the call needs, end the transaction (or leave the `with` block), call, and begin another to write the answer
down. On an async session that needs `expire_on_commit=False` (SL404).

## When not to use
A short call that is known to be short costs little, and a lock may be held on purpose (`SELECT ... FOR UPDATE` around a
payment). Not reported: a `begin()` block that has run no SQL yet, a session that has committed or is closed, `add()`
alone, `sleep(0)`, tasks that are started and not waited for, caches, brokers and other databases, clients whose type is
not known, functions of files without any word on sessions, which are not read, and what waits more than three calls
further down, or only in one of several methods that a call can mean. A session that went to code that the analysis does
not know may have been committed there, and is not guessed about.

## References
- [PostgreSQL, idle_in_transaction_session_timeout](https://www.postgresql.org/docs/current/runtime-config-client.html)
- [SQLAlchemy, when do I construct a Session](https://docs.sqlalchemy.org/en/20/orm/session_basics.html)
"""

from __future__ import annotations

from collections.abc import Iterator

from session_lint.findings import ChainLink, Finding, Severity
from session_lint.program import Program
from session_lint.program.contexts import Context, Wait
from session_lint.rules.registry import rule


@rule("SL309", "io-in-transaction", severity=Severity.INFO, check="transaction-discipline", preview=True)
def io_in_transaction(program: Program) -> Iterator[Finding]:
    """Calls that wait while a session holds a transaction, each once, by its shortest way down."""
    nearest: dict[int, tuple[Context, Wait]] = {}
    for context in program.contexts():
        if program.role(context.unit) in ("test", "migration"):
            continue
        for site, found in context.waits.items():
            known = nearest.get(site)
            if found.held and (known is None or len(found.below) < len(known[1].below)):
                nearest[site] = context, found
    for context, found in nearest.values():
        token = context.tokens[min(found.held)]
        symbol, span = context.unit.qualname, found.node.span
        name = f"`{token.path}`" if token.path else "the session"
        through = f" in {found.below[-1][0].qualname}" if found.below else ""
        yield io_in_transaction.finding(
            context.module.path,
            span,
            f"{symbol} waits for {found.what}(){through} while {name} holds a transaction that has run SQL; end it before,"
            " and begin another afterwards",
            symbol=symbol,
            confidence=program.confidence(token),
            chain=tuple(_chain(context, found)) if found.below else (),
            digest=program.digest(context.module, span),
        )


def _chain(context: Context, found: Wait) -> Iterator[ChainLink]:
    calls = ((context.unit, found.node), *found.below)
    for (unit, node), (callee, _) in zip(calls, found.below, strict=False):
        yield ChainLink(unit.module.path, node.span.row, unit.qualname, f"calls {callee.qualname}")
    unit, node = calls[-1]
    yield ChainLink(unit.module.path, node.span.row, unit.qualname, f"waits for {found.what}()")
