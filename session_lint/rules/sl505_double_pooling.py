"""SL505 double-pooling · an engine keeps a pool of connections in front of a pooler that keeps one already.

## What it does
Reports engines for PostgreSQL with SQLAlchemy's usual pool (`QueuePool`, or `AsyncAdaptedQueuePool` for async
engines) behind a connection pooler in transaction mode: `pooler = "transaction"` in the settings, or port 6432 or
6543 in the URL. The rule is a hint, in preview.

## Why is this bad?
The pooler is there to share few server connections among many clients. A pool in each process keeps its own
connections to the pooler open while nobody uses them, and they count against its `max_client_conn`. Observed:
after eight concurrent sessions had ended, an engine with the usual pool held five connections to PgBouncer, which
had three to the server for everybody; with `NullPool` there were none.

## Example
```python
from sqlalchemy import Engine, create_engine


def make_engine() -> Engine:
    return create_engine("postgresql+psycopg://app@pgbouncer:6432/app", connect_args={"prepare_threshold": None})
```

## Use instead
```python
from sqlalchemy import Engine, NullPool, create_engine


def make_engine() -> Engine:
    return create_engine(
        "postgresql+psycopg://app@pgbouncer:6432/app",
        poolclass=NullPool,
        connect_args={"prepare_threshold": None},
    )
```

## When not to use
A small pool on purpose is sound where connecting to the pooler is slow, over TLS to another host say: it saves the
handshake, and its size times the number of processes is what the pooler must allow for. Then leave the rule off.
Engines whose pool the analysis cannot see are not reported, nor are those of scripts. The policy (`transaction-owner`) has no bearing here.

## References
- [SQLAlchemy, switching pools](https://docs.sqlalchemy.org/en/20/core/pooling.html#switching-pool-implementations)
- [SQLAlchemy, asyncpg behind PgBouncer][pgbouncer]
- [PgBouncer, `max_client_conn`](https://www.pgbouncer.org/config.html#max_client_conn)

[pgbouncer]: https://docs.sqlalchemy.org/en/20/dialects/postgresql.html#prepared-statement-name-with-pgbouncer
"""

from __future__ import annotations

from collections.abc import Iterator

from session_lint.findings import Finding, Severity
from session_lint.program import Program
from session_lint.rules.pooled_engines import pooled_engines
from session_lint.rules.registry import rule


@rule("SL505", "double-pooling", severity=Severity.INFO, check="connection-pooler", preview=True)
def double_pooling(program: Program) -> Iterator[Finding]:
    """Engines with a pool of their own behind a pooler."""
    for pooled in pooled_engines(program):
        engine = pooled.engine
        if engine.pool != "queue" or program.role(engine.unit) == "script":
            continue
        module = engine.unit.module
        yield double_pooling.finding(
            module.path,
            engine.node.span,
            f"{engine.unit.qualname} makes an engine that pools connections in front of a transaction pooler"
            f" ({pooled.why}); leave that to the pooler with poolclass=NullPool",
            symbol=engine.unit.qualname,
            digest=program.digest(module, engine.node.span),
        )
