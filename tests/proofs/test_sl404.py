"""SL404: what a commit expired cannot be read through an async session."""

from __future__ import annotations

from typing import Any

import pytest
from harness import Database
from sqlalchemy import text
from sqlalchemy.exc import MissingGreenlet, StatementError
from sqlalchemy.ext.asyncio import AsyncSession

NAMES = "SELECT id, name FROM users"


@pytest.fixture
def users(sqlite: Database) -> Database:
    sqlite.execute("CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT)")
    return sqlite


def test_reading_the_key_raises_after_the_row_was_committed(users: Database) -> None:
    program = users.load("SL404", "Example")
    # Some drivers' dialects wrap it into a StatementError.
    with pytest.raises((MissingGreenlet, StatementError), match=r"greenlet_spawn has not been called"):
        users.run(program.create(users.async_engine(), "Ann"))
    assert users.rows(NAMES) == [(1, "Ann")]


def test_objects_keep_what_they_hold(users: Database) -> None:
    program = users.load("SL404", "Use instead")
    assert users.run(program.create(users.async_engine(), "Ann")) == 1
    assert users.rows(NAMES) == [(1, "Ann")]


def test_the_object_is_empty_after_the_commit(users: Database) -> None:
    program = users.load("SL404", "Example")

    async def left(**options: Any) -> list[str]:
        async with AsyncSession(users.async_engine(), **options) as session:
            await session.execute(text("DELETE FROM users"))
            user = program.User(id=1, name="Ann")
            session.add(user)
            await session.commit()
            return sorted(set(vars(user)) - {"_sa_instance_state"})

    assert users.run(left()) == []
    assert users.run(left(expire_on_commit=False)) == ["id", "name"]
