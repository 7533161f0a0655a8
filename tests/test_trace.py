"""``session-lint trace``: the transaction map of entry points, and the forms that it is written in."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from fixture_cases import FIXTURES

from session_lint.cli import main

APPLICATION = FIXTURES / "batch_scraper" / "violating"
MAP = """\
POST /batches/ create_batch_endpoint  scraper/routers/batches.py:21  [begin block + commit + provider commits]  <- SL205 SL503
├── provider get_session: opens a session  scraper/database.py:14  <- SL312
├── begin session.begin()  scraper/routers/batches.py:29
│   └── call create_batch  scraper/services/batch/processor.py:8
│       └── call create_batch  scraper/services/batch/functions.py:9
│           ├── write session.add()  scraper/services/batch/functions.py:11
│           └── commit session.commit()  scraper/services/batch/functions.py:12  <- SL304
└── end get_session commits and closes  scraper/database.py:14
"""


@pytest.fixture(autouse=True)
def in_the_application(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(APPLICATION)
    monkeypatch.setenv("COLUMNS", "160")


def trace(*args: str) -> Result:
    return CliRunner().invoke(main, ["trace", *args])


def document(*args: str) -> list[dict[str, object]]:
    data = json.loads(trace(*args, "--output-format", "json").stdout)
    assert data["version"] == 1
    entries: list[dict[str, object]] = data["entry_points"]
    return entries


@pytest.mark.parametrize(
    "name", ["POST /batches/", "POST /", "post /", "create_batch_endpoint", "scraper.routers.batches.create_*"]
)
def test_the_tree_follows_the_session_through_the_program(name: str) -> None:
    assert trace(name).stdout == MAP


def test_without_a_name_there_is_a_summary_and_how_to_see_more() -> None:
    shown = trace().stdout
    assert "7 entry points, 6 with findings" in shown
    assert "session-lint trace 'POST /batches/'" in shown
    assert "├──" not in shown.partition("findings")[2]


def test_a_glob_shows_summary_and_trees() -> None:
    shown = trace("*").stdout
    assert MAP in shown
    assert shown.index("7 entry points") < shown.index(MAP)


def test_a_task_shows_the_sessions_that_it_opens_itself() -> None:
    (task,) = document("process_batch_with_own_session")
    assert task["kind"] == "background"
    assert task["sources"] == ["background_session: opens a session, commits at its end"]
    steps = task["steps"]
    assert isinstance(steps, list)
    assert [step["kind"] for step in steps] == ["session"] * len(steps)


def test_every_place_is_a_file_and_a_row_in_it() -> None:
    def places(steps: list[dict[str, object]]) -> list[tuple[object, object]]:
        own = [(step["filename"], step["row"]) for step in steps]
        return own + [place for step in steps for place in places(step["steps"])]  # type: ignore[arg-type]

    for entry in document():
        for filename, row in places([entry]):
            assert 1 <= int(str(row)) <= len(Path(str(filename)).read_text().splitlines())


def test_mermaid_escapes_what_its_syntax_uses() -> None:
    shown = trace("GET /{batch_id}", "--output-format", "mermaid").stdout
    assert shown.startswith("flowchart LR\n")
    assert "#123;batch_id#125;" in shown
    assert "{batch_id}" not in shown
    assert shown.count(" subgraph ") == shown.count("\n  end")


def test_dot_is_one_digraph_with_a_cluster_for_each_entry_point() -> None:
    shown = trace("--output-format", "dot").stdout
    assert shown.startswith("digraph sessions {\n")
    assert shown.endswith("}\n")
    assert shown.count("subgraph cluster_") == 7


def test_markdown_lists_the_steps_below_a_table() -> None:
    shown = trace("POST /", "--output-format", "markdown").stdout
    assert "| `POST /batches/` |" in shown
    assert "      - commit `session.commit()` `scraper/services/batch/functions.py:12` **SL304**" in shown


def test_ascii_terminals_get_ascii(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.modules["session_lint.cli.trace"], "ascii_only", lambda: True)
    assert trace("*").stdout.isascii()


def test_a_name_that_means_nothing_is_an_error() -> None:
    result = trace("no_such_function")
    assert result.exit_code == 2
    assert "No entry point is called 'no_such_function'; `session-lint trace` lists them all." in result.stderr


@pytest.mark.parametrize("name", ["POST /batch/", "post /batches", "create_batch_endpont"])
def test_the_nearest_name_is_proposed(name: str) -> None:
    result = trace("GET /batches/{batch_id}", name)
    assert result.exit_code == 2
    (line,) = result.stderr.splitlines()
    assert line.startswith(f"session-lint: No entry point is called {name!r}: did you mean '")
    assert line.endswith("'create_batch_endpoint'?" if name.startswith("create") else "'POST /batches/'?")


APP = """\
from fastapi import FastAPI, Depends
from sqlalchemy.orm import Session
from api import users, orders, settings

app = FastAPI()
app.include_router(users.router, prefix="/v1")
app.include_router(orders.router, prefix=settings.ROOT)
"""
ROUTER = """\
from fastapi import APIRouter, Depends
from sqlalchemy import select
from sqlalchemy.orm import Session
from api.settings import make_session

router = APIRouter(prefix="/{name}")


@router.get("/{{id}}")
def show_{name}(session: Session = Depends(make_session)):
    session.scalars({statement})
"""
SETTINGS = """\
import os
from sqlalchemy import create_engine
from sqlalchemy.orm import Session

ROOT = os.environ["ROOT"]
engine = create_engine("sqlite://")


def make_session():
    with Session(engine) as session:
        yield session
"""


@pytest.fixture
def routed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "api").mkdir()
    files = {
        "pyproject.toml": "",
        "main.py": APP,
        "api/__init__.py": "",
        "api/users.py": ROUTER.format(name="users", statement="select(1).where(True)"),
        "api/orders.py": ROUTER.format(name="orders", statement="make_statement()"),
        "api/settings.py": SETTINGS,
    }
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    monkeypatch.chdir(tmp_path)


@pytest.mark.usefixtures("routed")
def test_a_route_has_the_prefixes_of_its_routers_as_far_as_they_are_written_down() -> None:
    assert {entry["route"] for entry in document()} == {"GET /v1/users/{id}", "GET …/orders/{id}"}
    assert [entry["symbol"] for entry in document("GET /v1/users/{id}")] == ["show_users"]
    assert [entry["symbol"] for entry in document("GET */orders/*")] == ["show_orders"]
    assert len(document("GET /{id}")) == 2, "as the decorators say it"


@pytest.mark.usefixtures("routed")
def test_nothing_is_said_to_read_that_may_write() -> None:
    bounds = {entry["symbol"]: entry["bounds"] for entry in document()}
    assert bounds == {"show_users": "only reads", "show_orders": "no commit seen"}


@pytest.mark.parametrize("width", [40, 80, 160, 200])
def test_the_summary_fits_the_terminal(monkeypatch: pytest.MonkeyPatch, width: int) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    lines = trace().stdout.splitlines()
    assert max(map(len, lines)) <= width
    (line,) = [line for line in lines if "POST /batches/" in line and "trace" not in line]
    assert ("create_batch_endpoint" in line) == (width >= 160), "one line where there is room for it"


def test_a_project_without_entry_points_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "app.py").write_text("import sqlalchemy\n")
    monkeypatch.chdir(tmp_path)
    result = trace("--root", ".")
    assert result.exit_code == 2
    assert "No entry point was found" in result.stderr


BEGINS_ON_DEMAND = """\
from contextlib import asynccontextmanager

from fastapi import APIRouter
from sqlalchemy import text
from sqlalchemy.ext.asyncio import async_sessionmaker, create_async_engine

engine = create_async_engine("postgresql+asyncpg://localhost/app")
factory = async_sessionmaker(engine, expire_on_commit=False)
router = APIRouter()


@asynccontextmanager
async def session_context(begin: bool = False):
    async with factory() as session:
        if begin:
            async with session.begin():
                yield session
        else:
            yield session


@router.post("/notes")
async def add_note():
    async with session_context(begin=True) as session:
        await session.execute(text("INSERT INTO notes VALUES (1)"))


@router.get("/notes")
async def list_notes():
    async with session_context() as session:
        await session.execute(text("SELECT 1"))
"""


def test_a_provider_begins_where_it_is_asked_to(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "app.py").write_text(BEGINS_ON_DEMAND, "utf-8")
    monkeypatch.chdir(tmp_path)
    writing, reading = trace("POST /notes").stdout, trace("GET /notes").stdout
    assert "session_context: opens a session, and begins" in writing
    assert "[provider begins + provider commits]" in writing
    assert "session_context: opens a session" in reading
    assert "[only reads]" in reading


def test_the_number_one_is_not_taken_for_a_flag(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    numbered = (
        '@router.put("/notes")\nasync def put():\n    async with session_context(1) as session:\n        pass\n\n\n'
    )
    text = BEGINS_ON_DEMAND.replace('@router.post("/notes")', f'{numbered}@router.post("/notes")')
    (tmp_path / "app.py").write_text(text, "utf-8")
    monkeypatch.chdir(tmp_path)
    assert "[provider begins + provider commits]" in trace("POST /notes").stdout


INJECTED_ON_DEMAND = """\
from functools import partial

from fastapi import APIRouter, Depends
from sqlalchemy import create_engine, text
from sqlalchemy.orm import Session, sessionmaker

factory = sessionmaker(create_engine("postgresql+psycopg://localhost/app"))
router = APIRouter()


def get_session(begin: bool):
    with factory() as session:
        if begin:
            with session.begin():
                yield session
        else:
            yield session


@router.get("/notes")
def list_notes(session: Session = Depends(partial(get_session, False))):
    return session.scalar(text("SELECT 1"))


@router.post("/notes")
def add_note(session: Session = Depends(partial(get_session, True))):
    session.execute(text("INSERT INTO notes VALUES (1)"))


@router.put("/notes")
def replace_note(session: Session = Depends(get_session)):
    session.execute(text("UPDATE notes SET id = 1"))
"""


def test_an_injected_provider_begins_where_it_is_asked_to(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "app.py").write_text(INJECTED_ON_DEMAND, "utf-8")
    monkeypatch.chdir(tmp_path)
    reading, writing, either = (trace(f"{verb} /notes").stdout for verb in ("GET", "POST", "PUT"))
    assert "[only reads]" in reading
    assert "provider get_session: opens a session  app.py" in reading
    assert "end get_session closes" in reading
    assert "[provider commits]" in writing
    assert "provider get_session: opens a session, and begins  app.py" in writing
    assert "end get_session commits and closes" in writing
    assert "[provider may commit]" in either
    assert "provider get_session: opens a session, and begins where it is asked to  app.py" in either
    assert "end get_session may commit and closes" in either
