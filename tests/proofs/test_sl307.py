"""SL307: a commit an item keeps half of the work, costs a commit an item, and closes the cursor that a stream reads from."""

from __future__ import annotations

import pytest
from harness import Database
from sqlalchemy import event, text
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Session, sessionmaker

ARTICLES = "SELECT name FROM articles ORDER BY name"


@pytest.fixture
def articles(sqlite: Database) -> Database:
    """Articles whose names are unique."""
    sqlite.execute("CREATE TABLE articles (name TEXT UNIQUE)")
    return sqlite


def commits(database: Database, title: str, names: list[str]) -> int:
    """Run the example; gives how many transactions it committed."""
    program = database.load("SL307", title)
    engine = database.engine()
    seen: list[object] = []
    event.listen(engine, "commit", seen.append)
    program.import_articles(sessionmaker(engine), names)
    return len(seen)


@pytest.mark.parametrize(("title", "number"), [("Example", 3), ("Use instead", 1)])
def test_how_many_commits_it_takes(articles: Database, title: str, number: int) -> None:
    assert commits(articles, title, ["ink", "pen", "paper"]) == number
    assert articles.rows(ARTICLES) == [("ink",), ("paper",), ("pen",)]


@pytest.mark.parametrize(("title", "kept"), [("Example", [("ink",), ("pen",)]), ("Use instead", [])])
def test_what_an_error_in_the_middle_leaves(articles: Database, title: str, kept: list[tuple[str]]) -> None:
    with pytest.raises(IntegrityError):
        commits(articles, title, ["ink", "pen", "ink", "paper"])
    assert articles.rows(ARTICLES) == kept


def test_a_commit_closes_the_cursor_of_a_stream(postgres: Database) -> None:
    """PostgreSQL, since SQLite has no cursors that end with a transaction."""
    postgres.execute("CREATE TABLE drafts AS SELECT generate_series(1, 5000) AS number")

    async def scenario() -> None:
        async with AsyncSession(postgres.async_engine()) as session:
            async for _ in await session.stream(text("SELECT number FROM drafts")):
                await session.commit()

    errors = pytest.importorskip("asyncpg.exceptions")
    with pytest.raises(errors.NoActiveSQLTransactionError, match=r"^cursor cannot be created outside of a transaction"):
        postgres.run(scenario())


def test_yield_per_streams_too(postgres: Database) -> None:
    postgres.execute("CREATE TABLE drafts AS SELECT generate_series(1, 50) AS number")
    read = []

    def read_and_commit() -> None:
        with Session(postgres.engine()) as session:
            for (number,) in session.execute(text("SELECT number FROM drafts").execution_options(yield_per=2)):
                read.append(number)
                session.commit()

    with pytest.raises(DBAPIError):
        read_and_commit()
    assert len(read) < 50
