"""SL502: an execution option that was copied for the sake of a pooler changes nothing for it."""

from __future__ import annotations

import pytest
from harness import Database
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

PREPARED = text("SELECT count(*) FROM pg_prepared_statements WHERE statement LIKE '%FROM jobs'")
# What the transaction of an UPDATE thinks of itself.
NOTE = """
    CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        INSERT INTO levels VALUES (current_setting('transaction_isolation'));
        RETURN NULL;
    END $$
"""
ISOLATION = (
    "CREATE TABLE levels (level VARCHAR)",
    NOTE,
    "CREATE TRIGGER note AFTER UPDATE ON jobs EXECUTE FUNCTION note()",
)


@pytest.fixture
def jobs(postgres: Database) -> Database:
    """One open job."""
    postgres.execute("CREATE TABLE jobs (closed BOOLEAN)", "INSERT INTO jobs VALUES (false)")
    return postgres


@pytest.mark.parametrize("title", ["Example", "Use instead"])
def test_the_statement_is_prepared_under_a_name_with_and_without_the_option(jobs: Database, title: str) -> None:
    program = jobs.load("SL502", title)

    async def scenario() -> None:
        async with AsyncSession(jobs.async_engine()) as session:
            assert await program.count_jobs(session) == 1
            assert await session.scalar(PREPARED) == 1

    jobs.run(scenario())


def test_an_isolation_level_that_is_set_at_the_start_of_a_transaction_holds(jobs: Database) -> None:
    jobs.execute(*ISOLATION)
    program = jobs.load("SL502", "Use instead")

    async def scenario() -> None:
        await program.close_day(async_sessionmaker(jobs.async_engine()))

    jobs.run(scenario())
    assert jobs.rows("SELECT closed FROM jobs") == [(True,)]
    assert jobs.rows("SELECT level FROM levels") == [("serializable",)]
