"""SL209: coroutines that run at the same time get one session from a registry that goes by thread."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from harness import Database, caught_warnings
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession, async_scoped_session, async_sessionmaker
from sqlalchemy.orm import scoped_session

NUMBERS = "SELECT number FROM orders ORDER BY number"


@pytest.fixture
def orders(sqlite: Database) -> Database:
    """No orders yet."""
    sqlite.execute("CREATE TABLE orders (number INTEGER PRIMARY KEY)")
    return sqlite


def test_the_rollback_of_one_task_takes_the_row_of_another(orders: Database) -> None:
    program = orders.load("SL209", "Example")

    async def keep() -> None:
        await program.add_order(1)
        await asyncio.sleep(0.02)
        await program.finish()

    async def give_up() -> None:
        await program.add_order(2)
        await asyncio.sleep(0.01)
        await program.cancel()

    async def scenario() -> None:
        await asyncio.gather(asyncio.create_task(keep()), asyncio.create_task(give_up()))

    orders.run(scenario())
    assert orders.rows(NUMBERS) == []


def test_sessions_of_their_own_do_not_meet(orders: Database) -> None:
    program = orders.load("SL209", "Use instead")

    async def keep(session: AsyncSession) -> None:
        await asyncio.sleep(0.02)
        await program.add_order(session, 1)
        await program.finish(session)

    async def give_up(session: AsyncSession) -> None:
        await program.add_order(session, 2)
        await asyncio.sleep(0.01)
        await program.cancel(session)

    async def scenario() -> None:
        engine = orders.async_engine()
        async with AsyncSession(engine) as mine, AsyncSession(engine) as other:
            await asyncio.gather(asyncio.create_task(keep(mine)), asyncio.create_task(give_up(other)))

    orders.run(scenario())
    assert orders.rows(NUMBERS) == [(1,)]


@pytest.mark.parametrize("removes", [False, True])
def test_sessions_of_tasks_that_have_ended(sqlite: Database, *, removes: bool) -> None:
    async def work(registry: async_scoped_session[AsyncSession]) -> None:
        await registry.execute(text("SELECT 1"))
        if removes:
            await registry.remove()

    async def scenario() -> int:
        factory = async_sessionmaker(sqlite.async_engine())
        registry = async_scoped_session(factory, scopefunc=asyncio.current_task)
        for _ in range(4):
            await asyncio.create_task(work(registry))
        return sqlite.checked_out()

    assert sqlite.run(scenario()) == (0 if removes else 4)


def test_a_remove_that_is_not_awaited(sqlite: Database) -> None:
    async def scenario() -> int:
        factory = async_sessionmaker(sqlite.async_engine())
        registry: Any = async_scoped_session(factory, scopefunc=asyncio.current_task)
        await registry.execute(text("SELECT 1"))
        registry.remove()
        return sqlite.checked_out()

    with caught_warnings() as warned:
        assert sqlite.run(scenario()) == 1
    assert any("coroutine 'async_scoped_session.remove' was never awaited" in message for message in warned)


def test_a_plain_registry_cannot_close_async_sessions(sqlite: Database) -> None:
    async def scenario() -> int:
        factory: Any = async_sessionmaker(sqlite.async_engine())
        registry = scoped_session(factory)
        held = registry()
        await held.execute(text("SELECT 1"))
        registry.remove()
        return sqlite.checked_out()

    with caught_warnings():
        assert sqlite.run(scenario()) == 1
