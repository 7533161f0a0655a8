"""What keeps an eye on code that others wrote; its downloads are left to those who run it."""

from __future__ import annotations

import json
import re
from pathlib import Path

from projects import lay_out

from benchmarks.ecosystem import PINS, SNAPSHOT, as_table, look_at, snapshot


def test_distributions_are_pinned_by_content() -> None:
    pins = [line for line in PINS.read_text("utf-8").splitlines() if not line.startswith("#")]
    assert len(pins) >= 40
    for pin in pins:
        assert re.fullmatch(r"[\w.-]+==[\w.+-]+ --hash=sha256:[0-9a-f]{64}", pin), pin


def test_no_run_has_failed_and_every_tree_is_there() -> None:
    kept = json.loads(SNAPSHOT.read_text("utf-8"))
    assert kept.pop("python")
    names = re.findall(r"^([\w.-]+)==(\S+)", PINS.read_text("utf-8"), re.MULTILINE)
    assert list(kept) == [f"{name}-{version}" for name, version in names]
    for tree in kept.values():
        assert tree["failure"] == ""
        assert all(tree["unread"].values())


def test_a_tree_is_looked_at(tmp_path: Path) -> None:
    commits = "from sqlalchemy.orm import Session\n\n\ndef work(db: Session):\n    db.commit()\n"
    root = lay_out(tmp_path, {"a.py": commits, "build/b.py": commits, "c.py": "def f(:\n", "d.txt": ""})
    outcome = look_at("tree-1", root)
    assert (outcome.files, outcome.failure, outcome.findings) == (3, "", {"SL302": 2})
    assert outcome.unread == {"c.py:1": "invalid syntax"}
    assert json.loads(snapshot([outcome]))["tree-1"]["findings"] == {"SL302": 2}
    assert "| tree-1 | 3 |" in as_table([outcome])


def test_a_run_that_fails_is_told(tmp_path: Path) -> None:
    root = lay_out(tmp_path, {"a.txt": ""})
    outcome = look_at("tree-1", root)
    assert "No Python file" in outcome.failure
    assert "`tree-1` failed: " in as_table([outcome])
