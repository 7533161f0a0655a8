"""A client of a pooler: a process of its own, since the names of prepared statements collide between processes.

Reads a call that makes an engine from each line of its input, opens many sessions on such an engine on the server at ``sys.argv[1]``,
and writes the errors that came up as a line of JSON, after one that tells the versions it runs with: those that ``PYTHONPATH`` leads to.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import sys
from typing import Any

import asyncpg
import sqlalchemy
from pooler_table import PREAMBLE
from sqlalchemy import text
from sqlalchemy.engine import Engine, make_url
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession
from sqlalchemy.orm import Session

ROUNDS, AT_ONCE = 6, 5
CLASSES = text("SELECT count(*) FROM pg_class WHERE relname = :name")


def engine_of(call: str, address: str) -> AsyncEngine | Engine:
    """The engine that a call makes, on this server."""
    names: dict[str, Any] = {}
    exec(PREAMBLE, names)  # this and the call are the project's own table
    for maker in ("create_engine", "create_async_engine"):
        names[maker] = _reaching(names[maker], address)
    made: AsyncEngine | Engine = eval(call, names)
    return made


def _reaching(make: Any, address: str) -> Any:
    there = make_url(address)

    def make_there(url: str, **arguments: Any) -> Any:
        return make(make_url(url).set(host=there.host, port=there.port, database=there.database), **arguments)

    return make_there


async def _work(engine: AsyncEngine, number: int) -> None:
    async with AsyncSession(engine) as session:
        await session.execute(text(f"SELECT {number % 7}, :letter"), {"letter": "x"})
        if number % 3 == 0:
            await asyncio.sleep(0.002)
        await session.execute(CLASSES, {"name": str(number)})
        await session.commit()


def _work_in_a_thread(engine: Engine, number: int) -> None:
    with Session(engine) as session:
        session.execute(text(f"SELECT {number % 7}, :letter"), {"letter": "x"})
        session.execute(CLASSES, {"name": str(number)})
        session.commit()


async def errors(engine: AsyncEngine | Engine) -> list[tuple[str, str]]:
    """What went wrong in a few sessions at a time: names of classes, and messages."""
    found: list[tuple[str, str]] = []

    async def one(number: int) -> None:
        try:
            if isinstance(engine, AsyncEngine):
                await _work(engine, number)
            else:
                await asyncio.to_thread(_work_in_a_thread, engine, number)
        except Exception as error:  # noqa: BLE001  # the proof says which it has to be
            found.append((f"{type(error).__module__}.{type(error).__name__}", str(error).partition("\n")[0]))

    for start in range(ROUNDS):
        await asyncio.gather(*(one(start * AT_ONCE + offset) for offset in range(AT_ONCE)))
    return found


async def run(call: str) -> list[tuple[str, str]]:
    """The errors of one engine."""
    engine = engine_of(call, sys.argv[1])
    try:
        return await asyncio.wait_for(errors(engine), 60)
    finally:
        with contextlib.suppress(DBAPIError, asyncpg.PostgresError):
            if isinstance(engine, AsyncEngine):
                await engine.dispose()
            else:
                engine.dispose()


def tell(what: object) -> None:
    """Write a line."""
    sys.stdout.write(json.dumps(what) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    tell([asyncpg.__version__, sqlalchemy.__version__])
    for line in sys.stdin:
        tell(asyncio.run(run(line.strip())))
