"""SL306 missing-commit · a session is written, and nothing on any path commits it.

## What it does
Reports an owner (a function that opened a session, or an entry point that got one injected) that writes with
it, itself or through functions that it lends it to, while nothing commits: no `commit()` there or in what it
calls, no `begin()` block, no provider that commits by itself. Writing is `add`, `add_all`, `delete`, `merge`,
`flush`, the `bulk_` methods, and `execute` of an INSERT, UPDATE or DELETE.

## Why is this bad?
The end of the session rolls back what nobody has committed, without an exception. Observed with a dependency
that only closes and an endpoint that adds and flushes: the client gets a 200, often with the id of the new
row, and the row does not exist. It was the same on every FastAPI version tried, for SQLAlchemy 2.1.9, 2.0.58
and 1.4.54, and for the session of Flask-SQLAlchemy 3.1.1. Tests that look at the result through the same
session pass.

`flush()` in services is right, where the owner commits.

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
        yield session


@router.post("/orders")
async def add_order(article: int, session: AsyncSession = Depends(get_session)) -> None:
    await session.execute(text("INSERT INTO orders (article) VALUES (:id)"), {"id": article})
```

## Use instead
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
```

## When not to use
Silent wherever a commit is possible: on some path, in a nested function, in a provider, by code outside the
project that was given the session or an object that holds it, on an engine with `AUTOCOMMIT`; and where a
rollback outside an exception handler says that nothing is to be kept. Sessions from registries, units of work
and `request.state` are left alone, and so are tests, migrations and scripts.

## References
- [SQLAlchemy, committing](https://docs.sqlalchemy.org/en/20/orm/session_basics.html#committing)
- [FastAPI, dependencies with yield](https://fastapi.tiangolo.com/tutorial/dependencies/dependencies-with-yield/)
"""

from __future__ import annotations

from collections.abc import Iterator

from session_lint import ir
from session_lint.findings import ChainLink, Finding, Severity
from session_lint.program import Program
from session_lint.program.contexts import Token
from session_lint.rules.creation import EXEMPT_ROLES
from session_lint.rules.registry import rule
from session_lint.rules.writing import Write, uncommitted


@rule("SL306", "missing-commit", severity=Severity.WARNING, check="router-endpoints")
def missing_commit(program: Program) -> Iterator[Finding]:
    """Sessions that are written and that nobody commits, one finding a function that owns them."""
    for lost in uncommitted(program):
        node = lost.write.node
        if lost.savepoint is None and node is not None and program.role(lost.write.context.unit) not in EXEMPT_ROLES:
            yield _finding(program, lost.write, lost.token, node)


def _finding(program: Program, write: Write, token: Token, node: ir.Call) -> Finding:
    last = write.last
    unit = write.context.unit
    assert last.event is not None
    name = f"`{token.path}`" if token.path else "its session"
    if write.below is None:
        how = f"{unit.qualname} calls {last.event.kind}() on {name}"
    else:
        place = f"{last.context.module.path}:{last.event.node.span.row}"
        how = f"{unit.qualname} writes with {name} through {last.context.unit.qualname} ({place})"
    giver = f" and {token.provider.qualname} only closes" if token.provider is not None else ""
    return missing_commit.finding(
        write.context.module.path,
        node.span,
        f"{how}, but nothing commits{giver}: what is written is rolled back without an error;"
        " commit at the end, or write inside `with session.begin()`",
        symbol=unit.qualname,
        confidence=program.confidence(token),
        chain=_chain(write),
        digest=program.digest(write.context.module, node.span),
    )


def _chain(write: Write) -> tuple[ChainLink, ...]:
    links: list[ChainLink] = []
    step: Write | None = write
    while step is not None and step.node is not None and write.below is not None:
        note = (
            f"calls {step.event.kind}()"
            if step.event is not None
            else f"lends its session to {step.below.context.unit.qualname}"
            if step.below is not None
            else ""
        )
        links.append(ChainLink(step.context.module.path, step.node.span.row, step.context.unit.qualname, note))
        step = step.below
    return tuple(links)
