"""``session-lint explain``: what it says of a line, and how it refuses."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from fixture_cases import FIXTURES, Case
from projects import lay_out

from session_lint.cli import main


def invoke(*arguments: str) -> Result:
    return CliRunner(env={"COLUMNS": "80"}).invoke(main, ["explain", *arguments], catch_exceptions=False)


def explained(place: str) -> dict[str, Any]:
    result = invoke(place, "--output-format", "json")
    assert result.exit_code == 0, result.output
    data: dict[str, Any] = json.loads(result.stdout)
    return data


def row_of(path: Path, text: str) -> int:
    return next(row for row, line in enumerate(path.read_text("utf-8").splitlines(), start=1) if text in line)


def at(root: Path, path: str, text: str) -> str:
    return f"{path}:{row_of(root / path, text)}"


def enter(name: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    root = Case(FIXTURES / name).lay_out(folder)
    monkeypatch.chdir(root)
    return root


def only_way(data: dict[str, Any]) -> dict[str, Any]:
    (session,) = data["sessions"]
    (way,) = session["ways"]
    return dict(way)


@pytest.fixture
def scraper(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    return enter("batch_scraper/violating", tmp_path, monkeypatch)


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    files = {
        "pyproject.toml": "",
        "shop/db.py": (
            "from sqlalchemy import create_engine\n"
            "from sqlalchemy.orm import sessionmaker\n"
            "factory = sessionmaker(create_engine('sqlite://'))\n"
        ),
        "shop/work.py": (
            "import pandas\n"
            "from shop import gone\n"
            "from shop.db import factory\n"
            "\n"
            "def add(db):\n"
            "    db.flush(); db.commit()  # session-lint: ignore[SL302] -- known\n"
            "\n"
            "def read() -> None:\n"
            "    with factory() as db:\n"
            "        gone.work(db)\n"
            "        pandas.read_sql('x', db)\n"
            "        [one.go() for one in (1, 2)]\n"
            "        store(db)\n"
            "        db.add(1)\n"
            "        store(db)\n"
            "\n"
            "def store(db) -> None:\n"
            "    db.add(1)\n"
            "\n"
            "def plain() -> int:\n"
            "    return 1\n"
        ),
    }
    root = lay_out(tmp_path / "shop", files)
    monkeypatch.chdir(root)
    return root


def test_a_borrower_with_its_owner_provider_state_and_chain(scraper: Path) -> None:
    data = explained(at(scraper, "scraper/services/batch/functions.py", "expect: SL304"))
    assert data["function"]["symbol"] == "create_batch"
    assert data["function"]["entry"] is None
    assert data["function"]["role"] == "service"
    (session,) = data["sessions"]
    assert (session["name"], session["evidence"], session["is_async"]) == ("session", "type", True)
    way = only_way(data)
    assert way["how"] == "param"
    assert way["owner"]["symbol"] == "create_batch_endpoint"
    assert way["provider"]["symbol"] == "get_session"
    assert way["provider"]["shape"] == "generator"
    assert way["provider"]["commits"]
    assert way["provider"]["rolls_back"]
    assert way["provider"]["closes"]
    assert not way["provider"]["begins"]
    assert [link["filename"] for link in way["chain"]] == [
        "scraper/routers/batches.py",
        "scraper/services/batch/processor.py",
    ]
    assert way["uses"] == [{"what": "commit()", "states": ["in a begin block"]}]
    assert [finding["code"] for finding in data["findings"]] == ["SL304"]
    assert data["findings"][0]["location"]["row"] == data["row"]


def test_an_entry_point_owns_what_is_injected_and_lends_it(scraper: Path) -> None:
    data = explained(at(scraper, "scraper/routers/batches.py", "await create_batch("))
    assert (data["function"]["entry"], data["function"]["route"]) == ("endpoint", "POST /batches/")
    way = only_way(data)
    assert way["how"] == "injected"
    assert way["owner"]["symbol"] == "create_batch_endpoint"
    (use,) = way["uses"]
    assert use["what"].startswith("lending it to create_batch (scraper/services/batch/processor.py:")
    assert use["states"] == ["in a begin block"]


def test_a_parameter_that_is_injected(scraper: Path) -> None:
    place = at(scraper, "scraper/routers/batches.py", "session: AsyncSession = Depends(get_session)")
    assert only_way(explained(place))["how"] == "injected"


def test_a_session_that_the_function_opens(scraper: Path) -> None:
    data = explained(at(scraper, "scraper/database.py", "session = session_factory()"))
    assert data["function"]["provider"]["shape"] == "context manager"
    assert data["function"]["is_session_module"]
    way = only_way(data)
    assert (way["how"], way["owner"]["symbol"]) == ("created", "background_session")
    assert way["made"]["note"] == "made by session_factory()"


def test_of_sessions_of_one_name_the_one_on_the_line(scraper: Path) -> None:
    data = explained(at(scraper, "scraper/services/batch/runner.py", "await session.commit()"))
    assert [use["what"] for use in only_way(data)["uses"]] == ["commit()"]


def test_a_session_held_by_a_unit_of_work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = enter("patterns/13_unit_of_work", tmp_path, monkeypatch)
    data = explained(at(root, "app/unit_of_work.py", "await self.session.commit()"))
    assert data["sessions"][0]["name"] == "self.session"
    assert only_way(data)["owner"]["symbol"] == "UnitOfWork"


def test_evidence_by_flow_through_attributes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = enter("patterns/05_repository_classes", tmp_path, monkeypatch)
    data = explained(at(root, "app/repositories/base.py", "commit()"))
    assert data["sessions"][0]["evidence"] == "flow"
    assert only_way(data)["how"] == "attr"
    assert only_way(data)["owner"]["symbol"] == "add"


def test_evidence_by_name_and_a_suppressed_finding(shop: Path) -> None:
    data = explained("shop/work.py:6")
    assert data["sessions"][0]["evidence"] == "name"
    way = only_way(data)
    assert way["owner"] is None
    assert [use["states"] for use in way["uses"]] == [["unknown"], ["unknown"]]
    assert data["findings"] == []
    assert [finding["code"] for finding in data["suppressed"]] == ["SL302"]
    assert data["unknown"] == []


def test_what_stays_unknown(shop: Path) -> None:
    (unknown,) = explained("shop/work.py:10")["unknown"]
    assert (unknown["call"], unknown["external"], unknown["gets_session"]) == ("gone.work", None, True)
    (external,) = explained("shop/work.py:11")["unknown"]
    assert (external["call"], external["gets_session"]) == ("pandas.read_sql", True)
    assert external["external"].startswith("pandas.read_sql")
    assert explained("shop/work.py:12")["unknown"] == []


def test_each_state_with_its_own_chain(shop: Path) -> None:
    (session,) = explained("shop/work.py:18")["sessions"]
    assert [(way["chain"][0]["row"], way["uses"][0]["states"]) for way in session["ways"]] == [
        (13, ["none", "unknown"]),  # somebody unknown got the session before
        (15, ["autobegun", "unknown"]),
    ]


def test_a_function_without_sessions(shop: Path) -> None:
    data = explained("shop/work.py:21")
    assert (data["sessions"], data["function"]["reached"]) == ([], False)
    assert "No session is known to reach this function." in invoke("shop/work.py:21").stdout


def test_text_is_plain_and_fits_80_columns(scraper: Path) -> None:
    result = invoke(at(scraper, "scraper/services/batch/functions.py", "expect: SL304"))
    assert result.exit_code == 0
    assert result.stdout.isascii()
    assert max(map(len, result.stdout.splitlines())) <= 80
    for words in ("its type (high confidence)", "before commit(): in a begin block", "error[SL304]", "get_session"):
        assert words in result.stdout


def test_every_line_of_every_pattern_can_be_explained(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from session_lint.api import check
    from session_lint.explanation import explain

    for name in ("03_decorator_begins", "04_middleware_session", "09_syntax", "13b_context_variable", "13d_container"):
        root = enter(f"patterns/{name}", tmp_path / name, monkeypatch)
        result = check([root])
        for module in result.program.modules:
            lines = (root / module.path).read_text("utf-8").splitlines()
            for row in range(1, len(lines) + 1):
                assert explain(result.program, result.findings, result.hidden, module.path, row) is not None
    monkeypatch.chdir(tmp_path)


def test_a_column_may_follow_as_in_findings(shop: Path) -> None:
    assert explained("shop/work.py:6:5")["row"] == 6


@pytest.mark.parametrize(
    ("place", "words"),
    [
        ("shop/work.py", "names no line"),
        ("shop/work.py:", "names no line"),
        ("shop/work.py:x", "names no line"),
        ("gone.py:3", "gone.py is not a file"),
        ("shop:3", "shop is not a file"),
        ("shop/work.py:0", "has no line 0; it has lines 1 to 21"),
        ("shop/work.py:22", "has no line 22"),
        ("broken.py:1", "broken.py cannot be explained"),
    ],
)
def test_bad_input_is_one_sentence(shop: Path, place: str, words: str) -> None:
    lay_out(shop, {"broken.py": "def (:\n"})
    result = invoke(place)
    assert (result.exit_code, result.stdout) == (2, "")
    assert words in result.stderr
    assert result.stderr.count("\n") == 1


def test_states_of_what_is_held_on_a_line_that_uses_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = {
        "pyproject.toml": "",
        "work.py": (
            "from sqlalchemy import create_engine, text\n"
            "from sqlalchemy.orm import Session, sessionmaker\n"
            "factory = sessionmaker(create_engine('sqlite://'))\n"
            "\n"
            "def tidy(other: Session, much: bool) -> None:\n"
            "    with factory() as db:\n"
            "        print('opened')\n"
            "        db.execute(text('DELETE FROM drafts'))\n"
            "        # after a statement\n"
            "        print('sent')\n"
            "        if much:\n"
            "            db.commit()\n"
            "        print('on either path')\n"
            "        with db.begin_nested():\n"
            "            print('inside')\n"
            "    print('closed')\n"
        ),
    }
    monkeypatch.chdir(lay_out(tmp_path / "held", files))

    def held(row: int) -> dict[str, list[str]]:
        data = explained(f"work.py:{row}")
        return {session["name"]: session["ways"][0]["states"] for session in data["sessions"]}

    assert held(7) == {"db": ["none"], "other": ["unknown"]}
    assert held(9) == held(10) == {"db": ["autobegun"], "other": ["unknown"]}
    assert held(13) == {"db": ["none", "autobegun"], "other": ["unknown"]}
    assert held(15) == {"db": ["autobegun"], "other": ["unknown"]}
    assert held(16) == {"db": ["closed"], "other": ["unknown"]}
    assert "before this line: none or autobegun" in invoke("work.py:13").stdout
    assert held(8) == {"db": ["none"]}, "what is used on a line stands for itself"


def test_a_line_of_a_test_that_has_nothing_to_do_with_sessions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(lay_out(tmp_path, {"tests/test_sums.py": "def test_sum():\n    assert 1 + 1 == 2\n"}))
    known = explained("tests/test_sums.py:2")
    assert known["function"]["symbol"] == "test_sum"
    assert known["function"]["role"] == "test"
    assert known["sessions"] == []
