"""Errors of ours: told, with exit code 2, and of no harm to what else is found."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner
from projects import lay_out, stand_in, use_rules

from session_lint.cli import main
from session_lint.rules.registry import Rule


def broken(code: str) -> Rule:
    rule = stand_in(Path("nowhere"), code=code)

    def fail(_program: object) -> list[object]:
        raise KeyError("what \x1b[31m nobody thought of")

    return Rule(code, "broken", rule.severity, rule.check, rule.docs, fail, default=True, preview=False)  # type: ignore[arg-type]


@pytest.mark.parametrize("command", ["check", "audit"])
def test_a_rule_that_fails_hides_nothing(command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = lay_out(tmp_path, {"a.py": "fault_error()\n"})
    use_rules(monkeypatch, broken("SL301"), stand_in(root))
    arguments = [command, str(root), "--root", str(root), "--exit-zero", "--output-format"]
    ran = CliRunner().invoke(main, [*arguments, "json" if command == "check" else "markdown"])
    assert ran.exit_code == 2
    assert "internal error in SL301: KeyError: 'what \\x1b[31m nobody thought of'; please report it" in ran.stderr
    assert ("fault_error is a fault" if command == "check" else "stand-in: `work`") in ran.stdout
    assert "Traceback" not in ran.stderr
    loud = CliRunner().invoke(main, [*arguments, "json" if command == "check" else "markdown", "--verbose"])
    assert "in fail" in loud.stderr


def test_a_file_that_fails_hides_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = lay_out(tmp_path, {"a.py": "fault_error()\n", "b.py": "x = 1\n"})
    use_rules(monkeypatch, stand_in(root))
    from session_lint import lowering

    lower = lowering.lower_and_count

    def fail(text: str) -> object:
        if "x = 1" in text:
            raise AssertionError("a node of a kind that nobody thought of")
        return lower(text)

    monkeypatch.setattr(lowering, "lower_and_count", fail)
    ran = CliRunner().invoke(main, ["check", str(root), "--root", str(root), "--output-format", "json"])
    assert ran.exit_code == 2
    assert [finding["code"] for finding in json.loads(ran.stdout)] == ["SL302", "SL902"]
    assert "internal error in b.py: session-lint failed on it (AssertionError: a node" in ran.stderr


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no such device here")
def test_a_report_that_finds_no_room_is_told(tmp_path: Path) -> None:
    lay_out(tmp_path, {"a.py": "x = 1\n"})
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    command = [sys.executable, "-m", "session_lint", "check", "."]
    with Path("/dev/full").open("w") as full:
        ran = subprocess.run(
            command, cwd=tmp_path, env=env, stdout=full, stderr=subprocess.PIPE, text=True, check=False
        )
    assert ran.returncode == 2
    assert ran.stderr == "session-lint: the report cannot be written: No space left on device.\n"
