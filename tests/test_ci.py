"""The GitHub action and the recipes of docs/ci.md: the scripts of the action are run, the recipes' commands too."""

from __future__ import annotations

import configparser
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner
from projects import lay_out
from test_pre_commit import PACKAGE, PROJECT, commit_all

from session_lint import __version__
from session_lint.cli import main

ROOT = Path(__file__).resolve().parent.parent
ACTION = yaml.safe_load((ROOT / "action.yml").read_text("utf-8"))
PAGE = (ROOT / "docs" / "ci.md").read_text("utf-8")
STEPS: dict[str, dict[str, Any]] = {step["name"]: step for step in ACTION["runs"]["steps"]}
BASH = shutil.which("bash")

needs_bash = pytest.mark.skipif(os.name != "posix" or BASH is None, reason="the scripts are for bash")


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    root = lay_out(tmp_path / "my project", PROJECT)
    commit_all(root)
    return root


def run_check(project: Path, runner: Path, **inputs: str) -> tuple[subprocess.CompletedProcess[str], dict[str, str]]:
    """Run the action's step as a runner does."""
    step = STEPS["Check"]
    assert BASH is not None
    tool = runner / "session-lint" / "bin" / "session-lint"
    tool.parent.mkdir(parents=True, exist_ok=True)
    tool.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m session_lint "$@"\n')
    tool.chmod(0o755)
    output, summary = runner / "output", runner / "summary"
    for file in (output, summary):
        file.write_text("")
    values = {name: one["default"] for name, one in ACTION["inputs"].items()} | inputs
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith(("GITHUB_", "SESSION_LINT_"))},
        "PYTHONPATH": str(ROOT),
        "RUNNER_TEMP": str(runner),
        "GITHUB_OUTPUT": str(output),
        "GITHUB_STEP_SUMMARY": str(summary),
        **{name: values[text[len("${{ inputs.") : -len(" }}")]] for name, text in step["env"].items()},
    }
    script = runner / "script.sh"
    script.write_text(step["run"])
    done = subprocess.run(
        [BASH, "--noprofile", "--norc", "-eo", "pipefail", script],
        cwd=project, env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    return done, dict(line.split("=", 1) for line in output.read_text().splitlines())


@needs_bash
def test_the_action_annotates_and_reports(project: Path, tmp_path: Path) -> None:
    done, outputs = run_check(project, tmp_path)
    assert (done.returncode, outputs) == (0, {"exit-code": "1"}), done.stderr
    assert done.stdout.startswith("::error title=session-lint SL304 double-commit,file=app/service.py,line=3,")
    (run,) = json.loads((project / "session-lint.sarif").read_text())["runs"]
    assert [result["ruleId"] for result in run["results"]] == ["SL304"]
    assert "| error SL304 double-commit |" in (tmp_path / "summary").read_text()
    assert list((tmp_path / "session-lint-cache").iterdir())


@needs_bash
def test_the_action_takes_paths_and_options_a_line_each(project: Path, tmp_path: Path) -> None:
    lay_out(project, {"a b.py": ""})
    done, outputs = run_check(project, tmp_path, paths="a b.py\r\n\napp/db.py\n", args="--fail-on=error\n--quiet\n")
    assert (done.returncode, outputs, done.stdout) == (0, {"exit-code": "0"}, ""), done.stderr
    done, outputs = run_check(project, tmp_path, args="--diff-base=HEAD", cache="false")
    assert outputs == {"exit-code": "0"}
    assert "No problems found (1 not new)." in done.stdout
    done, outputs = run_check(project, tmp_path, paths="--version; touch pwned $(touch pwned)")
    assert outputs == {"exit-code": "2"}
    assert not (project / "pwned").exists()


def test_no_input_is_part_of_a_script() -> None:
    scripts = [step["run"] for step in STEPS.values() if "run" in step]
    assert len(scripts) == 3
    assert not any("${{" in script for script in scripts)
    used = set(re.findall(r"inputs\.([\w-]+)", (ROOT / "action.yml").read_text("utf-8")))
    assert used == set(ACTION["inputs"])


def test_the_recipes_are_well_formed() -> None:
    workflows = [yaml.safe_load(block) for block in blocks("yaml")]
    assert len(workflows) == 4
    for workflow in workflows[:2]:
        steps = workflow["jobs"]["session-lint"]["steps"] if isinstance(workflow, dict) else workflow
        (used,) = [step for step in steps if step["uses"].startswith("session-lint/")]
        assert set(used["with"]) <= set(ACTION["inputs"])
        assert used["uses"] == f"session-lint/session-lint@v{__version__}"
    hooks = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text("utf-8"))
    (repo,) = workflows[3]["repos"]
    assert {hook["id"] for hook in repo["hooks"]} <= {hook["id"] for hook in hooks}
    (ini,) = blocks("ini")
    parser = configparser.ConfigParser()
    parser.read_string(ini)
    assert parser["testenv:session-lint"]["deps"] == "session-lint"
    (nox,) = blocks("python")
    compile(nox, "noxfile.py", "exec")


@pytest.mark.parametrize(
    ("schema", "text"),
    [
        ("github-actions", (ROOT / "action.yml").read_text("utf-8")),
        ("github-workflows", blocks("yaml")[0]),
        ("github-workflows", f"on: push\njobs:\n  lint:\n    runs-on: ubuntu-latest\n    steps:\n{blocks('yaml')[1]}"),
        ("gitlab-ci", blocks("yaml")[2]),
    ],
    ids=["action", "workflow", "steps", "gitlab"],
)
def test_github_and_gitlab_would_read_them(tmp_path: Path, schema: str, text: str) -> None:
    command = ["check-jsonschema", "--builtin-schema", f"vendor.{schema}", str(tmp_path / "document.yml")]
    lay_out(tmp_path, {"document.yml": text})
    done = run_tool(*command)
    assert done.returncode == 0, done.stdout
    lay_out(tmp_path, {"document.yml": re.sub(r"\b(steps|script):", "nosteps:", text)})
    assert run_tool(*command).returncode == 1


def run_tool(tool: str, *arguments: str, **options: Any) -> subprocess.CompletedProcess[str]:
    """Run what is installed beside this Python."""
    program = Path(sysconfig.get_path("scripts")) / tool
    return subprocess.run([program, *arguments], capture_output=True, text=True, check=False, **options)


def test_pre_commit_would_read_them(tmp_path: Path) -> None:
    assert run_tool("pre-commit", "validate-manifest", str(ROOT / ".pre-commit-hooks.yaml")).returncode == 0
    config = lay_out(tmp_path, {".pre-commit-config.yaml": blocks("yaml")[3]}) / ".pre-commit-config.yaml"
    assert run_tool("pre-commit", "validate-config", str(config)).returncode == 0


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The environment in which pip finds our wheel, and nothing else: what it depends on is here already."""
    folder = tmp_path_factory.mktemp("wheels")
    source = tmp_path_factory.mktemp("source")
    for name in PACKAGE:
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
        copy(ROOT / name, source / name)
    pip = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", str(folder), str(source)]
    subprocess.run(pip, check=True, capture_output=True)
    assert [wheel.name for wheel in folder.iterdir()] == [f"session_lint-{__version__}-py3-none-any.whl"]
    plain = {name: value for name, value in os.environ.items() if not name.startswith(("GIT_", "TOX_", "NOX"))}
    pip_options = {"PIP_NO_INDEX": "1", "PIP_NO_DEPS": "1", "PIP_IGNORE_INSTALLED": "1", "PIP_FIND_LINKS": str(folder)}
    return {**plain, **pip_options, "PYTHONPATH": sysconfig.get_path("purelib"), "NO_COLOR": "1"}


def test_the_recipe_for_tox_runs(project: Path, wheels: dict[str, str]) -> None:
    lay_out(project, {"tox.ini": blocks("ini")[0]})
    here = f"testenv:session-lint.set_env=PYTHONPATH={wheels['PYTHONPATH']}"
    arguments = ("run", "-e", "session-lint", "--override", here, "--", "--output-format", "concise")
    done = run_tool("tox", *arguments, cwd=project, env=wheels)
    assert done.returncode == 1, done.stdout + done.stderr
    assert "app/service.py:3:11: error SL304 double-commit: " in done.stdout
    fine = run_tool("tox", *arguments[:-2], "app/db.py", cwd=project, env=wheels)
    assert fine.returncode == 0, fine.stdout + fine.stderr


def test_the_recipe_for_nox_runs(project: Path, wheels: dict[str, str]) -> None:
    lay_out(project, {"noxfile.py": blocks("python")[0]})
    done = run_tool("nox", "-s", "session-lint", "--", "--output-format", "concise", cwd=project, env=wheels)
    assert done.returncode == 1, done.stdout + done.stderr
    assert "app/service.py:3:11: error SL304 double-commit: " in done.stdout + done.stderr
    fine = run_tool("nox", "-R", "-s", "session-lint", "--", "app/db.py", cwd=project, env=wheels)
    assert fine.returncode == 0, fine.stdout + fine.stderr


def commands() -> list[str]:
    gitlab = yaml.safe_load(blocks("yaml")[2])["session-lint"]["script"]
    return [*gitlab, *(line for block in blocks("sh") for line in block.splitlines())]


@pytest.mark.parametrize("command", commands())
def test_the_commands_of_the_recipes_run(project: Path, monkeypatch: pytest.MonkeyPatch, command: str) -> None:
    monkeypatch.chdir(project)
    tool, *arguments = shlex.split(command)
    result = CliRunner().invoke(main, arguments, catch_exceptions=False)
    assert (tool, result.exit_code) == ("session-lint", 1), result.output
    for file in re.findall(r"\w+:(\S+)", command):
        assert (project / file).stat().st_size
