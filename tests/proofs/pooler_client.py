"""A client of a pooler: a process of its own, since the names of prepared statements collide between processes.

Reads the name of an engine's configuration from each line of its input, opens many sessions with such an engine on the server at
``sys.argv[1]``, and writes the errors that came up as a line of JSON.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import sys
from collections.abc import Callable
from functools import partial
from typing import Any
from uuid import uuid4

import asyncpg
from sqlalchemy import NullPool, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, create_async_engine

ROUNDS, AT_ONCE = 6, 5


def unique_name() -> str:
    """A name that no other statement has."""
    return f"__asyncpg_{uuid4()}__"


class UniqueNames(asyncpg.Connection):  # type: ignore[misc]  # it has no types
    """A connection that names prepared statements uniquely."""

    def _get_unique_id(self, prefix: str) -> str:
        return unique_name()


def with_asyncpg(**arguments: Any) -> Callable[[str], AsyncEngine]:
    """An engine on asyncpg; arguments that the engine does not take are the driver's."""
    return partial(_engine, "postgresql+asyncpg", arguments)


def with_psycopg(**arguments: Any) -> Callable[[str], AsyncEngine]:
    """An engine on psycopg 3."""
    return partial(_engine, "postgresql+psycopg", arguments)


def _engine(driver: str, arguments: dict[str, Any], address: str) -> AsyncEngine:
    own = {key: arguments[key] for key in arguments.keys() & {"poolclass", "isolation_level", "execution_options"}}
    rest = {key: value for key, value in arguments.items() if key not in own}
    return create_async_engine(f"{driver}://{address.partition('://')[2]}", connect_args=rest, **own)


STATEMENTS_OFF = {"statement_cache_size": 0}
PREPARED_OFF = {"prepared_statement_cache_size": 0}
BOTH_OFF = {**STATEMENTS_OFF, **PREPARED_OFF}
UNIQUE = {"prepared_statement_name_func": unique_name}
COPIED = {"raw_sql": True, "no_prepare": True, "statement_cache_size": 0}

# Do these settings survive transaction mode, on asyncpg 0.31 and later?
SURVIVE = {
    "asyncpg: statement cache off": with_asyncpg(**STATEMENTS_OFF),
    "asyncpg: both caches off": with_asyncpg(**BOTH_OFF),
    "asyncpg: both caches off, NullPool": with_asyncpg(**BOTH_OFF, poolclass=NullPool),
    "asyncpg: unique names, NullPool": with_asyncpg(**UNIQUE, poolclass=NullPool),
    "asyncpg: unique names, prepared statement cache off": with_asyncpg(**UNIQUE, **PREPARED_OFF),
    "asyncpg: unique names, both caches off": with_asyncpg(**UNIQUE, **BOTH_OFF),
    "asyncpg: unique names of a connection class, both caches off": with_asyncpg(
        **BOTH_OFF, connection_class=UniqueNames
    ),
    "asyncpg: both caches off, AUTOCOMMIT": with_asyncpg(**BOTH_OFF, isolation_level="AUTOCOMMIT"),
    "asyncpg: no names, both caches off": with_asyncpg(**BOTH_OFF, prepared_statement_name_func=str),
    "psycopg: no preparing": with_psycopg(prepare_threshold=None),
}
FAIL = {
    "asyncpg: default": with_asyncpg(),
    "asyncpg: NullPool": with_asyncpg(poolclass=NullPool),
    "asyncpg: prepared statement cache off": with_asyncpg(**PREPARED_OFF),
    "asyncpg: unique names": with_asyncpg(**UNIQUE),
    "asyncpg: unique names, statement cache off": with_asyncpg(**UNIQUE, **STATEMENTS_OFF),
    "asyncpg: unique names, both caches off, AUTOCOMMIT": with_asyncpg(
        **UNIQUE, **BOTH_OFF, isolation_level="AUTOCOMMIT"
    ),
    "asyncpg: execution options alone": with_asyncpg(execution_options=COPIED),
    "psycopg: default": with_psycopg(),
    "psycopg: prepare at once": with_psycopg(prepare_threshold=0),
}


async def errors(engine: AsyncEngine) -> list[str]:
    """What went wrong in a few sessions at a time."""
    found: list[str] = []

    async def one(number: int) -> None:
        try:
            async with AsyncSession(engine) as session:
                await session.execute(text(f"SELECT {number % 7}, :letter"), {"letter": "x"})
                if number % 3 == 0:
                    await asyncio.sleep(0.002)
                await session.execute(
                    text("SELECT count(*) FROM pg_class WHERE relname = :name"), {"name": str(number)}
                )
                await session.commit()
        except (DBAPIError, asyncpg.PostgresError) as error:
            found.append(f"{type(error).__module__}.{type(error).__name__}: {error}".partition("\n")[0])

    for start in range(ROUNDS):
        await asyncio.gather(*(one(start * AT_ONCE + offset) for offset in range(AT_ONCE)))
    return found


async def run(configuration: str) -> list[str]:
    """The errors of one configuration."""
    engine = {**SURVIVE, **FAIL}[configuration](sys.argv[1])
    try:
        return await asyncio.wait_for(errors(engine), 60)
    finally:
        with contextlib.suppress(DBAPIError, asyncpg.PostgresError):
            await engine.dispose()


if __name__ == "__main__":
    for line in sys.stdin:
        sys.stdout.write(json.dumps(asyncio.run(run(line.strip()))) + "\n")
        sys.stdout.flush()
