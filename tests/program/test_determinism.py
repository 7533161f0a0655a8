"""The order in which things are found does not depend on Python's hashes, which differ from run to run."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

FIXTURES = Path(__file__).parents[2] / "fixtures"
COMMAND = ["check", "--isolated", "--select", "ALL", "--preview", "--output-format", "json", "--exit-zero", "--verbose"]


def report(seed: int) -> tuple[str, str]:
    """The findings, and the numbers of ``--verbose``."""
    env = {**os.environ, "PYTHONHASHSEED": str(seed), "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    ran = subprocess.run(
        [sys.executable, "-m", "session_lint", *COMMAND, "--root", str(FIXTURES), str(FIXTURES)],
        env=env,
        capture_output=True,
        text=True,
        check=True,
    )
    return ran.stdout, "".join(line for line in ran.stderr.splitlines(keepends=True) if " s " not in line)


def test_runs_with_other_hashes_are_alike() -> None:
    first = report(1)
    assert "evaluations" in first[1]
    assert report(2) == first
    assert report(3) == first
