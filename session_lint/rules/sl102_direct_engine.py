"""SL102 direct-engine · an engine is created outside a session module.

## What it does
Reports `create_engine`, `create_async_engine`, `engine_from_config`, `async_engine_from_config` and
`create_pool_from_url` anywhere but in a session module: a module whose engine, session factory or providers
are used from other modules or injected with `Depends`.

## Why is this bad?
An engine is a connection pool. Each further one adds connections that no setting of the first one limits, and
is one more place where the options for a connection pooler can be forgotten. What was observed on PostgreSQL
15:

- Ten calls that each made an engine, and kept it, added ten server connections (6 to 16). Engines that were
  dropped gave theirs back only when the garbage collector ran, with `ResourceWarning: unclosed connection`.
- Of 45 concurrent calls 34 succeeded and 11 failed with `sorry, too many clients already`: a `DBAPIError` on
  SQLAlchemy 2.1.9, asyncpg's own `TooManyConnectionsError` on 2.0.58 and 1.4.54.
- Twenty calls took 219 ms with an engine each and 12 ms with a shared one.

## Example
```python
from sqlalchemy import create_engine, inspect


class WarehouseExport:
    def __init__(self, url: str) -> None:
        self.engine = create_engine(url)

    def tables(self) -> list[str]:
        return inspect(self.engine).get_table_names()
```

## Use instead
```python
from collections.abc import Iterator

from fastapi import APIRouter, Depends
from sqlalchemy import create_engine, inspect
from sqlalchemy.orm import Session, sessionmaker

engine = create_engine("postgresql+psycopg2://localhost/warehouse")
SessionLocal = sessionmaker(bind=engine)
router = APIRouter()


def get_db() -> Iterator[Session]:
    with SessionLocal() as db:
        yield db


class WarehouseExport:
    def __init__(self, db: Session) -> None:
        self.db = db

    def tables(self) -> list[str]:
        return inspect(self.db.connection()).get_table_names()


@router.get("/tables")
def tables(db: Session = Depends(get_db)) -> list[str]:
    return WarehouseExport(db).tables()
```

In a larger project the first half is a module of its own, `app/database.py` say, that the others import from.

## When not to use
Tests, migrations, scripts and what runs under `if __name__ == "__main__"` are exempt. A module that builds an
engine for a second database is a session module too once other modules use what it offers; where that is not
recognised, name it in `session-modules`. A Celery task that makes an engine with `NullPool` and disposes of
it is sound as such: put the making into a session module, or suppress the finding with the reason. The policy
(`transaction-owner`) has no bearing here.

## References
- [SQLAlchemy, engine configuration](https://docs.sqlalchemy.org/en/20/core/engines.html)
- [SQLAlchemy, connection pooling](https://docs.sqlalchemy.org/en/20/core/pooling.html)
- [SQLAlchemy, asyncio and several event loops][loops]

[loops]: https://docs.sqlalchemy.org/en/20/orm/extensions/asyncio.html#using-multiple-asyncio-event-loops
"""

from __future__ import annotations

from collections.abc import Iterator

from session_lint.findings import Finding, Severity
from session_lint.program import Program
from session_lint.rules.creation import misplaced
from session_lint.rules.engine_lifetime import repeated_engines
from session_lint.rules.registry import rule


@rule("SL102", "direct-engine", severity=Severity.ERROR, check="direct-engines")
def direct_engine(program: Program) -> Iterator[Finding]:
    """Engines created outside session modules."""
    yield from misplaced(program, direct_engine, "engine", "an engine", but=repeated_engines(program).keys())
