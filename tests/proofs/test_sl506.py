"""SL506: what is set on a connection is met by another client, and missed by its own."""

from __future__ import annotations

import pytest
from harness import Database
from sqlalchemy import Connection, text
from sqlalchemy.orm import Session

ARGUMENTS = {"prepare_threshold": None}


def timeout(connection: Connection) -> str:
    shown: str = connection.scalar(text("SHOW statement_timeout"))
    connection.commit()
    return shown


@pytest.mark.parametrize(("title", "left"), [("Example", "5min"), ("Use instead", "0")])
def test_another_client_gets_the_setting_and_its_own_does_not(pgbouncer: Database, title: str, left: str) -> None:
    program = pgbouncer.load("SL506", title)
    one, other = (pgbouncer.engine(connect_args=ARGUMENTS).connect() for _ in range(2))
    with one, other:
        one.rollback()
        other.rollback()
        with Session(one) as session:
            program.monthly_report(session)
            session.commit()
        assert timeout(other) == left
        other.execute(text("SELECT 1"))  # now this client holds the connection
        assert timeout(one) == "0"
