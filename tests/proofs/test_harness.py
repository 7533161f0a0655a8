"""The harness: what a proof can see, and that nothing is left of it afterwards."""

from __future__ import annotations

import asyncio
import gc
import threading

import pytest
from harness import Database, caught_warnings
from sqlalchemy import text
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.ext.asyncio import AsyncSession


def test_an_engine_of_the_example_reaches_the_proof_s_database(sqlite: Database) -> None:
    sqlite.execute("CREATE TABLE users (name TEXT)", "INSERT INTO users VALUES ('Ann')")
    program = sqlite.module(
        "from sqlalchemy import create_engine, text\n"
        "engine = create_engine('postgresql+psycopg2://localhost/shop', pool_size=1, max_overflow=0, pool_timeout=0.1)\n"
        "def names(connection):\n"
        "    return connection.execute(text('SELECT name FROM users')).scalars().all()\n"
    )
    with program.engine.connect() as connection:
        assert program.names(connection) == ["Ann"]
        assert sqlite.checked_out() == 1
        with pytest.raises(PoolTimeoutError, match=r"^QueuePool limit of size 1 overflow 0 reached"):
            program.engine.connect()
    assert sqlite.checked_out() == 0


def test_mapped_classes_of_an_example_find_themselves(sqlite: Database) -> None:
    program = sqlite.module(
        "from __future__ import annotations\n"
        "from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship\n"
        "from sqlalchemy import ForeignKey\n"
        "class Base(DeclarativeBase): pass\n"
        "class Post(Base):\n"
        "    __tablename__ = 'posts'\n"
        "    id: Mapped[int] = mapped_column(primary_key=True)\n"
        "    user_id: Mapped[int] = mapped_column(ForeignKey('users.id'))\n"
        "class User(Base):\n"
        "    __tablename__ = 'users'\n"
        "    id: Mapped[int] = mapped_column(primary_key=True)\n"
        "    posts: Mapped[list[Post]] = relationship()\n"
    )
    engine = sqlite.engine()
    program.Base.metadata.create_all(engine)
    assert sqlite.rows("SELECT count(*) FROM posts") == [(0,)]


def test_a_coroutine_that_nobody_awaits_is_caught(sqlite: Database) -> None:
    async def scenario() -> None:
        async with AsyncSession(sqlite.async_engine()) as session:
            session.commit()  # type: ignore[unused-coroutine]  # what is to be caught

    with caught_warnings() as warned:
        sqlite.run(scenario())
    assert any("was never awaited" in message for message in warned)


def test_a_session_that_is_dropped_is_caught_by_the_garbage_collector(sqlite: Database) -> None:
    async def scenario() -> None:
        await AsyncSession(sqlite.async_engine()).execute(text("SELECT 1"))
        gc.collect()

    with caught_warnings() as warned:
        sqlite.run(scenario())
    assert any(message.startswith("The garbage collector is trying to clean up") for message in warned)


def test_what_a_proof_leaves_open_is_closed(sqlite: Database) -> None:
    before = threading.active_count()
    kept: list[object] = []

    async def scenario() -> int:
        engine = sqlite.async_engine()
        session = AsyncSession(engine)
        await session.execute(text("SELECT 1"))
        connection = await engine.connect()
        kept.extend((session, connection, asyncio.create_task(asyncio.sleep(100))))
        return sqlite.checked_out()

    assert sqlite.run(scenario()) == 2
    kept.clear()
    gc.collect()
    assert threading.active_count() == before


def test_a_scenario_that_hangs_ends(sqlite: Database) -> None:
    with pytest.raises(asyncio.TimeoutError):
        sqlite.run(asyncio.sleep(100), seconds=0.05)


def test_another_connection_s_lock_is_not_waited_for_long(sqlite: Database) -> None:
    sqlite.execute("CREATE TABLE users (name TEXT)")
    one, two = sqlite.engine().connect(), sqlite.engine().connect()
    one.execute(text("INSERT INTO users VALUES ('Ann')"))
    with pytest.raises(Exception, match="database is locked"):
        two.execute(text("INSERT INTO users VALUES ('Bob')"))
