"""SL104 driver-connection · a raw driver connection is opened in a code base that has sessions.

## What it does
Reports connections and pools opened with the driver itself (`psycopg2.connect`, `psycopg.connect`,
`asyncpg.connect`, `asyncpg.create_pool`, `aiosqlite.connect`, `pymysql`, `MySQLdb`, `oracledb`, `pyodbc` and
the like), however the driver was imported, where the project handles SQLAlchemy sessions. Importing a driver
for its exceptions, types or `extras` is fine.

## Why is this bad?
The connection is outside the engine's pool and outside the session's transaction: it is not counted, not
checked, not configured with the others, and nothing that it does is undone when the request fails.

A driver connection is a second connection in the same request. What was observed of two connections in one
request (of two sessions, in the experiment), on PostgreSQL 15 with SQLAlchemy 2.1.9, 2.0.58 and 1.4.54: the
second did not see rows that the first had only flushed, a foreign key to such a row failed, and where both
updated the same row the request waited for itself until the lock timeout (without one, for ever). Behind a
transaction pooler the engine's settings for prepared statements do not reach it either: an engine on
asyncpg 0.32 without them failed in 93 of 120 sessions on PgBouncer 1.18, some with asyncpg's `DuplicatePreparedStatementError`
while still connecting.

## Example
```python
import psycopg
from sqlalchemy import text
from sqlalchemy.orm import Session


def close_order(session: Session, dsn: str, order_id: int) -> None:
    session.execute(text("UPDATE orders SET closed = true WHERE id = :id"), {"id": order_id})
    connection = psycopg.connect(dsn)
    try:
        connection.cursor().execute("INSERT INTO events (order_id) VALUES (%s)", (order_id,))
        connection.commit()
    finally:
        connection.close()
```

## Use instead
```python
from sqlalchemy import text
from sqlalchemy.orm import Session


def close_order(session: Session, order_id: int) -> None:
    session.execute(text("UPDATE orders SET closed = true WHERE id = :id"), {"id": order_id})
    session.execute(text("INSERT INTO events (order_id) VALUES (:id)"), {"id": order_id})
```

For something that only the driver can do, such as COPY, take the driver's connection out of the session's:
`session.connection().connection.driver_connection` on SQLAlchemy 1.4.24 and later.

## When not to use
A project without SQLAlchemy sessions is not reported; nor are tests, migrations and scripts. LISTEN and the
like need a long-lived connection of their own: suppress the finding there, with the reason. The policy
(`transaction-owner`) has no bearing here.

## References
- [SQLAlchemy, working with the driver's connection][driver]
- [SQLAlchemy, asyncpg behind PgBouncer][pgbouncer]

[driver]: https://docs.sqlalchemy.org/en/20/core/connections.html
[pgbouncer]: https://docs.sqlalchemy.org/en/20/dialects/postgresql.html#prepared-statement-name-with-pgbouncer
"""

from __future__ import annotations

from collections.abc import Iterator

from session_lint.findings import Finding, Severity
from session_lint.program import Program
from session_lint.program.vocabulary import DRIVER_CONNECTS
from session_lint.rules.creation import EXEMPT_ROLES
from session_lint.rules.registry import rule


@rule("SL104", "driver-connection", severity=Severity.ERROR, check="driver-connections")
def driver_connection(program: Program) -> Iterator[Finding]:
    """Connections opened with the driver itself, in a code base that has sessions or engines."""
    if not program.flow.facts.creations and not program.files_with_sessions:
        return
    for call in program.external_calls():
        if call.name not in DRIVER_CONNECTS or call.subject is not None:
            continue
        module = call.unit.module
        if program.role(call.unit) in EXEMPT_ROLES or program.is_home(call.unit):
            continue
        yield driver_connection.finding(
            module.path,
            call.node.span,
            f"{call.unit.qualname} opens a driver connection with {call.name}, past the engine's pool and the session's"
            " transaction; use the project's session or engine",
            symbol=call.unit.qualname,
            digest=program.digest(module, call.node.span),
        )
