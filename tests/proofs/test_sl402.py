"""SL402: what is no coroutine raises when it is awaited, after it has done its work."""

from __future__ import annotations

import pytest
from harness import Database
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker
from sqlalchemy.orm import Session

# `object NoneType can't be used in 'await' expression`, from Python 3.14 on `'NoneType' object can't be awaited`.
NOT_AWAITABLE = r"^(object |')?NoneType'? .*await"


@pytest.fixture
def users(sqlite: Database) -> Database:
    """One user, Bob."""
    sqlite.execute("CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT)", "INSERT INTO users VALUES (1, 'Bob')")
    return sqlite


def test_it_raises_after_the_row_was_committed(users: Database) -> None:
    program = users.load("SL402", "Example")

    async def scenario() -> None:
        with Session(users.engine()) as session:
            await program.rename(session, 1, "Ann")

    with pytest.raises(TypeError, match=NOT_AWAITABLE):
        users.run(scenario())
    assert users.rows("SELECT name FROM users") == [("Ann",)]


def test_without_the_await_it_returns(users: Database) -> None:
    program = users.load("SL402", "Use instead")
    with Session(users.engine()) as session:
        program.rename(session, 1, "Ann")
    assert users.rows("SELECT name FROM users") == [("Ann",)]


def test_a_plain_method_of_an_async_session_raises_alike(users: Database) -> None:
    async def scenario() -> None:
        async with AsyncSession(users.async_engine()) as session:
            await session.add_all([])  # type: ignore[func-returns-value, misc]

    with pytest.raises(TypeError, match=NOT_AWAITABLE):
        users.run(scenario())


def test_a_session_is_not_awaitable(users: Database) -> None:
    async def scenario() -> None:
        await async_sessionmaker(users.async_engine())()  # type: ignore[misc]

    with pytest.raises(TypeError, match=r"AsyncSession'? .*await"):
        users.run(scenario())


def test_a_result_has_plain_methods_too(users: Database) -> None:
    async def scenario() -> None:
        async with AsyncSession(users.async_engine()) as session:
            result = await session.execute(text("SELECT name FROM users"))
            await result.scalars()  # type: ignore[misc]

    with pytest.raises(TypeError, match=r"^(object |')?ScalarResult'? .*await"):
        users.run(scenario())
