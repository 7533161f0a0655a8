"""SL504 ineffective-option · an option is ignored without a word, or makes the first connection fail.

## What it does
Reports options in places where they do nothing or fail:

- names of drivers' and poolers' arguments among the execution options (`raw_sql`, `no_prepare`,
  `statement_cache_size`, `prepared_statement_cache_size`, `prepared_statement_name_func`, `prepare_threshold`),
  which SQLAlchemy keeps and never looks at;
- `isolation_level` in the options of one execution, where it is ignored, or of a statement, which refuses it;
- parameters of the URL and keys of `connect_args` that the driver does not take, and text where it needs a
  number;
- the drivers' arguments for statement caches as keywords of `create_engine` or `create_async_engine`.

## Why is this bad?
Whoever wrote the option believes it to be in force. Observed, alike on SQLAlchemy 2.1.9, 2.0.58 and 1.4.54:

- `raw_sql`, `no_prepare`, `statement_cache_size` and their like as execution options of an engine, a session
  or a statement are accepted and change nothing: the connection had the same six named prepared statements as
  without them. Behind PgBouncer in transaction mode 79 of 120 sessions failed that relied on them alone
  (asyncpg 0.32; 98 with 0.30).
- `isolation_level` in `session.execute` is ignored, even if it is nonsense such as "bogus". On a statement it
  is an `ArgumentError`.
- Unknown parameters fail when the first connection is made: `TypeError: connect() got an unexpected keyword
  argument 'no_prepare'`, and so for `raw_sql`, `pgbouncer`, `sslmode`, `application_name` and
  `prepare_threshold`, in the URL as in `connect_args`. With psycopg and psycopg2 the error is a
  `ProgrammingError`, `invalid connection option "pgbouncer"`.
- `?statement_cache_size=0` in the URL is text: `TypeError: '<' not supported between instances of 'str' and
  'int'`; likewise `prepare_threshold` with psycopg.
- `create_async_engine(url, statement_cache_size=0)` is `TypeError: Invalid argument(s) 'statement_cache_size'
  sent to create_engine()`.

## Example
```python
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, create_async_engine


def make_engine() -> AsyncEngine:
    return create_async_engine(
        "postgresql+asyncpg://app@localhost:6432/app?no_prepare=true",
        connect_args={"statement_cache_size": "0"},
        execution_options={"raw_sql": True},
    )


async def count_jobs(session: AsyncSession) -> int:
    query = text("SELECT count(*) FROM jobs")
    return await session.scalar(query, execution_options={"isolation_level": "bogus", "no_prepare": True})
```

## Use instead
```python
from uuid import uuid4

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, create_async_engine


def make_engine() -> AsyncEngine:
    return create_async_engine(
        "postgresql+asyncpg://app@localhost:6432/app",
        connect_args={
            "statement_cache_size": 0,
            "prepared_statement_cache_size": 0,
            "prepared_statement_name_func": lambda: f"__asyncpg_{uuid4()}__",
        },
    )


async def count_jobs(session: AsyncSession) -> int:
    await session.connection(execution_options={"isolation_level": "SERIALIZABLE"})
    return await session.scalar(text("SELECT count(*) FROM jobs"))
```

## When not to use
An option that the program itself reads from the execution options, in an event handler say, is not reported.
Nor is anything about a driver that the analysis cannot see: a URL out of settings, a dict that is put together
elsewhere. The safe fix takes ignored driver options out of the execution options, which changes nothing; what
was meant by them remains to be done. The policy (`transaction-owner`) has no bearing here.

## References
- [SQLAlchemy, execution options][options]
- [SQLAlchemy, arguments for the driver][connect]
- [asyncpg, `connect`](https://magicstack.github.io/asyncpg/current/api/index.html#connection)
- [psycopg, `connect`](https://www.psycopg.org/psycopg3/docs/api/connections.html)

[options]: https://docs.sqlalchemy.org/en/20/core/connections.html#sqlalchemy.engine.Connection.execution_options
[connect]: https://docs.sqlalchemy.org/en/20/core/engines.html#custom-dbapi-args
"""

from __future__ import annotations

from collections.abc import Iterator

from session_lint import ir
from session_lint.findings import Edit, Finding, Fix, Severity
from session_lint.ir import Span
from session_lint.program import Program
from session_lint.program.engines import BuiltEngine, built_engines
from session_lint.program.flow_facts import ExternalCall
from session_lint.rules.driver_arguments import instead, is_number, is_refused
from session_lint.rules.dropping import without_arguments, without_keys
from session_lint.rules.options import ignored_options, method_of, refuses_isolation_level
from session_lint.rules.registry import rule

_CACHE_KEYWORDS = frozenset(
    {"statement_cache_size", "prepared_statement_cache_size", "prepared_statement_name_func", "prepare_threshold"}
    | {"no_prepare", "raw_sql"}
)


@rule("SL504", "ineffective-option", severity=Severity.ERROR, check="execution-options", fix="safe")
def ineffective_option(program: Program) -> Iterator[Finding]:
    """Options that SQLAlchemy ignores, and those with which no connection can be made."""
    yield from _of_calls(program)
    for engine in built_engines(program):
        for span, message in _of_engine(engine):
            yield ineffective_option.finding(
                engine.unit.module.path,
                span,
                message,
                symbol=engine.unit.qualname,
                digest=program.digest(engine.unit.module, span),
            )


def _of_calls(program: Program) -> Iterator[Finding]:
    """Execution options that have no effect."""
    seen: set[int] = set()
    for call in program.external_calls():
        if id(call.node) in seen or program.role(call.unit) == "test":
            continue
        if method_of(call) == "update_execution_options" and not program.is_home(call.unit):
            continue  # changing a shared engine is worse, and SL105's to say
        ignored = ignored_options(program, call)
        if not ignored:
            continue
        seen.add(id(call.node))
        module = call.unit.module
        yield ineffective_option.finding(
            module.path,
            call.node.span,
            _about(call, ignored),
            symbol=call.unit.qualname,
            fix=_fix(call, ignored - {"isolation_level"}),
            digest=program.digest(module, call.node.span),
        )


def _about(call: ExternalCall, ignored: frozenset[str]) -> str:
    names = sorted(ignored - {"isolation_level"})
    parts = []
    if names:
        parts.append(
            f"sets the execution option{'s' if len(names) > 1 else ''} {', '.join(names)}, which SQLAlchemy ignores;"
            f" take {'them' if len(names) > 1 else 'it'} out, drivers get their options by the engine's connect_args"
        )
    if "isolation_level" in ignored:
        parts.append(
            "gives a statement an isolation_level, which is an ArgumentError; set it on the connection"
            if refuses_isolation_level(call)
            else f"gives {method_of(call)}() an isolation_level, which is ignored there; set it with"
            ' `session.connection(execution_options={"isolation_level": ...})` at the start of the transaction'
        )
    return f"{call.unit.qualname} {' and '.join(parts)}"


def _fix(call: ExternalCall, names: frozenset[str]) -> Fix | None:
    if not names:
        return None
    edits = _edits(call.node, names) if method_of(call) != "execution_options" else _chained(call, names)
    return Fix(f"Take out {', '.join(sorted(names))}", safe=True, edits=edits) if edits else None


def _edits(node: ir.Call, names: frozenset[str]) -> tuple[Edit, ...] | None:
    options = next((arg.value for arg in node.args if arg.keyword == "execution_options"), None)
    if not isinstance(options, ir.Dict):
        return None
    written = {key.value if isinstance(key, ir.Constant) else None for key in options.keys}
    if written == names:
        return without_arguments(node, frozenset({"execution_options"}))
    return without_keys(options, names) if names <= written else None


def _chained(call: ExternalCall, names: frozenset[str]) -> tuple[Edit, ...] | None:
    """``statement.execution_options(…)``: the arguments, or the whole call where nothing of it is left."""
    node = call.node
    if {arg.keyword for arg in node.args} != names:
        return without_arguments(node, names)
    if call.subject is not None or not isinstance(node.func, ir.Attribute):
        return None
    inner, method = node.func.value.span, node.func.span
    dot = method.end_column - len("execution_options") - 1
    if inner.end_row != method.end_row or inner.end_column != dot:
        return None
    return (Edit(Span(inner.end_row, inner.end_column, node.span.end_row, node.span.end_column), ""),)


def _of_engine(engine: BuiltEngine) -> Iterator[tuple[Span, str]]:
    """Arguments with which the engine, or its first connection, fails."""
    where = engine.unit.qualname
    maker = engine.creation.name.rsplit(".", 1)[-1]
    for arg in engine.node.args:
        if arg.keyword in _CACHE_KEYWORDS:
            refusal = "which it does not take and fails on; the driver's arguments go into connect_args"
            yield arg.value.span, f"{where} gives {maker}() the argument {arg.keyword}, {refusal}"
    driver = _driver(engine)
    if driver is None:
        return
    name = driver.partition("+")[2] or "the driver"
    if engine.url_node is not None and not driver.startswith("sqlite"):
        for key in engine.url.query:
            fault = _fault(driver, name, key, is_text=True)
            if fault:
                yield engine.url_node.span, f"{where} makes an engine whose URL has the parameter {key}, {fault}"
    for key, entry in (engine.connect_args or {}).items():
        is_text = isinstance(entry.value, ir.Constant) and isinstance(entry.value.value, str)
        fault = _fault(driver, name, key, is_text=is_text)
        if fault:
            yield entry.span, f"{where} makes an engine whose connect_args have {key}, {fault}"


def _fault(driver: str, name: str, key: str, *, is_text: bool) -> str | None:
    if is_refused(driver, key):
        return f"which {name} does not take: no connection can be made; {instead(driver, key)}"
    if is_text and is_number(driver, key):
        return f"as text, where {name} needs a number: it fails; put the number into connect_args"
    return None


def _driver(engine: BuiltEngine) -> str | None:
    """The driver with its dialect, ``postgresql+asyncpg``; None: not known."""
    url = engine.url
    if engine.is_open or url.dialect is None or url.driver is None:
        return None
    if url.dialect == "sqlite" and not url.driver:
        return "sqlite+aiosqlite" if engine.is_async else "sqlite+pysqlite"
    if url.dialect == "postgresql" and not url.driver and engine.is_async:
        return None
    return f"{url.dialect}+{url.driver}"
