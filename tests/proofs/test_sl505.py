"""SL505: a pool keeps connections to the pooler open that nobody uses."""

from __future__ import annotations

from contextlib import ExitStack

import pytest
from harness import Database
from sqlalchemy import event, text
from sqlalchemy.orm import Session


@pytest.mark.parametrize(("title", "kept"), [("Example", 5), ("Use instead", 0)])
def test_connections_that_stay_open(pgbouncer: Database, title: str, kept: int) -> None:
    engine = pgbouncer.load("SL505", title).make_engine()
    opened: list[object] = []
    closed: list[object] = []
    event.listen(engine, "connect", lambda connection, record: opened.append(connection))
    event.listen(engine, "close", lambda connection, record: closed.append(connection))
    with ExitStack() as stack:
        for count in range(8):
            session = stack.enter_context(Session(engine))
            if count < 3:  # the pooler has no more for those that work at the same time
                session.execute(text("SELECT 1"))
            else:
                session.connection()
    assert len(opened) == 8
    assert len(opened) - len(closed) == kept
