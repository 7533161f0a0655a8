"""SL106: an engine for each call takes a connection for each call, which stays open after the session is closed."""

from __future__ import annotations

import pytest
from harness import Database, application, client


@pytest.fixture
def users(sqlite: Database) -> Database:
    """No users yet."""
    sqlite.execute("CREATE TABLE users (name TEXT)")
    return sqlite


def engines_and_connections(database: Database, title: str, requests: int) -> tuple[int, int]:
    """How many engines a section's program has made after some requests, and how many connections they hold idle."""
    program = database.load("SL106", title)
    app = application(program.router)

    async def scenario() -> None:
        async with client(app) as browser:
            for _ in range(requests):
                response = await browser.get("/users/count")
                assert (response.status_code, response.json()) == (200, 0)

    database.run(scenario())
    idle = sum(engine.pool.checkedin() for engine in database.engines)  # type: ignore[attr-defined]  # QueuePool has it
    return len(database.engines), idle


def test_every_request_leaves_an_engine_with_an_open_connection(users: Database) -> None:
    assert engines_and_connections(users, "Example", 10) == (10, 10)


def test_one_engine_serves_them_all_with_one_connection(users: Database) -> None:
    assert engines_and_connections(users, "Use instead", 10) == (1, 1)
