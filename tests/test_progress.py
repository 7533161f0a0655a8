"""The progress bar: when there is one, and that it leaves nothing behind."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from click.testing import CliRunner
from projects import lay_out

from session_lint.cli import main
from session_lint.pipeline import find_files, run
from session_lint.report import progress
from session_lint.request import Request


def test_a_run_tells_its_stages(tmp_path: Path) -> None:
    lay_out(tmp_path, {"pyproject.toml": "", "a.py": "x = 1\n", "b.py": "x = 2\n"})
    told: list[tuple[str, int, int]] = []
    request = Request(paths=(tmp_path,), progress=lambda *what: told.append(what))
    run(request, find_files(request))
    assert told[:3] == [("Parsing", 1, 2), ("Parsing", 2, 2), ("Linking", 0, 0)]
    assert {stage for stage, _, _ in told[3:]} == {"Rules"}


@pytest.fixture
def on_a_terminal(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    del capsys
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("FORCE_COLOR", "1")


def test_a_short_run_has_no_bar(on_a_terminal: None, capsys: pytest.CaptureFixture[str]) -> None:
    with progress.progress_bar() as bar:
        bar("Parsing", 1, 2)
    assert capsys.readouterr().err == ""


def test_a_long_run_has_one_until_it_ends(
    on_a_terminal: None, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(progress, "PATIENCE", 0.0)
    said = ""
    with progress.progress_bar() as bar:
        bar("Parsing", 1, 2)
        for _ in range(1000):
            said += capsys.readouterr().err
            if "Parsing" in said and "1/2" in said:
                break
            time.sleep(0.01)
    said += capsys.readouterr().err
    assert "Parsing" in said
    assert "1/2" in said
    assert said.rstrip().endswith("\x1b[2K")


@pytest.mark.parametrize(
    ("terminal", "ci", "options", "bars"),
    [(True, "", (), 1), (False, "", (), 0), (True, "true", (), 0), (True, "", ("--quiet",), 0)],
)
@pytest.mark.parametrize("command", ["check", "audit"])
def test_who_gets_a_bar(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    command: str,
    terminal: bool,
    ci: str,
    options: tuple[str, ...],
    bars: int,
) -> None:
    made = []

    @contextmanager
    def counted() -> Iterator[progress.Bar]:
        made.append(progress.Bar())
        yield made[-1]

    lay_out(tmp_path, {"pyproject.toml": "", "a.py": "x = 1\n"})
    monkeypatch.setattr(progress, "progress_bar", counted)
    monkeypatch.setattr("session_lint.cli.options.stderr_is_watched", lambda: terminal)
    monkeypatch.setenv("CI", ci)
    assert CliRunner().invoke(main, [command, str(tmp_path), *options]).exit_code == 0
    assert len(made) == bars
