"""Suppressions beside ruff: each tool heeds its own codes and leaves the other's alone, in either one's comments."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from projects import lay_out

from session_lint.cli import main

CODE = """\
import os  # noqa: F401
import re  # noqa: F401, SL302
import sys  # noqa
import this  # session-lint: ignore[SL302] # noqa: F401

from sqlalchemy.orm import Session


def one(session: Session) -> None:
    session.commit()  # noqa: SL302


def two(session: Session) -> None:
    session.commit()  # noqa: SL302, E501


def three(session: Session) -> None:
    session.commit()  # session-lint: ignore[SL302] -- the audit log survives


def four(session: Session) -> None:
    session.commit()  # noqa: E501
"""
RUFF = "[tool.ruff.lint]\nselect = ['F401', 'F841', 'E501', 'RUF100', 'RUF102']\nexternal = ['SL']\n"


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(lay_out(tmp_path, {"pyproject.toml": RUFF, "service.py": CODE}))
    return tmp_path


def ruff(*arguments: str) -> list[tuple[str, int]]:
    command = [sys.executable, "-m", "ruff", "check", "--no-cache", "--preview", "--output-format", "json", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return [(one["code"], one["location"]["row"]) for one in json.loads(done.stdout)]


def ours(*arguments: str) -> list[tuple[str, int]]:
    result: Any = CliRunner().invoke(main, ["check", "--output-format", "json", *arguments], catch_exceptions=False)
    return [(one["code"], one["location"]["row"]) for one in json.loads(result.stdout)]


@pytest.mark.usefixtures("project")
def test_each_reports_what_is_its_own() -> None:
    assert ruff() == [("RUF100", 14), ("RUF100", 22)]  # E501 there hides nothing, and is ruff's
    assert ours() == [("SL901", 2), ("SL901", 4), ("SL302", 22)]


def test_taking_out_what_is_idle_leaves_the_others_comments(project: Path) -> None:
    CliRunner().invoke(main, ["check", "--fix"], catch_exceptions=False)
    lines = (project / "service.py").read_text().splitlines()
    assert lines[:4] == [
        "import os  # noqa: F401",
        "import re  # noqa: F401",
        "import sys  # noqa",
        "import this  # noqa: F401",
    ]
    assert ruff() == [("RUF100", 14), ("RUF100", 22)]
    ruff("--fix")
    lines = (project / "service.py").read_text().splitlines()
    assert lines[13] == "    session.commit()  # noqa: SL302"
    assert lines[17] == "    session.commit()  # session-lint: ignore[SL302] -- the audit log survives"
    assert ours() == [("SL302", 22)]


def test_suppressions_that_are_added_leave_those_of_ruff(project: Path) -> None:
    used = "    unused = session.commit()  # noqa: F841"
    lay_out(project, {"service.py": CODE.replace("    session.commit()  # noqa: E501", used)})
    CliRunner().invoke(main, ["check", "--fix"], catch_exceptions=False)
    CliRunner().invoke(main, ["check", "--add-ignores", "from before"], catch_exceptions=False)
    assert ours() == []
    assert ruff() == [("RUF100", 14)]


def test_codes_that_ruff_is_not_told_of_are_reported_by_ruff(project: Path) -> None:
    lay_out(project, {"pyproject.toml": RUFF.replace("external = ['SL']\n", "")})
    assert ("RUF102", 10) in ruff()
