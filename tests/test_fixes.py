"""Fixes end to end: every one that a fixture is offered works, and files keep what is not mended."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from fixture_cases import Case, cases
from msgspec.structs import replace
from projects import lay_out, stand_in, use_rules

from session_lint.cli import main
from session_lint.errors import UserError
from session_lint.findings import Edit, Fix
from session_lint.fixing import Lines, apply_fixes, place_of
from session_lint.ir import Span
from session_lint.lowering import lower
from session_lint.mending import is_applicable, mend
from session_lint.pipeline import find_files, run
from session_lint.request import Files, Request
from session_lint.rewriting import write
from session_lint.rules.registry import Selection

BAD = [case for case in cases() if case.expected]
COMMIT = "from sqlalchemy.orm import Session\n\n\ndef f(session: Session) -> None:\n    session.commit()\n"


def invoke(*arguments: str | Path, text: str | None = None) -> Result:
    return CliRunner().invoke(main, [str(argument) for argument in arguments], input=text, catch_exceptions=False)


def prepared(case: Case, folder: Path) -> tuple[Request, Files]:
    root = case.lay_out(folder)
    selection = Selection("test", None, (), [case.rule] if case.rule else [])
    request = Request((root,), root=root, selection=selection)
    return request, find_files(request)


@pytest.mark.parametrize("case", BAD, ids=lambda case: case.name)
def test_every_fix_offered_makes_its_finding_go_away(case: Case, tmp_path: Path) -> None:
    request, files = prepared(case, tmp_path)
    before = run(request, files)
    offered = [finding for finding in before.findings if is_applicable(finding, unsafe=True)]
    for finding in offered:
        path = finding.filename
        text = files.sources.text(path)
        fixed = apply_fixes(text, [finding])
        assert fixed.applied == (finding,)
        lower(fixed.text)
        overlay = replace(files, sources=replace(files.sources, overlay={path: fixed.text.encode()}))
        lines = Lines(fixed.text)
        first, last = fixed.moved(place_of(Lines(text), finding.span))
        after = [f for f in run(request, overlay).findings if (f.filename, f.code) == (path, finding.code)]
        were = sum((f.filename, f.code) == (path, finding.code) for f in before.findings)
        stays = len(after) >= were and any(first <= place_of(lines, f.span) <= last for f in after)
        assert not stays, f"{finding.code} at {path}:{finding.span.row} is still there after its fix:\n{fixed.text}"


@pytest.mark.parametrize("case", BAD, ids=lambda case: case.name)
def test_fixes_together_are_stable(case: Case, tmp_path: Path) -> None:
    request, files = prepared(case, tmp_path)
    mended = mend(request, files, unsafe=True)
    assert not mended.dropped
    again = replace(files, sources=replace(files.sources, overlay=mended.after))
    assert not mend(request, again, unsafe=True).fixed
    assert not [f for f in mended.result.findings if is_applicable(f, unsafe=True)]


IDLE = "x = 1  # session-lint: ignore[SL302]\n"


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (IDLE.encode(), b"x = 1\n"),
        (b"x = 1  # session-lint: ignore[SL302]", b"x = 1"),
        (b"\xef\xbb\xbf" + IDLE.encode(), b"\xef\xbb\xbfx = 1\n"),
        (IDLE.replace("\n", "\r\n").encode() + b"y = 2\r\n", b"x = 1\r\ny = 2\r\n"),
        (b"# -*- coding: latin-1 -*-\n# caf\xe9\n" + IDLE.encode(), b"# -*- coding: latin-1 -*-\n# caf\xe9\nx = 1\n"),
        ("s = 'é', '\x0c'\n".encode() + IDLE.encode(), "s = 'é', '\x0c'\nx = 1\n".encode()),
    ],
    ids=["plain", "no newline", "byte order mark", "crlf", "coding comment", "wide characters"],
)
def test_files_keep_what_is_not_mended(content: bytes, expected: bytes, tmp_path: Path) -> None:
    lay_out(tmp_path, {"pyproject.toml": "", "a.py": content})
    (tmp_path / "a.py").chmod(0o755)
    result = invoke("check", tmp_path, "--fix")
    assert result.exit_code == 0, result.output
    assert (tmp_path / "a.py").read_bytes() == expected
    assert stat.S_IMODE((tmp_path / "a.py").stat().st_mode) == 0o755
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.py", "pyproject.toml"]
    assert result.stdout.splitlines()[-1] == "Found 1 warning in 1 file (1 fixed, 0 remaining)."
    assert invoke("check", tmp_path, "--fix").stdout.splitlines()[-1] == "No problems found."


def test_a_link_stays_a_link(tmp_path: Path) -> None:
    lay_out(tmp_path, {"pyproject.toml": "", "real.txt": IDLE})
    (tmp_path / "a.py").symlink_to(tmp_path / "real.txt")
    assert invoke("check", tmp_path / "a.py", "--fix").exit_code == 0
    assert (tmp_path / "a.py").is_symlink()
    assert (tmp_path / "real.txt").read_text() == "x = 1\n"


def test_a_read_only_file_is_left_alone(tmp_path: Path) -> None:
    lay_out(tmp_path, {"pyproject.toml": "", "a.py": IDLE})
    (tmp_path / "a.py").chmod(0o444)
    result = invoke("check", tmp_path, "--fix")
    assert result.exit_code == 2
    assert result.stderr == f"session-lint: {tmp_path / 'a.py'} cannot be written: it is read-only.\n"
    assert (tmp_path / "a.py").read_text() == IDLE


def test_a_file_that_somebody_changes_meanwhile_is_left_alone(tmp_path: Path) -> None:
    lay_out(tmp_path, {"a.py": "new"})
    with pytest.raises(UserError, match="was changed while it was checked"):
        write(tmp_path / "a.py", b"old", b"mended")
    assert [path.name for path in tmp_path.iterdir()] == ["a.py"]


def test_unsafe_fixes_are_made_when_asked(tmp_path: Path) -> None:
    lay_out(tmp_path, {"pyproject.toml": "", "a.py": COMMIT})
    path = tmp_path / "a.py"
    result = invoke("check", tmp_path)
    assert result.stdout.splitlines()[-1] == "1 fixable with --fix --unsafe-fixes."
    assert invoke("check", tmp_path, "--unsafe-fixes").stdout.splitlines()[-1] == "1 fixable with --fix."
    assert path.read_text() == COMMIT
    assert invoke("check", tmp_path, "--fix").exit_code == 1
    assert path.read_text() == COMMIT
    result = invoke("check", tmp_path, "--fix", "--unsafe-fixes")
    assert (result.exit_code, result.stdout.splitlines()[-1]) == (
        0,
        "Found 1 error in 1 file (1 fixed, 0 remaining).",
    )
    assert path.read_text() == COMMIT.replace("commit", "flush")


def test_exit_codes(tmp_path: Path) -> None:
    lay_out(tmp_path, {"pyproject.toml": "", "a.py": IDLE, "b.py": IDLE})
    assert invoke("check", tmp_path, "--diff").exit_code == 1
    assert invoke("check", tmp_path, "--diff", "--exit-zero").exit_code == 0
    assert invoke("check", tmp_path, "--fix", "--exit-non-zero-on-fix").exit_code == 1
    assert invoke("check", tmp_path, "--fix", "--exit-non-zero-on-fix").exit_code == 0
    assert invoke("check", tmp_path, "--diff").exit_code == 0


def test_a_diff_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lay_out(tmp_path, {"pyproject.toml": "", "b/a.py": f"a = 0\n{IDLE}", "c.py": IDLE.rstrip()})
    monkeypatch.chdir(tmp_path)
    result = invoke("check", "--diff", "--fix")
    assert result.stdout == (
        "--- b/a.py\n+++ b/a.py\n@@ -1,2 +1,2 @@\n a = 0\n-x = 1  # session-lint: ignore[SL302]\n+x = 1\n"
        "--- c.py\n+++ c.py\n@@ -1 +1 @@\n-x = 1  # session-lint: ignore[SL302]\n\\ No newline at end of file\n"
        "+x = 1\n\\ No newline at end of file\n"
    )
    assert result.stderr == "Would fix 2 findings.\n"
    assert (tmp_path / "c.py").read_text() == IDLE.rstrip()


def test_standard_input_is_shown_as_a_diff_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lay_out(tmp_path, {"pyproject.toml": ""})
    monkeypatch.chdir(tmp_path)
    assert "+x = 1\n" in invoke("check", "-", "--diff", text=IDLE).stdout
    refused = invoke("check", "-", "--fix", text=IDLE)
    assert refused.exit_code == 2
    assert "Standard input has no file to fix" in refused.stderr


@pytest.mark.parametrize(
    "content",
    ["(((", "pass  # nothing mended: fault_error\n", "\u20ac = 1  "],
    ids=["does not parse", "the finding stays", "not in the encoding"],
)
def test_fixes_that_do_not_work_are_dropped_and_said(
    content: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = {"pyproject.toml": "", "a.py": "# coding: latin-1\nfault_error()\n"}
    lay_out(tmp_path, files)
    fix = Fix("mend", safe=True, edits=(Edit(Span(2, 1, 2, 1), content),))
    use_rules(monkeypatch, stand_in(tmp_path, fix=fix))
    result = invoke("check", tmp_path, "--fix")
    assert result.exit_code == 1
    assert result.stderr.endswith(
        "a.py:2: the fix of SL302 is dropped: its result does not parse, or the finding stays.\n"
    )
    assert (tmp_path / "a.py").read_text("latin-1") == files["a.py"]


def test_others_are_fixed_beside_one_that_is_dropped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lay_out(tmp_path, {"pyproject.toml": "", "a.py": f"{IDLE.replace('302', '105')}fault_error()\n"})
    fix = Fix("mend", safe=True, edits=(Edit(Span(2, 1, 2, 1), "((("),))
    idle = stand_in(tmp_path / "none", code="SL105", check="engine-use")
    use_rules(monkeypatch, stand_in(tmp_path, fix=fix), idle)
    result = invoke("check", tmp_path, "--fix")
    assert (tmp_path / "a.py").read_text() == "x = 1\nfault_error()\n"
    assert "(1 fixed, 1 remaining)" in result.stdout
