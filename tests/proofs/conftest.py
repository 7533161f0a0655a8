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


@pytest.fixture
def postgres() -> Iterator[Database]:
    """An empty PostgreSQL database."""
    database = server_database(server("SESSION_LINT_POSTGRES"))
    yield database
    database.close()


@pytest.fixture
def pgbouncer() -> Iterator[Database]:
    """An empty PostgreSQL database behind PgBouncer in transaction mode; `execute` and `rows` go past PgBouncer."""
    database = server_database(server("SESSION_LINT_PGBOUNCER"), observer=server("SESSION_LINT_POSTGRES"))
    yield database
    database.close()


def server(variable: str) -> str:
    """The address of a server, from the environment; the test is skipped without one, or fails where servers are required."""
    address = os.environ.get(variable)
    if address:
        return address
    reason = f"needs a server: run it as `tests/proofs/servers python -m pytest`, which sets {variable}"
    if os.environ.get("SESSION_LINT_REQUIRE_SERVERS"):
        pytest.fail(reason)
    pytest.skip(reason)
