"""SL401: a commit that is not awaited writes nothing, and a rollback that is not awaited undoes nothing."""

from __future__ import annotations

from typing import Any

import pytest
from harness import Database, caught_warnings
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

NAMES = "SELECT name FROM users"


@pytest.fixture
def users(sqlite: Database) -> Database:
    """One user, Bob."""
    sqlite.execute("CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT)", "INSERT INTO users VALUES (1, 'Bob')")
    return sqlite


async def rename(database: Database, title: str) -> None:
    program = database.load("SL401", title)
    async with AsyncSession(database.async_engine()) as session:
        await program.main(session)


def test_nothing_is_written_and_only_a_warning_says_so(users: Database) -> None:
    with caught_warnings() as messages:
        users.run(rename(users, "Example"))
    assert users.rows(NAMES) == [("Bob",)]
    assert "coroutine 'AsyncSession.commit' was never awaited" in messages


def test_awaited_it_is_written(users: Database) -> None:
    users.run(rename(users, "Use instead"))
    assert users.rows(NAMES) == [("Ann",)]


def test_without_parentheses_there_is_not_even_a_warning(users: Database) -> None:
    async def scenario() -> None:
        async with AsyncSession(users.async_engine()) as session:
            await session.execute(text("UPDATE users SET name = 'Ann'"))
            session.commit  # noqa: B018  # the fault that is proved

    with caught_warnings() as messages:
        users.run(scenario())
    assert users.rows(NAMES) == [("Bob",)]
    assert not [message for message in messages if "never awaited" in message]


def test_what_was_to_be_rolled_back_is_committed(users: Database) -> None:
    async def scenario() -> None:
        async with AsyncSession(users.async_engine()) as session:
            await session.execute(text("UPDATE users SET name = 'Ann'"))
            session.rollback()  # type: ignore[unused-coroutine]  # the fault that is proved
            await session.commit()

    with caught_warnings():
        users.run(scenario())
    assert users.rows(NAMES) == [("Ann",)]


def test_a_helper_s_coroutine_is_lost_alike(users: Database) -> None:
    def save(session: AsyncSession) -> Any:
        return session.commit()

    async def scenario() -> None:
        async with AsyncSession(users.async_engine()) as session:
            await session.execute(text("UPDATE users SET name = 'Ann'"))
            save(session)

    with caught_warnings():
        users.run(scenario())
    assert users.rows(NAMES) == [("Bob",)]


def test_a_coroutine_is_no_result(users: Database) -> None:
    async def scenario() -> None:
        async with AsyncSession(users.async_engine()) as session:
            session.execute(text(NAMES)).scalars()  # type: ignore[attr-defined]

    with caught_warnings(), pytest.raises(AttributeError, match=r"^'coroutine' object has no attribute 'scalars'"):
        users.run(scenario())


def test_the_connection_stays_checked_out_when_close_is_not_awaited(users: Database) -> None:
    async def scenario() -> int:
        session = AsyncSession(users.async_engine())
        await session.execute(text(NAMES))
        session.close()  # type: ignore[unused-coroutine]  # the fault that is proved
        left = users.checked_out()
        await session.close()
        return left

    with caught_warnings():
        assert users.run(scenario()) == 1
