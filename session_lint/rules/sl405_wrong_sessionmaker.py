"""SL405 wrong-sessionmaker · a factory, session or engine whose parts do not fit each other.

## What it does
Reports

- `sessionmaker(async_engine)` without `class_=AsyncSession`, and a sync `Session` bound to an async engine;
- `async_sessionmaker` with the class of a sync session;
- an `AsyncSession` or async factory bound to a sync engine;
- a sync driver in the URL of `create_async_engine`, where the URL is written out. A plain `postgresql://` only if the
  project pins SQLAlchemy below 2.1: from 2.1 on its driver is psycopg 3, which is async as well;
- where the project pins SQLAlchemy 2: `autocommit=True`, and `begin(subtransactions=True)`.

`sessionmaker(async_engine, class_=AsyncSession)` is harmless and not reported.

## Why is this bad?
None of it works, but most of it fails late: when the first session is made or used. Observed on SQLAlchemy 2.1.9,
2.0.58 and 1.4.54:

- `sessionmaker(async_engine)`: `TypeError: 'Session' object does not support the asynchronous context manager
  protocol`; inside a plain `with`: `AsyncContextNotStarted`.
- `async_sessionmaker(class_=Session)`: `TypeError`.
- `AsyncSession` with a sync engine: `ArgumentError: AsyncEngine expected, got Engine(...)`.
- `create_async_engine` with psycopg2 or SQLite's own driver: `InvalidRequestError: The asyncio extension requires an
  async driver to be used. The loaded 'psycopg2' is not async.`
- `autocommit=True`: `ArgumentError: autocommit=True is no longer supported`; `begin(subtransactions=True)`:
  `TypeError`.

## Example
```python
from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.orm import sessionmaker

engine = create_async_engine("postgresql+asyncpg://localhost/users")
session_factory = sessionmaker(engine, expire_on_commit=False)


async def count() -> int:
    async with session_factory() as session:
        return (await session.execute(text("SELECT count(*) FROM users"))).scalar_one()
```

## Use instead
```python
from sqlalchemy import text
from sqlalchemy.ext.asyncio import async_sessionmaker, create_async_engine

engine = create_async_engine("postgresql+asyncpg://localhost/users")
session_factory = async_sessionmaker(engine, expire_on_commit=False)


async def count() -> int:
    async with session_factory() as session:
        return (await session.execute(text("SELECT count(*) FROM users"))).scalar_one()
```

## When not to use
There is no reason to leave it out. Tests are exempt, for they may assert the failure. Engines and URLs that come
from settings are not known, and not reported.

## References
- [SQLAlchemy, asyncio](https://docs.sqlalchemy.org/en/20/orm/extensions/asyncio.html)
- [SQLAlchemy, dialects](https://docs.sqlalchemy.org/en/20/dialects/)
- [SQLAlchemy, migrating to 2.0](https://docs.sqlalchemy.org/en/20/changelog/migration_20.html)
"""

from __future__ import annotations

from collections.abc import Iterator

from session_lint import ir
from session_lint.findings import Finding, Severity
from session_lint.program import Program
from session_lint.program.symbols import Unit
from session_lint.program.values import Const, Session
from session_lint.rules.pairing import is_version_2, misfits
from session_lint.rules.registry import rule


@rule("SL405", "wrong-sessionmaker", severity=Severity.ERROR, check="async-correctness")
def wrong_sessionmaker(program: Program) -> Iterator[Finding]:
    """Factories, sessions and engines whose parts do not fit each other."""
    found: list[tuple[Unit, ir.Call, str]] = [(c.unit, c.node, fault) for c, fault in misfits(program).values()]
    for unit, node, fault in (*found, *_subtransactions(program)):
        if program.role(unit) == "test":
            continue
        yield wrong_sessionmaker.finding(
            unit.module.path,
            node.span,
            f"{unit.qualname} {fault}",
            symbol=unit.qualname,
            digest=program.digest(unit.module, node.span),
        )


def _subtransactions(program: Program) -> Iterator[tuple[Unit, ir.Call, str]]:
    if not is_version_2(program):
        return
    for call in program.external_calls():
        if isinstance(call.subject, Session) and call.args.keywords.get("subtransactions") == frozenset({Const(True)}):
            fault = "passes subtransactions=True, which SQLAlchemy 2 has not; use begin_nested(), or one begin()"
            yield call.unit, call.node, fault
