"""Which engines work through a connection pooler in transaction mode, with which driver, and whether their statements survive that."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise

from session_lint import ir
from session_lint.program import Program
from session_lint.program.dicts import Entry
from session_lint.program.engines import BuiltEngine, built_engines, is_session_pooler, leads_to_pooler
from session_lint.record import Record
from session_lint.traversal import expressions, path_to, subexpressions

_NAMED_DRIVER = re.compile(r"postgresql\+(\w+)")
_OTHER_DIALECT = re.compile(r"(?:mysql|mariadb|mssql|oracle|sqlite)\b")
_OTHER_SERVER = re.compile(r"(?:mysql|mariadb|mssql|oracle)\+\w+:")
_OTHER = "other"
_UNNAMED = (0, 31)  # asyncpg from here on prepares statements without a name when its cache is off


class PooledEngine(Record, frozen=True):
    """An engine behind a pooler in transaction mode.

    Args:
        driver: its driver for PostgreSQL; None: not known.
        is_certain: the settings say that there is such a pooler; else the URL's port hints at one.
    """

    engine: BuiltEngine
    driver: str | None
    is_certain: bool

    @property
    def why(self) -> str:
        """How the pooler is known."""
        return (
            'the settings say `pooler = "transaction"`'
            if self.is_certain
            else f"its URL names port {self.engine.url.port}"
        )


def pooled_engines(program: Program) -> Iterator[PooledEngine]:
    """The engines of PostgreSQL that a pooler in transaction mode is in front of."""
    is_certain = program.settings.pooler == "transaction"
    if program.settings.pooler == "session":
        return
    named: frozenset[str] | None = None
    for engine in built_engines(program):
        url = engine.url
        if url.dialect not in (None, "postgresql") or is_session_pooler(url) or _is_of_another_dialect(engine):
            continue
        hinted = url.dialect == "postgresql" and leads_to_pooler(url)
        if not hinted and (not is_certain or program.role(engine.unit) == "migration"):
            continue
        driver = _driver(program, engine)
        if url.driver is None or (url.dialect is None and driver is None):
            named = named_drivers(program) if named is None else named
            driver = _guessed(program, engine, named) if engine.is_async else None
            if driver is None:
                continue
        yield PooledEngine(engine, driver, is_certain)


def _driver(program: Program, engine: BuiltEngine) -> str | None:
    if engine.url.driver:
        return "psycopg" if engine.url.driver == "psycopg_async" else engine.url.driver
    version = version_of(program, "sqlalchemy")
    if engine.url.driver is None or version is None:
        return None
    return "psycopg" if version >= (2, 1) else "psycopg2"


def _guessed(program: Program, engine: BuiltEngine, named: frozenset[str]) -> str | None:
    """The driver of an async engine whose URL does not say it, where it can be no other."""
    possible = named & {"asyncpg", "psycopg"}
    is_other = engine.url.dialect is None and _OTHER in named
    if len(possible) != 1 or is_other or (engine.connect_args and "check_same_thread" in engine.connect_args):
        return None
    (driver,) = possible
    # Where both are installed, a URL of the one may become one of the other.
    return None if driver == "psycopg" and "asyncpg" in program.facts.versions else driver


def _is_of_another_dialect(engine: BuiltEngine) -> bool:
    """Whether an engine is made in a branch for URLs of another dialect: ``if url.startswith("sqlite"):``."""
    return any(
        isinstance(outer, ir.If)
        and inner in outer.body
        and any(
            isinstance(part, ir.Constant) and isinstance(part.value, str) and _OTHER_DIALECT.match(part.value)
            for part in subexpressions(outer.test)
        )
        for outer, inner in pairwise(path_to(engine.unit.body, engine.node))
    )


def named_drivers(program: Program) -> frozenset[str]:
    """The drivers for PostgreSQL that the program's strings name, tests left out; where they name none, those that are pinned.

    A driver of another server than PostgreSQL counts as ``other``.
    """
    found: set[str] = set()
    for module in program.modules:
        if program.role(module) == "test":
            continue
        bodies = [module.body, *(f.body for f in module.functions), *(c.node.body for c in module.classes)]
        for body in bodies:
            for node in expressions(body):
                if isinstance(node, ir.Constant) and isinstance(node.value, str):
                    found.update(_NAMED_DRIVER.findall(node.value))
                    if _OTHER_SERVER.search(node.value):
                        found.add(_OTHER)
    if not found - {_OTHER}:
        found |= {name.removesuffix("-binary") for name in program.facts.versions}
    return frozenset(found)


def version_of(program: Program, library: str) -> tuple[int, int] | None:
    """The version that a project pins; None: none, or not known."""
    found = re.match(r"(\d+)\.(\d+)", program.facts.versions.get(library, ""))
    return (int(found[1]), int(found[2])) if found else None


def is_modern(program: Program) -> bool | None:
    """Whether the pinned asyncpg does without names for statements when its cache is off; None: no version is pinned."""
    version = version_of(program, "asyncpg")
    return None if version is None else version >= _UNNAMED


def asyncpg_survives(engine: BuiltEngine, *, modern: bool) -> bool | None:
    """Whether statements of an asyncpg engine survive a pooler in transaction mode; None: not known. As observed."""
    if engine.connect_args is None or engine.autocommit is None or "connection_class" in engine.connect_args:
        return None
    driver_cache = _is_zero(engine.connect_args.get("statement_cache_size"))
    own_cache = _is_zero(engine.connect_args.get("prepared_statement_cache_size"))
    if engine.url.query.get("prepared_statement_cache_size") == "0":
        own_cache = True
    named = _names_statements(engine.connect_args.get("prepared_statement_name_func"))
    if driver_cache is None or own_cache is None or named is None:
        return None
    if engine.autocommit:
        if driver_cache and own_cache:
            return not named and modern
        return False if engine.pool == "queue" else None
    if not named:
        return driver_cache and modern
    if driver_cache and own_cache:
        return True
    if engine.pool != "queue":
        return None if modern or engine.pool != "null" or driver_cache or own_cache else False
    return own_cache if modern else False


def psycopg_survives(engine: BuiltEngine) -> bool | None:
    """Likewise for psycopg 3."""
    if engine.connect_args is None or engine.pool != "queue":
        return None
    threshold = engine.connect_args.get("prepare_threshold")
    if threshold is None:
        return False
    return threshold.value.value is None if isinstance(threshold.value, ir.Constant) else None


def _is_zero(entry: Entry | None) -> bool | None:
    if entry is None:
        return False
    return entry.value.value == 0 if isinstance(entry.value, ir.Constant) else None


def _names_statements(entry: Entry | None) -> bool | None:
    """Whether statements get names of their own; None: a function that may give the empty name, which is none."""
    match entry:
        case None:
            return False
        case Entry(value=ir.Constant(value=None)):
            return False
        case Entry(value=ir.Lambda(body=ir.Constant())) | Entry(value=None):
            return None
        case _:
            return True
