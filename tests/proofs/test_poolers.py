"""Which settings of an engine survive a pooler in transaction mode, where each transaction may run on another server connection.

Observed with four processes of 30 sessions each on three server connections, PgBouncer 1.18 and 1.25 with
``max_prepared_statements = 0``, SQLAlchemy 2.0 and 2.1, asyncpg 0.27 to 0.32. What runs here is the installed asyncpg, 0.31 or later.
Before 0.31 a statement has a name even with the statement cache off: there the only settings that survived were unique names with both
caches off, by ``prepared_statement_name_func`` or a connection class, and no names at all with both caches off (0.28 and later).

With ``max_prepared_statements = 200``, the default of later versions, PgBouncer 1.25 let all of the settings for asyncpg 0.32 work; the
one that runs here knows nothing of prepared statements, or is told not to.
"""

from __future__ import annotations

import itertools
import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from harness import server_database
from pooler_client import FAIL, SURVIVE

CLIENTS = 4
CLIENT = Path(__file__).with_name("pooler_client.py")

Load = Callable[[str], list[str]]


@pytest.fixture(scope="module")
def load(pgbouncer_address: str, postgres_address: str) -> Iterator[Load]:
    """Runs a configuration in several processes at once, on fresh server connections, and tells the errors."""
    clients = [
        subprocess.Popen(
            [sys.executable, "-W", "ignore", CLIENT, pgbouncer_address],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        for _ in range(CLIENTS)
    ]

    def run(configuration: str) -> list[str]:
        server_database(postgres_address).close()
        for client in clients:
            assert client.stdin is not None
            client.stdin.write(configuration + "\n")
            client.stdin.flush()
        answers = [client.stdout.readline() for client in clients if client.stdout is not None]
        return list(itertools.chain.from_iterable(json.loads(answer) for answer in answers))

    yield run
    for client in clients:
        client.communicate()


def test_asyncpg_s_defaults_run_into_statements_of_other_clients(load: Load) -> None:
    messages = " ".join(load("asyncpg: default"))
    assert 'prepared statement "__asyncpg_stmt_' in messages
    assert '__" already exists' in messages
    assert '__" does not exist' in messages


def test_psycopg_s_defaults_do_too(load: Load) -> None:
    assert any('prepared statement "_pg3_' in message for message in load("psycopg: default"))


@pytest.mark.parametrize("configuration", FAIL)
def test_settings_that_fail(load: Load, configuration: str) -> None:
    assert any("prepared statement" in message for message in load(configuration))


@pytest.mark.parametrize("configuration", SURVIVE)
def test_settings_that_survive(load: Load, configuration: str) -> None:
    assert load(configuration) == []
