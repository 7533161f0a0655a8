"""SL301: a service that begins cannot be called once its caller has used the session."""

from __future__ import annotations

import pytest
from harness import Database, application, client
from sqlalchemy import text
from sqlalchemy.exc import InvalidRequestError
from sqlalchemy.ext.asyncio import AsyncSession

NAMES = "SELECT name FROM users"


@pytest.fixture
def users(sqlite: Database) -> Database:
    """One user, Ann."""
    sqlite.execute("CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT)", "INSERT INTO users VALUES (1, 'Ann')")
    return sqlite


def rename_after_a_read(users: Database, title: str) -> None:
    program = users.load("SL301", title)

    async def scenario() -> None:
        async with AsyncSession(users.async_engine()) as session:
            await session.execute(text("SELECT 1"))
            await program.rename(session, 1, "Bob")
            await session.commit()

    users.run(scenario())


def test_begin_after_a_read_fails(users: Database) -> None:
    with pytest.raises(InvalidRequestError, match=r"^A transaction is already begun on this Session\."):
        rename_after_a_read(users, "Example")
    assert users.rows(NAMES) == [("Ann",)]


def test_a_service_that_leaves_the_transaction_alone_works(users: Database) -> None:
    rename_after_a_read(users, "Use instead")
    assert users.rows(NAMES) == [("Bob",)]


def test_the_router_commits(users: Database) -> None:
    program = users.load("SL301", "Use instead")

    async def scenario() -> None:
        async with client(application(program.router)) as http:
            assert (await http.put("/users/1/name", params={"name": "Bob"})).status_code == 200

    users.run(scenario())
    assert users.rows(NAMES) == [("Bob",)]
