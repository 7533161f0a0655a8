"""SL207: a borrower that closes the session takes the caller's pending rows with it, and nothing fails."""

from __future__ import annotations

import pytest
from harness import Database
from sqlalchemy import text
from sqlalchemy.exc import InvalidRequestError
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

TITLES = "SELECT title FROM entries ORDER BY title"


@pytest.fixture
def entries(sqlite: Database) -> Database:
    """No entries yet."""
    sqlite.execute("CREATE TABLE entries (title TEXT)")
    return sqlite


async def publish(database: Database, title: str) -> None:
    program = database.load("SL207", title)
    await program.publish(async_sessionmaker(database.async_engine()))


def test_both_sides_rows_are_lost_without_an_exception(entries: Database) -> None:
    entries.run(publish(entries, "Example"))
    assert entries.rows(TITLES) == []


def test_in_a_begin_block_the_next_statement_fails(entries: Database) -> None:
    program = entries.load("SL207", "Example")

    async def scenario() -> None:
        async with AsyncSession(entries.async_engine()) as session, session.begin():
            await program.add_entry(session, "body")
            await session.execute(text("INSERT INTO entries (title) VALUES ('footer')"))

    with pytest.raises(InvalidRequestError, match=r"^Can't operate on closed transaction inside context manager"):
        entries.run(scenario())
    assert entries.rows(TITLES) == []


def test_a_close_does_the_same(entries: Database) -> None:
    async def scenario() -> None:
        async with AsyncSession(entries.async_engine()) as session:
            await session.execute(text("INSERT INTO entries (title) VALUES ('header')"))
            await session.close()
            await session.commit()

    entries.run(scenario())
    assert entries.rows(TITLES) == []


def test_without_the_with_both_are_written(entries: Database) -> None:
    entries.run(publish(entries, "Use instead"))
    assert entries.rows(TITLES) == [("body",), ("header",)]
