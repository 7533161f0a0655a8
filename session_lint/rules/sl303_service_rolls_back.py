"""SL303 service-rolls-back · a function that was lent a session rolls it back and carries on.

## What it does
Reports `session.rollback()` where the policy forbids it and an exception does not follow on every path. Under
`router`, the default, it may be called by entry points and by functions that opened the session themselves,
not by those that it is lent to. The policy (`transaction-owner`) decides:

- `provider`: only what hands the session out may; neither entry points nor services.
- `service`: services may, routers may not.
- `any`: the rule is off.

`except: session.rollback(); raise` is harmless and not reported, whoever does it.

## Why is this bad?
A rollback undoes the whole transaction, not only what the function did. The caller does not learn of it, goes
on, and commits what is left. Observed alike on SQLAlchemy 2.1.9, 2.0.58 and 1.4.54 with PostgreSQL 15:

- The caller flushed A, the callee failed on B, rolled back and returned None, and the caller wrote C and
  committed: A was lost, C was there, no exception.
- Inside the caller's `session.begin()`, with the rollback as the last statement: nothing was written, no
  exception. With anything after it:
  `InvalidRequestError: Can't operate on closed transaction inside context manager.`
- In a loop over items, one failing item took all successful ones before it along.
- With a savepoint around B instead, both A and C were there.

## Example
```python
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession


async def add_tag(session: AsyncSession, name: str) -> bool:
    try:
        await session.execute(text("INSERT INTO tags (name) VALUES (:name)"), {"name": name})
    except IntegrityError:
        await session.rollback()
        return False
    return True
```

## Use instead
A savepoint, with the `try` outside it, undoes only the part that failed:

```python
from collections.abc import AsyncIterator

from fastapi import APIRouter, Depends
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine

engine = create_async_engine("postgresql+asyncpg://localhost/tags")
session_factory = async_sessionmaker(engine, expire_on_commit=False)
router = APIRouter()


async def get_session() -> AsyncIterator[AsyncSession]:
    async with session_factory() as session:
        yield session


async def add_tag(session: AsyncSession, name: str) -> bool:
    try:
        async with session.begin_nested():
            await session.execute(text("INSERT INTO tags (name) VALUES (:name)"), {"name": name})
    except IntegrityError:
        return False
    return True


@router.post("/tags")
async def post_tag(name: str, session: AsyncSession = Depends(get_session)) -> bool:
    async with session.begin():
        return await add_tag(session, name)
```

Or let the exception pass, and leave the rollback to whoever owns the transaction.

## When not to use
Tests, migrations and scripts are exempt. The rollback of a savepoint's handle is not reported, and a rollback
inside a begin block of the same session is SL304. An object's own `rollback` that passes the call on (a unit of
work) decides nothing, and is reported only where somebody is seen to call it. If your
services own transactions by design, set `transaction-owner = "service"`.

## References
- [SQLAlchemy, savepoints](https://docs.sqlalchemy.org/en/20/orm/session_transaction.html#using-savepoint)
- [SQLAlchemy, sessions: frequently asked questions](https://docs.sqlalchemy.org/en/20/faq/sessions.html)
"""

from __future__ import annotations

from collections.abc import Iterator

from session_lint.findings import Finding, Severity
from session_lint.program import Program
from session_lint.rules.ownership import forbidden
from session_lint.rules.registry import rule


@rule("SL303", "service-rolls-back", severity=Severity.ERROR, check="service-transactions")
def service_rolls_back(program: Program) -> Iterator[Finding]:
    """``session.rollback()`` where the policy forbids it, unless an exception follows on every path."""
    yield from forbidden(program, service_rolls_back, "rollback", "rolls back")
