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
POST / create_batch_endpoint  scraper/routers/batches.py:21  [begin block + commit + provider commits]  <- SL205 SL503
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
    monkeypatch.setenv("COLUMNS", "120")


def trace(*args: str) -> Result:
    return CliRunner().invoke(main, ["trace", *args])


def document(*args: str) -> list[dict[str, object]]:
    data = json.loads(trace(*args, "--output-format", "json").stdout)
    assert data["version"] == 1
    entries: list[dict[str, object]] = data["entry_points"]
    return entries


@pytest.mark.parametrize("name", ["POST /", "post /", "create_batch_endpoint", "scraper.routers.batches.create_*"])
def test_the_tree_follows_the_session_through_the_program(name: str) -> None:
    assert trace(name).stdout == MAP


def test_without_a_name_there_is_a_summary_and_how_to_see_more() -> None:
    shown = trace().stdout
    assert "7 entry points, 6 with findings" in shown
    assert "session-lint trace 'POST /'" in shown
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
    assert "| `POST /` |" in shown
    assert "      - commit `session.commit()` `scraper/services/batch/functions.py:12` **SL304**" in shown


def test_ascii_terminals_get_ascii(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.modules["session_lint.cli.trace"], "ascii_only", lambda: True)
    assert trace("*").stdout.isascii()


def test_a_name_that_means_nothing_is_an_error() -> None:
    result = trace("no_such_function")
    assert result.exit_code == 2
    assert "No entry point is called no_such_function; `session-lint trace` lists them all." in result.stderr


def test_a_project_without_entry_points_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "app.py").write_text("x = 1\n")
    monkeypatch.chdir(tmp_path)
    result = trace("--root", ".")
    assert result.exit_code == 2
    assert "No entry point was found" in result.stderr
