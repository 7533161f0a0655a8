"""SL306: what nobody commits is rolled back without an error, and the client sees a success."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from harness import Database, application, client
from sqlalchemy import text
from sqlalchemy.orm import Session, sessionmaker

ORDERS = "SELECT article FROM orders"


@pytest.fixture
def orders(sqlite: Database) -> Database:
    """No orders yet."""
    sqlite.execute("CREATE TABLE orders (id INTEGER PRIMARY KEY, article INTEGER)")
    return sqlite


async def status(database: Database, title: str) -> int:
    program = database.load("SL306", title)
    async with client(application(program.router)) as browser:
        return (await browser.post("/orders", params={"article": 7})).status_code


def test_the_client_sees_a_success_and_the_row_is_lost(orders: Database) -> None:
    assert orders.run(status(orders, "Example")) == 200
    assert orders.rows(ORDERS) == []


def test_with_a_block_the_row_is_written(orders: Database) -> None:
    assert orders.run(status(orders, "Use instead")) == 200
    assert orders.rows(ORDERS) == [(7,)]


@pytest.mark.parametrize(("ending", "rows"), [(lambda session: session.flush(), 0), (Session.commit, 1)])
def test_flush_alone_keeps_nothing(orders: Database, ending: Callable[[Session], None], rows: int) -> None:
    with sessionmaker(orders.engine())() as session:
        session.execute(text("INSERT INTO orders (article) VALUES (7)"))
        ending(session)
        assert session.scalar(text("SELECT count(*) FROM orders")) == 1
    assert len(orders.rows(ORDERS)) == rows
