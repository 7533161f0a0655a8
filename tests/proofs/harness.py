"""Runs the examples of a rule's documentation against a real database.

A proof loads ``Example`` or ``Use instead`` of a rule as a module, calls it, and asserts what became of the data:

    def test_the_commit_stays(sqlite: Database) -> None:
        sqlite.execute("CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT)")
        program = sqlite.load("SL302", "Example")

        async def scenario() -> None:
            async with AsyncSession(sqlite.async_engine()) as session:
                await program.rename(session, 1, "Ann")
                await session.rollback()

        sqlite.run(scenario())
        assert sqlite.rows("SELECT name FROM users") == [("Ann",)]

Engines that an example makes reach the proof's database, whatever address the example names; all other arguments stay.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import inspect
import itertools
import sys
import threading
import warnings
from collections.abc import Coroutine, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any, TypeVar
from unittest import mock

import httpx
import sqlalchemy
from fastapi import APIRouter, FastAPI
from rule_docs import example
from sqlalchemy import Engine, NullPool, event, text
from sqlalchemy.ext import asyncio as sqlalchemy_asyncio
from sqlalchemy.ext.asyncio import AsyncEngine
from sqlalchemy.orm import close_all_sessions
from sqlalchemy.util import greenlet_spawn

from session_lint.rules.registry import load_rules

T = TypeVar("T")

# Long enough for a slow machine; a proof that reaches it hangs.
TIMEOUT = 20.0
# How long SQLite waits for another connection's lock, in milliseconds.
_SQLITE_PATIENCE = 300
# How long PostgreSQL waits for a connection that it ends, in milliseconds (since PostgreSQL 14).
_SERVER_PATIENCE = 5000

_serial = itertools.count()
_make_engine = sqlalchemy.create_engine
_make_async_engine = sqlalchemy_asyncio.create_async_engine


class Database:
    """One database for one test: engines that reach it, examples that run on it, and what is stored in it.

    Args:
        url: for sync engines.
        async_url: for async engines.
        observer: where ``execute`` and ``rows`` connect, if not to ``url``: past a connection pooler.
    """

    def __init__(self, url: str, async_url: str, observer: str | None = None) -> None:
        self.url = url
        self.async_url = async_url
        self.engines: list[Engine] = []
        self.async_engines: list[AsyncEngine] = []
        self._records: list[Any] = []
        self._drivers: list[Any] = []
        self._cleanup = ExitStack()
        self._observer = _make_engine(observer or url, poolclass=NullPool)

    def engine(self, **arguments: Any) -> Engine:
        """A sync engine, disposed of after the test."""
        made = _make_engine(self.url, **arguments)
        self.engines.append(self._watched(made))
        return made

    def async_engine(self, **arguments: Any) -> AsyncEngine:
        """An async engine, disposed of at the end of ``run``."""
        made = _make_async_engine(self.async_url, **arguments)
        self._watched(made.sync_engine)
        self.async_engines.append(made)
        return made

    def _watched(self, engine: Engine) -> Engine:
        @event.listens_for(engine, "connect")
        def connected(connection: Any, record: Any) -> None:
            self._records.append(record)
            self._drivers.append(record.driver_connection)
            if engine.dialect.name == "sqlite":
                cursor = connection.cursor()
                cursor.execute(f"PRAGMA busy_timeout = {_SQLITE_PATIENCE}")
                cursor.execute("PRAGMA foreign_keys = ON")
                cursor.close()

        return engine

    def checked_out(self) -> int:
        """How many connections the engines' pools have given out and not got back."""
        return sum(pool.checkedout() for pool in self._pools())

    def connected(self) -> int:
        """How many connections the engines' pools have, given out or not."""
        return sum(pool.checkedout() + pool.checkedin() for pool in self._pools())

    def _pools(self) -> list[Any]:
        return [engine.pool for engine in (*self.engines, *(engine.sync_engine for engine in self.async_engines))]

    def execute(self, *statements: str) -> None:
        """Run statements on a connection of their own, and commit."""
        with self._observer.begin() as connection:
            for statement in statements:
                connection.execute(text(statement))

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """What another connection sees."""
        with self._observer.connect() as connection:
            return [tuple(row) for row in connection.execute(text(query))]

    def load(self, code: str, title: str, **names: Any) -> Any:
        """A section of a rule's documentation, ``Example`` or ``Use instead``, as a module that uses this database.

        ``names`` are set in the module before it runs.
        """
        (rule,) = (rule for rule in load_rules() if rule.code == code)
        return self.module(example(rule.docs, title), **names)

    def module(self, source: str, **names: Any) -> Any:
        """A module of this source that uses this database; the module lives as long as the test."""
        module = ModuleType(f"proof_{next(_serial)}")
        module.__dict__.update(names)
        # Declarative classes look themselves up by the name of their module.
        sys.modules[module.__name__] = module
        self._cleanup.callback(sys.modules.pop, module.__name__)
        with (
            mock.patch.object(sqlalchemy, "create_engine", lambda url, **rest: self.engine(**rest)),
            mock.patch.object(sqlalchemy_asyncio, "create_async_engine", lambda url, **rest: self.async_engine(**rest)),
        ):
            exec(compile(source, f"<{module.__name__}>", "exec"), module.__dict__)  # the project's own documentation
        return module

    def run(self, scenario: Coroutine[Any, Any, T], *, seconds: float = TIMEOUT) -> T:
        """Run a coroutine in an event loop of its own; whatever it leaves open is closed before the loop ends.

        Raises:
            TimeoutError: it took too long.
        """

        async def bounded() -> T:
            try:
                return await asyncio.wait_for(scenario, seconds)
            finally:
                await self._close_async()

        return asyncio.run(bounded())

    async def _close_async(self) -> None:
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)
        with warnings.catch_warnings():
            # Leaks are what many proofs are about: the proof has seen them by now.
            warnings.simplefilter("ignore")
            with contextlib.suppress(Exception):
                await sqlalchemy_asyncio.close_all_sessions()
            gc.collect()
            for record in self._records:
                with contextlib.suppress(Exception):
                    await greenlet_spawn(_hand_back, record)
            for engine in self.async_engines:
                await engine.dispose()
            for driver in self._drivers:
                await _closed(driver)
            await _without_workers()
        self._records.clear()
        self._drivers.clear()

    def close(self) -> None:
        """Close whatever is still open."""
        with warnings.catch_warnings(), contextlib.suppress(Exception):
            warnings.simplefilter("ignore")
            close_all_sessions()
            gc.collect()
        for record in self._records:
            _hand_back(record)
        for engine in (*self.engines, self._observer):
            engine.dispose()
        self._cleanup.close()


async def _closed(driver: Any) -> None:
    with contextlib.suppress(Exception):
        pending = driver.close()
        if inspect.isawaitable(pending):
            await asyncio.wait_for(pending, 1)
    # aiosqlite has a thread for each connection, which reports to the loop once more after a `stop()`.
    thread = getattr(driver, "_thread", None)
    for _ in range(1000):
        if thread is None or not thread.is_alive():
            break
        await asyncio.sleep(0.001)


async def _without_workers() -> None:
    """Wait for the threads of connections that were given up while they were made, which report to the loop too."""
    for _ in range(2000):
        if not any("_connection_worker_thread" in thread.name for thread in threading.enumerate()):
            break
        await asyncio.sleep(0.001)


def _hand_back(record: Any) -> None:
    if record.in_use:
        record.checkin()


def sqlite_database(folder: Path) -> Database:
    """An empty SQLite file. Its pools count like those of a server, which the pool of an in-memory database does not."""
    path = folder / "proof.sqlite"
    database = Database(f"sqlite:///{path}", f"sqlite+aiosqlite:///{path}")
    database.rows("PRAGMA journal_mode = WAL")  # readers do not wait for writers, as on a server
    return database


def server_database(address: str, observer: str | None = None) -> Database:
    """An emptied database on PostgreSQL.

    Args:
        address: ``postgresql://user@host:port/name``.
        observer: the address for looking from outside, if it is another.
    """
    sync, asynchronous = ("postgresql+psycopg", "postgresql+asyncpg")
    database = Database(
        with_driver(address, sync), with_driver(address, asynchronous), with_driver(observer or address, sync)
    )
    # Waits until they are gone: PgBouncer would else give a client a connection that is about to end.
    database.execute(
        f"SELECT pg_terminate_backend(pid, {_SERVER_PATIENCE}) FROM pg_stat_activity "
        "WHERE datname = current_database() AND pid <> pg_backend_pid()",
        "DROP SCHEMA public CASCADE",
        "CREATE SCHEMA public",
    )
    return database


def with_driver(address: str, driver: str) -> str:
    """A server's address as a URL of SQLAlchemy."""
    return f"{driver}://{address.partition('://')[2]}"


@contextmanager
def caught_warnings() -> Iterator[list[str]]:
    """The text of all warnings that come up inside, those of objects that are garbage by the end included."""
    messages: list[str] = []
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            yield messages
        finally:
            gc.collect()
            messages += [str(warning.message) for warning in caught]


def application(*routers: APIRouter) -> FastAPI:
    """An application of the routers that an example defines."""
    app = FastAPI()
    for router in routers:
        app.include_router(router)
    return app


def client(app: FastAPI) -> httpx.AsyncClient:
    """A client of the application, in the same event loop.

    It gets a 500 where a handler raises, as over the network, and returns once background tasks and dependencies are done.
    """
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    return httpx.AsyncClient(transport=transport, base_url="http://proof")


def messages(error: BaseException) -> Sequence[str]:
    """The messages of an exception and of those that caused it."""
    chain: list[str] = []
    link: BaseException | None = error
    while link is not None:
        chain.append(str(link))
        link = link.__cause__ or link.__context__
    return chain
