"""The positive evidence of the compliance table, on the example application and on small projects."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path

import pytest
from projects import lay_out

import session_lint
from session_lint.checks.table import module_tables, whole_table
from session_lint.result import Result

FIXTURES = Path(__file__).resolve().parent.parent / "fixtures" / "batch_scraper"

DATABASE = """\
from collections.abc import Iterator

from sqlalchemy import create_engine
from sqlalchemy.orm import Session, sessionmaker

engine = create_engine("postgresql://localhost/app")
factory = sessionmaker(engine)


def get_db() -> Iterator[Session]:
    with factory() as session:
        yield session
"""


@cache
def audited(variant: str) -> Result:
    return session_lint.check([FIXTURES / variant])


def analyses(result: Result) -> Mapping[str, str]:
    return {row.check.id: row.analysis for row in whole_table(result).rows}


def results(result: Result) -> Mapping[str, str]:
    return {row.check.id: row.result for row in whole_table(result).rows}


COMPLIANT = {
    "direct-sessions": [
        "Sessions come from providers: 5 from `get_session` (scraper/database.py:17), 4 from `background_session` (scraper/database.py:24).",
        "Session factories are built at scraper/database.py:14.",
    ],
    "direct-engines": ["Built in a session module: scraper/database.py:13."],
    "engine-use": ["Called on an engine in a lifespan: `begin()` in `lifespan` (scraper/main.py:13)"],
    "execution-options": [
        "ORM options: `synchronize_session` in `set_state` (scraper/services/batch/functions.py:29)."
    ],
    "session-lifetime": [
        (
            "9 sessions, 4 opened by a `with` block: `process_batch_with_own_session` (scraper/services/batch/runner.py:15, 21), "
            "`process_domain` (scraper/services/batch/runner.py:31, 34); 5 injected: "
            "`create_batch_endpoint` (scraper/routers/batches.py:21)"
        ),
        (
            "2 sessions of providers, all opened by a `with` block: `get_session` (scraper/database.py:19), "
            "`background_session` (scraper/database.py:26)."
        ),
    ],
    "background-tasks": [
        (
            "`process_batch_with_own_session` (scraper/services/batch/runner.py:14), "
            "started in `create_batch_endpoint` (scraper/routers/batches.py:26), "
            "opens 2 sessions of its own with `background_session` (scraper/database.py:24) at lines 15, 21 "
            "and reaches functions that open more: `process_domain` (scraper/services/batch/runner.py:31, 34)."
        ),
    ],
    "service-transactions": [
        (
            "10 functions are lent a session and neither begin, commit, roll back nor close it: "
            "`create_batch` (scraper/services/batch/functions.py:11), "
        )
    ],
    "router-endpoints": [
        "5 endpoints. 4 bounded by the endpoint's own `begin()`: `create_batch_endpoint` (scraper/routers/batches.py:24), ",
        "1 only reading, with no `begin()` or `commit()` seen: `health` (scraper/routers/batches.py:43).",
    ],
    "transaction-discipline": [
        "8 begin blocks: `create_batch_endpoint` (scraper/routers/batches.py:24), ",
        "and 1 more.",
    ],
    "async-correctness": [
        "13 functions use async sessions: ",
        "`expire_on_commit=False` is set on the factory at scraper/database.py:14.",
    ],
    "connection-pooler": [
        "The engine made at scraper/database.py:13 has no connect_args and no poolclass.",
        'The settings say `pooler = "none"`, so only engines whose URL names a pooler\'s port are judged.',
    ],
}

VIOLATING = {
    "direct-sessions": [
        "SL101 direct-session: `pages_per_domain`",
        "4 from `get_session` (scraper/database.py:14), 3 ",
    ],
    "execution-options": ["Other options: `no_parameters` in `get_state_endpoint` (scraper/routers/batches.py:57)."],
    "session-lifetime": [
        "8 sessions, 4 opened by a `with` block",
        "1 opened by a bare call: `background_session` (scraper/database.py:28), closed at line 36.",
    ],
    "background-tasks": [
        (
            "`warm_cache` (scraper/services/batch/functions.py:41), "
            "started in `create_batch_endpoint` (scraper/routers/batches.py:32), is handed a session as `session`"
        ),
        "opens 3 sessions of its own with `background_session` (scraper/database.py:26) at lines 11, 18, 20.",
    ],
    "service-transactions": [
        "6 functions are lent a session and neither begin",
        "On a session that is lent, `create_batch` (scraper/services/batch/functions.py:9) commits at line 12.",
    ],
    "router-endpoints": [
        (
            "3 bounded by the endpoint's own `begin()`, and by the commit of `get_session` (scraper/database.py:14) "
            "(two owners of one boundary): `create_batch_endpoint` (scraper/routers/batches.py:29), "
        ),
        (
            "1 without `begin()`, committed by `get_session` (scraper/database.py:14) alone: "
            "`get_state_endpoint` (scraper/routers/batches.py:50) using the session outside any `begin()` at line 57."
        ),
        (
            "1 with no session itself, over functions that open one: `report_endpoint` (scraper/routers/batches.py:68) "
            "over `pages_per_domain` (scraper/services/batch/reports.py:13)."
        ),
    ],
    "async-correctness": ["1 function uses sync sessions: `pages_per_domain` (scraper/services/batch/reports.py:13)."],
}


@pytest.mark.parametrize(
    ("variant", "check", "sentences"),
    [
        (variant, *item)
        for variant, rows in (("compliant", COMPLIANT), ("violating", VIOLATING))
        for item in rows.items()
    ],
)
def test_a_row_states_what_it_rests_on(variant: str, check: str, sentences: list[str]) -> None:
    analysis = analyses(audited(variant))[check]
    assert [sentence for sentence in sentences if sentence not in analysis] == []


def test_nothing_is_found_where_nothing_is() -> None:
    assert results(audited("compliant"))["direct-sessions"] == "Not found"
    assert results(audited("compliant"))["driver-connections"] == "Not found"
    assert results(audited("compliant"))["service-transactions"] == "Compliant"


def test_a_module_states_its_own_part_alone() -> None:
    tables = {table.path: table for table in module_tables(audited("compliant"))}
    rows = {row.check.id: row.analysis for row in tables["scraper/services/batch/processor.py"].rows}
    assert list(rows) == ["service-transactions"]
    assert rows["service-transactions"].startswith("4 functions are lent a session")
    assert "scraper/services/batch/functions.py" not in rows["service-transactions"]


def test_paths_are_spelled_for_the_reader() -> None:
    (row,) = [r for r in whole_table(audited("compliant"), lambda p: f"at/{p}").rows if r.check.id == "direct-engines"]
    assert row.analysis.startswith("Built in a session module: at/scraper/database.py:13.")


def test_a_part_of_the_project_says_where_the_rest_is() -> None:
    result = session_lint.check([FIXTURES / "compliant" / "scraper" / "routers"])
    rows = analyses(result)
    assert rows["direct-engines"].startswith(
        "The project builds its engine in a session module: scraper/database.py:13."
    )
    assert "at lines 15, 21" in rows["background-tasks"]
    assert "direct-engines" not in {row.check.id for table in module_tables(result) for row in table.rows}


def test_without_sessions_there_is_nothing_to_judge(tmp_path: Path) -> None:
    lay_out(tmp_path, {"pyproject.toml": "", "app.py": "def add(a, b):\n    return a + b\n"})
    result = session_lint.check([tmp_path])
    assert results(result)["service-transactions"] == "Not applicable"
    assert all("app.py" not in analysis for analysis in analyses(result).values())


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (', connect_args={"timeout": 5, "ssl": make()}', "connect_args `timeout=5`, `ssl` and no poolclass"),
        (", connect_args=ARGS", "connect_args `timeout=5`, `ssl` and no poolclass"),
        (", connect_args=CHANGED", "connect_args whose keys are not known here and no poolclass"),
        (", connect_args={}", "empty connect_args and no poolclass"),
        (
            ", connect_args=make(), poolclass=NullPool",
            "connect_args whose keys are not known here and poolclass `NullPool`.",
        ),
        (", **make()", "no connect_args and no poolclass, unless by `**`."),
        ("", "no connect_args and no poolclass (SQLAlchemy's default is `QueuePool`)."),
        (", pool_size=2", "no connect_args and no poolclass (SQLAlchemy's default is `QueuePool`)."),
    ],
)
def test_what_an_engine_says(tmp_path: Path, arguments: str, said: str) -> None:
    text = f"""\
from sqlalchemy import NullPool, create_engine

ARGS = {{"timeout": 5, "ssl": False}}
ARGS["ssl"] = make()
CHANGED = {{"timeout": 5}}
CHANGED.update(make())
engine = create_engine("postgresql://localhost/app"{arguments})
"""
    lay_out(
        tmp_path, {"pyproject.toml": "", "app/db.py": text, "app/use.py": "from app.db import engine\nprint(engine)\n"}
    )
    assert said in analyses(session_lint.check([tmp_path]))["connection-pooler"]


def test_a_driver_imported_for_its_exceptions(tmp_path: Path) -> None:
    use = """\
import psycopg2.errors
from asyncpg import UniqueViolationError

from app.db import get_db


def is_twice(error: Exception) -> bool:
    return isinstance(error, (UniqueViolationError, psycopg2.errors.UniqueViolation))
"""
    lay_out(tmp_path, {"pyproject.toml": "", "app/db.py": DATABASE, "app/use.py": use})
    result = session_lint.check([tmp_path])
    assert results(result)["driver-connections"] == "Not found"
    assert analyses(result)["driver-connections"] == (
        "Imported in files that open no connection: `psycopg2.errors`, of which `psycopg2.errors.UniqueViolation` at "
        "app/use.py:1, `asyncpg.UniqueViolationError` at app/use.py:2."
    )


def test_bare_calls_say_what_closes_them(tmp_path: Path) -> None:
    use = """\
from app.db import factory


def tidy() -> None:
    session = factory()
    try:
        session.add(1)
    finally:
        session.close()


def entered_later() -> None:
    session = factory()
    with session:
        session.add(1)


def given():
    return factory()


def careless() -> None:
    session = given()
    session.add(1)
"""
    lay_out(tmp_path, {"pyproject.toml": "", "app/db.py": DATABASE, "app/use.py": use})
    said = analyses(session_lint.check([tmp_path / "app" / "use.py"]))["session-lifetime"]
    assert "`tidy` (app/use.py:5), closed at line 9" in said
    assert "1 opened by a `with` block: `entered_later` (app/use.py:13)" in said
    assert "1 returned to the caller: `given` (app/use.py:19)" in said
    assert "`careless` (app/use.py:23), with no `close()` seen in it" in said
