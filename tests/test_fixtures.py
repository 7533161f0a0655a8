"""Every fixture gives exactly the findings that its ``# expect:`` comments name, no more and no fewer."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest
from click.testing import CliRunner
from fixture_cases import FIXTURES, Case, Expectation, cases, rule_cases

from session_lint.cli import main

CODES = sorted(path.name for path in (FIXTURES / "rules").iterdir() if path.is_dir())


@pytest.mark.parametrize("case", cases(), ids=lambda case: case.name)
def test_case_gives_what_it_expects(case: Case, tmp_path: Path) -> None:
    expected = case.expected
    found, messages = lint(case.lay_out(tmp_path), case.rule)
    lines = [
        *(f"  missing    {_show(place)}" for place in sorted((expected - found).elements())),
        *(f"  unexpected {_show(place)}  {messages[place]}" for place in sorted((found - expected).elements())),
    ]
    if lines:
        pytest.fail("\n".join([f"fixtures/{case.name}", *lines]), pytrace=False)


@pytest.mark.parametrize("code", CODES)
def test_rule_cases_bear_the_right_prefix(code: str) -> None:
    for case in rule_cases(code, "bad_"):
        assert code in _codes(case), f"{case.name} is to fire but expects no {code}"
    for case in rule_cases(code, "ok_"):
        assert code not in _codes(case), f"{case.name} is to stay silent but expects {code}"


def test_every_rule_has_a_firing_and_a_silent_case() -> None:
    for code in registered_codes():
        assert rule_cases(code, "bad_"), f"no fixtures/rules/{code}/bad_*"
        assert rule_cases(code, "ok_"), f"no fixtures/rules/{code}/ok_*"


def test_what_must_never_be_reported_expects_nothing() -> None:
    assert not [case.name for case in cases() if case.name.startswith("never/") and case.expected]


def lint(root: Path, selected: str = "") -> tuple[Counter[Expectation], dict[Expectation, str]]:
    """Check a project, one rule selected in any case; returns its findings and, by place, the last message there."""
    arguments = ["check", "--root", str(root), "--output-format", "json", "--exit-zero", str(root)]
    arguments += ["--extend-select", selected] if selected else []
    result = CliRunner().invoke(main, arguments, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    places: Counter[Expectation] = Counter()
    messages = {}
    for finding in json.loads(result.stdout):
        path = Path(finding["filename"])
        name = (path.resolve().relative_to(root.resolve()) if path.is_absolute() else path).as_posix()
        place = (name, finding["location"]["row"], finding["code"])
        places[place] += 1
        messages[place] = finding["message"]
    return places, messages


def registered_codes() -> list[str]:
    result = CliRunner().invoke(main, ["rule", "--all", "--output-format", "json"], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return [rule["code"] for rule in json.loads(result.stdout)]


def _codes(case: Case) -> set[str]:
    return {code for _, _, code in case.expected}


def _show(place: Expectation) -> str:
    name, row, code = place
    return f"{code} {name}:{row}"
