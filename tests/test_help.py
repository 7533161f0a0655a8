"""``--help`` fits a screen, leaves nothing out, and shells can complete what it names."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from session_lint.cli import main

CONTEXT = click.Context(main)
COMMANDS = {name: command for name in main.list_commands(CONTEXT) if (command := main.get_command(CONTEXT, name))}
assert len(COMMANDS) >= 8
SCREEN = 40


def help_of(*arguments: str, columns: int = 80) -> str:
    return CliRunner(env={"COLUMNS": str(columns)}).invoke(main, [*arguments, "--help"]).stdout


@pytest.mark.parametrize("command", [*COMMANDS, None])
@pytest.mark.parametrize("columns", [80, 200])
def test_help_fits_a_screen(command: str | None, columns: int) -> None:
    lines = help_of(*([command] if command else []), columns=columns).splitlines()
    assert len(lines) <= SCREEN
    assert max(map(len, lines)) <= columns
    assert not [line for line in lines if line != line.rstrip()]


@pytest.mark.parametrize("command", COMMANDS)
def test_every_option_is_named_and_explained(command: str) -> None:
    text = help_of(command)
    for option in COMMANDS[command].params:
        if isinstance(option, click.Option):
            assert option.help
            assert (option.opts[-1] in text) != option.hidden, option.opts


def test_options_are_in_sections() -> None:
    text = help_of("check")
    headings = [line for line in text.splitlines() if line.endswith(":") and not line.startswith(" ")]
    assert headings == ["Rules:", "Project:", "What is known:", "Fixes:", "Report:", "Run:"]
    row = next(line for line in text.splitlines() if "--select" in line)
    assert row == "  --select, --extend-select RULES    Rules to run, alone or as well."


# Completion


def completed(shell: str, words: str, tmp_path: Path) -> str:
    """What the shell itself, with the line of the documentation in its start-up file, is told."""
    program = shutil.which(shell)
    if program is None and not os.environ.get("SESSION_LINT_REQUIRE_SHELLS"):
        pytest.skip(f"{shell} is not installed")
    assert program is not None
    tool = tmp_path / "bin" / "session-lint"
    tool.parent.mkdir()
    tool.write_text(f"#!{sys.executable}\nimport sys\nfrom session_lint.cli import main\nsys.exit(main())\n")
    tool.chmod(0o755)
    environment = {**os.environ, "PATH": f"{tool.parent}{os.pathsep}{os.environ['PATH']}", "HOME": str(tmp_path)}
    line = f"session-lint {words}"
    scripts = {
        "bash": f"""
            eval "$(_SESSION_LINT_COMPLETE=bash_source session-lint)"
            COMP_WORDS=({line}) COMP_CWORD=$(({len(line.split())} - 1))
            _session_lint_completion session-lint
            printf '%s\n' "${{COMPREPLY[@]}}" """,
        "fish": f"""
            _SESSION_LINT_COMPLETE=fish_source session-lint | source
            complete --do-complete '{line}' """,
        "zsh": f"""
            autoload -U compinit; compinit -u -D
            eval "$(_SESSION_LINT_COMPLETE=zsh_source session-lint)"
            print -r -- ${{_comps[session-lint]}}
            env COMP_WORDS='{line}' COMP_CWORD={len(line.split()) - 1} _SESSION_LINT_COMPLETE=zsh_complete session-lint """,
    }
    done = subprocess.run(
        [program, "-c", scripts[shell]], env=environment, cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert not done.stderr
    return done.stdout


@pytest.mark.skipif(os.name != "posix", reason="these shells are at home elsewhere")
@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
@pytest.mark.parametrize(("words", "expected"), [("ch", "check"), ("check --show-f", "--show-files")])
def test_shells_complete(shell: str, words: str, expected: str, tmp_path: Path) -> None:
    said = completed(shell, words, tmp_path)
    assert expected in said.split()
    if shell == "zsh":
        assert said.splitlines()[0] == "_session_lint_completion"
