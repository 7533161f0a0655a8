"""What becomes of rows that were written in a savepoint: without a commit around it they are lost on PostgreSQL, and kept on SQLite."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from typing import Any

import pytest
from harness import Database
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

USERS = "CREATE TABLE users (name VARCHAR PRIMARY KEY)"
NAMES = "SELECT name FROM users ORDER BY name"
ADD = text("INSERT INTO users VALUES (:name)")


def savepoint(session: AsyncSession) -> AbstractAsyncContextManager[Any]:
    """A savepoint in any case."""
    return session.begin_nested()


def savepoint_or_transaction(session: AsyncSession) -> AbstractAsyncContextManager[Any]:
    """A transaction of one's own, unless the session is in one: which it also is after a read."""
    return session.begin_nested() if session.in_transaction() else session.begin()


@pytest.fixture(params=["sqlite", "postgres"])
def users(request: pytest.FixtureRequest) -> Database:
    """No users."""
    database: Database = request.getfixturevalue(request.param)
    database.execute(USERS)
    return database


@pytest.mark.parametrize("block", [savepoint, savepoint_or_transaction])
def test_after_a_read_nobody_commits(users: Database, block: Any) -> None:
    async def scenario() -> None:
        async with AsyncSession(users.async_engine()) as session:
            await session.execute(text(NAMES))
            async with block(session):
                await session.execute(ADD, {"name": "Ann"})

    users.run(scenario())
    on_sqlite = users.url.startswith("sqlite")
    assert users.rows(NAMES) == ([("Ann",)] if on_sqlite else []), "tests on SQLite hide it"


@pytest.mark.parametrize("block", [savepoint, savepoint_or_transaction])
def test_inside_a_begin_block_they_are_committed(users: Database, block: Any) -> None:
    async def scenario() -> None:
        async with AsyncSession(users.async_engine()) as session, session.begin(), block(session):
            await session.execute(ADD, {"name": "Ann"})

    users.run(scenario())
    assert users.rows(NAMES) == [("Ann",)]


def test_on_postgresql_the_try_belongs_outside_the_savepoint(postgres: Database) -> None:
    postgres.execute(USERS, "INSERT INTO users VALUES ('Ann')")

    async def outside() -> None:
        async with AsyncSession(postgres.async_engine()) as session, session.begin():
            await session.execute(ADD, {"name": "Bob"})
            with pytest.raises(IntegrityError):
                async with session.begin_nested():
                    await session.execute(ADD, {"name": "Ann"})

    async def inside() -> None:
        async with AsyncSession(postgres.async_engine()) as session, session.begin(), session.begin_nested():
            with pytest.raises(IntegrityError):
                await session.execute(ADD, {"name": "Ann"})

    postgres.run(outside())
    assert postgres.rows(NAMES) == [("Ann",), ("Bob",)]
    with pytest.raises(DBAPIError, match="current transaction is aborted"):
        postgres.run(inside())
