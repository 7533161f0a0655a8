"""What is published: the same bytes whoever builds them, whenever and wherever; complete; and with bounds that mean something."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path
from typing import Any

import pytest
import yaml

from session_lint import __version__

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).resolve().parent.parent
IGNORED = [line.rstrip("/") for line in (ROOT / ".gitignore").read_text("utf-8").splitlines()]
PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]


def copied(folder: Path, umask: int, when: int) -> Path:
    """The tree as somebody else has it: elsewhere, with other modes and times."""
    shutil.copytree(ROOT, folder, ignore=shutil.ignore_patterns(".git", *IGNORED))
    for path in (folder, *folder.rglob("*")):
        mode = path.stat().st_mode
        path.chmod(mode & ~umask)
        os.utime(path, (when, when))
    return folder


def built(tree: Path, into: Path, **environment: str) -> dict[str, Path]:
    """The files that the tree gives, by their suffix."""
    kept = {name: value for name, value in os.environ.items() if name != "SOURCE_DATE_EPOCH"}
    command = [sys.executable, "-m", "hatchling", "build", "-d", str(into)]
    subprocess.run(command, cwd=tree, env={**kept, **environment}, check=True, capture_output=True)
    return {path.suffix: path for path in into.iterdir()}


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    tree = copied(tmp_path_factory.mktemp("here") / "tree", 0o022, 1_000_000_000)
    return built(tree, tmp_path_factory.mktemp("dist"), TZ="UTC", PYTHONHASHSEED="1")


def digests(files: dict[str, Path]) -> dict[str, str]:
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in files.values()}


def test_another_build_gives_the_same_bytes(files: dict[str, Path], tmp_path: Path) -> None:
    other = copied(tmp_path / "elsewhere" / "another name", 0o077, 1_700_000_001)
    again = built(other, tmp_path / "dist", TZ="Asia/Kathmandu", PYTHONHASHSEED="2", LC_ALL="C")
    assert digests(again) == digests(files)
    assert len(again) == 2


def test_the_source_distribution_gives_the_same_wheel(files: dict[str, Path], tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tarfile", "-e", str(files[".gz"]), str(tmp_path)]
    subprocess.run(command, check=True, capture_output=True)
    again = built(tmp_path / f"session_lint-{__version__}", tmp_path / "dist")
    assert again[".whl"].read_bytes() == files[".whl"].read_bytes()


def test_the_source_distribution_has_the_tests_and_all_that_they_read(files: dict[str, Path]) -> None:
    ignore = shutil.ignore_patterns(".git", *IGNORED)
    wanted = set()
    for folder, folders, names in os.walk(ROOT):
        left_out = ignore(folder, [*folders, *names])
        folders[:] = [name for name in folders if name not in left_out]
        wanted |= {Path(folder, name).relative_to(ROOT).as_posix() for name in names if name not in left_out}
    with tarfile.open(files[".gz"]) as archive:
        found = {name.partition("/")[2] for name in archive.getnames()}
    assert found == wanted | {"PKG-INFO"}


def test_the_wheel_has_the_package_alone(files: dict[str, Path]) -> None:
    with zipfile.ZipFile(files[".whl"]) as archive:
        names = archive.namelist()
        metadata = archive.read(f"session_lint-{__version__}.dist-info/METADATA").decode()
    assert {name.partition("/")[0] for name in names} == {"session_lint", f"session_lint-{__version__}.dist-info"}
    assert "session_lint/py.typed" in names
    assert "License-Expression: MIT" in metadata


def test_every_dependency_has_a_lowest_version_and_its_reason() -> None:
    reasons = (ROOT / "docs" / "dependencies.md").read_text("utf-8")
    for requirement in PROJECT["dependencies"]:
        match = re.fullmatch(r"([\w-]+)>=(\d+(?:\.\d+)*)(?:; .*)?", requirement)
        assert match, f"{requirement}: a lowest version, and no highest without need"
        assert re.search(rf"^\| \[{match[1]}\]\([^)]*\) >= {re.escape(match[2])}\b", reasons, re.MULTILINE), requirement
    assert len(PROJECT["dependencies"]) < 10


WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))


@pytest.mark.parametrize("path", [*WORKFLOWS, ROOT / "action.yml", ROOT / "docs" / "ci.md"], ids=lambda path: path.name)
def test_actions_are_pinned_by_hash(path: Path) -> None:
    used = re.findall(r"uses: (\S+)(.*)", path.read_text("utf-8"))
    assert used
    for action, comment in used:
        if not action.startswith("session-lint/"):
            assert re.fullmatch(r"[\w./-]+@[0-9a-f]{40}", action), action
            assert re.fullmatch(r" # v\d+\.\d+\.\d+", comment), action


def test_the_workflows_may_do_no_more_than_they_need() -> None:
    for path in WORKFLOWS:
        workflow = yaml.safe_load(path.read_text("utf-8"))
        assert workflow["permissions"] == {}
        for job in workflow["jobs"].values():
            assert job["permissions"].keys() <= {"contents", "id-token", "attestations"}
            assert job["permissions"].get("contents", "read") == "read"
            assert "secrets" not in str(job)
            checkouts = [step for step in job["steps"] if step.get("uses", "").startswith("actions/checkout@")]
            assert all(step["with"] == {"persist-credentials": False} for step in checkouts)


def test_every_supported_python_is_tested() -> None:
    jobs = yaml.safe_load((ROOT / ".github" / "workflows" / "ci.yml").read_text("utf-8"))["jobs"]
    stated = [one.rpartition(" ")[2] for one in PROJECT["classifiers"] if re.search(r":: 3\.\d+$", one)]
    assert jobs["everything"]["strategy"]["matrix"]["python"] == stated
    assert {*jobs["systems"]["strategy"]["matrix"]["python"]} == {stated[0], stated[-1]}
    assert PROJECT["requires-python"] == f">={stated[0]}"
