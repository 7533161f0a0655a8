"""SL406: reading what a commit or rollback expired raises; read before, it is there."""

from __future__ import annotations

from typing import Any

import pytest
from harness import Database
from sqlalchemy.exc import MissingGreenlet, StatementError
from sqlalchemy.ext.asyncio import AsyncSession

# Some drivers' dialects wrap the one into the other.
NO_GREENLET = (MissingGreenlet, StatementError)
MESSAGE = r"greenlet_spawn has not been called"


@pytest.fixture
def users(sqlite: Database) -> Database:
    sqlite.execute("CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT)")
    return sqlite


def test_reading_the_key_raises_after_the_row_was_committed(users: Database) -> None:
    program = users.load("SL406", "Example")
    with pytest.raises(NO_GREENLET, match=MESSAGE):
        users.run(program.create(users.async_engine(), "Ann"))
    assert users.rows("SELECT name FROM users") == [("Ann",)]


def test_read_before_the_commit_it_is_there(users: Database) -> None:
    program = users.load("SL406", "Use instead")
    assert users.run(program.create(users.async_engine(), "Ann")) == 1


def test_after_a_rollback_it_raises_for_what_was_a_row(users: Database) -> None:
    users.execute("INSERT INTO users VALUES (1, 'Ann')")
    program: Any = users.load("SL406", "Example")

    async def scenario() -> None:
        async with AsyncSession(users.async_engine()) as session:
            user = await session.get_one(program.User, 1)
            await session.rollback()
            assert user.name != "Ann"

    with pytest.raises(NO_GREENLET, match=MESSAGE):
        users.run(scenario())
