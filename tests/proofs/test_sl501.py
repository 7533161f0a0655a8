"""SL501: what becomes of prepared statements behind PgBouncer in transaction mode, by the arguments of the engine.

Two things happen to a statement there. It *moves*: the next transaction of the same client runs on another server connection, for a
second client holds the first one. And it *meets* others: another process, which counts its statements from one as well, has left one of
the same name on the server connection. Both are made to happen here instead of being waited for.
"""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import uuid4

import asyncpg
import pytest
from harness import Database
from sqlalchemy import NullPool, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession

COUNT = text("SELECT count(*) FROM jobs")
LOST = r'prepared statement "[\w-]+" (does not exist|already exists)'

NAMED: dict[str, Any] = {"prepared_statement_name_func": lambda: f"__asyncpg_{uuid4()}__"}
DRIVER_CACHE = {"statement_cache_size": 0}
OWN_CACHE = {"prepared_statement_cache_size": 0}
UNPOOLED = {"poolclass": NullPool}
AUTOCOMMIT = {"isolation_level": "AUTOCOMMIT"}


@pytest.fixture
def jobs(pgbouncer: Database) -> Database:
    """An empty table behind PgBouncer."""
    pgbouncer.execute("CREATE TABLE jobs (id INTEGER)")
    return pgbouncer


async def moved(database: Database, program: Any, engine: AsyncEngine) -> None:
    """Count in two transactions of one client, on two server connections."""
    holder = database.async_engine(connect_args=DRIVER_CACHE | OWN_CACHE)
    async with engine.connect() as one, holder.connect() as other:
        await other.commit()
        async with AsyncSession(one) as session:
            await program.count_jobs(session)
            await session.commit()
            await other.execute(text("SELECT 1"))
            await program.count_jobs(session)


async def met(program: Any, first: AsyncEngine, second: AsyncEngine) -> None:
    """Count in two processes, one after the other."""
    for engine in (first, second):
        asyncpg.connection._uid = 0  # from where each process counts its statements
        async with AsyncSession(engine) as session:
            await program.count_jobs(session)


async def crowd(engine: AsyncEngine) -> int:
    """How many of some clients fail that work at the same time."""

    async def client() -> None:
        async with AsyncSession(engine) as session:
            for _ in range(10):
                await session.execute(COUNT)
                await session.commit()

    ends = await asyncio.gather(*(client() for _ in range(12)), return_exceptions=True)
    return sum(isinstance(end, DBAPIError) for end in ends)


def test_the_example_loses_its_statement(jobs: Database) -> None:
    program = jobs.load("SL501", "Example")
    with pytest.raises(DBAPIError, match=LOST):
        jobs.run(moved(jobs, program, program.make_engine()))
    with pytest.raises(DBAPIError, match=LOST):
        jobs.run(met(program, program.make_engine(), program.make_engine()))


def test_what_to_use_instead_does_not(jobs: Database) -> None:
    program = jobs.load("SL501", "Use instead")
    jobs.run(moved(jobs, program, program.make_engine()))
    jobs.run(met(program, program.make_engine(), program.make_engine()))
    assert jobs.run(crowd(program.make_engine())) == 0


@pytest.mark.parametrize(
    ("connect_args", "is_lost"),
    [
        ({}, True),
        (DRIVER_CACHE, False),
        (OWN_CACHE, False),  # it meets others, as below
        (DRIVER_CACHE | OWN_CACHE, False),
        (NAMED, True),
        (NAMED | DRIVER_CACHE, True),
        (NAMED | OWN_CACHE, False),
        (NAMED | DRIVER_CACHE | OWN_CACHE, False),
    ],
    ids=lambda value: "+".join(value) or "none" if isinstance(value, dict) else None,
)
def test_a_statement_moves(jobs: Database, connect_args: dict[str, Any], is_lost: bool) -> None:
    program = jobs.load("SL501", "Example")
    scenario = moved(jobs, program, jobs.async_engine(connect_args=connect_args))
    if is_lost:
        with pytest.raises(DBAPIError, match=LOST):
            jobs.run(scenario)
    else:
        jobs.run(scenario)


@pytest.mark.parametrize(
    ("connect_args", "is_lost"), [({}, True), (OWN_CACHE, True), (NAMED, False), (DRIVER_CACHE, False)]
)
def test_a_statement_meets_another_without_a_pool_too(
    jobs: Database, connect_args: dict[str, Any], is_lost: bool
) -> None:
    program = jobs.load("SL501", "Example")
    engines = [jobs.async_engine(**UNPOOLED, connect_args=connect_args) for _ in range(2)]
    if is_lost:
        with pytest.raises((DBAPIError, asyncpg.DuplicatePreparedStatementError), match=LOST):
            jobs.run(met(program, *engines))
    else:
        jobs.run(met(program, *engines))


@pytest.mark.parametrize(
    ("connect_args", "fails"), [(NAMED | DRIVER_CACHE | OWN_CACHE, True), (DRIVER_CACHE | OWN_CACHE, False)]
)
def test_autocommit_needs_statements_without_names(jobs: Database, connect_args: dict[str, Any], fails: bool) -> None:
    assert (jobs.run(crowd(jobs.async_engine(**AUTOCOMMIT, connect_args=connect_args))) > 0) is fails


@pytest.mark.parametrize(
    ("connect_args", "is_lost"), [({}, True), ({"prepare_threshold": 0}, True), ({"prepare_threshold": None}, False)]
)
def test_psycopg_prepares_what_comes_often(jobs: Database, connect_args: dict[str, Any], is_lost: bool) -> None:
    engine, holder = jobs.engine(connect_args=connect_args), jobs.engine(connect_args={"prepare_threshold": None})

    def scenario() -> None:
        with engine.connect() as one, holder.connect() as other:
            other.commit()
            for _ in range(7):
                one.execute(COUNT)
                one.commit()
            other.execute(text("SELECT 1"))
            one.execute(COUNT)

    if is_lost:
        with pytest.raises(DBAPIError, match=LOST):
            scenario()
    else:
        scenario()
