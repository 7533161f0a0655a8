"""SL502 manual-execution-options · router or service code sets connection- or driver-level options.

## What it does
Reports `isolation_level`, `no_parameters`, `compiled_cache` and `postgresql_*` options set in routers and
services, as `execution_options=` of a call or through `.execution_options(...)` of a statement, connection or
engine.

Options of ORM statements are fine: `synchronize_session`, `populate_existing`, `yield_per`, `stream_results`,
`autoflush`, `schema_translate_map` and so on. So is
`session.connection(execution_options={"isolation_level": ...})` at the start of a transaction, which is the
way that SQLAlchemy documents.

## Why is this bad?
How a connection behaves belongs where the engine is made. Set call by call it is easily forgotten in the next
one, and often it does not do what it was copied for. Observed:

- `no_parameters` among the execution options, set for the sake of a connection pooler, was accepted and
  changed nothing: the connection had the same named prepared statements as before. Engines of SQLAlchemy and
  asyncpg that relied on execution options alone failed behind PgBouncer in transaction mode: 79 of 120
  sessions with asyncpg 0.32, 98 with 0.30.
- `isolation_level` in `session.execute` is ignored, even if it is nonsense such as "bogus" (SL504 reports
  that). On the engine it works.
- `AUTOCOMMIT` can turn a sound pooler set-up into a broken one: with uniquely named statements and both
  caches off, 0 of 120 sessions failed without it, and 92 to 95 with it.

## Example
```python
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession


async def count_jobs(session: AsyncSession) -> int:
    query = text("SELECT count(*) FROM jobs")
    return await session.scalar(query, execution_options={"no_parameters": True})
```

## Use instead
```python
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker


async def count_jobs(session: AsyncSession) -> int:
    return await session.scalar(text("SELECT count(*) FROM jobs"))


async def close_day(make_session: async_sessionmaker[AsyncSession]) -> None:
    async with make_session() as session, session.begin():
        await session.connection(execution_options={"isolation_level": "SERIALIZABLE"})
        await session.execute(text("UPDATE jobs SET closed = true"))
```

Options for all connections are arguments of the engine, in the session module: `connect_args` for the driver,
`isolation_level` for the default level.

## When not to use
Session modules are exempt. Options that come out of a variable whose value the analysis cannot see are not
reported. If one statement really needs such an option (`no_parameters` for literal percent signs, say),
suppress the finding with the reason. The policy (`transaction-owner`) has no bearing here.

## References
- [SQLAlchemy, execution options][options]
- [SQLAlchemy, isolation levels](https://docs.sqlalchemy.org/en/20/orm/session_transaction.html)
- [SQLAlchemy, asyncpg behind PgBouncer][pgbouncer]

[options]: https://docs.sqlalchemy.org/en/20/core/connections.html
[pgbouncer]: https://docs.sqlalchemy.org/en/20/dialects/postgresql.html#prepared-statement-name-with-pgbouncer
"""

from __future__ import annotations

from collections.abc import Iterator

from session_lint.findings import Finding, Severity
from session_lint.program import Program
from session_lint.program.flow_facts import ExternalCall
from session_lint.program.values import Engine
from session_lint.rules.creation import EXEMPT_ROLES
from session_lint.rules.options import ignored_options, makes_engine, method_of, options_set
from session_lint.rules.registry import rule

_DRIVER_LEVEL = {"isolation_level", "no_parameters", "compiled_cache", "logging_token"}


@rule("SL502", "manual-execution-options", severity=Severity.WARNING, check="execution-options")
def manual_execution_options(program: Program) -> Iterator[Finding]:
    """Connection- and driver-level execution options set by router or service code."""
    seen: set[int] = set()
    for call in program.external_calls():
        module = call.unit.module
        if id(call.node) in seen or program.role(call.unit) in EXEMPT_ROLES or program.is_home(call.unit):
            continue
        keys = sorted(_keys(program, call))
        if not keys:
            continue
        seen.add(id(call.node))
        yield manual_execution_options.finding(
            module.path,
            call.node.span,
            f"{call.unit.qualname} sets the execution option{'s' if len(keys) > 1 else ''} {', '.join(keys)}, which belong"
            " to the connection or the driver; set them once where the engine is made, or drop them",
            symbol=call.unit.qualname,
            digest=program.digest(module, call.node.span),
        )


def _keys(program: Program, call: ExternalCall) -> set[str]:
    """The driver-level options that a call sets; none where SL504 says that some have no effect."""
    method = method_of(call)
    if method == "update_execution_options" or makes_engine(call) or ignored_options(program, call):
        return set()
    if isinstance(call.subject, Engine) and method not in ("connect", "execution_options"):
        return set()
    names = set(options_set(call))
    if method == "connection":
        names.discard("isolation_level")
    return {name for name in names if name in _DRIVER_LEVEL or name.startswith("postgresql_")}
