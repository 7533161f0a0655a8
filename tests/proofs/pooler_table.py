"""Ways to write an engine that works behind a pooler in transaction mode, and what was seen to become of its prepared statements.

The rows are those of the tables in the documentation of SL501. Each is written once, as source: a client of the pooler runs it,
and the rule reads it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Outcome = Literal["lost", "unnamed", "refused", "survives"]
"""``lost``: sessions fail, for a statement is not there, or one of its name is already; ``unnamed``: the statement without a name is not
there; ``refused``: the driver does not take an argument; ``survives``: no session fails."""

# What the source of the rows uses, besides what it says itself.
PREAMBLE = '''\
from uuid import uuid4

import asyncpg
from sqlalchemy import create_engine
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool


class UniqueNames(asyncpg.Connection):
    """A connection that names prepared statements uniquely."""

    def _get_unique_id(self, prefix: str) -> str:
        return f"__asyncpg_{uuid4()}__"
'''
URL = "postgresql+asyncpg://app@pgbouncer:6432/app"

STATEMENTS_OFF = '"statement_cache_size": 0'
PREPARED_OFF = '"prepared_statement_cache_size": 0'
BOTH_OFF = f"{STATEMENTS_OFF}, {PREPARED_OFF}"
UNIQUE = '"prepared_statement_name_func": lambda: f"__asyncpg_{uuid4()}__"'
NULL_POOL = ", poolclass=NullPool"
AUTOCOMMIT = ', isolation_level="AUTOCOMMIT"'


@dataclass(frozen=True, slots=True)
class Row:
    """A way to write an engine.

    Args:
        title: its row of the documentation's table.
        call: the call that makes it.
        newer: what becomes of its statements with asyncpg 0.31 and later, or whichever psycopg.
        older: with asyncpg before 0.31.
        oldest: with asyncpg before 0.28; None: as ``older``.
    """

    title: str
    call: str
    newer: Outcome
    older: Outcome
    oldest: Outcome | None = None

    def outcome(self, *, asyncpg: tuple[int, int], sqlalchemy: tuple[int, int]) -> Outcome:
        """What becomes of its statements with these versions."""
        if sqlalchemy < (2, 0) and "prepared_statement_name_func" in self.call:
            return "refused"
        if asyncpg >= (0, 31):
            return self.newer
        return self.oldest or self.older if asyncpg < (0, 28) else self.older


def _asyncpg(
    title: str,
    connect_args: str,
    others: str = "",
    *,
    newer: Outcome,
    older: Outcome,
    oldest: Outcome | None = None,
    query: str = "",
) -> Row:
    arguments = f", connect_args={{{connect_args}}}" if connect_args else ""
    return Row(title, f'create_async_engine("{URL}{query}"{arguments}{others})', newer, older, oldest)


def _psycopg(title: str, maker: str, driver: str, arguments: str, outcome: Outcome) -> Row:
    return Row(title, f'{maker}("{URL.replace("asyncpg", driver)}"{arguments})', outcome, outcome)


ASYNCPG = (
    _asyncpg("none", "", newer="lost", older="lost"),
    _asyncpg("`NullPool`", "", NULL_POOL, newer="lost", older="lost"),
    _asyncpg("`statement_cache_size=0`", STATEMENTS_OFF, newer="survives", older="lost"),
    _asyncpg("`statement_cache_size=0`, `NullPool`", STATEMENTS_OFF, NULL_POOL, newer="survives", older="lost"),
    _asyncpg("`prepared_statement_cache_size=0`", PREPARED_OFF, newer="lost", older="lost"),
    _asyncpg("both", BOTH_OFF, newer="survives", older="lost"),
    _asyncpg("both, `NullPool`", BOTH_OFF, NULL_POOL, newer="survives", older="lost"),
    _asyncpg(
        "both, the second in the URL",
        STATEMENTS_OFF,
        newer="survives",
        older="lost",
        query="?prepared_statement_cache_size=0",
    ),
    _asyncpg("name function", UNIQUE, newer="lost", older="lost"),
    _asyncpg("name function, `NullPool`", UNIQUE, NULL_POOL, newer="survives", older="lost"),
    _asyncpg("name function, `statement_cache_size=0`", f"{STATEMENTS_OFF}, {UNIQUE}", newer="lost", older="lost"),
    _asyncpg(
        "name function, `prepared_statement_cache_size=0`", f"{PREPARED_OFF}, {UNIQUE}", newer="survives", older="lost"
    ),
    _asyncpg("name function and both", f"{BOTH_OFF}, {UNIQUE}", newer="survives", older="survives"),
    _asyncpg(
        "name function and both, `NullPool`", f"{BOTH_OFF}, {UNIQUE}", NULL_POOL, newer="survives", older="survives"
    ),
    _asyncpg(
        "`connection_class` that names uniquely, and both",
        f'{BOTH_OFF}, "connection_class": UniqueNames',
        newer="survives",
        older="survives",
    ),
    _asyncpg("name function and both, `AUTOCOMMIT`", f"{BOTH_OFF}, {UNIQUE}", AUTOCOMMIT, newer="lost", older="lost"),
    _asyncpg("both, `AUTOCOMMIT`", BOTH_OFF, AUTOCOMMIT, newer="survives", older="lost"),
    _asyncpg(
        'name function that gives `""`, and both',
        f'{BOTH_OFF}, "prepared_statement_name_func": lambda: ""',
        newer="survives",
        older="survives",
        oldest="unnamed",
    ),
    _asyncpg(
        "`execution_options` alone: `raw_sql`, `no_prepare`, `statement_cache_size=0`",
        "",
        ', execution_options={"raw_sql": True, "no_prepare": True, "statement_cache_size": 0}',
        newer="lost",
        older="lost",
    ),
)
PSYCOPG = (
    _psycopg("none", "create_async_engine", "psycopg", "", "lost"),
    _psycopg(
        "`prepare_threshold=0`",
        "create_async_engine",
        "psycopg",
        ', connect_args={"prepare_threshold": 0}',
        "lost",
    ),
    _psycopg(
        "`prepare_threshold=None`",
        "create_async_engine",
        "psycopg",
        ', connect_args={"prepare_threshold": None}',
        "survives",
    ),
    _psycopg("`NullPool`", "create_async_engine", "psycopg", NULL_POOL, "survives"),
    _psycopg("psycopg2, none", "create_engine", "psycopg2", "", "survives"),
)
ROWS = {row.call: row for row in (*ASYNCPG, *PSYCOPG)}
