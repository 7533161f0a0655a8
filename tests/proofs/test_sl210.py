"""SL210: a pooled connection of one event loop does not work in the next."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from harness import Database, caught_warnings
from sqlalchemy import text
from sqlalchemy.exc import InterfaceError

# A coroutine of the driver is left in a loop that is gone; it is collected whenever that may be.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")


@pytest.fixture
def orders(postgres: Database) -> Database:
    """One order."""
    postgres.execute("CREATE TABLE orders (number INTEGER PRIMARY KEY)", "INSERT INTO orders (number) VALUES (1)")
    return postgres


def test_the_second_loop_meets_the_connection_of_the_first(orders: Database) -> None:
    program = orders.load("SL210", "Example")
    assert asyncio.run(program.count_rows("orders")) == 1
    with caught_warnings():
        message = _failure(program)
        # What the two loops left behind goes before the test ends.
        orders.run(_nothing())
        orders.async_engines.clear()
        program.engine = None
    assert "attached to a different loop" in message or "another operation is in progress" in message


def test_without_a_pool_every_loop_has_its_own(orders: Database) -> None:
    program = orders.load("SL210", "Use instead")
    assert program.report(["orders", "orders", "orders"]) == [1, 1, 1]


def test_so_it_does_when_each_loop_disposes_of_the_pool(orders: Database) -> None:
    engine = orders.async_engine()

    async def work() -> None:
        try:
            async with engine.connect() as connection:
                await connection.execute(text("SELECT 1"))
        finally:
            await engine.dispose()

    for _ in range(3):
        asyncio.run(work())
    assert orders.connected() == 0


def _failure(program: Any) -> str:
    with pytest.raises((RuntimeError, InterfaceError)) as failure:
        program.report(["orders"])
    return str(failure.value)


async def _nothing() -> None:
    """A scenario of which only the end matters."""
