"""The command line: options, exit codes, streams."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from msgspec.structs import replace
from projects import lay_out, stand_in, use_rules

from session_lint.cli import main

FILES = {
    "pyproject.toml": "",
    "app/a.py": "fault_error()\n",
    "app/b.py": "fault_warning()\n",
    "lib/c.py": "fault_info()\n",
    "lib/d.py": "fault_error_low()\n",
    "docs/readme.txt": "",
}


def invoke(*arguments: str | Path, text: bytes | str | None = None) -> Result:
    return CliRunner().invoke(main, [str(argument) for argument in arguments], input=text, catch_exceptions=False)


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    root = tmp_path / "project"
    lay_out(root, FILES)
    use_rules(monkeypatch, stand_in(root), stand_in(root / "none", code="SL105", check="engine-use"))
    monkeypatch.chdir(root)
    return root


def places(result: Result) -> list[str]:
    return [f"{one['filename']}:{one['location']['row']} {one['code']}" for one in json.loads(result.stdout)]


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        ([], 1),
        (["app"], 1),
        (["lib"], 0),
        (["lib", "--fail-on", "info"], 1),
        (["app/b.py", "--fail-on", "error"], 0),
        (["app/b.py"], 1),
        (["lib/c.py"], 0),
        (["lib/c.py", "--fail-on", "info"], 1),
        (["lib/d.py", "--fail-on", "error"], 0),
        (["--exit-zero"], 0),
        (["--ignore", "SL302"], 0),
        (["--select", "SL105"], 0),
        (["--ignore", "SL302", "--extend-select", "SL302"], 0),
        (["docs"], 2),
        (["gone.py"], 2),
        (["--select", "SL999"], 2),
        (["--no-such-option"], 2),
        (["--output-format", "yaml"], 2),
        (["--config", "gone.toml"], 2),
        (["--root", "gone"], 2),
        (["--root", "app", "lib"], 2),
        (["--config", "a", "--isolated"], 2),
        (["-", "app"], 2),
        (["app", "--stdin-filename", "x.py"], 2),
        (["app", "--output-file", "gone/report.txt"], 2),
    ],
)
def test_exit_codes(project: Path, arguments: list[str], code: int) -> None:
    result = invoke("check", *arguments)
    assert result.exit_code == code, result.output
    if code == 2:
        assert result.stdout == ""
        assert "Traceback" not in result.stderr
        assert result.stderr.strip()


def test_errors_are_a_sentence_on_stderr(project: Path) -> None:
    assert invoke("check", "gone.py").stderr == f"session-lint: {project / 'gone.py'} does not exist.\n"
    assert invoke("check", "docs").stderr.startswith("session-lint: No Python file found under docs; ")
    lay_out(project, {"pyproject.toml": "[tool.session-lint]\nposler = 'none'\n"})
    expected = f"session-lint: {project / 'pyproject.toml'}: unknown setting `posler`; did you mean `pooler`?\n"
    assert invoke("check").stderr == expected
    assert invoke("check", "--isolated").exit_code == 1


def test_paths_are_spelled_from_the_current_folder(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert places(invoke("check", "--output-format", "json")) == [
        "app/a.py:1 SL302",
        "app/b.py:1 SL302",
        "lib/c.py:1 SL302",
        "lib/d.py:1 SL302",
    ]
    monkeypatch.chdir(project / "app")
    assert places(invoke("check", "--output-format", "json")) == ["a.py:1 SL302", "b.py:1 SL302"]
    assert places(invoke("check", "--output-format", "json", "../lib/c.py")) == [
        f"{(project / 'lib/c.py').as_posix()}:1 SL302"
    ]
    monkeypatch.chdir(project.parent)
    assert places(invoke("check", "--output-format", "json", "project/lib/c.py")) == ["project/lib/c.py:1 SL302"]


def test_the_summary_follows_the_findings(project: Path) -> None:
    lines = invoke("check", "--output-format", "concise").stdout.splitlines()
    assert lines[0] == "app/a.py:1:1: error SL302 stand-in: fault_error is a fault; remove it"
    assert lines[-2].startswith("Checked 4 files: ")
    assert lines[-1] == "Found 2 errors, 1 warning, 1 info in 4 files."
    assert len(invoke("check", "--output-format", "concise", "--quiet").stdout.splitlines()) == 4
    assert json.loads(invoke("check", "docs/../app/a.py", "--output-format", "json", "--ignore", "SL302").stdout) == []


def test_least_confidence(project: Path) -> None:
    assert places(invoke("check", "lib", "--min-confidence", "medium", "--output-format", "json")) == [
        "lib/c.py:1 SL302"
    ]


def test_settings_choose_rules_and_severities(project: Path) -> None:
    lay_out(
        project,
        {
            "session-lint.toml": "ignore = ['SL302']\nextend-exclude = ['/lib']\n"
            "[severity]\nSL302 = 'info'\n[per-file-ignores]\n'app/b.py' = ['SL3']\n"
        },
    )
    assert places(invoke("check", "--output-format", "json")) == []
    result = invoke("check", "--select", "SL302", "--output-format", "json")
    assert places(result) == ["app/a.py:1 SL302"]
    assert json.loads(result.stdout)[0]["severity"] == "info"
    assert result.exit_code == 0
    assert "(1 suppressed)" in invoke("check", "--select", "SL302").stdout


def test_exclusion(project: Path) -> None:
    assert places(invoke("check", "--exclude", "lib,b.py", "--output-format", "json")) == ["app/a.py:1 SL302"]
    assert invoke("check", "lib/c.py", "--extend-exclude", "lib", "--fail-on", "info").exit_code == 1
    result = invoke("check", "lib/c.py", "--extend-exclude", "lib", "--fail-on", "info", "--force-exclude")
    assert (result.exit_code, result.stdout) == (0, "")
    assert result.stderr == "Nothing to check: all given paths are excluded (lib/c.py).\n"
    result = invoke("check", "lib/c.py", "--extend-exclude", "lib", "--force-exclude", "--output-format", "json")
    assert result.stdout == "[]\n"


def test_show_files(project: Path) -> None:
    result = invoke("check", "lib", "app/a.py", "--show-files")
    assert (result.exit_code, result.stdout) == (0, "app/a.py\nlib/c.py\nlib/d.py\n")


def test_output_file(project: Path) -> None:
    result = invoke("check", "app", "--output-format", "json", "--output-file", "report.json", "--color", "always")
    assert (result.exit_code, result.stdout) == (1, "")
    assert [one["filename"] for one in json.loads((project / "report.json").read_text())] == ["app/a.py", "app/b.py"]


def test_standard_input_stands_for_a_file(project: Path) -> None:
    broken = b"def f(:\n"
    result = invoke(
        "check", "-", "--stdin-filename", "app/a.py", "--output-format", "json", "--select", "SL105", text=broken
    )
    assert (result.exit_code, places(result)) == (1, ["app/a.py:1 SL902"])
    new = invoke("check", "--stdin-filename", "app/new.py", "--output-format", "json", text=broken)
    assert places(new) == ["app/new.py:1 SL902"]
    assert places(invoke("check", "-", "--output-format", "json", text=broken)) == ["stdin.py:1 SL902"]
    excluded = invoke("check", "-", "--stdin-filename", "venv/a.py", "--force-exclude", text=broken)
    assert (excluded.exit_code, excluded.stdout) == (0, "")
    assert invoke("check", "-", "--stdin-filename", "app/a.py", "--select", "SL105", text=b"x = 1\n").exit_code == 0


def test_a_file_that_cannot_be_read_is_a_finding_and_the_rest_goes_on(project: Path) -> None:
    lay_out(
        project,
        {
            "app/syntax.py": "x = 1\nif x:\n",
            "app/bytes.py": b"x = '\xff'\n",
            "app/nul.py": b"x = 1\x00\n",
            "app/deep.py": "x = " + "(" * 700 + ")" * 700,
            "app/large.py": "#" * 2000,
            "session-lint.toml": "max-file-size = 1500\nignore = ['SL902']\n",
            "app/empty.py": "",
        },
    )
    result = invoke("check", "app", "--output-format", "json")
    assert result.exit_code == 1
    found = places(result)
    for name in ("syntax", "bytes", "nul", "deep", "large"):
        assert any(place.startswith(f"app/{name}.py:") and place.endswith("SL902") for place in found), name
    assert "app/a.py:1 SL302" in found
    assert len(found) == 7


def test_colours(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "\x1b" not in invoke("check").stdout
    assert "\x1b[" in invoke("check", "--color", "always").stdout
    monkeypatch.setenv("FORCE_COLOR", "1")
    assert "\x1b[" in invoke("check").stdout
    assert "\x1b[" in invoke("audit").stdout
    monkeypatch.setenv("NO_COLOR", "1")
    for command in ("check", "audit"):
        text = invoke(command).stdout
        assert "\x1b" not in text
        assert text.isascii()


def test_verbose_speaks_on_stderr(project: Path) -> None:
    result = invoke("check", "app", "--verbose", "--output-format", "json")
    assert json.loads(result.stdout)
    assert f"Project root: {project}" in result.stderr
    assert "Files: 2 reported on, 4 known" in result.stderr


def test_an_internal_error_is_no_finding(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*arguments: object) -> None:
        raise ZeroDivisionError("oh")

    monkeypatch.setattr("session_lint.judging.link", fail)
    result = invoke("check")
    assert result.exit_code == 2
    assert result.stderr.startswith("session-lint: internal error (linking the program: ZeroDivisionError: oh); ")


def test_interruption(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*arguments: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("session_lint.judging.link", interrupt)
    result = invoke("check")
    assert (result.exit_code, result.stdout) == (130, "")
    assert result.stderr.strip() == "session-lint: interrupted."


def test_audit(project: Path) -> None:
    result = invoke("audit", "--output-format", "markdown")
    assert result.exit_code == 1
    assert result.stdout.count("| Pattern searched") == 5
    assert "Violations (4)" in result.stdout
    assert invoke("audit", "lib/c.py").exit_code == 0
    assert invoke("audit", "docs").exit_code == 2
    invoke("audit", "--output-file", "audit.txt")
    assert "Violations (4)" in (project / "audit.txt").read_text("utf-8")


def test_audit_runs_every_rule_unless_told_otherwise(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    use_rules(monkeypatch, replace(stand_in(project, code="SL105", check="engine-use"), default=False))
    assert invoke("check", "app").exit_code == 0
    assert "Violations (2)" in invoke("audit", "app").stdout
    assert "SL105 not selected" in " ".join(
        invoke("audit", "app", "--select", "SL9", "--output-format", "markdown").stdout.split()
    )


def test_rule() -> None:
    assert "SL902* unreadable-file" in invoke("rule").stdout
    page = invoke("rule", "SL902").stdout
    assert "unreadable-file (SL902)" in page
    assert "Why is this bad?" in page
    assert invoke("rule", "unreadable-file").stdout == page
    listed = json.loads(invoke("rule", "--all", "--output-format", "json").stdout)
    assert [one["code"] for one in listed] == sorted(one["code"] for one in listed)
    assert all(one["documentation"].startswith("# ") and one["summary"] for one in listed)
    assert {one["fix"] for one in listed} == {None, "safe", "unsafe"}
    drawn = invoke("rule", "SL302", "--color", "always").stdout
    assert "\x1b[" in drawn
    assert "## " not in drawn
    assert invoke("rule", "SL302", "--color", "never").stdout.startswith("# service-commits (SL302)\n")
    wrong = invoke("rule", "SL9999")
    assert wrong.exit_code == 2
    assert wrong.stderr.startswith("session-lint: command line: `SL9999` means no rule; ")


def python(*arguments: str, cwd: Path, encoding: str = "utf-8") -> subprocess.CompletedProcess[bytes]:
    environment = {**os.environ, "PYTHONIOENCODING": encoding, "PYTHONPATH": str(Path(__file__).parent.parent)}
    return subprocess.run([sys.executable, *arguments], cwd=cwd, capture_output=True, check=False, env=environment)


def test_as_a_module(tmp_path: Path) -> None:
    lay_out(tmp_path, {"ä.py": "x = '\xff'\n", "b.py": "if\n"})
    done = python("-m", "session_lint", "check", cwd=tmp_path, encoding="ascii")
    assert done.returncode == 1, done.stderr
    assert done.stdout.isascii()
    assert python("-m", "session_lint", "audit", cwd=tmp_path, encoding="ascii").stdout.isascii()
    version = python("-m", "session_lint", "--version", cwd=tmp_path)
    assert version.stdout.decode().startswith("session-lint ")


def test_help_and_version_load_nothing_heavy(tmp_path: Path) -> None:
    code = (
        "import sys, session_lint.cli\n"
        "try: session_lint.cli.main(['check', '--help'])\n"
        "except SystemExit: pass\n"
        "heavy = {'libcst', 'rich', 'msgspec', 'pathspec'} & set(sys.modules)\n"
        "sys.exit(f'loaded: {heavy}' if heavy else 0)"
    )
    done = python("-c", code, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
