"""Edits that move code and change nothing in what it says are answered without linking, and with what linking gives."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from editing import with_lines
from fixture_cases import Case, cases

from session_lint.pipeline import find_files, run
from session_lint.request import Request
from session_lint.result import Result
from session_lint.rules.registry import Selection

FOUND_IN = [case for case in cases() if case.expected and all(path.suffix == ".py" for path in case.sources)]


def lint(root: Path, *, cache: bool = True) -> Result:
    request = Request(paths=(root,), root=root, cache=cache, selection=Selection("", ["ALL"]), preview=True)
    return run(request, find_files(request))


@pytest.mark.parametrize("case", FOUND_IN, ids=lambda case: case.name)
def test_what_is_found_moves_with_the_code(case: Case, tmp_path: Path) -> None:
    root = case.lay_out(tmp_path)
    chance = random.Random(case.name)
    first = lint(root)
    for path in sorted(root.rglob("*.py")):
        try:
            path.write_text(with_lines(path.read_text(), chance, 3))
        except (SyntaxError, UnicodeError):
            continue
    moved, linked = lint(root), lint(root, cache=False)
    if not any(finding.fix or finding.code == "SL902" for finding in first.analysis.findings):
        assert moved.work["analysis from the cache"]
    assert moved.findings == linked.findings
    assert moved.hidden == linked.hidden
    assert moved.analysis == linked.analysis
