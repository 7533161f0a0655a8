"""Suppressions that are written into the code."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from fixture_cases import Case, cases
from projects import lay_out

from session_lint.cli import main
from session_lint.findings import Confidence, Finding, Severity
from session_lint.ignoring import with_ignores
from session_lint.ir import Span

BAD = [case for case in cases() if case.expected and "SL902" not in case.rule]


def finding(row: int, code: str = "SL302") -> Finding:
    return Finding(code, "x", "m", "a.py", Span(row, 1, row, 2), Severity.ERROR, Confidence.HIGH, "f")


def ignored(text: str, *findings: Finding) -> str:
    new, hidden = with_ignores(text, findings, "why")
    assert sorted(hidden, key=lambda one: one.sort_key) == sorted(findings, key=lambda one: one.sort_key)
    return new


def invoke(*arguments: str | Path) -> Result:
    return CliRunner().invoke(main, [str(argument) for argument in arguments], catch_exceptions=False)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a()\n", "a()  # session-lint: ignore[SL302] -- why\n"),
        ("a()", "a()  # session-lint: ignore[SL302] -- why"),
        ("a()  \r\nb()\r\n", "a()  # session-lint: ignore[SL302] -- why\r\nb()\r\n"),
        ("a()  # noqa\n", "a()  # noqa  # session-lint: ignore[SL302] -- why\n"),
        (
            "a()  # session-lint: ignore[SL304] -- old\n",
            "a()  # session-lint: ignore[SL304, SL302] -- old\n",
        ),
        (
            "a(\n    1,\n)\n",
            "a(  # session-lint: ignore[SL302] -- why\n    1,\n)\n",
        ),
        ('a("""\nb\n""")\n', 'a("""\nb\n""")  # session-lint: ignore[SL302] -- why\n'),
        ("a(1, \\\n  2)\n", "a(1, \\\n  2)  # session-lint: ignore[SL302] -- why\n"),
        ("if a():\n    b()\n", "if a():  # session-lint: ignore[SL302] -- why\n    b()\n"),
    ],
)
def test_places(text: str, expected: str) -> None:
    assert ignored(text, finding(1)) == expected


def test_one_comment_for_a_statement() -> None:
    text = "a(\n    1,\n    2,\n)\nb()\n"
    assert ignored(text, finding(2), finding(3, "SL304"), finding(5)) == (
        "a(\n    1,  # session-lint: ignore[SL302, SL304] -- why\n    2,\n)\nb()  # session-lint: ignore[SL302] -- why\n"
    )


@pytest.mark.parametrize("case", BAD, ids=lambda case: case.name)
def test_nothing_is_left_of_a_fixture_but_what_is_on_the_comments(case: Case, tmp_path: Path) -> None:
    root = case.lay_out(tmp_path)
    options = ("--root", root, "--ignore", "SL9", "--extend-select", case.rule or "SL302")
    if case.rule.startswith("SL9"):
        pytest.skip("what is wrong there is a comment or a setting")
    assert invoke("check", root, *options, "--add-ignores", "legacy").exit_code == 0
    assert invoke("check", root, *options, "--fail-on", "info").exit_code == 0


def test_the_reason_is_one_line(tmp_path: Path) -> None:
    lay_out(tmp_path, {"pyproject.toml": "", "a.py": ""})
    for reason in ("", " ", "a\nb", "a # b"):
        assert invoke("check", tmp_path, "--add-ignores", reason).exit_code == 2
    for option in ("--fix", "--diff"):
        assert invoke("check", tmp_path, "--add-ignores", "x", option).exit_code == 2


def test_what_is_written_is_said(tmp_path: Path) -> None:
    commit = "from sqlalchemy.orm import Session\n\n\ndef f(session: Session) -> None:\n    session.commit()\n"
    lay_out(tmp_path, {"pyproject.toml": "", "a.py": commit, "b.py": "if\n"})
    result = invoke("check", tmp_path, "--add-ignores", "legacy")
    assert result.stderr == "Suppressed 1 finding in 1 file.\n"
    assert "SL902" in result.stdout
    assert result.stdout.splitlines()[-1] == "Found 1 error in 1 file (1 suppressed)."
    expected = commit.replace("commit()", "commit()  # session-lint: ignore[SL302] -- legacy")
    assert (tmp_path / "a.py").read_text() == expected
