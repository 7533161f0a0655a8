"""Errors of ours: told, with exit code 2, and of no harm to what else is found."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import jsonschema
import pytest
from click.testing import CliRunner
from projects import lay_out, stand_in, use_rules

from session_lint.baseline import baseline_text
from session_lint.cli import main
from session_lint.fingerprints import Mark
from session_lint.rules.registry import Rule

SCHEMA = Path(__file__).parents[1] / "schemas" / "sarif.json"


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
    if command == "check":
        assert len(json.loads(ran.stdout)) == 1
    else:
        assert re.search(r"Service transaction handling.*\| Violations \(1\) \|.*SL301 failed", ran.stdout)
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


@pytest.fixture
def failing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project in which the one rule that could find something fails."""
    root = lay_out(tmp_path, {"a.py": "x = 1  # session-lint: ignore[SL301] -- a reason\n", "pyproject.toml": ""})
    use_rules(monkeypatch, broken("SL301"), stand_in(root, code="SL105", check="engine-use"))
    monkeypatch.chdir(root)
    return root


def test_what_failed_is_not_called_fine(failing: Path) -> None:
    ran = CliRunner().invoke(main, ["check"])
    assert ran.exit_code == 2
    assert "No problems found (not complete: 1 internal error)." in ran.stdout
    audited = CliRunner().invoke(main, ["audit", "--output-format", "markdown"])
    assert audited.exit_code == 2
    assert re.search(r"Service transaction handling.*\| Not checked \|.*SL301 failed", audited.stdout)
    sarif = json.loads(CliRunner().invoke(main, ["check", "--output-format", "sarif"]).stdout)
    (invocation,) = sarif["runs"][0]["invocations"]
    assert not invocation["executionSuccessful"]
    assert "internal error in SL301" in invocation["toolExecutionNotifications"][0]["message"]["text"]
    jsonschema.validate(sarif, json.loads(SCHEMA.read_text("utf-8")))


def test_what_failed_takes_nothing_out_of_the_baseline(failing: Path) -> None:
    lines = baseline_text([Mark("a.py", "f", "SL301", "0")])
    Path("session-lint-baseline.jsonl").write_text(lines)
    ran = CliRunner().invoke(main, ["baseline", "--prune"])
    assert ran.exit_code == 2
    assert "internal error in SL301" in ran.stderr
    assert Path("session-lint-baseline.jsonl").read_text() == lines


def test_a_rule_that_nobody_asked_for_may_fail(failing: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """All rules run where there is a cache to fill: whether one of the others fails does not depend on that."""
    monkeypatch.delenv("SESSION_LINT_NO_CACHE")
    for _ in (1, 2):
        ran = CliRunner().invoke(main, ["check", "--select", "SL105"])
        assert (ran.exit_code, ran.stderr) == (0, "")
        assert CliRunner().invoke(main, ["check"]).exit_code == 2
