"""SL305 nested-begin · `begin()` where a transaction is already open on the session.

## What it does
Reports `session.begin()` where it is certain that a transaction is open on that session: inside another
`begin()` block, in a function that is called from one, after a statement that began one by itself (`execute`,
`get`, `add`, `flush` and the like begin a transaction where none is open), or because another dependency of
the same endpoint has already used the same injected session. The message names what opened the transaction.

## Why is this bad?
It fails, and takes along what was pending. Observed alike on SQLAlchemy 2.1.9, 2.0.58 and 1.4.54, sync and
async: `InvalidRequestError: A transaction is already begun on this Session.`, and 0 rows. A single `add()`
before the block is enough, and so is a read after an earlier block.

FastAPI makes it easy to overlook: dependencies are cached within a request, so a `get_current_user` that runs
one SELECT has opened a transaction on the very session that the endpoint gets. The endpoint's
`async with session.begin()` then answers every request with a 500, while the same endpoint without that
dependency works.

## Example
```python
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker


async def rename(make_session: async_sessionmaker[AsyncSession], user: int, name: str) -> None:
    async with make_session() as session:
        taken = await session.scalar(text("SELECT count(*) FROM users WHERE name = :name"), {"name": name})
        if taken:
            return
        async with session.begin():
            await session.execute(text("UPDATE users SET name = :name WHERE id = :id"), {"name": name, "id": user})
```

## Use instead
```python
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker


async def rename(make_session: async_sessionmaker[AsyncSession], user: int, name: str) -> None:
    async with make_session() as session, session.begin():
        taken = await session.scalar(text("SELECT count(*) FROM users WHERE name = :name"), {"name": name})
        if taken:
            return
        await session.execute(text("UPDATE users SET name = :name WHERE id = :id"), {"name": name, "id": user})
```

The block around everything, reads included; or no block, and `commit()` at the end. In an endpoint whose
dependencies use the session too, the second. `begin_nested()` is no replacement: it is a savepoint of the open
transaction, which somebody still has to commit.

## When not to use
Only certain cases are reported: not where some path reaches `begin()` without a transaction, not after
`commit()`, `rollback()` or `close()`, not two blocks one after the other, and not in a function that asks
`in_transaction()` or catches `InvalidRequestError`. Dependencies with `use_cache=False` have a session of their
own. A transaction that reading an expired attribute begins stays unseen.

## References
- [SQLAlchemy, explicit begin](https://docs.sqlalchemy.org/en/20/orm/session_transaction.html#explicit-begin)
- [FastAPI, using the same dependency several times](https://fastapi.tiangolo.com/tutorial/dependencies/sub-dependencies/#using-the-same-dependency-multiple-times)
"""

from __future__ import annotations

from collections.abc import Iterator

from session_lint.findings import Finding, Severity
from session_lint.program import Program, states
from session_lint.rules.beginning import nested_begins, opener
from session_lint.rules.ownership import location_of
from session_lint.rules.registry import rule


@rule("SL305", "nested-begin", severity=Severity.ERROR, check="router-endpoints")
def nested_begin(program: Program) -> Iterator[Finding]:
    """Calls of begin() on a session that is in a transaction."""
    for event in nested_begins(program).values():
        path, symbol = location_of(event)
        name = f"`{event.session.path}`" if event.session.path else "the session"
        first = opener(program, event)
        if first is None:
            by = ""
        elif first.symbol == symbol and first.filename == path:
            by = f" (row {first.row} {first.note})"
        else:
            by = f" ({first.symbol}, {first.filename}:{first.row}, {first.note})"
        if event.bits == states.AUTOBEGUN:
            remedy = "begin before the first statement, or leave out begin() and commit at the end"
        else:
            remedy = "leave out begin(), or use begin_nested() for a savepoint"
        chain = program.chain(event)
        if first is not None and chain:
            chain = (first, *chain)
        yield nested_begin.finding(
            path,
            event.node.span,
            f"{symbol} calls begin() on {name}, which is already in a transaction{by}: it raises; {remedy}",
            symbol=symbol,
            confidence=program.confidence(event.session),
            chain=chain,
            digest=program.digest(event.context.module, event.node.span),
        )
