"""SL201: a session that nobody closes keeps its connection while anything refers to it."""

from __future__ import annotations

import gc

import pytest
from harness import Database, caught_warnings
from sqlalchemy import text
from sqlalchemy.exc import OperationalError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import sessionmaker


@pytest.fixture
def books(sqlite: Database) -> Database:
    """A table without rows."""
    sqlite.execute("CREATE TABLE books (title TEXT)")
    return sqlite


def count_what_is_not_there(database: Database, title: str) -> list[BaseException]:
    """Three calls that fail, with a pool of two; the exceptions, which hold what their frames held."""
    program = database.load("SL201", title)
    factory = sessionmaker(database.engine(pool_size=2, max_overflow=0, pool_timeout=0.2))
    errors: list[BaseException] = []
    for _ in range(3):
        try:
            program.count_rows(factory, "no_such_table")
        except SQLAlchemyError as error:
            errors.append(error)
    return errors


def test_the_third_failure_finds_the_pool_empty(books: Database) -> None:
    errors = count_what_is_not_there(books, "Example")
    assert [type(error) for error in errors] == [OperationalError, OperationalError, PoolTimeout]
    assert str(errors[2]).startswith("QueuePool limit of size 2 overflow 0 reached, connection timed out")
    assert books.checked_out() == 2


def test_with_a_block_every_failure_gives_its_connection_back(books: Database) -> None:
    errors = count_what_is_not_there(books, "Use instead")
    assert [type(error) for error in errors] == [OperationalError] * 3
    assert books.checked_out() == 0


def test_both_count_where_nothing_fails(books: Database) -> None:
    factory = sessionmaker(books.engine())
    for title in ("Example", "Use instead"):
        assert books.load("SL201", title).count_rows(factory, "books") == 0
    assert books.checked_out() == 0


def test_an_async_session_that_is_dropped_is_left_to_the_garbage_collector(books: Database) -> None:
    async def scenario() -> None:
        session = AsyncSession(books.async_engine())
        await session.execute(text("SELECT 1"))
        del session
        gc.collect()

    with caught_warnings() as messages:
        books.run(scenario())
    assert any(m.startswith("The garbage collector is trying to clean up non-checked-in connection") for m in messages)
