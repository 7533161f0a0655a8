"""Several projects in one tree: each folder with settings of its own is linted as if the run were there."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from projects import lay_out
from test_pre_commit import git

import session_lint
from session_lint.cli import main
from session_lint.errors import UserError

SERVICE = """\
from sqlalchemy.orm import Session


def store(session: Session, item: object) -> None:
    session.add(item)
    session.commit()
"""
TREE = {
    "pyproject.toml": "[tool.uv.workspace]\nmembers = ['packages/*']\n",
    "packages/orders/pyproject.toml": "[tool.session-lint]\ntransaction-owner = 'service'\n",
    "packages/orders/src/orders/service.py": SERVICE,
    "packages/users/session-lint.toml": "transaction-owner = 'router'\nextend-exclude = ['generated.py']\n",
    "packages/users/users/service.py": SERVICE,
    "packages/users/generated.py": SERVICE,
    # Without settings of its own, this package is part of the whole.
    "packages/common/pyproject.toml": "[project]\nname = 'common'\n",
    "packages/common/src/common/db.py": """\
from sqlalchemy import create_engine
from sqlalchemy.orm import sessionmaker

factory = sessionmaker(create_engine("sqlite://"))


def get_session():
    with factory() as session:
        yield session
""",
    "gateway/app.py": """\
from common.db import get_session
from fastapi import Depends, FastAPI

app = FastAPI()


def keep(unit):
    unit.commit()


@app.post("/items")
def create(unit=Depends(get_session)):
    unit.add(1)
    keep(unit)
""",
}
USERS = "packages/users/users/service.py"
ORDERS = "packages/orders/src/orders/service.py"
GATEWAY = "gateway/app.py"


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    root = lay_out(tmp_path / "repository", TREE)
    (root / ".git").mkdir()
    monkeypatch.chdir(root)
    yield root
    assert not (root / "packages/common/.session_lint_cache").exists()


def invoke(*arguments: str) -> Any:
    return CliRunner().invoke(main, arguments, catch_exceptions=False)


def found(*arguments: str) -> list[tuple[str, str]]:
    output = invoke("check", "--output-format", "json", *arguments).stdout
    return [(one["filename"], one["code"]) for one in json.loads(output)]


@pytest.mark.usefixtures("tree")
def test_each_file_is_judged_by_the_nearest_settings_from_wherever() -> None:
    assert found() == [(GATEWAY, "SL302"), (USERS, "SL302")]
    assert found("packages") == [(USERS, "SL302")]
    assert found(USERS, ORDERS) == [(USERS, "SL302")]
    assert found("packages/orders") == []


def test_from_within_it_is_the_same(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tree / "packages/users")
    assert found() == [("users/service.py", "SL302")]
    monkeypatch.chdir(tree / "packages/orders/src")
    assert found() == []


@pytest.mark.usefixtures("tree")
def test_the_summary_counts_all() -> None:
    output = invoke("check").stdout
    assert "Checked 4 files: " in output
    assert "Found 2 errors in 2 files." in output
    assert output.count(f"--> {USERS}:6:5") == 1
    assert "6 |     session.commit()" in output
    assert invoke("check", "--show-files").stdout.splitlines() == [
        GATEWAY, "packages/common/src/common/db.py", ORDERS, USERS,
    ]  # fmt: skip


def test_root_and_config_make_one_project_of_all(tree: Path) -> None:
    generated = "packages/users/generated.py"
    assert found("--root", ".") == sorted((file, "SL302") for file in (generated, ORDERS, USERS, GATEWAY))
    lay_out(tree, {"all.toml": "transaction-owner = 'any'\n"})
    assert found("--config", "all.toml") == []


@pytest.mark.usefixtures("tree")
def test_fixes_and_baselines_are_written_project_by_project() -> None:
    assert "Would fix 2 findings." in invoke("check", "--diff", "--unsafe-fixes").stderr
    assert invoke("baseline").exit_code == 0
    assert Path("packages/users/session-lint-baseline.jsonl").read_text().count('"users/service.py"') == 1
    assert found() == []
    assert "(2 not new)" in invoke("check").stdout
    shutil.rmtree("packages/orders")
    assert found("--no-baseline", USERS) == [(USERS, "SL302")]
    assert "(2 fixed, " in invoke("check", "--fix", "--unsafe-fixes", "--no-baseline").stdout
    assert "session.flush()" in Path(USERS).read_text()
    assert "unit.flush()" in Path(GATEWAY).read_text()


def test_what_is_new_since_a_revision_is_told_project_by_project(tree: Path) -> None:
    (tree / ".git").rmdir()
    git(tree, "init", "-q")
    git(tree, "add", "-A")
    git(tree, "commit", "-q", "-m", "one")
    assert found("--diff-base", "HEAD") == []
    lay_out(tree, {USERS: SERVICE + "    session.commit()\n"})
    assert found("--diff-base", "HEAD") == [(USERS, "SL302")]


@pytest.mark.usefixtures("tree")
def test_one_file_is_not_the_baseline_of_two() -> None:
    for command in (["check", "--baseline", "x.jsonl"], ["baseline", "--baseline", "x.jsonl"]):
        result = invoke(*command)
        assert result.exit_code == 2
        assert "--baseline names one file for several projects: give PATHS in one of them." in result.stderr


def test_a_report_on_one_project_says_which_it_leaves_out(tree: Path) -> None:
    result = invoke("audit")
    assert "Left out, as they have settings of their own: packages/orders, packages/users; name one" in result.stderr
    shutil.rmtree(tree / "gateway")
    shutil.rmtree(tree / "packages/common")
    result = invoke("audit")
    assert result.exit_code == 2
    assert "has projects with settings of their own" in result.stderr


def test_settings_in_folders_that_are_excluded_are_none(tree: Path) -> None:
    lay_out(tree, {"pyproject.toml": "[tool.session-lint]\nexclude = ['packages/users']\n"})
    assert found() == [(GATEWAY, "SL302")]


def test_two_files_with_settings_in_one_folder_are_refused(tree: Path) -> None:
    lay_out(tree, {"packages/users/pyproject.toml": "[tool.session-lint]\n"})
    for arguments in ((), ("packages/users",)):
        result = invoke("check", *arguments)
        assert result.exit_code == 2
        assert (
            "has settings both in pyproject.toml and in session-lint.toml; keep them in one of the two."
            in result.stderr
        )


def test_from_python(tree: Path) -> None:
    result = session_lint.check([tree])
    assert [finding.filename for finding in result.findings] == [GATEWAY, USERS]
    assert result.root == tree
    with pytest.raises(UserError, match="Several projects"):
        _ = result.program
