"""SL205 session-in-background · a request's session is handed to work that outlives the request.

## What it does
Reports a session that goes to `BackgroundTasks.add_task`, `BackgroundTask`, a `create_task` or
`ensure_future` that nobody waits for inside the session's block, a thread, an executor, a scheduler
(`add_job`) or a queue (`.delay`, `apply_async`, `enqueue_job`). The session may be an argument, be held by an
object or a bound method that is handed over, or be caught in a closure. With FastAPI 0.106 to 0.117, as pinned by
the project, a generator that is sent by `StreamingResponse` or `EventSourceResponse` is such work too.

## Why is this bad?
The request closes its session when it is done, or commits it late; the background work goes on using it. What
happens then depends on the version of FastAPI, and with `BackgroundTasks` none of them raised an exception:

- FastAPI 0.106.0 to 0.117.1, and with `scope="function"` from 0.121: the task runs after the session was
  closed. The session silently opens again. With a commit in the task the row was written; without one it was
  lost and the connection leaked; with a dependency that commits after `yield` the task's write was lost.
- FastAPI 0.105.0, and 0.118.0 to 0.165.0: the task runs before the dependency exits and holds the request's
  connection meanwhile, `idle in transaction`. A task that raised rolled back the request's own work when the
  dependency commits after `yield`: the client had its 200, and no row was there.
- FastAPI 0.110.0 and 0.117.1: a `StreamingResponse` was sent after the session was closed. The session opened again,
  and its connection stayed out. With 0.105.0 and 0.118.0 the response was sent first.
- Litestar 2.25.0: the task runs after the dependency's exit, and the session opens again.
- `asyncio.create_task`: after the block has ended the session opens again, a read keeps a connection, and a
  flush without commit is lost. While the block is being left, asyncpg raises
  `InterfaceError: cannot perform operation: another operation is in progress`, in the request.
- APScheduler 3.11.3 ran the job, wrote no row and kept a connection. Celery 5.7.0 cannot serialise a session:
  `EncodeError`. A `Session` cannot be pickled either.

## Example
```python
from collections.abc import AsyncIterator

from fastapi import APIRouter, BackgroundTasks, Depends
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine

engine = create_async_engine("postgresql+asyncpg://localhost/mail")
session_factory = async_sessionmaker(engine, expire_on_commit=False)
router = APIRouter()


async def get_session() -> AsyncIterator[AsyncSession]:
    async with session_factory() as session:
        yield session


async def count_folder(session: AsyncSession, folder: str) -> None:
    print(folder, await session.scalar(text("SELECT count(*) FROM mails WHERE folder = :f"), {"f": folder}))


@router.post("/folders/{folder}")
async def recount(
    folder: str, tasks: BackgroundTasks, session: AsyncSession = Depends(get_session, scope="function")
) -> None:
    await session.execute(text("INSERT INTO recounts (folder) VALUES (:f)"), {"f": folder})
    await session.commit()
    tasks.add_task(count_folder, session, folder)
```

The task runs after the session was closed, opens it again, and leaves the connection to the garbage collector.

## Use instead
Hand over plain values, and let the task open a session of its own:

```python
from collections.abc import AsyncIterator

from fastapi import APIRouter, BackgroundTasks, Depends
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine

engine = create_async_engine("postgresql+asyncpg://localhost/mail")
session_factory = async_sessionmaker(engine, expire_on_commit=False)
router = APIRouter()


async def get_session() -> AsyncIterator[AsyncSession]:
    async with session_factory() as session:
        yield session


async def count_folder(folder: str) -> None:
    async with session_factory() as session:
        print(
            folder, await session.scalar(text("SELECT count(*) FROM mails WHERE folder = :f"), {"f": folder})
        )


@router.post("/folders/{folder}")
async def recount(folder: str, tasks: BackgroundTasks, session: AsyncSession = Depends(get_session)) -> None:
    await session.execute(text("INSERT INTO recounts (folder) VALUES (:f)"), {"f": folder})
    await session.commit()
    tasks.add_task(count_folder, folder)
```

Commit before the task is added, as here, if it must see the request's rows. With a dependency that commits
after `yield` the task did not see them on FastAPI 0.105 and from 0.118 on.

## When not to use
The rule holds under every policy (`transaction-owner`), and in scripts too; tests are not looked at. A task that is awaited
before the session's block ends is not reported; whether two tasks share a session at the same time is another
question. A session factory may be handed over. An ORM object on its own is not reported, though its unloaded
attributes fail in the task.

## References
- [FastAPI, background tasks](https://fastapi.tiangolo.com/tutorial/background-tasks/)
- [FastAPI, advanced dependencies](https://fastapi.tiangolo.com/advanced/advanced-dependencies/)
- [SQLAlchemy, is the session thread-safe?][threads]

[threads]: https://docs.sqlalchemy.org/en/20/orm/session_basics.html#session-faq-threadsafe
"""

from __future__ import annotations

from collections.abc import Iterator

from session_lint.findings import Finding, Severity
from session_lint.program import Program
from session_lint.rules.background import STREAM, handed_over
from session_lint.rules.registry import rule


@rule("SL205", "session-in-background", severity=Severity.ERROR, check="background-tasks")
def session_in_background(program: Program) -> Iterator[Finding]:
    """Sessions handed to work that outlives the request or block that they belong to."""
    seen: set[int] = set()
    for handover in handed_over(program):
        if id(handover.node) in seen:
            continue
        seen.add(id(handover.node))
        module = handover.unit.module
        yield session_in_background.finding(
            module.path,
            handover.node.span,
            f"{handover.unit.qualname} hands {handover.what} to {handover.sink}, which can run after the session is closed;"
            f" pass identifiers and let {'the stream' if handover.sink == STREAM else 'the task'} open a session of its own",
            symbol=handover.unit.qualname,
            confidence=handover.confidence,
            digest=program.digest(module, handover.node.span),
        )
