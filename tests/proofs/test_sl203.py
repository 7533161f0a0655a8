"""SL203: an exception under an unguarded `yield` leaves the connection out; a handler without `raise` hides it."""

from __future__ import annotations

from contextlib import contextmanager

from harness import Database
from sqlalchemy import text
from sqlalchemy.exc import OperationalError


def fail_under(database: Database, title: str) -> BaseException:
    """The exception, which holds the frames that it came through, as a log or a middleware would."""
    program = database.load("SL203", title)
    try:
        with contextmanager(program.get_session)(database.engine()) as session:
            session.execute(text("SELECT * FROM no_such_table"))
    except OperationalError as error:
        return error
    raise AssertionError("the error was swallowed")


def test_the_connection_stays_out(sqlite: Database) -> None:
    error = fail_under(sqlite, "Example")
    assert sqlite.checked_out() == 1
    del error


def test_with_a_block_it_comes_back(sqlite: Database) -> None:
    error = fail_under(sqlite, "Use instead")
    assert sqlite.checked_out() == 0
    del error


def test_a_handler_without_raise_hides_the_error(sqlite: Database) -> None:
    program = sqlite.load("SL203", "Use instead")

    @contextmanager
    def swallowing():  # type: ignore[no-untyped-def]  # as it is written
        with contextmanager(program.get_session)(sqlite.engine()) as session:
            try:
                yield session
            except Exception:  # noqa: BLE001  # this is the fault
                session.rollback()

    with swallowing():
        raise LookupError
