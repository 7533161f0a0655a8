"""The hooks of ``.pre-commit-hooks.yaml``, run by pre-commit itself from a scratch repository."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from projects import lay_out

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = (".pre-commit-hooks.yaml", "LICENSE", "README.md", "pyproject.toml", "session_lint")

PROJECT = {
    "pyproject.toml": "[tool.session-lint]\nextend-exclude = ['generated.py']\n",
    "app/__init__.py": "",
    "app/db.py": """\
from sqlalchemy.ext.asyncio import async_sessionmaker, create_async_engine

engine = create_async_engine("postgresql+asyncpg://db/app")
Session = async_sessionmaker(engine, expire_on_commit=False)


async def get_session():
    async with Session() as session:
        yield session
""",
    "app/router.py": """\
from fastapi import APIRouter, Depends

from app.db import get_session
from app.service import store

router = APIRouter()


@router.post("/items")
async def create(unit=Depends(get_session)):
    async with unit.begin():
        await store(unit, 1)
""",
    # Only the router shows that `unit` is a session and that its transaction is open.
    "app/service.py": "async def store(unit, item):\n    unit.add(item)\n    await unit.commit()\n",
    "app/plain.py": "x = 1\n",
    "generated.py": "def broken(:\n",
    "notes.txt": "",
}


def git(folder: Path, *arguments: str) -> None:
    who = ("-c", "user.name=t", "-c", "user.email=t@example.com", "-c", "commit.gpgsign=false")
    subprocess.run(["git", *who, *arguments], cwd=folder, check=True, capture_output=True)


def commit_all(folder: Path) -> None:
    git(folder, "init", "-q")
    git(folder, "add", "-A")
    git(folder, "commit", "-q", "-m", "all")


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A scratch repository that uses the hooks of a copy of this one."""
    hooks = tmp_path_factory.mktemp("hooks")
    for name in PACKAGE:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, hooks / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(ROOT / name, hooks / name)
    commit_all(hooks)
    scratch = lay_out(tmp_path_factory.mktemp("project"), PROJECT)
    commit_all(scratch)
    revision = subprocess.run(
        ["git", "rev-parse", "HEAD"], cwd=hooks, check=True, capture_output=True, text=True
    ).stdout.strip()
    config = f"repos:\n- repo: {hooks.as_posix()}\n  rev: {revision}\n  hooks:\n  - id: session-lint\n  - id: session-lint-audit\n"
    lay_out(scratch, {".pre-commit-config.yaml": config})
    git(scratch, "add", "-A")
    git(scratch, "commit", "-q", "-m", "hooks")
    return scratch


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("home")


def pre_commit(project: Path, home: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    environment |= {"PRE_COMMIT_HOME": str(home), "NO_COLOR": "1", "COLUMNS": "200"}
    environment.pop("PYTHONPATH", None)
    return subprocess.run(
        [sys.executable, "-m", "pre_commit", *arguments],
        cwd=project,
        capture_output=True,
        text=True,
        encoding="utf-8",
        env=environment,
        check=False,
    )


def test_try_repo_reports_the_changed_file_knowing_the_rest(project: Path, home: Path) -> None:
    hooks = (project / ".pre-commit-config.yaml").read_text("utf-8").split("repo: ")[1].split("\n")[0]
    done = pre_commit(project, home, "try-repo", hooks, "session-lint", "--files", "app/service.py", "notes.txt")
    assert done.returncode == 1, done.stdout + done.stderr
    assert "SL304" in done.stdout
    assert "app/service.py:3" in done.stdout
    assert "Checked 1 file of 5 known" in done.stdout


def test_run_on_clean_excluded_and_other_files(project: Path, home: Path) -> None:
    files = ("app/plain.py", "app/db.py", "generated.py", "notes.txt")
    done = pre_commit(project, home, "run", "session-lint", "--verbose", "--files", *files)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "No problems found." in done.stdout
    assert "Checked 2 files of 5 known" in done.stdout
    only_excluded = pre_commit(project, home, "run", "session-lint", "--verbose", "--files", "generated.py")
    assert only_excluded.returncode == 0, only_excluded.stdout
    assert "Nothing to check: all given paths are excluded (generated.py)." in only_excluded.stdout


def test_run_on_everything_reports_each_finding_once(project: Path, home: Path) -> None:
    done = pre_commit(project, home, "run", "session-lint", "--all-files")
    assert done.returncode == 1, done.stdout + done.stderr
    assert done.stdout.count("app/service.py:3:") == 1


@pytest.mark.skipif(sys.platform == "win32", reason="no executable files there")
def test_the_name_of_a_file_is_no_option(project: Path, home: Path) -> None:
    option = project / "--exit-zero"
    option.write_text("#!/usr/bin/env python3\n")
    option.chmod(0o755)
    git(project, "add", "-A")
    try:
        done = pre_commit(project, home, "run", "session-lint", "--all-files")
        assert "SL304" in done.stdout
        assert done.returncode == 1
    finally:
        git(project, "rm", "--quiet", "--force", "--", option.name)


def test_what_a_change_makes_wrong_elsewhere_is_reported(project: Path, home: Path) -> None:
    plain = pre_commit(project, home, "run", "session-lint", "--verbose", "--files", "app/router.py")
    assert plain.returncode == 0, plain.stdout + plain.stderr  # the commit in app/service.py was wrong before
    router, service = PROJECT["app/router.py"], "app/store.py"
    lay_out(project, {service: PROJECT["app/service.py"]})
    git(project, "add", "-A")
    git(project, "commit", "-q", "-m", "a service that nobody calls")
    lay_out(project, {"app/router.py": router.replace("app.service", "app.store")})
    done = pre_commit(project, home, "run", "session-lint", "--files", "app/router.py")
    lay_out(project, {"app/router.py": router})
    assert done.returncode == 1, done.stdout + done.stderr
    assert "app/store.py:3" in done.stdout
    assert "app/service.py" not in done.stdout


def test_a_range_of_commits_is_compared_with_its_start(project: Path, home: Path) -> None:
    lay_out(project, {"app/later.py": PROJECT["app/service.py"]})
    git(project, "add", "-A")
    git(project, "commit", "-q", "-m", "another service that nobody calls")
    router = PROJECT["app/router.py"]
    lay_out(project, {"app/router.py": router.replace("app.service", "app.later")})
    git(project, "commit", "-qam", "now it is called")
    done = pre_commit(project, home, "run", "session-lint", "--from-ref", "HEAD~1", "--to-ref", "HEAD")
    lay_out(project, {"app/router.py": router})
    git(project, "commit", "-qam", "and no more")
    assert done.returncode == 1, done.stdout + done.stderr
    assert "app/later.py:3" in done.stdout


def test_the_audit_hook_is_manual_and_prints_the_table(project: Path, home: Path) -> None:
    assert "Pattern searched" not in pre_commit(project, home, "run", "--all-files").stdout
    done = pre_commit(project, home, "run", "session-lint-audit", "--hook-stage", "manual", "--all-files")
    assert done.returncode == 1, done.stdout + done.stderr
    assert "Pattern searched" in done.stdout
