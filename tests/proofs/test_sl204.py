"""SL204: what one request does to a shared session happens to the others as well."""

from __future__ import annotations

import pytest
from harness import Database
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError, PendingRollbackError
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column

NUMBERS = "SELECT number FROM orders ORDER BY number"


@pytest.fixture
def orders(sqlite: Database) -> Database:
    """No orders yet."""
    sqlite.execute("CREATE TABLE orders (number INTEGER PRIMARY KEY)")
    return sqlite


def test_the_rollback_of_one_takes_the_row_of_the_other(orders: Database) -> None:
    shared = orders.load("SL204", "Example")
    shared.add_order(1)
    shared.cancel()  # another request
    shared.finish()
    assert orders.rows(NUMBERS) == []


def test_the_commit_of_one_writes_the_row_of_another_that_failed(orders: Database) -> None:
    shared = orders.load("SL204", "Example")
    shared.add_order(1)
    shared.finish()  # another request
    shared.cancel()
    assert orders.rows(NUMBERS) == [(1,)]


def test_one_failed_flush_fails_every_later_request(orders: Database) -> None:
    class Base(DeclarativeBase):
        pass

    class Order(Base):
        __tablename__ = "orders"
        number: Mapped[int] = mapped_column(primary_key=True)

    shared = Session(orders.engine())
    orders.execute("INSERT INTO orders (number) VALUES (1)")
    shared.add(Order(number=1))
    with pytest.raises(IntegrityError):
        shared.flush()
    with pytest.raises(PendingRollbackError, match=r"^This Session's transaction has been rolled back"):
        shared.execute(text(NUMBERS))


def test_sessions_of_their_own_do_not_meet(orders: Database) -> None:
    program = orders.load("SL204", "Use instead")
    with program.make_session() as mine, program.make_session() as other:
        program.add_order(mine, 1)
        program.cancel(other)
        program.finish(mine)
    assert orders.rows(NUMBERS) == [(1,)]
