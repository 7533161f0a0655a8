"""SL206 concurrent-session · several coroutines or threads work on one session at the same time.

## What it does
Reports `asyncio.gather()`, `as_completed()`, `wait()`, the tasks of a `TaskGroup` (anyio's and trio's groups
too), the threads of `with ThreadPoolExecutor() as executor`, and tasks started before the one before them was
awaited, where at least two of the calls work on the same session. The session may be an argument, be kept by the
object whose methods run (`self.session`), or be caught in a nested function; one call in a comprehension, a loop or
a `map()` counts as many.

## Why is this bad?
A session is one transaction on one connection and takes one statement at a time. What comes of it depends on
whether the session already holds a connection, so tests pass and production fails. Observed on SQLAlchemy 2.1.9
and 2.0.58, with asyncpg, 20 repetitions each:

- Two `SELECT`s on a session that holds a connection went well, one after the other: nothing is gained.
- On a fresh session with a cold pool, `NullPool` or `pool_pre_ping`, every time
  `InvalidRequestError: This session is provisioning a new connection; concurrent operations are not permitted`,
  and in `async with session_factory() as session` then
  `IllegalStateChangeError: Method 'close()' can't be called here`, with leaked connections.
- Two flushes: `InvalidRequestError: Session is already flushing`. Two commits: `ResourceClosedError: This
  transaction is closed`, and neither row was written.
- A query while another was on its way after a commit:
  `InterfaceError: cannot perform operation: another operation is in progress`.
- Threads that shared a sync session: `Session is already flushing`.

## Example
```python
import asyncio

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker


async def add_entry(session: AsyncSession, title: str) -> None:
    await session.execute(text("INSERT INTO entries (title) VALUES (:title)"), {"title": title})


async def add_all(session_factory: async_sessionmaker[AsyncSession], titles: list[str]) -> None:
    async with session_factory() as session:
        await asyncio.gather(*(add_entry(session, title) for title in titles))
        await session.commit()
```

## Use instead
One after the other, in one transaction; or, where the work really is to overlap, a session for each:

```python
import asyncio

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker


async def add_entry(session: AsyncSession, title: str) -> None:
    await session.execute(text("INSERT INTO entries (title) VALUES (:title)"), {"title": title})


async def add_all(session_factory: async_sessionmaker[AsyncSession], titles: list[str]) -> None:
    async with session_factory() as session:
        for title in titles:
            await add_entry(session, title)
        await session.commit()


async def add_on_its_own(session_factory: async_sessionmaker[AsyncSession], title: str) -> None:
    async with session_factory() as session, session.begin():
        await add_entry(session, title)


async def add_at_once(session_factory: async_sessionmaker[AsyncSession], titles: list[str]) -> None:
    await asyncio.gather(*(add_on_its_own(session_factory, title) for title in titles))
```

## When not to use
Not reported: several awaitables of which one alone uses the session; coroutines that each open their own; work
under a lock (`async with self.lock:`); calls that only `add()`; registries (`async_scoped_session` with
`current_task` gives each task its own). A session handed to a task that outlives its block is SL205.

## References
- [SQLAlchemy, using AsyncSession with concurrent tasks][tasks]
- [SQLAlchemy, is the session thread-safe?](https://docs.sqlalchemy.org/en/20/orm/session_basics.html#session-faq-threadsafe)
- [SQLAlchemy, error isce](https://docs.sqlalchemy.org/en/20/errors.html#error-isce)

[tasks]: https://docs.sqlalchemy.org/en/20/orm/extensions/asyncio.html#using-asyncsession-with-concurrent-tasks
"""

from __future__ import annotations

from collections.abc import Iterator

from session_lint import ir
from session_lint.findings import Confidence, Finding, Severity
from session_lint.program import Program
from session_lint.program.entrypoints import dotted
from session_lint.program.symbols import Function
from session_lint.rules.background import handed_over
from session_lint.rules.registry import rule
from session_lint.rules.sharing import shared_sessions


@rule("SL206", "concurrent-session", severity=Severity.ERROR, check="background-tasks")
def concurrent_session(program: Program) -> Iterator[Finding]:
    """Sessions that several coroutines or threads work on at once."""
    taken = {id(handover.node) for handover in handed_over(program)}
    for shared in shared_sessions(program):
        if id(shared.group.node) in taken:
            continue
        unit = shared.unit
        order = "await" if isinstance(unit, Function) and unit.is_async else "call"
        session = "one session" if shared.name.startswith("#") else f"the session `{shared.name}`"
        yield concurrent_session.finding(
            unit.module.path,
            shared.group.node.span,
            f"{unit.qualname} has {_users(shared.users)} work on {session} at the same time ({shared.group.how});"
            f" {order} one after the other, or give each a session of its own",
            symbol=unit.qualname,
            confidence=program.confidence(shared.token) if shared.token is not None else Confidence.MEDIUM,
            digest=program.digest(unit.module, shared.group.node.span),
        )


def _users(users: tuple[ir.Expr, ...]) -> str:
    names = [f"{dotted(u.func)}()" if isinstance(u, ir.Call) and dotted(u.func) else "a call" for u in users]
    first, second = names[0], names[-1]
    return f"{first} and {second}" if first != second else f"several {first}"
