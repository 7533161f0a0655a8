"""SL504: options in the wrong place are ignored without a word, or no connection can be made with them."""

from __future__ import annotations

import contextlib
from typing import Any

import asyncpg
import pytest
from harness import Database
from sqlalchemy import create_engine, text
from sqlalchemy.exc import ArgumentError, OperationalError, ProgrammingError
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, create_async_engine

# Nobody listens there: whatever fails otherwise has failed before it asked.
NOWHERE = "://app@127.0.0.1:1/app"
PREPARED = text("SELECT count(*) FROM pg_prepared_statements WHERE statement LIKE '%FROM jobs'")


@pytest.fixture
def jobs(sqlite: Database) -> Database:
    """One job."""
    sqlite.execute("CREATE TABLE jobs (id INTEGER)", "INSERT INTO jobs VALUES (1)")
    return sqlite


async def connect(engine: AsyncEngine) -> None:
    try:
        async with engine.connect():
            pass
    finally:
        await engine.dispose()


async def count(database: Database, program: Any) -> int:
    async with AsyncSession(database.async_engine()) as session:
        counted: int = await program.count_jobs(session)
        return counted


def test_no_connection_can_be_made_with_the_engine(sqlite: Database) -> None:
    program = sqlite.load("SL504", "Example")
    program.create_async_engine = create_async_engine
    with pytest.raises(TypeError, match=r"^connect\(\) got an unexpected keyword argument 'no_prepare'"):
        sqlite.run(connect(program.make_engine()))


def test_the_driver_takes_the_arguments_of_the_other(sqlite: Database) -> None:
    program = sqlite.load("SL504", "Use instead")
    program.create_async_engine = create_async_engine
    with contextlib.suppress(OSError, asyncpg.PostgresError):  # nobody is there, or somebody else
        sqlite.run(connect(program.make_engine()))


def test_the_options_of_an_execution_are_ignored(jobs: Database) -> None:
    assert jobs.run(count(jobs, jobs.load("SL504", "Example"))) == 1


def test_the_isolation_level_of_the_connection_is_not(jobs: Database) -> None:
    program = jobs.load("SL504", "Use instead")
    assert jobs.run(count(jobs, program)) == 1

    async def nonsense() -> None:
        async with AsyncSession(jobs.async_engine()) as session:
            await session.connection(execution_options={"isolation_level": "bogus"})

    with pytest.raises(ArgumentError, match=r"^Invalid value 'BOGUS' for isolation_level"):
        jobs.run(nonsense())


def test_a_statement_takes_no_isolation_level() -> None:
    with pytest.raises(ArgumentError, match=r"^'isolation_level' execution option may only be specified on Connection"):
        text("SELECT 1").execution_options(isolation_level="SERIALIZABLE")


@pytest.mark.parametrize(
    "option",
    [
        "raw_sql",
        "no_prepare",
        "prepare",
        "prepared",
        "statement_cache_size",
        "prepared_statement_cache_size",
        "prepared_statement_name_func",
        "prepare_threshold",
    ],
)
def test_statements_are_prepared_all_the_same(postgres: Database, option: str) -> None:
    postgres.execute("CREATE TABLE jobs (id INTEGER)")

    async def scenario() -> None:
        options = {option: 0}
        async with AsyncSession(postgres.async_engine(execution_options=options)) as session:
            await session.execute(
                text("SELECT count(*) FROM jobs").execution_options(**options), execution_options=options
            )
            assert await session.scalar(PREPARED) == 1

    postgres.run(scenario())


@pytest.mark.parametrize(
    ("query", "connect_args", "message"),
    [
        (f"?{name}=true", {}, rf"^connect\(\) got an unexpected keyword argument '{name}'")
        for name in ("raw_sql", "no_prepare", "pgbouncer", "sslmode", "application_name", "prepare_threshold")
    ]
    + [
        ("", {name: True}, rf"^connect\(\) got an unexpected keyword argument '{name}'")
        for name in ("raw_sql", "no_prepare", "check_same_thread", "connect_timeout")
    ]
    + [
        (f"?{name}=0", {}, "^'<' not supported between instances of 'str' and 'int'")
        for name in ("statement_cache_size", "max_cached_statement_lifetime", "max_cacheable_statement_size")
    ]
    + [("", {"statement_cache_size": "0"}, "^'<' not supported between instances of 'str' and 'int'")]
    + [("?timeout=5", {}, "^unsupported operand type")],
)
def test_asyncpg_refuses(query: str, connect_args: dict[str, Any], message: str, sqlite: Database) -> None:
    engine = create_async_engine(f"postgresql+asyncpg{NOWHERE}{query}", connect_args=connect_args)
    with pytest.raises(TypeError, match=message):
        sqlite.run(connect(engine))


@pytest.mark.parametrize("driver", ["psycopg", "psycopg2"])
@pytest.mark.parametrize(
    "name", ["pgbouncer", "statement_cache_size", "check_same_thread", "timeout", "ssl", "raw_sql"]
)
def test_libpq_refuses(driver: str, name: str) -> None:
    with pytest.raises(ProgrammingError, match=f'invalid connection option "{name}"'):
        create_engine(f"postgresql+{driver}{NOWHERE}?{name}=1").connect()
    with pytest.raises(ProgrammingError, match=f'invalid connection option "{name}"'):
        create_engine(f"postgresql+{driver}{NOWHERE}", connect_args={name: 1}).connect()


def test_psycopg_takes_a_threshold_and_trips_over_text(postgres: Database) -> None:
    engine = create_engine(f"{postgres.url}?prepare_threshold=0")
    with pytest.raises(TypeError, match=r"^'>=' not supported between instances of 'int' and 'str'"):
        engine.connect()
    with postgres.engine(connect_args={"prepare_threshold": None}).connect() as connection:
        assert connection.scalar(text("SELECT 1")) == 1


def test_what_the_drivers_take_only_fails_for_want_of_a_server(sqlite: Database) -> None:
    arguments = {"timeout": 5, "statement_cache_size": 0, "server_settings": {"application_name": "app"}}
    with pytest.raises(OSError, match="Connect call failed"):
        sqlite.run(
            connect(
                create_async_engine(
                    f"postgresql+asyncpg{NOWHERE}?ssl=disable&command_timeout=5", connect_args=arguments
                )
            )
        )
    with pytest.raises(OperationalError):
        create_engine(
            f"postgresql+psycopg{NOWHERE}?sslmode=disable", connect_args={"prepare_threshold": None}
        ).connect()


def test_sqlite_refuses_what_is_postgresql_s() -> None:
    # Python 3.13 words it the other way round.
    refusal = "'connect_timeout' is an invalid keyword argument|unexpected keyword argument 'connect_timeout'"
    with pytest.raises(TypeError, match=refusal):
        create_engine("sqlite://", connect_args={"connect_timeout": 5}).connect()


@pytest.mark.parametrize(
    "name", ["statement_cache_size", "prepared_statement_cache_size", "prepare_threshold", "no_prepare"]
)
def test_the_engine_takes_no_arguments_of_drivers(name: str) -> None:
    with pytest.raises(TypeError, match=rf"^Invalid argument\(s\) '{name}' sent to create_engine\(\)"):
        create_async_engine(f"postgresql+asyncpg{NOWHERE}", **{name: 0})
