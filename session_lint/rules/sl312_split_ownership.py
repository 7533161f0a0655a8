"""SL312 split-ownership · a provider commits by itself, and so does code under it.

## What it does
Reports a provider that commits on its normal exit (a commit after `yield`, or a begin block around it) when
code that uses its session commits or begins as well. A middleware that keeps a session on the request and commits it is
such a provider too. There is one finding a provider; it names the places.

## Why is this bad?
One transaction has two owners, and each believes that it alone decides. Observed alike on SQLAlchemy 2.1.9,
2.0.58 and 1.4.54, under FastAPI: a service committed, a later one raised a 409, the client saw the 409, the
dependency rolled back, and the row of the first service stayed. No exception says so. The rollback in the
dependency looks as if it covered the whole request, and covers only what came after the last commit.

If the provider has itself begun the transaction (`with factory.begin() as session: yield session`), a commit
under it makes the next use of the session raise `InvalidRequestError`, after the row was written.

## Example
```python
from collections.abc import AsyncIterator

from fastapi import APIRouter, Depends
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine

engine = create_async_engine("postgresql+asyncpg://localhost/shop")
session_factory = async_sessionmaker(engine, expire_on_commit=False)
router = APIRouter()


async def get_session() -> AsyncIterator[AsyncSession]:
    async with session_factory() as session:
        try:
            yield session
            await session.commit()
        except Exception:
            await session.rollback()
            raise


@router.post("/orders")
async def add_order(article: int, session: AsyncSession = Depends(get_session)) -> None:
    async with session.begin():
        await session.execute(text("INSERT INTO orders (article) VALUES (:id)"), {"id": article})
    await session.execute(text("UPDATE stock SET pieces = pieces - 1 WHERE article = :id"), {"id": article})
```

If the last statement fails, the order stays.

## Use instead
One owner. Either the provider commits and nobody else, or, as here, the provider only closes:

```python
from collections.abc import AsyncIterator

from fastapi import APIRouter, Depends
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine

engine = create_async_engine("postgresql+asyncpg://localhost/shop")
session_factory = async_sessionmaker(engine, expire_on_commit=False)
router = APIRouter()


async def get_session() -> AsyncIterator[AsyncSession]:
    async with session_factory() as session:
        yield session


@router.post("/orders")
async def add_order(article: int, session: AsyncSession = Depends(get_session)) -> None:
    async with session.begin():
        await session.execute(text("INSERT INTO orders (article) VALUES (:id)"), {"id": article})
        await session.execute(
            text("UPDATE stock SET pieces = pieces - 1 WHERE article = :id"), {"id": article}
        )
```

## When not to use
The rule holds under every policy (`transaction-owner`), `any` included; which of the two owners should give
way is for the policy to say: under `provider` the code, under `router` and `service` the provider. Savepoints
and commits of another session are not reported, nor are tests, migrations and scripts. Where it is inferred
wrongly that a provider commits, say so in `providers`: `"app.db.get_session" = { commits = false }`.

## References
- [SQLAlchemy, managing transactions](https://docs.sqlalchemy.org/en/20/orm/session_transaction.html)
- [FastAPI, yield dependencies](https://fastapi.tiangolo.com/tutorial/dependencies/dependencies-with-yield/)
"""

from __future__ import annotations

from collections.abc import Iterator

from session_lint.findings import ChainLink, Finding, Severity
from session_lint.program import Program
from session_lint.program.symbols import Function
from session_lint.rules.creation import EXEMPT_ROLES
from session_lint.rules.registry import rule

_SHOWN = 3


@rule("SL312", "split-ownership", severity=Severity.WARNING, check="router-endpoints")
def split_ownership(program: Program) -> Iterator[Finding]:
    """Providers and middleware that commit by themselves, while code under them commits or begins as well."""
    sites: dict[Function, dict[tuple[str, int, str], str]] = {}
    for event in program.events("commit", "begin"):
        if event.context.module.path and program.role(event.context.unit) in ("test", "migration"):
            continue
        for _, token in program.origins(event):
            provider = program.committing_owner(token)
            if provider is None or event.context.unit is provider:
                continue
            key = (event.context.module.path, event.node.span.row, event.context.unit.qualname)
            sites.setdefault(provider, {})[key] = event.kind
    for provider, found in sites.items():
        if program.role(provider) in EXEMPT_ROLES - {"script"}:
            continue
        ordered = sorted(found)
        names = ", ".join(f"{symbol} ({path}:{row})" for path, row, symbol in ordered[:_SHOWN])
        more = f" and {len(ordered) - _SHOWN} more" if len(ordered) > _SHOWN else ""
        yield split_ownership.finding(
            provider.module.path,
            provider.name_span,
            f"{provider.qualname} commits by itself, and so do or begin {names}{more}: two owners of one transaction;"
            " let one of them own it",
            symbol=provider.qualname,
            chain=tuple(
                ChainLink(path, row, symbol, f"calls {found[path, row, symbol]}()") for path, row, symbol in ordered
            ),
            digest=program.digest(provider.module, provider.node.span),
        )
