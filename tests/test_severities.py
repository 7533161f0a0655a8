"""Rules whose findings are not all as grave: which ones are, and which are not."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner
from fixture_cases import FIXTURES, Case

from session_lint.cli import main

GRADES = {
    # Inside a begin block what follows fails; under a provider that commits nothing does.
    "rules/SL304/bad_callee_commits": {"error"},
    "rules/SL304/bad_lexical.py": {"error"},
    "rules/SL304/bad_self_committing_provider": {"warning"},
    "rules/SL304/bad_provider_of_a_pair": {"warning"},
    # Slow, and harmful only where it ends the stream that the loop reads.
    "rules/SL307/bad_item_by_item.py": {"info", "error"},
    # Something of the code goes on with the session, or only its provider does.
    "rules/SL308/bad_in_one_function.py": {"error"},
    "rules/SL308/bad_callers": {"warning", "error"},
    # The settings say that there is a pooler in transaction mode, or a port hints at it.
    "rules/SL501/bad_app": {"error"},
    "rules/SL501/bad_hints.py": {"warning"},
}
IN_PART = {
    "rules/SL307/bad_item_by_item.py": {"stream": "error", "by_yield_per": "error", "borrowed_stream": "error"},
    "rules/SL308/bad_callers": {"note_visit": "warning"},
}


@pytest.mark.parametrize("name", GRADES)
def test_how_grave_a_finding_is(name: str, tmp_path: Path) -> None:
    case = Case(FIXTURES / name)
    root = case.lay_out(tmp_path)
    arguments = [
        "check",
        "--root",
        str(root),
        "--output-format",
        "json",
        "--exit-zero",
        "--select",
        case.rule,
        str(root),
    ]
    result = CliRunner().invoke(main, arguments, catch_exceptions=False)
    found = {item["symbol"]: item["severity"] for item in json.loads(result.stdout)}
    assert set(found.values()) == GRADES[name]
    if name in IN_PART:
        rest = GRADES[name] - set(IN_PART[name].values())
        assert {s: grade for s, grade in found.items() if {grade} != rest} == IN_PART[name]
