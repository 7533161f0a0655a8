"""SL506 connection-state-behind-pooler · SQL that changes the connection, where the next transaction has another one.

## What it does
Where the settings say `pooler = "transaction"`, reports SQL whose effect is meant to outlast the transaction:

- `SET` without `LOCAL`, `SET ROLE` and `SET SESSION AUTHORIZATION`, `set_config(..., false)`;
- `LISTEN`;
- advisory locks of the session (`pg_advisory_lock`, `pg_try_advisory_lock`), as text or by `func`;
- temporary tables without `ON COMMIT DROP`;
- cursors `WITH HOLD`.

The rule is in preview. Cursors that a commit closes are reported by SL307.

## Why is this bad?
A pooler in transaction mode gives each transaction whichever server connection is free. What a transaction leaves
behind there is gone for the client that wanted it, and met by another one that did not. Observed with PgBouncer
1.18 in transaction mode: after `SET statement_timeout` and a commit, the next client to get that connection had
the timeout, and the client that had set it was without, once its next transaction ran on another connection. With
`SET LOCAL` neither happened.

## Example
```python
from sqlalchemy import text
from sqlalchemy.orm import Session


def monthly_report(session: Session) -> int:
    session.execute(text("SET statement_timeout = '5min'"))
    return session.scalar(text("SELECT count(*) FROM pg_class"))
```

## Use instead
```python
from sqlalchemy import text
from sqlalchemy.orm import Session


def monthly_report(session: Session) -> int:
    session.execute(text("SET LOCAL statement_timeout = '5min'"))
    return session.scalar(text("SELECT count(*) FROM pg_class"))
```

Likewise `pg_advisory_xact_lock`, `CREATE TEMPORARY TABLE ... ON COMMIT DROP`, `set_config(..., true)`. What one
role always needs can be set with `ALTER ROLE ... SET`; `LISTEN` needs a connection past the pooler.

## When not to use
SQL that runs on an engine which goes past the pooler is reported as well, since the text does not show where it
runs: suppress it there with the reason. Tests and migrations are exempt. The policy (`transaction-owner`) has no
bearing here.

## References
- [PgBouncer, features by pooling mode](https://www.pgbouncer.org/features.html)
- [PostgreSQL, `SET`](https://www.postgresql.org/docs/current/sql-set.html)
- [PostgreSQL, advisory locks](https://www.postgresql.org/docs/current/explicit-locking.html#ADVISORY-LOCKS)
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from session_lint import ir
from session_lint.findings import Confidence, Finding, Severity
from session_lint.program import Program
from session_lint.program.symbols import Function, Unit
from session_lint.program.texts import known_text
from session_lint.rules.registry import rule
from session_lint.traversal import expressions, subexpressions

_RUNS = frozenset({"text", "execute", "exec_driver_sql", "scalar", "scalars", "fetch", "fetchval", "fetchrow", "DDL"})
_LOCAL = "use SET LOCAL"
_LOCK = re.compile(r"pg_(try_)?advisory_lock(_shared)?$")

# What leaves something on the connection, and what to do instead.
_STATES = (
    (
        re.compile(
            r"SET\s+(SESSION\s+(?!CHARACTERISTICS))?(?!LOCAL\s|TRANSACTION\s|CONSTRAINTS\s)"
            r"(ROLE\s|AUTHORIZATION\s|TIME\s+ZONE\s|[\w.\"]+\s*(=|\sTO\s))",
            re.IGNORECASE,
        ),
        "changes a setting of the connection",
        _LOCAL,
    ),
    (
        re.compile(r"SELECT\s.*\bset_config\s*\([^()]*,\s*false\s*\)", re.IGNORECASE | re.DOTALL),
        "changes a setting of the connection",
        "let set_config's last argument be true",
    ),
    (re.compile(r"LISTEN\s+[\w\"\0]", re.IGNORECASE), "listens on the connection", "listen past the pooler"),
    (
        re.compile(r"SELECT\s.*\bpg_(try_)?advisory_lock(_shared)?\s*\(", re.IGNORECASE | re.DOTALL),
        "takes a lock of the connection",
        "use pg_advisory_xact_lock",
    ),
    (
        re.compile(
            r"CREATE\s+((LOCAL|GLOBAL)\s+)?TEMP(ORARY)?\s+TABLE\s(?!.*\bON\s+COMMIT\s+DROP\b)",
            re.IGNORECASE | re.DOTALL,
        ),
        "makes a temporary table of the connection",
        "add ON COMMIT DROP, and use it in the same transaction",
    ),
    (
        re.compile(r"DECLARE\s.*\bWITH\s+HOLD\b", re.IGNORECASE | re.DOTALL),
        "keeps a cursor on the connection",
        "read it inside the transaction",
    ),
)


@rule(
    "SL506",
    "connection-state-behind-pooler",
    severity=Severity.WARNING,
    check="connection-pooler",
    preview=True,
)
def connection_state_behind_pooler(program: Program) -> Iterator[Finding]:
    """SQL whose effect is to outlast the transaction, behind a pooler in transaction mode."""
    if program.settings.pooler != "transaction":
        return
    units: list[Unit] = [*program.modules, *(f for m in program.modules for f in m.functions)]
    for unit in units:
        if program.role(unit) in ("test", "migration"):
            continue
        for node in expressions(unit.body):
            state = _state(program, unit, node) if isinstance(node, ir.Call) else None
            if state is None:
                continue
            what, remedy = state
            if remedy == _LOCAL and _is_of_new_connections(unit):
                remedy = "set it for the role (ALTER ROLE ... SET), or in each transaction"
            yield connection_state_behind_pooler.finding(
                unit.module.path,
                node.span,
                f"{unit.qualname} {what}, which the next transaction behind the pooler does not have, or another client"
                f" does; {remedy}",
                symbol=unit.qualname,
                confidence=Confidence.MEDIUM,
                digest=program.digest(unit.module, node.span),
            )


def _is_of_new_connections(unit: Unit) -> bool:
    """Whether a function handles the event of a new connection: there no transaction is open that a setting could be local to."""
    decorators = unit.decorators if isinstance(unit, Function) else ()
    return any(
        isinstance(part, ir.Constant) and part.value in ("connect", "first_connect")
        for decorator in decorators
        for part in subexpressions(decorator)
    )


def _state(program: Program, unit: Unit, call: ir.Call) -> tuple[str, str] | None:
    """What a call leaves on the connection, and what to do instead."""
    match call.func:
        case ir.Attribute(value=ir.Name(id="func") | ir.Attribute(name="func"), name=name) if _LOCK.match(name):
            return "takes a lock of the connection", "use pg_advisory_xact_lock"
        case ir.Name(id=name) | ir.Attribute(name=name):
            if name not in _RUNS or not call.args or call.args[0].star:
                return None
        case _:
            return None
    written = call.args[0].value
    if isinstance(written, ir.Call):
        return None  # its own text() is seen by itself
    sql = known_text(program.flow, unit, written).strip()
    return next(((what, remedy) for pattern, what, remedy in _STATES if pattern.match(sql)), None)
