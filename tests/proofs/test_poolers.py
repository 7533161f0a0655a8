"""Which settings of an engine survive a pooler in transaction mode, where each transaction may run on another server connection.

Four processes open 30 sessions each on three server connections. Which settings there are, and what becomes of them, is in
``pooler_table``: here each of its rows runs on each release that it is about, and the rule and its documentation are held to it.
"""

from __future__ import annotations

import itertools
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from harness import server_database
from pooler_table import ASYNCPG, PREAMBLE, PSYCOPG, Outcome, Row
from rule_docs import sections

from session_lint.cli import main
from session_lint.rules.registry import load_rules

CLIENTS = 4
CLIENT = Path(__file__).with_name("pooler_client.py")
# In how many rounds a row that loses statements has to lose one: in most of them about every third session fails, in none fewer than
# every twentieth.
ROUNDS = 5

DRIVER = r"(?:\(.+\) )?(?:<class '.+'>: )?"
LOST = re.compile(rf'{DRIVER}prepared statement "(?:__asyncpg|_pg3)_[\w-]+" (?:does not exist|already exists)')
UNNAMED = re.compile(rf"{DRIVER}unnamed prepared statement does not exist")
REFUSED = re.compile(r"connect\(\) got an unexpected keyword argument 'prepared_statement_name_func'")
ERRORS: dict[Outcome, tuple[re.Pattern[str], set[str]]] = {
    "lost": (
        LOST,
        {
            "sqlalchemy.exc.ProgrammingError",
            "sqlalchemy.exc.DBAPIError",
            # At connect, where SQLAlchemy does not translate them.
            "asyncpg.exceptions.DuplicatePreparedStatementError",
            "asyncpg.exceptions.InvalidSQLStatementNameError",
        },
    ),
    "unnamed": (UNNAMED, {"sqlalchemy.exc.DBAPIError"}),
    "refused": (REFUSED, {"builtins.TypeError"}),
}


@dataclass(frozen=True, slots=True)
class Release:
    """Libraries to run with.

    Args:
        pins: those that are not the installed ones.
        newest_python: the last version of Python that there are wheels for.
    """

    pins: str = ""
    newest_python: tuple[int, int] = (3, 99)

    def __str__(self) -> str:
        return self.pins or "installed"


RELEASES = (
    Release(),
    Release("asyncpg==0.31.0", (3, 14)),
    Release("asyncpg==0.30.0", (3, 13)),
    Release("asyncpg==0.29.0", (3, 12)),
    Release("asyncpg==0.28.0", (3, 11)),
    Release("asyncpg==0.27.0", (3, 11)),
    Release("sqlalchemy==2.0.58"),
    Release("sqlalchemy==2.0.58 asyncpg==0.30.0", (3, 13)),
    Release("sqlalchemy==1.4.54", (3, 12)),
)

Errors = list[tuple[str, str]]


class Clients:
    """Processes that open sessions on the same engine at once, on fresh server connections."""

    def __init__(self, pooler: str, server: str, path: Path | None) -> None:
        self._server = server
        self._clients = [
            subprocess.Popen(
                [sys.executable, "-W", "ignore", CLIENT, pooler],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                text=True,
                env={**os.environ, "PYTHONPATH": str(path or "")},
            )
            for _ in range(CLIENTS)
        ]
        versions = [_numbers(version) for version in self._answers()[0]]
        self.asyncpg, self.sqlalchemy = versions

    def errors(self, row: Row) -> Errors:
        """What goes wrong with the engine of this row."""
        server_database(self._server).close()
        for client in self._clients:
            assert client.stdin is not None
            client.stdin.write(row.call + "\n")
            client.stdin.flush()
        return [(name, message) for name, message in itertools.chain.from_iterable(self._answers())]

    def _answers(self) -> list[Any]:
        return [json.loads(client.stdout.readline()) for client in self._clients if client.stdout is not None]

    def close(self) -> None:
        """End the processes."""
        for client in self._clients:
            client.communicate()


def _numbers(version: str) -> tuple[int, int]:
    major, minor = version.split(".")[:2]
    return int(major), int(minor)


@pytest.fixture(scope="module", params=RELEASES, ids=str)
def clients(
    request: pytest.FixtureRequest,
    pgbouncer_address: str,
    postgres_address: str,
    releases: Callable[[str], Path],
) -> Iterator[Clients]:
    """Clients of PgBouncer in transaction mode, for each release."""
    release: Release = request.param
    if sys.version_info[:2] > release.newest_python:
        pytest.skip(f"there are no wheels of {release.pins} for this version of Python")
    made = Clients(pgbouncer_address, postgres_address, releases(release.pins) if release.pins else None)
    yield made
    made.close()


@pytest.fixture(scope="module")
def tracked_clients(tracking_pgbouncer_address: str, postgres_address: str) -> Iterator[Clients]:
    """Clients of a PgBouncer that keeps track of prepared statements."""
    made = Clients(tracking_pgbouncer_address, postgres_address, None)
    yield made
    made.close()


def _has(errors: Errors, outcome: Outcome) -> bool:
    pattern, names = ERRORS[outcome]
    return any(name in names and pattern.match(message) for name, message in errors)


@pytest.mark.parametrize("row", ASYNCPG, ids=lambda row: row.title)
def test_what_becomes_of_statements_of_asyncpg(clients: Clients, row: Row) -> None:
    outcome = row.outcome(asyncpg=clients.asyncpg, sqlalchemy=clients.sqlalchemy)
    if outcome == "survives":
        assert clients.errors(row) == []
    else:
        assert any(_has(clients.errors(row), outcome) for _ in range(ROUNDS))


@pytest.mark.parametrize("clients", [Release()], ids=str, indirect=True)
@pytest.mark.parametrize("row", PSYCOPG, ids=lambda row: row.title)
def test_what_becomes_of_statements_of_psycopg(clients: Clients, row: Row) -> None:
    if row.newer == "survives":
        assert clients.errors(row) == []
    else:
        assert any(_has(clients.errors(row), row.newer) for _ in range(ROUNDS))


@pytest.mark.parametrize("clients", [Release()], ids=str, indirect=True)
def test_a_statement_is_missed_and_met(clients: Clients) -> None:
    messages = [message for _, message in clients.errors(ASYNCPG[0])]
    assert any(LOST.match(message) and message.endswith("does not exist") for message in messages)
    assert any(LOST.match(message) and message.endswith("already exists") for message in messages)


@pytest.mark.parametrize("row", [*ASYNCPG, *PSYCOPG], ids=lambda row: row.title)
def test_a_pooler_that_keeps_track_of_statements_loses_none(tracked_clients: Clients, row: Row) -> None:
    assert tracked_clients.errors(row) == []


def test_the_documentation_has_each_row_and_no_other() -> None:
    (rule,) = (rule for rule in load_rules() if rule.code == "SL501")
    text = sections(rule.docs)["Why is this bad?"]
    told = [
        [cell.strip() for cell in line.strip("|").split(" |")] for line in text.splitlines() if line.startswith("| ")
    ]
    by_asyncpg = {cells[0]: cells[1:] for cells in told if len(cells) == 3 and cells[0] not in ("arguments", "---")}
    by_psycopg = {cells[0]: cells[1:] for cells in told if len(cells) == 2 and cells[0] not in ("arguments", "---")}
    assert {title: [cell.startswith("0") for cell in cells] for title, cells in by_asyncpg.items()} == {
        row.title: [row.newer == "survives", row.older == "survives"] for row in ASYNCPG
    }
    assert {title: [cell.startswith("0") for cell in cells] for title, cells in by_psycopg.items()} == {
        row.title: [row.newer == "survives"] for row in PSYCOPG if "psycopg2" not in row.call
    }
    assert all(("before 0.28" in by_asyncpg[row.title][1]) is (row.oldest is not None) for row in ASYNCPG)


@pytest.mark.parametrize(
    ("pinned", "lost"),
    [
        ("asyncpg==0.32.0", [row.call for row in (*ASYNCPG, *PSYCOPG) if row.newer == "lost"]),
        ("asyncpg==0.30.0", [row.call for row in (*ASYNCPG, *PSYCOPG) if row.older == "lost"]),
        ("asyncpg", [row.call for row in (*ASYNCPG, *PSYCOPG) if row.newer == row.older == "lost"]),
    ],
)
def test_the_rule_reports_what_loses_statements(tmp_path: Path, pinned: str, lost: list[str]) -> None:
    engines = [f"engine_{number} = {row.call}" for number, row in enumerate((*ASYNCPG, *PSYCOPG))]
    (tmp_path / "pyproject.toml").write_text(f'[project]\nname = "app"\ndependencies = ["{pinned}"]\n')
    (tmp_path / "database.py").write_text("\n".join([PREAMBLE, *engines, ""]))
    arguments = ["check", "--root", str(tmp_path), "--select", "SL501", "--output-format", "json", str(tmp_path)]
    found = json.loads(CliRunner().invoke(main, [*arguments, "--exit-zero"], catch_exceptions=False).stdout)
    lines = (tmp_path / "database.py").read_text().splitlines()
    assert [lines[finding["location"]["row"] - 1].partition(" = ")[2] for finding in found] == lost
