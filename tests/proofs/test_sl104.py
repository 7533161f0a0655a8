"""SL104: what a driver's own connection wrote stays when the session's work is undone."""

from __future__ import annotations

import pytest
from harness import Database
from sqlalchemy.orm import Session

EVENTS = "SELECT order_id FROM events"
CLOSED = "SELECT closed FROM orders"


@pytest.fixture
def shop(postgres: Database) -> Database:
    """One open order."""
    postgres.execute(
        "CREATE TABLE orders (id INTEGER PRIMARY KEY, closed BOOLEAN)",
        "CREATE TABLE events (order_id INTEGER)",
        "INSERT INTO orders VALUES (1, false)",
    )
    return postgres


def test_the_event_of_an_order_that_was_never_closed_stays(shop: Database, postgres_address: str) -> None:
    program = shop.load("SL104", "Example")
    with Session(shop.engine()) as session:
        program.close_order(session, postgres_address, 1)
        session.rollback()
    assert shop.rows(CLOSED) == [(False,)]
    assert shop.rows(EVENTS) == [(1,)]


def test_one_session_undoes_both(shop: Database) -> None:
    program = shop.load("SL104", "Use instead")
    with Session(shop.engine()) as session:
        program.close_order(session, 1)
        session.rollback()
    assert shop.rows(CLOSED) == [(False,)]
    assert shop.rows(EVENTS) == []
