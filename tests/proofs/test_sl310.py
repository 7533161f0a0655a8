"""SL310: on the installed FastAPI a commit after ``yield`` comes when the client has its 200."""

from __future__ import annotations

from typing import Any

import pytest
from fastapi import FastAPI
from harness import Database, application, client

EMAILS = "SELECT id, email FROM users"


@pytest.fixture
def users(sqlite: Database) -> Database:
    """One user, and no two of the same address."""
    sqlite.execute(
        "CREATE TABLE users (id INTEGER PRIMARY KEY, email TEXT UNIQUE)", "INSERT INTO users VALUES (1, 'ann')"
    )
    return sqlite


async def add(app: FastAPI, email: str) -> int:
    async with client(app) as browser:
        return (await browser.post("/users", params={"email": email})).status_code


def test_the_client_is_told_that_a_lost_row_was_written(users: Database) -> None:
    program = users.load("SL310", "Example")
    assert users.run(add(application(program.router), "ann")) == 200
    assert users.rows(EMAILS) == [(1, "ann")]


def test_the_response_is_sent_before_the_row_is_there(users: Database) -> None:
    program = users.load("SL310", "Example")
    app = application(program.router)
    seen: list[list[Any]] = []

    async def watched(scope: Any, receive: Any, send: Any) -> None:
        async def sending(message: Any) -> None:
            seen.append(users.rows(EMAILS))
            await send(message)

        await app(scope, receive, sending)

    assert users.run(add(watched, "bob")) == 200  # type: ignore[arg-type]  # any ASGI application
    assert seen == [[(1, "ann")], [(1, "ann")]]
    assert users.rows(EMAILS) == [(1, "ann"), (2, "bob")]


def test_ended_with_the_endpoint_the_failure_is_reported(users: Database) -> None:
    program = users.load("SL310", "Use instead")
    app = application(program.router)

    async def scenario() -> list[int]:
        return [await add(app, "ann"), await add(app, "bob")]

    assert users.run(scenario()) == [500, 200]
    assert users.rows(EMAILS) == [(1, "ann"), (2, "bob")]
