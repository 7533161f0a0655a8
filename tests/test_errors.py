"""Whatever a user gets wrong ends with exit code 2 and one sentence that says what is wrong, where, and what to do."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from projects import lay_out
from test_pre_commit import commit_all

from session_lint.cli import main

HERE = {
    "a.py": "x = 1\n",
    "broken.py": "if\n",
    "empty/notes.txt": "",
    "notebook/a.ipynb": "{}",
    "inner/one/session-lint.toml": "",
    "inner/one/a.py": "import sqlalchemy\n",
    "inner/two/session-lint.toml": "",
    "inner/two/a.py": "",
    "api/main.py": "import sqlalchemy\nfrom fastapi import FastAPI\n\napp = FastAPI()\n\n\n@app.get('/x')\ndef endpoint():\n    pass\n",
    "list.jsonl": '{"session-lint-baseline": 1}\n{"path": "a.py"}\n',
    "wrong.toml": "pooler = 'pgbouncer'\n",
}

# The command line, and what is said; `<here>` is the current folder.
COMMAND_LINES = [
    # Rules
    ("check --select SL392", "command line: `SL392` means no rule; did you mean `SL312`?"),
    ("check --ignore service-comits", "command line: `service-comits` means no rule; did you mean `service-commits`?"),
    ("check --extend-select zzz", "command line: `zzz` means no rule; `session-lint rule --all` lists the rules."),
    ("rule SL392", "command line: `SL392` means no rule; did you mean `SL312`?"),
    ("check --per-file-ignores a.py:SL392", "command line: `SL392` means no rule; did you mean `SL312`?"),
    ("check --per-file-ignores a.py", "'a.py' is not written PATTERN:RULE, as in 'scripts/*:SL1'."),
    # Patterns
    ("check --exclude [", "command line: `[` is no pattern as in .gitignore; correct it or take it out."),
    ("check --extend-exclude [z-a].py", "command line: `[z-a].py` is no pattern as in .gitignore; correct it or take it out."),
    ("check --per-file-ignores !:SL3", "command line: `!` is no pattern as in .gitignore; correct it or take it out."),
    # Paths
    ("check gone", "<here>/gone does not exist."),
    ("check a.py gone.py", "<here>/gone.py does not exist."),
    ("check empty", "No Python file found under empty; name a folder that holds some, or look at `exclude`."),
    ("check notebook", "No Python file found under notebook (notebooks are not read); name a folder that holds some, or look at `exclude`."),
    ("audit inner", "inner has projects with settings of their own (<here>/inner/one, <here>/inner/two); name one, or take all for one with --root."),
    ("check --root gone", "gone is not a folder; --root takes the folder of the project."),
    ("check --root inner a.py", "<here>/a.py lies outside the project root <here>/inner; name a common folder with --root."),
    ("clean gone", "gone does not exist."),
    ("init gone", "<here>/gone does not exist."),
    # Settings
    ("check --config gone.toml", "<here>/gone.toml cannot be read: No such file or directory."),
    ("check --config empty", "<here>/empty cannot be read: Is a directory."),
    ("check --config wrong.toml", "<here>/wrong.toml: `pooler` is \"none\", \"transaction\" or \"session\", not 'pgbouncer'."),
    ("check --config wrong.toml --isolated", "--config and --isolated exclude each other: give one of them."),
    # Baseline and revisions
    ("check --baseline gone.jsonl a.py", "gone.jsonl does not exist; `session-lint baseline` writes a baseline."),
    ("check --baseline a.py a.py", "a.py is no baseline of this version of session-lint; `session-lint baseline` writes one."),
    ("check --baseline list.jsonl a.py", "list.jsonl:2 is no entry of a baseline; take the line out, or write the baseline anew."),
    ("check --baseline list.jsonl --no-baseline", "--baseline and --no-baseline exclude each other: give one of them."),
    ("check --baseline list.jsonl inner", "--baseline names one file for several projects: give PATHS in one of them."),
    ("baseline --prune", "<here>/session-lint-baseline.jsonl does not exist; `session-lint baseline` writes a baseline."),
    ("baseline -", "Standard input has no place in a baseline: name files or folders."),
    ("check --diff-base gone", "gone is no revision that the git repository of <here> has; in a shallow clone, fetch it first."),
    ("check --diff-base HEAD --also-new-since HEAD", "--diff-base and --also-new-since exclude each other: give one of them."),
    # Reports
    ("check --output-format sarfi", "Invalid value for '--output-format': 'sarfi' is no format; did you mean sarif?"),
    ("check --output-format sarif:", "Invalid value for '--output-format': 'sarif:' names no file after the colon."),
    ("check --output-format json --output-format sarif", "Two formats go to standard output: give all but one a file, as in --output-format sarif:report.sarif."),
    ("check --output-format json:x --output-format sarif:x", "Two formats go to x: give each a file of its own."),
    ("check --output-format json:x -o y", "--output-file goes with one format that names no file: write FORMAT:FILE for each."),
    ("check --statistics --output-format sarif", "--statistics has no form for sarif: use one of full, concise, grouped, json."),
    ("check -o gone/x a.py", "gone/x cannot be written: No such file or directory."),
    ("check -o empty", "Invalid value for '-o' / '--output-file': File 'empty' is a directory."),
    ("check --output-format sarif:empty a.py", "empty cannot be written: Is a directory."),
    ("audit --output-format pdf", "Invalid value for '--output-format': 'pdf' is not one of 'terminal', 'markdown', 'html', 'json'."),
    ("audit --max-size 65536", "--max-size goes with --output-format markdown alone."),
    ("audit --max-size 9 --output-format markdown", "Invalid value for '--max-size': 9 is not in the range x>=1000."),
    ("check --fail-on fatal", "Invalid value for '--fail-on': 'fatal' is not one of 'error', 'warning', 'info'."),
    ("check --min-confidence sure", "Invalid value for '--min-confidence': 'sure' is not one of 'low', 'medium', 'high'."),
    # Standard input, fixes, suppressions
    ("check - a.py", "Standard input (`-`) is read alone: give no other paths with it."),
    ("check --fix -", "Standard input has no file to fix: use --diff, or name the file."),
    ("check --add-ignores why -", "Standard input has no file to write suppressions to: name the file."),
    ("check --add-ignores why --fix", "--add-ignores goes with neither --fix nor --diff: give one of them."),
    ("check --add-ignores #", "--add-ignores takes the reason for all suppressions: a line of text without `#`."),
    # Places and entry points
    ("explain a.py", "`a.py` names no line; write FILE:LINE, as in app/services.py:42."),
    ("explain a.py:9", "a.py has no line 9; it has lines 1 to 1."),
    ("explain gone.py:1", "gone.py is not a file; name an existing Python file, as in app/services.py:42."),
    ("explain broken.py:1", "broken.py cannot be explained: broken.py cannot be checked: "),
    ("trace gone --root api", "No entry point is called 'gone'; `session-lint trace` lists them all."),
    ("trace --root inner/two", "Nothing here imports SQLAlchemy or a database driver: there are no sessions to follow."),
    ("trace --root inner/one", "No entry point was found; name the decorators that make one in `entry-point-decorators`."),
    # The command line itself
    ("chekc", "No such command 'chekc'; did you mean `check`?"),
    ("zzz", "No such command 'zzz'; `session-lint --help` lists what there is."),
    ("check --selct SL3", "No such option '--selct'. (Did you mean one of: '--extend-select', '--help', '--select'?)"),
    ("check --zzz", "No such option '--zzz'; `session-lint check --help` lists what there is."),
    ("check --jobs 0", "Invalid value for '-j' / '--jobs': 0 is not in the range x>=1."),
    ("check --cache-dir a.py", "Invalid value for '--cache-dir': Directory 'a.py' is a file."),
]  # fmt: skip

# What stands in the settings, and what `check` says.
SETTINGS = [
    ("[tool.session-lint]\ntransaction-ownr = 'any'", "unknown setting `transaction-ownr`; did you mean `transaction-owner`?"),
    ("[tool.session-lint]\ntransaction-owner = 'ruter'", "`transaction-owner` is \"router\", \"provider\", \"service\" or \"any\", not 'ruter'."),
    ("[tool.session-lint]\nselect = 'SL3'", "`select`: expected `array`, got `string`."),
    ("[tool.session-lint]\nselect = ['SL392']", "`SL392` means no rule; did you mean `SL312`?"),
    ("[tool.session-lint]\nseverity = { SL392 = 'error' }", "`SL392` means no rule; did you mean `SL312`?"),
    ("[tool.session-lint]\nseverity = { SL302 = 'fatal' }", "`severity` is \"error\", \"warning\" or \"info\", not 'fatal'."),
    ("[tool.session-lint]\nper-file-ignores = { 'a.py' = ['SL392'] }", "`SL392` means no rule; did you mean `SL312`?"),
    ("[tool.session-lint]\nper-file-ignores = { '[' = ['SL302'] }", "`[` is no pattern as in .gitignore; correct it or take it out."),
    ("[tool.session-lint]\nextend-exclude = ['']", "`` is no pattern as in .gitignore; correct it or take it out."),
    ("[tool.session-lint]\nroles = { service = ['!'] }", "`!` is no pattern as in .gitignore; correct it or take it out."),
    ("[tool.session-lint]\nroles = { servce = [] }", "unknown setting `roles.servce`; did you mean `service`?"),
    ("[tool.session-lint]\nmax-file-size = 0", "`max-file-size`: expected `integer` >= 1."),
    ("[tool]\nsession-lint = 3", "`tool.session-lint` is a table, not 3."),
    ("[tool.session-lint", "is not valid TOML: Expected ']' at the end of a table declaration (at line 1, column 19)."),
]  # fmt: skip


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    root = lay_out(tmp_path, {**HERE, "pyproject.toml": ""})
    commit_all(root)
    monkeypatch.chdir(root)
    return root


def said(*arguments: str, **options: Any) -> str:
    """The one sentence that a run is refused with."""
    result = CliRunner().invoke(main, list(arguments), prog_name="session-lint", catch_exceptions=False, **options)
    assert (result.exit_code, result.stdout) == (2, "")
    (line,) = result.stderr.splitlines()
    assert line.startswith("session-lint: ")
    assert line[-1] in ".?)"
    return line.removeprefix("session-lint: ")


@pytest.mark.skipif(os.name != "posix", reason="other systems have other words for their errors")
@pytest.mark.parametrize(("command", "sentence"), COMMAND_LINES, ids=[command for command, _ in COMMAND_LINES])
def test_what_is_wrong_on_the_command_line_is_one_sentence(here: Path, command: str, sentence: str) -> None:
    line = said(*command.split(), input="")
    assert sentence.replace("<here>", str(here)) in line


@pytest.mark.parametrize(("text", "sentence"), SETTINGS, ids=[sentence for _, sentence in SETTINGS])
def test_what_is_wrong_in_the_settings_is_one_sentence(here: Path, text: str, sentence: str) -> None:
    lay_out(here, {"pyproject.toml": f"{text}\n"})
    line = said("check", "a.py")
    assert line.startswith(str(here / "pyproject.toml"))
    assert line.endswith(sentence)


def test_files_that_settings_name_and_that_are_not_there(here: Path) -> None:
    lay_out(here, {"pyproject.toml": "[tool.session-lint]\nbaseline = 'gone.jsonl'\n"})
    assert said("check") == f"{here / 'gone.jsonl'} does not exist; `session-lint baseline` writes a baseline."
    lay_out(here, {"pyproject.toml": "[tool.session-lint]\nmodels = ['gone.toml']\n"})
    assert "gone.toml cannot be read" in said("check")


def test_settings_in_two_files_of_a_folder(here: Path) -> None:
    lay_out(here, {"pyproject.toml": "[tool.session-lint]\n", "session-lint.toml": ""})
    assert (
        said("check")
        == f"{here} has settings both in pyproject.toml and in session-lint.toml; keep them in one of the two."
    )


def test_a_revision_without_a_repository(here: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    root = lay_out(tmp_path_factory.mktemp("plain"), {"a.py": "", "pyproject.toml": ""})
    line = said("check", "--diff-base", "HEAD", str(root))
    assert line == f"{root} is in no git repository, so there is no revision to compare with."


@pytest.mark.parametrize("text", ["[tool", "tool = 3\n# session", "\udcff"], ids=["no TOML", "no table", "no UTF-8"])
def test_a_broken_file_further_down_ends_no_run(here: Path, text: str) -> None:
    lay_out(here, {"tests/data/pyproject.toml": text.encode("utf-8", "surrogateescape"), "tests/data/a.py": ""})
    result = CliRunner().invoke(main, ["check", "--show-files", "tests"], catch_exceptions=False)
    assert (result.exit_code, result.stdout) == (0, "tests/data/a.py\n")
