"""Errors of ours: told, with exit code 2, and of no harm to what else is found."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from click.testing import CliRunner
from msgspec.structs import replace
from projects import lay_out, stand_in, use_rules

from session_lint import ir, tracing
from session_lint.baseline import baseline_text
from session_lint.checks import CHECKS
from session_lint.checks.evidence import Evidence, Scope
from session_lint.cli import main
from session_lint.findings import Finding
from session_lint.fingerprints import Mark
from session_lint.fixing import apply_fixes
from session_lint.pipeline import run
from session_lint.program.evaluator import _DISPATCH
from session_lint.program.interpreter import Frame
from session_lint.program.symbols import Function
from session_lint.request import Files, Request
from session_lint.result import Result
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

    def fail(text: str, **how: bool) -> object:
        if "x = 1" in text:
            raise AssertionError("a node of a kind that nobody thought of")
        return lower(text, **how)

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


APPLICATION = {
    "pyproject.toml": '[tool.session-lint]\nroles = { script = ["gone/*.py"] }\n',
    "app/__init__.py": "",
    "app/database.py": """\
from sqlalchemy import create_engine
from sqlalchemy.orm import Session, sessionmaker

engine = create_engine("sqlite://")
factory = sessionmaker(engine)


def get_db():
    with factory() as session:
        yield session
""",
    "app/services.py": """\
from sqlalchemy.orm import Session


def rename(session: Session, name: str) -> None:
    session.add(name)
    session.commit()


def look(session: Session) -> int:
    return session.scalar("SELECT 1")  # session-lint: ignore[SL302]
""",
    "app/routers.py": """\
from fastapi import APIRouter, Depends
from sqlalchemy.orm import Session

from app.database import get_db
from app.services import look, rename

router = APIRouter()


@router.post("/names")
def post_name(name: str, session: Session = Depends(get_db)) -> None:
    rename(session, name)


@router.get("/names")
def get_name(session: Session = Depends(get_db)) -> int:
    return look(session)
""",
}


@pytest.fixture
def application(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(lay_out(tmp_path, APPLICATION))
    return tmp_path


def breaks(*_args: object, **_options: object) -> Any:
    raise LookupError("what nobody thought of")


def ran(*arguments: str) -> tuple[int, str, str]:
    result = CliRunner().invoke(main, arguments)
    assert "Traceback" not in result.stderr
    return result.exit_code, result.stdout, result.stderr


def codes(*arguments: str) -> list[str]:
    return [finding["code"] for finding in json.loads(ran("check", *arguments, "--output-format", "json")[1])]


def test_nothing_fails_of_itself(application: Path) -> None:
    assert codes() == ["SL302", "SL901", "SL905"]
    assert ran("check")[0] == 1
    assert "internal error" not in ran("audit", "--output-format", "html")[2]


@pytest.mark.parametrize(
    ("check", "code", "left"),
    [
        ("unused", "SL901 at app/services.py", ["SL302", "SL905"]),
        ("misspelled", "SL901 at app/services.py", ["SL302", "SL901", "SL905"]),
        ("blanket", "SL903 at app/services.py", ["SL302", "SL901", "SL905"]),
        ("without_reason", "SL904 at app/services.py", ["SL302", "SL901", "SL905"]),
        ("stale", "SL905 at pyproject.toml", ["SL302", "SL901"]),
    ],
)
def test_a_check_of_the_lint_itself_that_fails_hides_nothing(
    check: str, code: str, left: list[str], application: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(f"session_lint.filtering.{check}", breaks)
    assert codes() == left
    exit_code, stdout, stderr = ran("check")
    assert exit_code == 2
    assert f"internal error in {code}: LookupError: what nobody thought of; please report it at https://" in stderr
    assert "not complete: 1 internal error" in stdout


@pytest.mark.parametrize("check", [check.id for check in CHECKS])
def test_a_row_whose_evidence_fails_is_not_called_fine(
    check: str, application: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    checks = tuple(replace(one, evidence=breaks) if one.id == check else one for one in CHECKS)
    monkeypatch.setattr("session_lint.checks.table.CHECKS", checks)
    exit_code, stdout, stderr = ran("audit", "--output-format", "json")
    assert exit_code == 2
    assert stderr.count("internal error") == 1
    assert f"internal error in the evidence on {check}: LookupError: what nobody thought of" in stderr
    report = json.loads(stdout)
    rows = {row["check"]: row for row in report["table"]["rows"]}
    assert rows[check]["result"] in ("Not checked", "Violations (1)")
    assert "could not be worked out, by an error of session-lint itself" in rows[check]["analysis"].lower()
    assert any(row["result"] in ("Compliant", "Not found") or "Found" in row["result"] for row in rows.values())
    assert "not complete: 1 internal error" in report["summary"]["outcome"]


def test_a_row_of_a_module_whose_evidence_fails_is_not_called_fine(
    application: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def evidence(scope: Scope) -> Evidence:
        return breaks() if scope.own == "app/services.py" else Evidence(1, ("something is said",))

    checks = tuple(replace(one, evidence=evidence) if one.id == "session-lifetime" else one for one in CHECKS)
    monkeypatch.setattr("session_lint.checks.table.CHECKS", checks)
    exit_code, stdout, stderr = ran("audit", "--output-format", "json")
    assert exit_code == 2
    assert "internal error in the evidence on session-lifetime in app/services.py: LookupError" in stderr
    results = {
        table["filename"]: row["result"]
        for table in json.loads(stdout)["modules"]
        for row in table["rows"]
        if row["check"] == "session-lifetime"
    }
    assert results["app/services.py"] == "Not checked"
    assert results["app/routers.py"] == "Compliant"


@pytest.mark.parametrize(
    ("part", "what"),
    [
        ("auditing.details._tasks", "the audit's part on background-tasks"),
        ("auditing.details._services", "the audit's part on service-functions"),
        ("auditing.details._routers", "the audit's part on routers"),
        ("auditing.details.ENGINES", "the audit's part on engines"),
        ("auditing.summary._policy", "what the audit infers from the code"),
        ("auditing.undecided.outside_calls", "the audit's calls that are not decided"),
        ("auditing.recommendations._settings", "the audit's look at the settings"),
        ("tracing._Tracer.trace", "the transaction map of post_name (app/routers.py:11)"),
        ("checks.counting.OPENINGS", "the counts of the summary"),
    ],
)
@pytest.mark.parametrize("form", ["markdown", "html"])
def test_a_part_of_the_report_that_fails_hides_no_other(
    part: str, what: str, form: str, application: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if part.startswith("tracing") and form == "markdown":
        return  # it has no maps
    monkeypatch.setattr(f"session_lint.{part}", breaks)
    exit_code, stdout, stderr = ran("audit", "--output-format", form)
    assert exit_code == 2
    assert f"internal error in {what}: " in stderr
    assert "SL302" in stdout
    assert re.search(r"not complete: \d internal error", stdout)
    if "auditing.details" in part or "summary" in part:
        assert "could not be worked out, by an error of session-lint itself" in stdout.lower()


def test_a_transaction_map_that_fails_is_left_out(application: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    trace = tracing._Tracer.trace
    monkeypatch.setattr(
        tracing._Tracer, "trace", lambda self, e: breaks() if e.function.name == "get_name" else trace(self, e)
    )
    exit_code, stdout, stderr = ran("trace")
    assert exit_code == 2
    assert "internal error in the transaction map of get_name (app/routers.py:16): LookupError" in stderr
    assert "post_name" in stdout


def failing_in(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the interpreter fail in a function."""
    run_function = Frame.run_function

    def run(self: Frame, *args: object) -> None:
        if isinstance(self.unit, Function) and self.unit.name == name:
            breaks()
        run_function(self, *args)  # type: ignore[arg-type]

    monkeypatch.setattr(Frame, "run_function", run)


def test_a_function_that_cannot_be_interpreted_hides_nothing_elsewhere(
    application: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    failing_in("look", monkeypatch)
    assert "SL302" in codes()
    exit_code, _, stderr = ran("check")
    assert exit_code == 2
    assert stderr.count("internal error") == 1
    assert "internal error in app/services.py:9: LookupError: what nobody thought of; please report it" in stderr
    _, stdout, _ = ran("audit", "--output-format", "json")
    report = json.loads(stdout)
    assert {row["result"] for row in report["table"]["rows"]} == {"Not checked", "Violations (1)"}
    assert any(
        "What is in app/services.py:9 could not be looked at" in row["analysis"] for row in report["table"]["rows"]
    )
    routers = next(table for table in report["modules"] if table["filename"] == "app/routers.py")
    assert "Compliant" in {row["result"] for row in routers["rows"]}


def test_what_an_uninterpreted_function_may_have_done_is_not_held_against_its_callers(
    application: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (application / "app" / "services.py").write_text(
        "def rename(session, name):\n    session.add(name)\n\n\nlook = rename\n"
    )
    assert "SL306" in codes()
    failing_in("rename", monkeypatch)
    assert codes() == ["SL905"]


def test_an_entry_point_and_a_module_that_cannot_be_interpreted_hide_nothing_elsewhere(
    application: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("session_lint.program.driver._enter", breaks)
    monkeypatch.setattr("session_lint.program.driver._run_module", breaks)
    assert "SL302" in codes()
    exit_code, _, stderr = ran("check")
    assert exit_code == 2
    assert "internal error in app/routers.py:11: LookupError" in stderr
    assert "internal error in app/database.py:1: LookupError" in stderr


def test_a_statement_whose_values_cannot_be_worked_out_hides_nothing_elsewhere(
    application: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (application / "app" / "odd.py").write_text("x = 1\ny = [n for n in x]\n")
    monkeypatch.setattr("session_lint.program.evaluator._DISPATCH", {**_DISPATCH, ir.Comprehension: breaks})
    assert "SL302" in codes()
    exit_code, _, stderr = ran("check")
    assert (exit_code, stderr.count("internal error")) == (2, 1)
    assert "internal error in app/odd.py:2: LookupError" in stderr


def test_what_nothing_can_go_on_without_is_named(application: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("session_lint.program.find_roles", breaks)
    exit_code, stdout, stderr = ran("check")
    assert (exit_code, stdout) == (2, "")
    assert "internal error (linking the program: LookupError: what nobody thought of); please report it" in stderr


def test_fixes_that_cannot_be_made_hide_nothing(application: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = (application / "app" / "services.py").read_text()
    (application / "app" / "more.py").write_text(APPLICATION["app/services.py"])
    (application / "app" / "routers.py").write_text(
        APPLICATION["app/routers.py"]
        + "\n\n@router.put('/names')\ndef put(session: Session = Depends(get_db)):\n    more.rename(session, '')\n"
        "\n\nfrom app import more\n"
    )

    def apply(text: str, findings: list[Finding]) -> object:
        if any(finding.filename == "app/services.py" for finding in findings):
            breaks()
        return apply_fixes(text, findings)

    monkeypatch.setattr("session_lint.mending.apply_fixes", apply)
    exit_code, stdout, stderr = ran("check", "--fix", "--unsafe-fixes")
    assert exit_code == 2
    assert "internal error in the fixes of app/services.py: LookupError" in stderr
    assert "SL302" in stdout
    assert (application / "app" / "services.py").read_text() == before
    assert "flush()" in (application / "app" / "more.py").read_text()


def test_fixes_whose_result_cannot_be_judged_are_not_written(
    application: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = (application / "app" / "services.py").read_text()

    def run_again(request: Request, files: Files) -> Result:
        return breaks() if files.sources.overlay else run(request, files)

    monkeypatch.setattr("session_lint.mending.run", run_again)
    exit_code, stdout, stderr = ran("check", "--fix", "--unsafe-fixes")
    assert exit_code == 2
    assert "internal error in the program with the fixes of app/services.py: LookupError" in stderr
    assert "SL302" in stdout
    assert (application / "app" / "services.py").read_text() == before
