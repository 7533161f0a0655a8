"""SL208: a session that is returned out of its block opens again, and nobody closes it."""

from __future__ import annotations

import pytest
from harness import Database
from sqlalchemy import text
from sqlalchemy.exc import InvalidRequestError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.orm import Session


def test_the_third_session_finds_the_pool_empty(sqlite: Database) -> None:
    program = sqlite.load("SL208", "Example")
    engine = sqlite.engine(pool_size=2, max_overflow=0, pool_timeout=0.2)
    opened = [program.open_session(engine) for _ in range(3)]
    for session in opened[:2]:
        session.execute(text("SELECT 1"))
    with pytest.raises(PoolTimeout, match=r"^QueuePool limit of size 2 overflow 0 reached"):
        opened[2].execute(text("SELECT 1"))
    assert sqlite.checked_out() == 2


def test_yielded_it_is_closed_after_use(sqlite: Database) -> None:
    program = sqlite.load("SL208", "Use instead")
    engine = sqlite.engine(pool_size=2, max_overflow=0, pool_timeout=0.2)
    for _ in range(3):
        with program.open_session(engine) as session:
            session.execute(text("SELECT 1"))
    assert sqlite.checked_out() == 0


def test_a_session_that_does_not_open_again_fails(sqlite: Database) -> None:
    with Session(sqlite.engine(), close_resets_only=False) as session:
        pass
    with pytest.raises(InvalidRequestError, match=r"^This Session has been permanently closed"):
        session.execute(text("SELECT 1"))
