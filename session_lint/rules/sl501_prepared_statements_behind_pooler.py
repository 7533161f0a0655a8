"""SL501 prepared-statements-behind-pooler · an engine's prepared statements do not survive a transaction pooler.

## What it does
Reports engines with asyncpg or psycopg 3 whose arguments do not survive a connection pooler in transaction mode.
That there is such a pooler the settings say (`pooler = "transaction"`: then it is an error), or the port in the
URL hints at it (6432 or 6543: then it is a warning). A `pooler.` host at port 5432 is session mode.

What survives, as observed:

| driver | survives |
| --- | --- |
| asyncpg from 0.31 | `statement_cache_size=0` without a `prepared_statement_name_func` |
| asyncpg, all versions | unique `prepared_statement_name_func`, `statement_cache_size=0`, `prepared_statement_cache_size=0` |
| asyncpg from 0.31 | unique `prepared_statement_name_func` with `prepared_statement_cache_size=0`, or with `NullPool` |
| psycopg 3 | `prepare_threshold=None` |
| psycopg2 | always |

A driver that the URL does not show is the one that the project's strings name, for async engines alone, and where
it can be no other: no string names another server's driver, and the branch that makes the engine is not one for
URLs of another dialect. The version of asyncpg comes from the project's lock file or requirements; where it is not
pinned, only what fails on every version is reported. With `AUTOCOMMIT` a name function fails too.

## Why is this bad?
In transaction mode each transaction may run on another server connection, where the statement that was
prepared in the last one does not exist, or another client's of the same name does: `prepared statement
"__asyncpg_stmt_7__" does not exist`, `prepared statement "__asyncpg_stmt_7__" already exists`, or, worst,
somebody else's plan runs: `the number of columns in the result row (2) is different from what was described
(1)`. Four processes with 30 sessions each on three server connections, through PgBouncer 1.18; how many of the
120 sessions failed:

| arguments | asyncpg from 0.31 | asyncpg before 0.31 |
| --- | --- | --- |
| none | 78 to 93 | 86 to 104 |
| `NullPool` | 53 to 66 | 95 to 104 |
| `statement_cache_size=0` | 0 | 56 to 88 |
| `statement_cache_size=0`, `NullPool` | 0 | 41 to 77 |
| `prepared_statement_cache_size=0` | 29 to 37 | 40 to 60 |
| both | 0 | 15 to 52 |
| both, `NullPool` | 0 | 20 to 52 |
| both, the second in the URL | 0 | 7 to 18 |
| name function | 68 to 76 | 72 to 80 |
| name function, `NullPool` | 0 | 69 to 85 |
| name function, `statement_cache_size=0` | 65 to 74 | 66 to 74 |
| name function, `prepared_statement_cache_size=0` | 0 | 16 to 33 |
| name function and both | 0 | 0 |
| name function and both, `NullPool` | 0 | 0 |
| `connection_class` that names uniquely, and both | 0 | 0 |
| name function and both, `AUTOCOMMIT` | 88 to 101 | 82 to 97 |
| both, `AUTOCOMMIT` | 0 | 96 to 107 |
| name function that gives `""`, and both | 0 | 0; all 120 before 0.28 |
| `execution_options` alone: `raw_sql`, `no_prepare`, `statement_cache_size=0` | 75 to 81 | 75 to 98 |

| arguments | psycopg 3 |
| --- | --- |
| none | 17 |
| `prepare_threshold=0` | 83 to 92 |
| `prepare_threshold=None` | 0 |
| `NullPool` | 0: no connection lived long enough to prepare anything |

psycopg2 prepares nothing, and none failed. The proofs run each row on asyncpg 0.27 to 0.32 with SQLAlchemy 2.1.9,
and on SQLAlchemy 2.0.58 and 1.4.54, which did alike, except that 1.4 knows no name function. PgBouncer 1.25 with
`max_prepared_statements = 0` did as 1.18.

## Example
```python
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, create_async_engine


def make_engine() -> AsyncEngine:
    return create_async_engine("postgresql+asyncpg://app@pgbouncer:6432/app")


async def count_jobs(session: AsyncSession) -> int:
    return await session.scalar(text("SELECT count(*) FROM jobs"))
```

## Use instead
```python
from uuid import uuid4

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, create_async_engine


def make_engine() -> AsyncEngine:
    return create_async_engine(
        "postgresql+asyncpg://app@pgbouncer:6432/app",
        connect_args={
            "statement_cache_size": 0,
            "prepared_statement_cache_size": 0,
            "prepared_statement_name_func": lambda: f"__asyncpg_{uuid4()}__",
        },
    )


async def count_jobs(session: AsyncSession) -> int:
    return await session.scalar(text("SELECT count(*) FROM jobs"))
```

From asyncpg 0.31 on `connect_args={"statement_cache_size": 0}` is enough, and leaves no statements behind on
the server's connections. With psycopg 3 it is `connect_args={"prepare_threshold": None}`.

## When not to use
PgBouncer from 1.21 on can keep track of prepared statements (`max_prepared_statements`, 200 by default from
1.24 on): then nothing failed, whichever of these the arguments (1.24 and 1.25). Set `pooler = "session"` where that, or session mode, is
what you have. An engine whose URL or `connect_args` the analysis cannot see is not reported. The policy
(`transaction-owner`) has no bearing here.

## References
- [SQLAlchemy, asyncpg behind PgBouncer][sqlalchemy]
- [asyncpg, frequently asked questions](https://magicstack.github.io/asyncpg/current/faq.html)
- [psycopg, prepared statements](https://www.psycopg.org/psycopg3/docs/advanced/prepare.html)
- [PgBouncer, `max_prepared_statements`](https://www.pgbouncer.org/config.html#max_prepared_statements)

[sqlalchemy]: https://docs.sqlalchemy.org/en/20/dialects/postgresql.html#prepared-statement-name-with-pgbouncer
"""

from __future__ import annotations

from collections.abc import Iterator

from session_lint import ir
from session_lint.findings import Confidence, Edit, Finding, Fix, Severity
from session_lint.ir import Span
from session_lint.program import Program
from session_lint.program.engines import BuiltEngine
from session_lint.rules.pooled_engines import (
    PooledEngine,
    asyncpg_survives,
    is_modern,
    pooled_engines,
    psycopg_survives,
)
from session_lint.rules.registry import rule

_NAME_FUNCTION = ("prepared_statement_name_func", 'lambda: f"__asyncpg_{uuid4()}__"')
_CACHES = (("statement_cache_size", "0"), ("prepared_statement_cache_size", "0"))


@rule("SL501", "prepared-statements-behind-pooler", severity=Severity.ERROR, check="connection-pooler", fix="unsafe")
def prepared_statements_behind_pooler(program: Program) -> Iterator[Finding]:
    """Engines whose prepared statements do not survive a pooler in transaction mode."""
    modern = is_modern(program)
    for pooled in pooled_engines(program):
        if _survives(pooled, modern) is not False:
            continue
        engine = pooled.engine
        module = engine.unit.module
        yield prepared_statements_behind_pooler.finding(
            module.path,
            engine.node.span,
            f"{engine.unit.qualname} makes {_named(pooled)} engine behind a transaction pooler ({pooled.why}), where its"
            f" prepared statements do not survive; {_remedy(pooled, modern)}",
            symbol=engine.unit.qualname,
            severity=Severity.ERROR if pooled.is_certain else Severity.WARNING,
            confidence=Confidence.HIGH if engine.url.driver else Confidence.MEDIUM,
            fix=_fix(pooled, modern),
            digest=program.digest(module, engine.node.span),
        )


def _named(pooled: PooledEngine) -> str:
    return "an asyncpg" if pooled.driver == "asyncpg" else f"a {pooled.driver}"


def _survives(pooled: PooledEngine, modern: bool | None) -> bool | None:
    if pooled.driver == "psycopg":
        return psycopg_survives(pooled.engine)
    if pooled.driver != "asyncpg":
        return None
    known = [asyncpg_survives(pooled.engine, modern=m) for m in ((True, False) if modern is None else (modern,))]
    return False if set(known) == {False} else None


def _wanted(pooled: PooledEngine, modern: bool | None) -> tuple[tuple[str, str], ...]:
    """The connect_args that make the engine survive; none where it is not they that are missing."""
    engine = pooled.engine
    if pooled.driver == "psycopg":
        return (("prepare_threshold", "None"),)
    names = "prepared_statement_name_func" in (engine.connect_args or {})
    if engine.autocommit:
        return _CACHES[:1] if modern and not names else ()
    if modern and not names:
        return _CACHES[:1]
    return (*_CACHES, _NAME_FUNCTION)


def _remedy(pooled: PooledEngine, modern: bool | None) -> str:
    wanted = _wanted(pooled, modern)
    if not wanted:
        return "with AUTOCOMMIT only asyncpg 0.31 or later survives, with statement_cache_size=0 and no name function"
    words = ["a unique prepared_statement_name_func" if pair == _NAME_FUNCTION else "=".join(pair) for pair in wanted]
    listed = words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"
    return f"set {listed} in connect_args"


def _fix(pooled: PooledEngine, modern: bool | None) -> Fix | None:
    engine = pooled.engine
    given = engine.connect_args or {}
    wanted = _wanted(pooled, modern)
    missing = [pair for pair in wanted if pair[0] not in given]
    edits = [
        Edit(value.span, text)
        for name, text in wanted
        for value in [given[name].value if name in given else None]
        if isinstance(value, ir.Constant) and str(value.value) != text
    ]
    if missing:
        added = _added(engine, missing)
        if added is None:
            return None
        edits.append(added)
        if _NAME_FUNCTION in missing and "uuid4" not in engine.unit.module.links:
            edits.append(_import(engine))
    return Fix("Set the driver's arguments in connect_args", safe=False, edits=tuple(edits)) if edits else None


def _added(engine: BuiltEngine, pairs: list[tuple[str, str]]) -> Edit | None:
    text = ", ".join(f'"{name}": {value}' for name, value in pairs)
    written = engine.argument("connect_args")
    if written is None:
        last = engine.node.args[-1].value.span if engine.node.args else None
        if last is None or engine.is_open:
            return None
        return Edit(Span(last.end_row, last.end_column, last.end_row, last.end_column), f", connect_args={{{text}}}")
    if not isinstance(written, ir.Dict):
        return None
    if not written.keys:
        return Edit(written.span, f"{{{text}}}")
    first = written.keys[0]
    if first is None:
        return None
    at = first.span
    between = f",\n{' ' * (at.column - 1)}" if at.row > written.span.row else ", "
    text = between.join(f'"{name}": {value}' for name, value in pairs)
    return Edit(Span(at.row, at.column, at.row, at.column), text + between)


def _import(engine: BuiltEngine) -> Edit:
    """An import of ``uuid4`` before the module's first statement that may follow one."""
    body = engine.unit.module.body
    for statement in body:
        is_docstring = isinstance(statement, ir.ExprStatement) and isinstance(statement.value, ir.Constant)
        is_future = isinstance(statement, ir.ImportFrom) and statement.module == "__future__"
        if not is_docstring and not is_future:
            return Edit(Span(statement.span.row, 1, statement.span.row, 1), "from uuid import uuid4\n")
    return Edit(Span(1, 1, 1, 1), "from uuid import uuid4\n")
