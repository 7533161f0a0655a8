"""SL302: what a service commits stays, whatever becomes of the work it is part of."""

from __future__ import annotations

import pytest
from harness import Database, application, client
from sqlalchemy.exc import InvalidRequestError
from sqlalchemy.ext.asyncio import AsyncSession

NAMES = "SELECT name FROM users"


class NotAllowedError(Exception):
    """The caller's own."""


@pytest.fixture
def users(sqlite: Database) -> Database:
    """One user, Ann."""
    sqlite.execute("CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT)", "INSERT INTO users VALUES (1, 'Ann')")
    return sqlite


def rename_and_fail(users: Database, title: str) -> None:
    """A unit of work whose second half fails."""
    program = users.load("SL302", title)

    async def scenario() -> None:
        async with AsyncSession(users.async_engine()) as session, session.begin():
            await program.rename(session, 1, "Bob")
            raise NotAllowedError

    with pytest.raises(NotAllowedError):
        users.run(scenario())


def test_the_first_half_stays_when_the_second_one_fails(users: Database) -> None:
    rename_and_fail(users, "Example")
    assert users.rows(NAMES) == [("Bob",)]


def test_without_the_commit_both_are_undone(users: Database) -> None:
    rename_and_fail(users, "Use instead")
    assert users.rows(NAMES) == [("Ann",)]


def test_the_caller_s_block_fails_with_the_row_written(users: Database) -> None:
    program = users.load("SL302", "Example")

    async def scenario() -> None:
        async with AsyncSession(users.async_engine()) as session, session.begin():
            await program.rename(session, 1, "Bob")
            await program.rename(session, 1, "Cid")

    with pytest.raises(InvalidRequestError, match=r"^Can't operate on closed transaction inside context manager"):
        users.run(scenario())
    assert users.rows(NAMES) == [("Bob",)]


def test_the_router_commits(users: Database) -> None:
    program = users.load("SL302", "Use instead")

    async def scenario() -> None:
        async with client(application(program.router)) as http:
            assert (await http.put("/users/1/name", params={"name": "Bob"})).status_code == 200

    users.run(scenario())
    assert users.rows(NAMES) == [("Bob",)]
