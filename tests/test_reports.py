"""The reports: findings in three forms, the compliance table in two."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from fixture_cases import FIXTURES
from projects import lay_out, stand_in, use_rules

import session_lint
from session_lint.auditing import audit_report
from session_lint.checks import CHECKS, Check
from session_lint.checks.evidence import Evidence, Scope
from session_lint.findings import Edit, Fix
from session_lint.ir import Span
from session_lint.report import audit_markdown, audit_terminal, concise, full, json_list, summary
from session_lint.report.wrapping import wrapped
from session_lint.result import Result

SOURCE = "def work(session):\n\tx = 'ä漢'; fault_error(  # why\n    )\n    fault_warning_low()\n"
FIX = Fix("flush instead", True, (Edit(Span(2, 1, 2, 3), "x"),))

Run = Callable[..., Result]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    def run_on(files: dict[str, str], *, code: str = "SL302") -> Result:
        lay_out(tmp_path, {"pyproject.toml": "", **files})
        check = next(check.id for check in CHECKS if code in check.rules)
        use_rules(monkeypatch, stand_in(tmp_path, code=code, check=check, fix=FIX))
        return session_lint.check([tmp_path])

    return run_on


def test_concise(run: Run) -> None:
    result = run({"app/a.py": "fault_error()\n\nfault_info()\n"})
    assert concise.render(result, str, color=False) == (
        "app/a.py:1:1: error SL302 stand-in: fault_error is a fault; remove it\n"
        "app/a.py:3:1: info SL302 stand-in: fault_info is a fault; remove it\n"
    )
    assert "\x1b[31merror\x1b[0m" in concise.render(result, str, color=True)


def test_full(run: Run) -> None:
    result = run({"app/a.py": "if 1:\n\tx = 'ä漢'; fault_error(  # why\n    )\n\n\nfault_warning_low()\n"})
    assert (
        full.render(result, str, color=False)
        == """\
error[SL302] stand-in: fault_error is a fault; remove it
 --> app/a.py:2:12
  |
1 | if 1:
2 |     x = 'ä漢'; fault_error(  # why
  |                ^^^^^^^^^^^
3 |     )
4 |
  |
  = app/router.py:3 endpoint: calls work
  = fix: flush instead

warning[SL302] stand-in: fault_warning_low is a fault; remove it
 --> app/a.py:6:1
  |
4 |
5 |
6 | fault_warning_low()
  | ^^^^^^^^^^^^^^^^^
7 |
  |
  = low confidence
  = app/router.py:3 endpoint: calls work
  = fix: flush instead

"""
    )


def test_full_shows_of_a_very_long_line_what_matters(run: Run) -> None:
    result = run({"a.py": f"x = '{'y' * 5000}'; fault_error(); z = '{'y' * 5000}'\n"})
    lines = full.render(result, str, color=False).splitlines()
    (shown,) = [line for line in lines if "fault_error()" in line]
    assert len(shown) < 200
    assert shown.index("fault_error") == lines[lines.index(shown) + 1].index("^")


def test_source_cannot_steer_the_terminal(run: Run) -> None:
    result = run({"a.py": "x = '\x1b[31m'; fault_error()\n"})
    assert "\x1b" not in full.render(result, str, color=False)


def test_json(run: Run) -> None:
    (one,) = json.loads(json_list.render(run({"app/a.py": "fault_error()\n"}), lambda path: f"at/{path}"))
    assert one == {
        "code": "SL302",
        "name": "stand-in",
        "message": "fault_error is a fault; remove it",
        "filename": "at/app/a.py",
        "location": {"row": 1, "column": 1},
        "end_location": {"row": 1, "column": 12},
        "severity": "error",
        "confidence": "high",
        "symbol": "work",
        "chain": [{"filename": "at/app/router.py", "row": 3, "symbol": "endpoint", "note": "calls work"}],
        "fix": {
            "message": "flush instead",
            "safe": True,
            "edits": [{"location": {"row": 2, "column": 1}, "end_location": {"row": 2, "column": 3}, "content": "x"}],
        },
    }
    assert json_list.render(run({"app/a.py": ""}), str) == "[]\n"


@pytest.mark.parametrize(
    ("files", "sentence"),
    [
        ({"a.py": ""}, "No problems found."),
        ({"a.py": "fault_error()"}, "Found 1 error in 1 file."),
        (
            {"a.py": "fault_error() + fault_error()\nfault_info()", "b.py": "fault_warning()"},
            "Found 2 errors, 1 warning, 1 info in 2 files.",
        ),
        ({"a.py": "fault_error()  # noqa: SL302"}, "No problems found (1 suppressed)."),
    ],
)
def test_the_outcome_counts(run: Run, files: dict[str, str], sentence: str) -> None:
    assert summary.outcome(run(files)) == sentence


def test_the_summary_says_what_was_looked_at(run: Run, tmp_path: Path) -> None:
    run({"a.py": "", "b/c.py": ""})
    assert summary.looked_at(session_lint.check([tmp_path])) == (
        "Checked 2 files: none imports SQLAlchemy or a database driver, 1 check"
    )
    run({"a.py": "import sqlalchemy"})
    line = r"\d+ handles? sessions, \d+ sessions?, \d+ endpoints?, 1 check"
    assert re.fullmatch(rf"Checked 2 files: {line}", summary.looked_at(session_lint.check([tmp_path])))
    assert re.fullmatch(
        rf"Checked 1 file of 2 known \({line.removesuffix(', 1 check')}\), 1 check",
        summary.looked_at(session_lint.check([tmp_path / "b"])),
    )


def as_markdown(result: Result, show: Callable[[str], str] = str) -> str:
    return audit_markdown.render(audit_report(result, show))


def row_of(text: str, pattern: str) -> list[str]:
    (line,) = [line for line in text.split("\n## ")[2].splitlines() if pattern in line]
    return [cell.strip() for cell in line.strip("|").split(" | ")]


def test_a_row_is_violated_if_and_only_if_a_rule_of_it_fired(run: Run) -> None:
    text = as_markdown(run({"a.py": "fault_error()\n" * 7}, code="SL105"))
    result, analysis = row_of(text, "Engine use")[1:]
    assert result == "Violations (7)"
    assert analysis == "SL105 stand-in: `work` (a.py:1, 2, 3, 4, 5, 6, 7)."
    assert "<code>a.py</code> (service): 1 of 1 row violated" in text
    assert "SL105 stand-in: `work` (lines 1, 2, 3, 4, 5, 6, 7)." in text


def test_a_row_whose_rules_did_not_all_run_is_not_checked(run: Run) -> None:
    result, analysis = row_of(as_markdown(run({"a.py": ""})), "Service transaction")[1:]
    assert result == "Not checked"
    assert analysis == "SL301, SL303 not available yet."


def test_a_fault_counts_whatever_did_not_run(run: Run) -> None:
    result, analysis = row_of(as_markdown(run({"a.py": "fault_error()"})), "Service transaction")[1:]
    assert result == "Violations (1)"
    assert analysis == "SL302 stand-in: `work` (a.py:1).<br>SL301, SL303 not available yet."


@pytest.mark.parametrize(
    ("searched", "evidence", "expected"),
    [
        (True, Evidence(), ["Not found", "No finding of SL105."]),
        (True, Evidence(2, ("built in `make` (b.py:1)",)), ["Found (2)", "Built in `make` (b.py:1)."]),
        (False, Evidence(2, ("each opens its own",)), ["Compliant", "Each opens its own."]),
        (False, Evidence(applicable=False), ["Not applicable", "Nothing of the kind here."]),
    ],
)
def test_what_a_clean_row_says(
    run: Run, monkeypatch: pytest.MonkeyPatch, searched: bool, evidence: Evidence, expected: list[str]
) -> None:
    def state(scope: Scope) -> Evidence:
        return evidence if "b.py" in scope.paths else Evidence()

    check = Check("engine-use", "Engine use", ("SL105",), searched, state)
    monkeypatch.setattr("session_lint.checks.table.CHECKS", (check,))
    text = as_markdown(run({"a.py": "", "b.py": ""}, code="SL105"))
    assert row_of(text, "Engine use")[1:] == expected
    assert "<code>a.py</code>" not in text
    assert ("<summary><code>b.py</code> (service): nothing violated</summary>" in text) == bool(evidence.found)


def test_suppressed_findings_are_told(run: Run) -> None:
    text = as_markdown(run({"a.py": "fault_error()  # noqa: SL105"}, code="SL105"))
    assert row_of(text, "Engine use")[1:] == ["Not found", "`work` (a.py:1) suppressed."]


def test_markdown_cells_are_escaped(run: Run) -> None:
    text = as_markdown(run({"a.py": "fault_error()"}, code="SL105"), lambda path: "a|b<c>.py")
    assert "a&#124;b&#60;c&#62;.py" in text
    assert "a|b" not in text


@pytest.mark.parametrize("width", [80, 200])
@pytest.mark.parametrize("ascii_only", [False, True])
def test_the_terminal_report_fits(run: Run, width: int, ascii_only: bool) -> None:
    report = audit_report(run({f"app/{'long_' * 12}/{'name_' * 5}.py": "fault_error()"}))
    text = audit_terminal.render(report, color=False, ascii_only=ascii_only, width=width)
    lines = text.splitlines()
    assert max(map(len, lines)) <= width
    assert all(line.isascii() for line in lines) == ascii_only
    assert text.count("Violations (1)") == 2
    assert lines[-1] == "Found 1 error in 1 file."


def test_the_terminal_report_leaves_backticks_around_plain_words_alone() -> None:
    report = audit_report(session_lint.check([FIXTURES / "batch_scraper" / "compliant"]))
    text = audit_terminal.render(report, color=False, ascii_only=True, width=80)
    assert "4 opened by a `with` block: process_batch_with_own_session" in " ".join(text.split())


@pytest.mark.parametrize(
    ("text", "width", "lines"),
    [
        ("", 20, [""]),
        ("one two three", 7, ["one two", "three"]),
        ("in app/services/batch/runner.py:13 it", 20, ["in", "app/services/batch/", "runner.py:13 it"]),
        ("a" * 25, 10, ["a" * 10, "a" * 10, "a" * 5]),
        ("漢字" * 4, 6, ["漢字漢", "字漢字", "漢字"]),
    ],
)
def test_lines_break_between_words_and_in_paths_after_slashes(text: str, width: int, lines: list[str]) -> None:
    assert wrapped(text, width) == lines
