"""SL304: a commit inside a begin block ends the transaction under the block."""

from __future__ import annotations

import pytest
from harness import Database
from sqlalchemy.exc import InvalidRequestError
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

ACCOUNTS = "CREATE TABLE accounts (id INTEGER PRIMARY KEY, balance INTEGER)"
BALANCES = "SELECT balance FROM accounts ORDER BY id"


@pytest.fixture
def accounts(sqlite: Database) -> Database:
    """Two accounts with 10 each."""
    sqlite.execute(ACCOUNTS, "INSERT INTO accounts VALUES (1, 10), (2, 10)")
    return sqlite


async def move(database: Database, title: str) -> None:
    program = database.load("SL304", title)
    await program.move(async_sessionmaker(database.async_engine(), class_=AsyncSession), 1, 2)


def test_the_second_half_fails_and_the_first_half_stays(accounts: Database) -> None:
    with pytest.raises(InvalidRequestError, match=r"^Can't operate on closed transaction inside context manager"):
        accounts.run(move(accounts, "Example"))
    assert accounts.rows(BALANCES) == [(9,), (10,)]


def test_without_the_commit_both_halves_are_written(accounts: Database) -> None:
    accounts.run(move(accounts, "Use instead"))
    assert accounts.rows(BALANCES) == [(9,), (11,)]
