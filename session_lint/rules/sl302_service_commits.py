"""SL302 service-commits · a function that was lent a session commits it.

## What it does
Reports `session.commit()` where the policy forbids it, one finding a call: under `router`, the default, in
every function that received the session from somebody else (by parameter, attribute, closure or registry;
sub-dependencies included). The policy (`transaction-owner`) decides:

- `router`: entry points and functions that opened the session themselves may commit; those it is lent to may
  not.
- `provider`: only what hands the session out may; neither entry points nor services.
- `service`: services may, unless they are called inside another one's transaction; routers may not.
- `any`: the rule is off.

A commit under a parameter such as `commit: bool = True` is reported as well, and the message says so.

## Why is this bad?
A commit ends the whole transaction, the caller's part included; the caller can no longer undo it. Observed
alike on SQLAlchemy 2.1.9, 2.0.58 and 1.4.54 with PostgreSQL 15:

- A service committed, the next one raised a 409. The client saw the error, the dependency rolled back, and
  the row of the first stayed. No exception mentions it.
- Inside the caller's `session.begin()` a commit as the last statement went unnoticed. Anything after it, even
  `add()` or `refresh()`, raised
  `InvalidRequestError: Can't operate on closed transaction inside context manager.`, with the row already in
  the database: a 500 for work that was done.
- On an async session whose factory lacks `expire_on_commit=False`, the caller's objects raised
  `MissingGreenlet` when one of their columns was read after the commit.

## Example
```python
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession


async def rename(session: AsyncSession, user_id: int, name: str) -> None:
    await session.execute(text("UPDATE users SET name = :name WHERE id = :id"), {"name": name, "id": user_id})
    await session.commit()
```

## Use instead
```python
from collections.abc import AsyncIterator

from fastapi import APIRouter, Depends
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine

engine = create_async_engine("postgresql+asyncpg://localhost/users")
session_factory = async_sessionmaker(engine, expire_on_commit=False)
router = APIRouter()


async def get_session() -> AsyncIterator[AsyncSession]:
    async with session_factory() as session:
        yield session


async def rename(session: AsyncSession, user_id: int, name: str) -> None:
    await session.execute(text("UPDATE users SET name = :name WHERE id = :id"), {"name": name, "id": user_id})


@router.put("/users/{user_id}/name")
async def put_name(user_id: int, name: str, session: AsyncSession = Depends(get_session)) -> None:
    await rename(session, user_id, name)
    await session.commit()
```

Where the function needs a generated key, `flush()` sends the pending changes without ending the transaction.
Replacing `commit()` by `flush()` is right only if every caller commits: otherwise the rows are lost without
an exception.

## When not to use
Tests, migrations and scripts are exempt. The commit of a savepoint's handle is not reported, and a commit
inside a begin block of the same session is SL304. An object's own `commit` that passes the call on (a unit of
work) decides nothing, and is reported only where somebody is seen to call it. For a commit that is meant to
outlive the caller's rollback, open a session of its own, or suppress the finding with the reason. If your
services own transactions by design, set `transaction-owner = "service"`.

## References
- [SQLAlchemy, managing transactions](https://docs.sqlalchemy.org/en/20/orm/session_transaction.html)
- [SQLAlchemy, session basics](https://docs.sqlalchemy.org/en/20/orm/session_basics.html)
"""

from __future__ import annotations

from collections.abc import Iterator

from session_lint.findings import Finding, Severity
from session_lint.program import Program
from session_lint.rules.ownership import forbidden
from session_lint.rules.registry import rule


@rule("SL302", "service-commits", severity=Severity.ERROR, check="service-transactions", fix="unsafe")
def service_commits(program: Program) -> Iterator[Finding]:
    """``session.commit()`` where the policy forbids it."""
    yield from forbidden(program, service_commits, "commit", "commits")
