"""SL202: a loop over a provider that is left by `return` never reaches the provider's commit."""

from __future__ import annotations

import pytest
from harness import Database
from sqlalchemy import text
from sqlalchemy.exc import TimeoutError as PoolTimeout

NUMBERS = "SELECT number FROM orders"


@pytest.fixture
def orders(sqlite: Database) -> Database:
    """No orders yet."""
    sqlite.execute("CREATE TABLE orders (number INTEGER)")
    return sqlite


def test_the_row_is_lost_without_an_exception(orders: Database) -> None:
    assert orders.load("SL202", "Example").add_order(orders.engine(), 1) == 1
    assert orders.rows(NUMBERS) == []


def test_in_a_with_the_provider_commits(orders: Database) -> None:
    assert orders.load("SL202", "Use instead").add_order(orders.engine(), 1) == 1
    assert orders.rows(NUMBERS) == [(1,)]


def test_next_gives_a_closed_session_that_opens_again(orders: Database) -> None:
    program = orders.load("SL202", "Example")
    engine = orders.engine(pool_size=2, max_overflow=0, pool_timeout=0.2)
    opened = [next(program.get_session(engine)) for _ in range(3)]
    for session in opened[:2]:
        session.execute(text("SELECT 1"))
    with pytest.raises(PoolTimeout, match=r"^QueuePool limit of size 2 overflow 0 reached"):
        opened[2].execute(text("SELECT 1"))
