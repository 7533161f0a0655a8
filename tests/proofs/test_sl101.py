"""SL101: a session made on the spot does not see what its caller's session has flushed."""

from __future__ import annotations

import pytest
from harness import Database
from sqlalchemy import text
from sqlalchemy.orm import Session


@pytest.fixture
def orders(sqlite: Database) -> Database:
    """Orders of 10."""
    sqlite.execute("CREATE TABLE orders (total INTEGER)", "INSERT INTO orders VALUES (10)")
    return sqlite


def test_a_second_session_does_not_see_the_first_one_s_rows(orders: Database) -> None:
    engine = orders.engine()
    program = orders.load("SL101", "Example")
    with Session(engine) as session:
        session.execute(text("INSERT INTO orders VALUES (5)"))
        assert program.nightly_total(engine) == 10
        assert orders.checked_out() == 1


def test_the_session_that_is_handed_on_does(orders: Database) -> None:
    program = orders.load("SL101", "Use instead")
    with program.SessionLocal() as session:
        session.execute(text("INSERT INTO orders VALUES (5)"))
        assert program.nightly_total(session) == 15
