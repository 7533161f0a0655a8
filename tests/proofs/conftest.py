"""Databases for proofs: a file of SQLite always, PostgreSQL and PgBouncer where `tests/proofs/servers` has started them."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import NoReturn

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


@pytest.fixture(scope="session")
def tracking_pgbouncer_address() -> str:
    """Where a PgBouncer listens that keeps track of prepared statements."""
    return _server("SESSION_LINT_TRACKING_PGBOUNCER", required_by="SESSION_LINT_REQUIRE_RELEASES")


@pytest.fixture(scope="session")
def releases(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Gives a folder with releases of libraries, ``asyncpg==0.30.0``, to be put before what is installed."""

    @cache
    def folder(pins: str) -> Path:
        path = tmp_path_factory.mktemp("releases")
        install = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--only-binary", ":all:"]
        ended = subprocess.run([*install, "--target", path, *pins.split()], check=False, capture_output=True, text=True)
        if ended.returncode:
            _do_without(f"pip installs no {pins}: {ended.stderr.strip()}", "SESSION_LINT_REQUIRE_RELEASES")
        return path

    return folder


def _server(variable: str, required_by: str = "SESSION_LINT_REQUIRE_SERVERS") -> str:
    """The address of a server, from the environment; the test is skipped without one, or fails where it is required."""
    address = os.environ.get(variable)
    if not address:
        _do_without(
            f"needs a server: run it as `tests/proofs/servers python -m pytest`, which sets {variable}", required_by
        )
    return address


def _do_without(reason: str, required_by: str) -> NoReturn:
    if os.environ.get(required_by):
        pytest.fail(reason)
    pytest.skip(reason)
