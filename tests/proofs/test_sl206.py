"""SL206: coroutines that share a session break each other; with a session for each they do not."""

from __future__ import annotations

from typing import Any

import pytest
from harness import Database, messages
from sqlalchemy import NullPool, event
from sqlalchemy.exc import InvalidRequestError
from sqlalchemy.ext.asyncio import async_sessionmaker

TITLES = "SELECT title FROM entries ORDER BY title"


@pytest.fixture
def entries(sqlite: Database) -> Database:
    """No entries yet."""
    sqlite.execute("CREATE TABLE entries (title TEXT)")
    return sqlite


def _patient(connection: Any, record: object) -> None:
    connection.execute("PRAGMA busy_timeout = 15000")


def test_the_second_coroutine_meets_a_session_that_is_connecting(entries: Database) -> None:
    program = entries.load("SL206", "Example")

    async def scenario() -> None:
        await program.add_all(async_sessionmaker(entries.async_engine(poolclass=NullPool)), ["a", "b"])

    with pytest.raises(InvalidRequestError) as caught:  # its subclass IllegalStateChangeError, or the first one itself
        entries.run(scenario())
    start = "This session is provisioning a new connection; concurrent operations are not permitted"
    assert any(text.startswith(start) for text in messages(caught.value))
    assert entries.rows(TITLES) == []


@pytest.mark.parametrize("remedy", ["add_all", "add_at_once"])
def test_one_after_the_other_or_with_a_session_each_all_are_written(entries: Database, remedy: str) -> None:
    program = entries.load("SL206", "Use instead")

    async def scenario() -> None:
        engine = entries.async_engine(poolclass=NullPool)
        event.listen(engine.sync_engine, "connect", _patient)  # SQLite has one writer: the other has to wait
        await getattr(program, remedy)(async_sessionmaker(engine), ["a", "b"])

    entries.run(scenario())
    assert entries.rows(TITLES) == [("a",), ("b",)]
