"""SL103: a factory of one's own makes sessions that do not see what the caller's session has flushed."""

from __future__ import annotations

import pytest
from harness import Database
from sqlalchemy import text
from sqlalchemy.orm import Session

SUBSCRIBE = text("INSERT INTO contacts VALUES (true)")


@pytest.fixture
def contacts(sqlite: Database) -> Database:
    """One contact that subscribed."""
    sqlite.execute("CREATE TABLE contacts (subscribed BOOLEAN)", "INSERT INTO contacts VALUES (true)")
    return sqlite


def test_a_session_of_another_factory_does_not_see_the_new_contact(contacts: Database) -> None:
    engine = contacts.engine()
    program = contacts.load("SL103", "Example")
    with Session(engine) as session:
        session.execute(SUBSCRIBE)
        assert program.recipients(engine) == 1
        assert contacts.connected() == 2


def test_the_session_that_is_handed_on_does(contacts: Database) -> None:
    program = contacts.load("SL103", "Use instead")
    with program.SessionLocal() as session:
        session.execute(SUBSCRIBE)
        assert program.recipients(session) == 2
        assert contacts.connected() == 1
