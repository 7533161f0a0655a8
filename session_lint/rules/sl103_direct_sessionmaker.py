"""SL103 direct-sessionmaker · a session factory is built outside a session module.

## What it does
Reports `sessionmaker`, `async_sessionmaker`, `scoped_session` and `async_scoped_session` built anywhere but
in a session module: a module whose engine, session factory or providers are used from other modules or
injected with `Depends`.

## Why is this bad?
The factory is where a project says once how its sessions behave. A second one can silently say something
else. What was observed of factories that differed, on SQLAlchemy 2.1.9, 2.0.58 and 1.4.54:

- Without `expire_on_commit=False` in async code, every column read after a commit, the primary key included,
  raised `MissingGreenlet`.
- `sessionmaker(async_engine)` without an async `class_` gave sessions that cannot be entered:
  `TypeError: 'Session' object does not support the asynchronous context manager protocol`.
- A thread-local `scoped_session` in async code gave one and the same session to five concurrent tasks. In
  threads that never called `remove()`, two of four ran into `TimeoutError` on a pool of two.

## Example
```python
from sqlalchemy import Engine, text
from sqlalchemy.orm import sessionmaker


def recipients(engine: Engine) -> int:
    make_session = sessionmaker(bind=engine, autoflush=False)
    with make_session() as session:
        return session.scalar(text("SELECT count(*) FROM contacts WHERE subscribed"))
```

## Use instead
```python
from collections.abc import Iterator

from fastapi import APIRouter, Depends
from sqlalchemy import create_engine, text
from sqlalchemy.orm import Session, sessionmaker

engine = create_engine("postgresql+psycopg2://localhost/crm")
SessionLocal = sessionmaker(bind=engine)
router = APIRouter()


def get_db() -> Iterator[Session]:
    with SessionLocal() as db:
        yield db


def recipients(db: Session) -> int:
    with db.no_autoflush:
        return db.scalar(text("SELECT count(*) FROM contacts WHERE subscribed"))


@router.get("/recipients")
def count_recipients(db: Session = Depends(get_db)) -> int:
    return recipients(db)
```

## When not to use
Tests, migrations, scripts and what runs under `if __name__ == "__main__"` are exempt. Several factories in
one session module, for a replica or a second database, are fine. Where session modules are not recognised,
name them in `session-modules`. The policy (`transaction-owner`) has no bearing here.

## References
- [SQLAlchemy, session basics](https://docs.sqlalchemy.org/en/20/orm/session_basics.html)
- [SQLAlchemy, contextual sessions](https://docs.sqlalchemy.org/en/20/orm/contextual.html)
- [SQLAlchemy, asyncio scoped session][scoped]

[scoped]: https://docs.sqlalchemy.org/en/20/orm/extensions/asyncio.html#using-asyncio-scoped-session
"""

from __future__ import annotations

from collections.abc import Iterator

from session_lint.findings import Finding, Severity
from session_lint.program import Program
from session_lint.rules.creation import misplaced
from session_lint.rules.registry import rule


@rule("SL103", "direct-sessionmaker", severity=Severity.ERROR, check="direct-sessions")
def direct_sessionmaker(program: Program) -> Iterator[Finding]:
    """Session factories built outside session modules."""
    yield from misplaced(program, direct_sessionmaker, "factory", "a session factory")
