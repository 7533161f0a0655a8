"""SL305: begin() raises where a transaction is open, and what was to be written is not."""

from __future__ import annotations

import pytest
from harness import Database, application, client
from sqlalchemy.exc import InvalidRequestError
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

ALREADY_BEGUN = r"^A transaction is already begun on this Session\."
NAMES = "SELECT name FROM users"

# The dependency reads, and the endpoint gets the same session.
ENDPOINTS = """
from collections.abc import AsyncIterator

from fastapi import APIRouter, Depends
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine

engine = create_async_engine("postgresql+asyncpg://localhost/app")
make_session = async_sessionmaker(engine)
router = APIRouter()


async def get_session() -> AsyncIterator[AsyncSession]:
    async with make_session() as session:
        yield session


async def current_user(session: AsyncSession = Depends(get_session)) -> int:
    return await session.scalar(text("SELECT id FROM users"))


async def rename(session: AsyncSession) -> None:
    async with session.begin():
        await session.execute(text("UPDATE users SET name = 'Bea'"))


@router.post("/guarded")
async def guarded(user: int = Depends(current_user), session: AsyncSession = Depends(get_session)) -> None:
    await rename(session)


@router.post("/own")
async def own(
    user: int = Depends(current_user), session: AsyncSession = Depends(get_session, use_cache=False)
) -> None:
    await rename(session)


@router.post("/open")
async def open_to_all(session: AsyncSession = Depends(get_session)) -> None:
    await rename(session)
"""


@pytest.fixture
def users(sqlite: Database) -> Database:
    """One user, Ann."""
    sqlite.execute("CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT)", "INSERT INTO users VALUES (1, 'Ann')")
    return sqlite


async def rename(database: Database, title: str) -> None:
    program = database.load("SL305", title)
    await program.rename(async_sessionmaker(database.async_engine(), class_=AsyncSession), 1, "Bea")


def test_the_block_after_a_read_raises_and_nothing_is_written(users: Database) -> None:
    with pytest.raises(InvalidRequestError, match=ALREADY_BEGUN):
        users.run(rename(users, "Example"))
    assert users.rows(NAMES) == [("Ann",)]


def test_with_the_read_inside_the_block_the_row_is_written(users: Database) -> None:
    users.run(rename(users, "Use instead"))
    assert users.rows(NAMES) == [("Bea",)]


def test_add_alone_begins_a_transaction(users: Database) -> None:
    program = users.module(
        "from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column\n"
        "class Base(DeclarativeBase): ...\n"
        "class User(Base):\n"
        "    __tablename__ = 'users'\n"
        "    id: Mapped[int] = mapped_column(primary_key=True)\n"
        "    name: Mapped[str]\n"
    )

    async def scenario() -> None:
        async with AsyncSession(users.async_engine()) as session:
            session.add(program.User(name="Cid"))
            async with session.begin():
                await session.flush()

    with pytest.raises(InvalidRequestError, match=ALREADY_BEGUN):
        users.run(scenario())
    assert users.rows(NAMES) == [("Ann",)]


@pytest.mark.parametrize(
    ("path", "status", "name"), [("/guarded", 500, "Ann"), ("/own", 200, "Bea"), ("/open", 200, "Bea")]
)
def test_a_dependency_that_reads_opens_the_endpoint_s_transaction(
    users: Database, path: str, status: int, name: str
) -> None:
    program = users.module(ENDPOINTS)

    async def scenario() -> int:
        async with client(application(program.router)) as browser:
            return (await browser.post(path)).status_code

    assert users.run(scenario()) == status
    assert users.rows(NAMES) == [(name,)]
