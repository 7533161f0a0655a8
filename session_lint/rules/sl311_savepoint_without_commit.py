"""SL311 savepoint-without-commit · a savepoint in a transaction that nobody commits, or a begin that never takes place.

## What it does
Reports `begin_nested()` by an owner that writes, where there is no `begin()` block around it and no commit
reachable. On an AsyncSession, also reports `session.begin()` and `session.begin_nested()` as a statement,
neither awaited nor entered.

## Why is this bad?
A savepoint is a part of a transaction. Leaving its block releases it; the transaction around it, which the
session began by itself, is still open, and the end of the session rolls it back. Observed alike on SQLAlchemy
2.1.9, 2.0.58 and 1.4.54, without an exception: 0 rows on PostgreSQL, with asyncpg and psycopg2. With SQLite's
driver, in its default mode, the row is kept, so tests on SQLite do not show the loss.

A bare `session.begin()` or `session.begin_nested()` of an AsyncSession does nothing. It is no coroutine, so
there is not even a "was never awaited" warning. On a sync Session the same statement does begin.

## Example
```python
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker


async def add_tag(make_session: async_sessionmaker[AsyncSession], name: str) -> None:
    async with make_session() as session:
        async with session.begin_nested():
            await session.execute(text("INSERT INTO tags (name) VALUES (:name)"), {"name": name})
```

## Use instead
```python
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker


async def add_tag(make_session: async_sessionmaker[AsyncSession], name: str) -> None:
    async with make_session() as session, session.begin():
        async with session.begin_nested():
            await session.execute(text("INSERT INTO tags (name) VALUES (:name)"), {"name": name})
```

Where nothing in the transaction may fail alone, `begin()` without the savepoint does. For a bare statement:
`async with session.begin():`, or `await`.

## When not to use
Silent wherever a commit is possible, as for SL306, and for savepoints in functions that borrow the session:
whoever owns it is to commit, and is reported as SL306 if it does not. A transaction that is kept in a variable
is not followed.

## References
- [SQLAlchemy, savepoints](https://docs.sqlalchemy.org/en/20/orm/session_transaction.html#using-savepoint)
- [SQLAlchemy, savepoints with SQLite](https://docs.sqlalchemy.org/en/20/dialects/sqlite.html#pysqlite-serializable)
"""

from __future__ import annotations

from collections.abc import Iterator

from session_lint.findings import Finding, Severity
from session_lint.program import Program
from session_lint.program.contexts import Event
from session_lint.rules.beginning import ineffective_begins
from session_lint.rules.creation import EXEMPT_ROLES
from session_lint.rules.ownership import location_of
from session_lint.rules.registry import rule
from session_lint.rules.writing import uncommitted


@rule("SL311", "savepoint-without-commit", severity=Severity.ERROR, check="transaction-discipline")
def savepoint_without_commit(program: Program) -> Iterator[Finding]:
    """Savepoints whose transaction nobody commits, and begins of async sessions that nobody awaits."""
    for event in ineffective_begins(program):
        name = event.session.path or "session"
        yield _finding(
            program,
            event,
            f"`{name}.{event.kind}()` does nothing here: on an async session it takes effect when it is entered;"
            f" write `async with {name}.{event.kind}():`",
        )
    reported: set[int] = set()
    for lost in uncommitted(program):
        nested = lost.savepoint
        if nested is None or id(nested.node) in reported or program.role(nested.context.unit) in EXEMPT_ROLES:
            continue
        reported.add(id(nested.node))
        yield _finding(
            program,
            nested,
            f"{nested.context.unit.qualname} opens a savepoint in a transaction that nobody commits: what it writes is"
            " rolled back without an error (SQLite may keep it); use `begin()`, or commit after it",
        )


def _finding(program: Program, event: Event, message: str) -> Finding:
    path, symbol = location_of(event)
    return savepoint_without_commit.finding(
        path,
        event.node.span,
        message,
        symbol=symbol,
        confidence=program.confidence(event.session),
        digest=program.digest(event.context.module, event.node.span),
    )
