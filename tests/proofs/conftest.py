"""Databases for proofs: a file of SQLite always, PostgreSQL and PgBouncer where `tests/proofs/servers` has started them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from harness import Database, server_database, sqlite_database


@pytest.fixture
def sqlite(tmp_path: Path) -> Iterator[Database]:
    """An empty SQLite database in a file."""
    database = sqlite_database(tmp_path)
    yield database
    database.close()


@pytest.fixture(scope="session")
def postgres_address() -> str:
    """Where PostgreSQL listens."""
    return _server("SESSION_LINT_POSTGRES")


@pytest.fixture(scope="session")
def pgbouncer_address() -> str:
    """Where PgBouncer listens, in transaction mode, for the same database."""
    return _server("SESSION_LINT_PGBOUNCER")


@pytest.fixture
def postgres(postgres_address: str) -> Iterator[Database]:
    """An empty PostgreSQL database."""
    database = server_database(postgres_address)
    yield database
    database.close()


@pytest.fixture
def pgbouncer(pgbouncer_address: str, postgres_address: str) -> Iterator[Database]:
    """An empty PostgreSQL database behind PgBouncer; `execute` and `rows` go past PgBouncer."""
    database = server_database(pgbouncer_address, observer=postgres_address)
    yield database
    database.close()


def _server(variable: str) -> str:
    """The address of a server, from the environment; the test is skipped without one, or fails where servers are required."""
    address = os.environ.get(variable)
    if address:
        return address
    reason = f"needs a server: run it as `tests/proofs/servers python -m pytest`, which sets {variable}"
    if os.environ.get("SESSION_LINT_REQUIRE_SERVERS"):
        pytest.fail(reason)
    pytest.skip(reason)
