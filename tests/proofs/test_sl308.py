"""SL308: an error that is swallowed leaves the transaction dead, and what is done in it then is lost or fails."""

from __future__ import annotations

import pytest
from harness import Database
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError, PendingRollbackError
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column

TAGS = ("CREATE TABLE tags (name TEXT UNIQUE)", "INSERT INTO tags VALUES ('known')")
NAMES = "SELECT name FROM tags ORDER BY name"


class Base(DeclarativeBase):
    pass


class Tag(Base):
    __tablename__ = "tags"

    name: Mapped[str] = mapped_column(primary_key=True)


async def import_tags(database: Database, title: str) -> None:
    program = database.load("SL308", title)
    make_session = async_sessionmaker(database.async_engine(), class_=AsyncSession)
    await program.import_tags(make_session, ["new", "known", "newer"])


def test_on_postgresql_one_bad_item_loses_all_others(postgres: Database) -> None:
    postgres.execute(*TAGS)
    with pytest.raises(Exception, match="current transaction is aborted"):
        postgres.run(import_tags(postgres, "Example"))
    assert postgres.rows(NAMES) == [("known",)]


def test_on_postgresql_a_swallowed_error_at_the_end_loses_everything_without_an_exception(postgres: Database) -> None:
    postgres.execute(*TAGS)
    program = postgres.load("SL308", "Example")
    make_session = async_sessionmaker(postgres.async_engine(), class_=AsyncSession)
    postgres.run(program.import_tags(make_session, ["new", "newer", "known"]))
    assert postgres.rows(NAMES) == [("known",)]


@pytest.mark.parametrize("server", ["sqlite", "postgres"])
def test_with_savepoints_the_others_are_written(server: str, request: pytest.FixtureRequest) -> None:
    database: Database = request.getfixturevalue(server)
    database.execute(*TAGS)
    database.run(import_tags(database, "Use instead"))
    assert database.rows(NAMES) == [("known",), ("new",), ("newer",)]


def test_after_a_failed_flush_the_session_refuses_to_go_on(sqlite: Database) -> None:
    sqlite.execute(*TAGS)
    with Session(sqlite.engine()) as session:
        session.execute(text("INSERT INTO tags VALUES ('before')"))
        session.add(Tag(name="known"))
        with pytest.raises(IntegrityError):
            session.flush()
        with pytest.raises(PendingRollbackError, match=r"^This Session's transaction has been rolled back"):
            session.execute(text("INSERT INTO tags VALUES ('after')"))
    assert sqlite.rows(NAMES) == [("known",)]
