"""The README does not drift: its commands, settings, example and excerpts of output are run."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
from click.testing import CliRunner
from projects import lay_out

from session_lint.cli import main
from session_lint.settings import load_settings

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text("utf-8")
EXCERPTS = re.findall(r"<!-- output: (.*?) -->\n```\w*\n(.*?)```\n", README, re.DOTALL)


@pytest.mark.parametrize("name", ["run", "test"])
def test_each_command_is_one_line_after_its_marker(name: str) -> None:
    (block,) = re.findall(rf"^<!-- ci: {name} -->\n```sh\n(.*?)^```$", README, re.DOTALL | re.MULTILINE)
    assert block.count("\n") == 1


def test_the_settings_shown_are_valid(tmp_path: Path) -> None:
    (block,) = re.findall(r"```toml\n(\[tool\.session-lint\]\n.*?)```", README, re.DOTALL)
    lay_out(tmp_path, {"pyproject.toml": block})
    assert load_settings(tmp_path / "pyproject.toml").transaction_owner == "router"


def test_the_python_example_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (block,) = re.findall(r"```python\n(import session_lint\n.*?)```", README, re.DOTALL)
    lay_out(tmp_path, {"pyproject.toml": "", "src/a.py": "if\n"})
    monkeypatch.chdir(tmp_path)
    exec(compile(block, "README.md", "exec"), {})
    assert capsys.readouterr().out.startswith("src/a.py 1 SL902 ")


def test_there_is_an_excerpt_of_each_use() -> None:
    assert len(EXCERPTS) == 4


@pytest.mark.parametrize(("command", "excerpt"), EXCERPTS)
def test_an_excerpt_is_real(command: str, excerpt: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    output = CliRunner(env={"COLUMNS": "120"}).invoke(main, shlex.split(command), catch_exceptions=False).stdout
    lines = iter(output.splitlines())
    for line in excerpt.splitlines():
        if line != "...":
            assert line in lines, f"not in the output of `session-lint {command}`, or not in this order: {line}"
