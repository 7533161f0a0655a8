"""SL101 direct-session · a session is constructed from its class outside a session module.

## What it does
Reports `Session(engine)`, `AsyncSession(engine)` and calls of their subclasses (SQLModel's too), bound to a
name or used in a `with`, anywhere but in a session module: a module whose engine, session factory or
providers are used from other modules or injected with `Depends`. A session opened inside an endpoint, a task
or a service does not make its module a session module.

## Why is this bad?
A session made on the spot has settings of its own and is a second connection and a second transaction beside
the one that the caller already has. What was observed on SQLAlchemy 2.1.9, 2.0.58 and 1.4.54 with PostgreSQL
15:

- A second session opened while the first holds a connection takes two connections a request. Five concurrent
  requests on a pool of five blocked each other: two ended in `TimeoutError`.
- The second session does not see what the first has only flushed: a read returns None, and a foreign key to
  such a row fails. When both update the same row, the request waits for itself until a lock timeout, if there
  is one.
- An `AsyncSession` that was not closed lost its connection to the garbage collector, with an `SAWarning` on
  2.x and a logged error on 1.4. While such sessions are kept alive the pool runs dry:
  `QueuePool limit of size 2 overflow 0 reached` at the third call.

## Example
```python
from sqlalchemy import Engine, text
from sqlalchemy.orm import Session


def nightly_total(engine: Engine) -> int:
    with Session(engine) as session:
        return session.scalar(text("SELECT sum(total) FROM orders"))
```

## Use instead
Take the session as a parameter, and let one module make sessions:

```python
from collections.abc import Iterator

from fastapi import APIRouter, Depends
from sqlalchemy import create_engine, text
from sqlalchemy.orm import Session, sessionmaker

engine = create_engine("postgresql+psycopg2://localhost/shop")
SessionLocal = sessionmaker(bind=engine)
router = APIRouter()


def get_db() -> Iterator[Session]:
    with SessionLocal() as db:
        yield db


def nightly_total(db: Session) -> int:
    return db.scalar(text("SELECT sum(total) FROM orders"))


@router.get("/total")
def total(db: Session = Depends(get_db)) -> int:
    return nightly_total(db)
```

Background work calls the factory or a provider of the session module and closes what it gets.

## When not to use
Tests, migrations, scripts and what runs under `if __name__ == "__main__"` are exempt. A session that a
factory makes (`SessionLocal()`) is not a direct session: this rule is about the class. Where session modules
are not recognised, name them in `session-modules`. The policy (`transaction-owner`) has no bearing here: it
decides who commits, not who creates.

## References
- [SQLAlchemy, session basics](https://docs.sqlalchemy.org/en/20/orm/session_basics.html)
- [FastAPI, SQL databases](https://fastapi.tiangolo.com/tutorial/sql-databases/)
"""

from __future__ import annotations

from collections.abc import Iterator

from session_lint.findings import Finding, Severity
from session_lint.program import Program
from session_lint.rules.creation import misplaced
from session_lint.rules.registry import rule


@rule("SL101", "direct-session", severity=Severity.ERROR, check="direct-sessions")
def direct_session(program: Program) -> Iterator[Finding]:
    """Sessions constructed from their class outside session modules."""
    yield from misplaced(program, direct_session, "session", "a session")
