"""The same input gives the same bytes: whatever the hash seed, the number of processes, and what the cache holds."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

FIXTURES = Path(__file__).parents[2] / "fixtures"


def output(root: Path, *arguments: str, seed: int) -> str:
    env = {name: value for name, value in os.environ.items() if name != "SESSION_LINT_NO_CACHE"}
    env |= {"PYTHONHASHSEED": str(seed), "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    ran = subprocess.run(
        [sys.executable, "-m", "session_lint", *arguments, "--exit-zero"],
        cwd=root,
        env=env,
        capture_output=True,
        text=True,
        check=True,
    )
    assert ran.stderr == ""
    return ran.stdout


@pytest.mark.parametrize(
    "command",
    [
        ("check", ".", "--select", "ALL", "--preview", "--output-format", "full"),
        ("check", ".", "--select", "ALL", "--preview", "--output-format", "json"),
        ("audit", ".", "--output-format", "markdown"),
    ],
)
def test_runs_give_the_same_bytes(command: tuple[str, ...], tmp_path: Path) -> None:
    root = tmp_path / "tree"
    shutil.copytree(FIXTURES / "batch_scraper" / "violating", root)
    (root / "unreadable.py").write_text("def f(:\n")
    first = output(root, *command, "--no-cache", "--jobs", "1", seed=1)
    assert "SL302" in first
    assert output(root, *command, "--no-cache", "--jobs", "3", seed=2) == first
    assert output(root, *command, "--jobs", "2", seed=3) == first  # fills the cache
    assert output(root, *command, seed=4) == first  # all from the cache
    (root / "added.py").write_text("x = 1\n")
    changed = output(root, *command, "--no-cache", "--jobs", "1", seed=5)
    assert output(root, *command, seed=6) == changed  # some of it from the cache
