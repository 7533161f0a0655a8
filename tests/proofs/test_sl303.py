"""SL303: the rollback of a service takes along what its caller has done, and the caller never learns."""

from __future__ import annotations

import pytest
from harness import Database
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

TAGS = "SELECT name FROM tags ORDER BY name"


@pytest.fixture(params=["sqlite", "postgres"])
def tags(request: pytest.FixtureRequest) -> Database:
    """A tag that is there already, and a table for the caller's own work."""
    database: Database = request.getfixturevalue(request.param)
    database.execute(
        "CREATE TABLE tags (name VARCHAR PRIMARY KEY)",
        "CREATE TABLE posts (title VARCHAR)",
        "INSERT INTO tags VALUES ('old')",
    )
    return database


def publish(tags: Database, title: str) -> None:
    """A post with two tags, one of which is there already; no exception reaches the caller."""
    program = tags.load("SL303", title)

    async def scenario() -> None:
        async with AsyncSession(tags.async_engine()) as session:
            await session.execute(text("INSERT INTO posts VALUES ('proofs')"))
            assert not await program.add_tag(session, "old")
            assert await program.add_tag(session, "new")
            await session.commit()

    tags.run(scenario())
    assert tags.rows(TAGS) == [("new",), ("old",)]


def test_the_caller_s_row_is_lost_without_an_exception(tags: Database) -> None:
    publish(tags, "Example")
    assert tags.rows("SELECT title FROM posts") == []


def test_a_savepoint_undoes_only_what_failed(tags: Database) -> None:
    publish(tags, "Use instead")
    assert tags.rows("SELECT title FROM posts") == [("proofs",)]
