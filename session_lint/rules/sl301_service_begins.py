"""SL301 service-begins · a function that was lent a session begins a transaction on it.

## What it does
Reports `session.begin()` where the policy forbids it: under `router`, the default, in every function that
received the session from somebody else (by parameter, attribute, closure or registry; sub-dependencies
included). The policy (`transaction-owner`) decides:

- `router`: entry points and functions that opened the session themselves may begin; those it is lent to may
  not.
- `provider`: only what hands the session out may; neither entry points nor services.
- `service`: services may, unless they are called inside another one's transaction; routers may not.
- `any`: the rule is off.

## Why is this bad?
`begin()` works only while no transaction is open, and that depends on the caller. Observed alike on
SQLAlchemy 2.1.9, 2.0.58 and 1.4.54: after a `begin()`, an `execute`, a `get` or a mere `add` on the same
session it raised `InvalidRequestError: A transaction is already begun on this Session.`, and what was pending
was lost. FastAPI gives a handler the same session as its dependencies, so an authentication dependency that
runs one SELECT turned a working handler with a begin block into a 500.

Where it does work, the function commits at the end of its block. Its caller cannot combine two such functions
into one transaction: the first stays when the second fails.

## Example
```python
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession


async def rename(session: AsyncSession, user_id: int, name: str) -> None:
    async with session.begin():
        await session.execute(
            text("UPDATE users SET name = :name WHERE id = :id"), {"name": name, "id": user_id}
        )
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
    async with session.begin():
        await rename(session, user_id, name)
```

`begin_nested()` is allowed everywhere: it opens a savepoint inside the owner's transaction. It is no
replacement for `begin()` where nobody commits: there the rows were lost on PostgreSQL, though kept on SQLite.

## When not to use
Tests, migrations and scripts are exempt. If your services own transactions by design, do not switch the rule
off: set `transaction-owner = "service"`.

## References
- [SQLAlchemy, explicit begin](https://docs.sqlalchemy.org/en/20/orm/session_transaction.html#explicit-begin)
- [FastAPI, sub-dependencies](https://fastapi.tiangolo.com/tutorial/dependencies/sub-dependencies/)
"""

from __future__ import annotations

from collections.abc import Iterator

from session_lint.findings import Finding, Severity
from session_lint.program import Program
from session_lint.rules.ownership import forbidden
from session_lint.rules.registry import rule


@rule("SL301", "service-begins", severity=Severity.ERROR, check="service-transactions")
def service_begins(program: Program) -> Iterator[Finding]:
    """``session.begin()`` where the policy forbids it."""
    yield from forbidden(program, service_begins, "begin", "begins a transaction on")
