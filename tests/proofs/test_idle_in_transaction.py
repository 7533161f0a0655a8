"""What PostgreSQL says of a session's connection while the program does something else.

Rules on sessions that stay open and on I/O in an open transaction rest on this; SQLite has no word for it.
"""

from __future__ import annotations

import asyncio

import pytest
from harness import Database
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Session

READ = text("SELECT 1")
STATES = """
    SELECT state FROM pg_stat_activity
    WHERE datname = current_database() AND backend_type = 'client backend' AND pid <> pg_backend_pid()
"""


def states(database: Database) -> list[str]:
    """What the connections of the program are doing."""
    return [state for (state,) in database.rows(STATES)]


def test_a_read_leaves_a_transaction_open_until_the_session_is_closed(postgres: Database) -> None:
    session = Session(postgres.engine())
    session.execute(READ)
    assert (states(postgres), postgres.checked_out()) == (["idle in transaction"], 1)
    session.close()
    assert (states(postgres), postgres.checked_out()) == (["idle"], 0)


def test_a_with_block_ends_it(postgres: Database) -> None:
    with Session(postgres.engine()) as session:
        session.execute(READ)
    assert (states(postgres), postgres.checked_out()) == (["idle"], 0)


@pytest.mark.parametrize(
    ("before", "expected"),
    [
        ("read", ["idle in transaction"]),
        ("read and commit", ["idle"]),
        ("begin alone", []),
    ],
)
def test_what_a_call_to_somewhere_else_holds_meanwhile(postgres: Database, before: str, expected: list[str]) -> None:
    async def scenario() -> list[str]:
        async with AsyncSession(postgres.async_engine()) as session:
            if before == "begin alone":
                await session.begin()
            else:
                await session.execute(READ)
            if before == "read and commit":
                await session.commit()
            await asyncio.sleep(0.01)  # stands for the call
            return states(postgres)

    assert postgres.run(scenario()) == expected


def test_a_server_that_ends_idle_transactions_ends_the_session_s_connection(postgres: Database) -> None:
    async def scenario() -> None:
        async with AsyncSession(postgres.async_engine()) as session:
            await session.execute(text("SET idle_in_transaction_session_timeout = 50"))
            await session.commit()
            await session.execute(READ)
            await asyncio.sleep(0.3)
            await session.execute(READ)

    with pytest.raises(DBAPIError, match=r"connection is closed|idle-in-transaction timeout"):
        postgres.run(scenario())


def test_a_statement_that_waits_for_the_program_s_own_other_session(postgres: Database) -> None:
    postgres.execute("CREATE TABLE users (name TEXT)", "INSERT INTO users VALUES ('Ann')")
    update = text("UPDATE users SET name = 'Bob'")
    engine = postgres.engine()
    with Session(engine) as first, Session(engine) as second:
        first.execute(update)
        second.execute(text("SET LOCAL lock_timeout = '100ms'"))
        with pytest.raises(DBAPIError, match="canceling statement due to lock timeout"):
            second.execute(update)
