"""SL105 engine-bypass · router or service code runs SQL on the engine itself, or changes a shared engine.

## What it does
Reports `engine.connect()`, `engine.begin()` and `engine.raw_connection()` in routers and services, on sync
and async engines, and changes to an engine that others share, such as
`session.bind.engine.update_execution_options(...)`.

## Why is this bad?
What runs on the engine runs on another connection than the session's, in a transaction of its own.
`engine.begin()` commits at the end of its block, whatever becomes of the request; the session's work can
still be rolled back. So half of a unit of work may stay.

What was observed of two connections in one request (of two sessions, in the experiment), on PostgreSQL 15
with SQLAlchemy 2.1.9, 2.0.58 and 1.4.54: the second did not see rows that the first had only flushed, a
foreign key to such a row failed with an `IntegrityError`, and where both updated the same row the request
waited for itself until the lock timeout. Each request holds two connections; five such requests on a pool of
five ended in two `TimeoutError`.

Options that are changed on the engine behind a session hold for every later user of that engine, in all
requests.

## Example
```python
from sqlalchemy import Engine, text
from sqlalchemy.orm import Session


def close_order(session: Session, engine: Engine, order_id: int) -> None:
    session.execute(text("UPDATE orders SET closed = true WHERE id = :id"), {"id": order_id})
    with engine.begin() as connection:
        connection.execute(text("INSERT INTO events (order_id) VALUES (:id)"), {"id": order_id})
```

## Use instead
```python
from sqlalchemy import text
from sqlalchemy.orm import Session


def close_order(session: Session, order_id: int) -> None:
    session.execute(text("UPDATE orders SET closed = true WHERE id = :id"), {"id": order_id})
    session.execute(text("INSERT INTO events (order_id) VALUES (:id)"), {"id": order_id})
```

Where Core's interface is needed, `session.connection()` is the connection of the session's own transaction.

## When not to use
Not reported: `create_all` and migrations at start-up or in a lifespan, or in a `migrations.py`, a health check that only pings,
a connection that only holds an advisory lock, which no commit of the session is to release,
session modules, tests, migrations and scripts. A project that works with Core alone, without sessions, should
switch the rule off. The policy (`transaction-owner`) has no bearing here.

## References
- [SQLAlchemy, working with engines and connections](https://docs.sqlalchemy.org/en/20/core/connections.html)
- [SQLAlchemy, managing transactions](https://docs.sqlalchemy.org/en/20/orm/session_transaction.html)
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from session_lint import ir
from session_lint.findings import Confidence, Finding, Severity
from session_lint.program import Program
from session_lint.program.entrypoints import dotted
from session_lint.program.flow_facts import ExternalCall
from session_lint.program.symbols import Function, Unit
from session_lint.program.values import Engine
from session_lint.rules.creation import EXEMPT_ROLES
from session_lint.rules.registry import rule
from session_lint.rules.start_up import runs_at_start_up
from session_lint.traversal import expressions

_BYPASSES = {"connect", "begin", "raw_connection", "update_execution_options"}
_SCHEMA = {"create_all", "drop_all", "upgrade", "reflect"}
_PING = re.compile(r"select\s+(1|version\(\))(\s+from\s+dual)?\s*;?", re.IGNORECASE)
_LOCK = re.compile(r"pg_(try_)?advisory_(xact_)?(un)?lock(_shared|_all)?")
_LOCKING = re.compile(rf"select\s+{_LOCK.pattern}\s*\([^()]*\)\s*;?", re.IGNORECASE)
_MIGRATIONS = re.compile(r"(^|/)(auto)?migrations?\.py$")
_EXECUTES = {"execute", "scalar", "scalars", "exec_driver_sql", "stream"}


@rule("SL105", "engine-bypass", severity=Severity.WARNING, check="engine-use")
def engine_bypass(program: Program) -> Iterator[Finding]:
    """SQL run on an engine by router or service code, or a shared engine changed there."""
    for call in program.external_calls():
        method = call.name.removeprefix("Engine.")
        if not isinstance(call.subject, Engine) or method not in _BYPASSES:
            continue
        module = call.unit.module
        if program.role(call.unit) in EXEMPT_ROLES or program.is_home(call.unit) or _is_fine(program, call, method):
            continue
        what = (
            "changes the options of a shared engine for everybody"
            if method == "update_execution_options"
            else f"works on the engine itself ({method}()), outside any session's transaction"
        )
        yield engine_bypass.finding(
            module.path,
            call.node.span,
            f"{call.unit.qualname} {what}; use the session that it is given",
            symbol=call.unit.qualname,
            confidence=Confidence.HIGH if call.subject.origin else Confidence.MEDIUM,
            digest=program.digest(module, call.node.span),
        )


def _is_fine(program: Program, call: ExternalCall, method: str) -> bool:
    """Schema set-up at start-up, health checks that only ping, and locks that are to be held beside the session's transactions."""
    if method == "update_execution_options":
        return False
    made = call.subject.origin if isinstance(call.subject, Engine) else None
    if made is not None and made.module is call.unit.module and _made_in(call.unit, made.span):
        return True  # an engine of its own: where it was made is SL102's to say
    entry = program.entry_or_outer(call.unit)
    if entry is not None and entry.kind in {"lifespan", "event", "command", "main"}:
        return True
    if isinstance(call.unit, Function) and runs_at_start_up(program, call.unit):
        return True
    calls = [node for node in expressions(call.unit.body) if isinstance(node, ir.Call)]
    names = {node.name for node in expressions(call.unit.body) if isinstance(node, ir.Attribute)}
    if names & _SCHEMA or _MIGRATIONS.search(call.unit.module.path):
        return True
    executed = [n for n in calls if isinstance(n.func, ir.Attribute) and n.func.name in _EXECUTES and n.args]
    return method != "raw_connection" and all(_reads_no_data(node) for node in executed)


def _made_in(unit: Unit, span: ir.Span) -> bool:
    return isinstance(unit, Function) and unit.node.span.row <= span.row <= unit.node.span.end_row


def _reads_no_data(call: ir.Call) -> bool:
    """Whether what is executed asks for a constant, for the server's version, or for an advisory lock."""
    parts = [node for arg in call.args for node in expressions((ir.ExprStatement(arg.value.place, "", arg.value),))]
    texts = [str(node.value).strip() for node in parts if isinstance(node, ir.Constant)]
    if any(_PING.fullmatch(text) or _LOCKING.fullmatch(text) for text in texts):
        return True
    statement = call.args[0].value
    return (
        isinstance(statement, ir.Call)
        and dotted(statement.func).rpartition(".")[2] == "select"
        and all(isinstance(arg.value, ir.Constant) or _takes_lock(arg.value) for arg in statement.args)
    )


def _takes_lock(node: ir.Expr) -> bool:
    return isinstance(node, ir.Call) and _LOCK.fullmatch(dotted(node.func).rpartition(".")[2]) is not None
