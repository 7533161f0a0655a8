"""SL105: what runs on the engine runs in another transaction: it stays when the session's is undone, or waits for it."""

from __future__ import annotations

import pytest
from harness import Database
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

SHOP = (
    "CREATE TABLE orders (id INTEGER PRIMARY KEY, closed BOOLEAN)",
    "CREATE TABLE events (order_id INTEGER)",
    "INSERT INTO orders VALUES (1, false)",
)
CLOSED = "SELECT closed FROM orders"
EVENTS = "SELECT order_id FROM events"


def test_on_postgresql_half_of_the_work_stays(postgres: Database) -> None:
    postgres.execute(*SHOP)
    engine = postgres.engine()
    program = postgres.load("SL105", "Example")
    with Session(engine) as session:
        program.close_order(session, engine, 1)
        session.rollback()
    assert postgres.rows(CLOSED) == [(False,)]
    assert postgres.rows(EVENTS) == [(1,)]


def test_on_sqlite_the_program_waits_for_its_own_lock(sqlite: Database) -> None:
    sqlite.execute(*SHOP)
    engine = sqlite.engine()
    program = sqlite.load("SL105", "Example")
    with Session(engine) as session, pytest.raises(OperationalError, match="database is locked"):
        program.close_order(session, engine, 1)


def test_the_session_undoes_both(sqlite: Database) -> None:
    sqlite.execute(*SHOP)
    program = sqlite.load("SL105", "Use instead")
    with Session(sqlite.engine()) as session:
        program.close_order(session, 1)
        session.rollback()
    assert sqlite.rows(CLOSED) == [(0,)]
    assert sqlite.rows(EVENTS) == []


def test_the_session_commits_both(sqlite: Database) -> None:
    sqlite.execute(*SHOP)
    program = sqlite.load("SL105", "Use instead")
    with Session(sqlite.engine()) as session:
        program.close_order(session, 1)
        session.commit()
    assert sqlite.rows(CLOSED) == [(1,)]
    assert sqlite.rows(EVENTS) == [(1,)]
