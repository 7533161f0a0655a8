"""Parsing on a cluster: the recipe of the documentation, with a cluster of two processes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from distributed import LocalCluster

from session_lint import check

ROOT = Path(__file__).parents[2]
RECIPE = re.search(r"```python\n(.*?)```", (ROOT / "docs" / "clusters.md").read_text("utf-8"), re.DOTALL)
PROJECT = ROOT / "fixtures" / "batch_scraper" / "violating"


@pytest.fixture
def scheduler() -> Iterator[str]:
    """The address of a cluster whose processes talk over TCP, as those of other machines would."""
    cluster = LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None)  # type: ignore[no-untyped-call]
    with cluster:
        yield cluster.scheduler_address


def test_a_cluster_gives_what_own_processes_give(
    scheduler: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    here = check([PROJECT], root=PROJECT)
    assert here.findings
    # Nothing can be parsed in this process, nor in processes of its own.
    monkeypatch.setattr("session_lint.lowering.pool.encode_outcome", None)
    monkeypatch.setattr("session_lint.lowering.pool.subprocess", None)
    assert RECIPE is not None
    code = RECIPE[1].replace("tcp://scheduler:8786", scheduler)
    names: dict[str, Any] = {"repositories": [PROJECT], "cache": tmp_path}
    exec(compile(code, "clusters.md", "exec"), names)
    there = names["result"]
    assert there.findings == here.findings
    assert there.work["bytes parsed"] == here.work["bytes parsed"] > 0
    assert capsys.readouterr().out == f"violating {len(here.findings)}\n"
