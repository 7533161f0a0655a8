"""SL405: parts that do not fit fail when they are first used."""

from __future__ import annotations

import pytest
from harness import Database, caught_warnings
from sqlalchemy import create_engine
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, InvalidRequestError
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.ext.asyncio.exc import AsyncContextNotStarted
from sqlalchemy.orm import Session, sessionmaker

from session_lint.rules.pairing import SYNC_DRIVERS


@pytest.fixture
def users(sqlite: Database) -> Database:
    sqlite.execute("CREATE TABLE users (id INTEGER PRIMARY KEY)", "INSERT INTO users VALUES (1)")
    return sqlite


def test_a_sync_session_cannot_be_entered_asynchronously(users: Database) -> None:
    program = users.load("SL405", "Example")
    # Python 3.10 says `__aenter__` (AttributeError), later versions name the protocol (TypeError).
    with pytest.raises((TypeError, AttributeError), match=r"asynchronous context manager protocol|__aenter__"):
        users.run(program.count())


def test_an_async_factory_makes_async_sessions(users: Database) -> None:
    program = users.load("SL405", "Use instead")
    assert users.run(program.count()) == 1


def test_a_sync_session_cannot_use_an_async_engine(users: Database) -> None:
    async def scenario() -> None:
        with sessionmaker(users.async_engine())() as session:  # type: ignore[call-overload]
            session.connection()

    with caught_warnings(), pytest.raises(AsyncContextNotStarted):
        users.run(scenario())


def test_an_async_factory_refuses_a_sync_class(users: Database) -> None:
    async def scenario() -> None:
        async with async_sessionmaker(users.async_engine(), class_=Session)():
            pass

    with pytest.raises((TypeError, AttributeError)):
        users.run(scenario())


def test_an_async_session_refuses_a_sync_engine(users: Database) -> None:
    with pytest.raises(ArgumentError, match=r"^AsyncEngine expected, got Engine"):
        AsyncSession(users.engine())  # type: ignore[arg-type]


def test_an_async_engine_refuses_a_sync_driver() -> None:
    with pytest.raises(InvalidRequestError, match=r"^The asyncio extension requires an async driver"):
        create_async_engine("sqlite:///app.db")


@pytest.mark.parametrize("driver", sorted(SYNC_DRIVERS))
def test_the_drivers_are_sync(driver: str) -> None:
    assert not make_url(f"{driver}://").get_dialect().is_async


def test_version_2_refuses_autocommit() -> None:
    with pytest.raises(ArgumentError, match=r"^autocommit=True is no longer supported"):
        Session(create_engine("sqlite://"), autocommit=True)  # type: ignore[arg-type]


def test_version_2_has_no_subtransactions() -> None:
    with Session(create_engine("sqlite://")) as session, pytest.raises(TypeError, match="subtransactions"):
        session.begin(subtransactions=True)  # type: ignore[call-arg]
