"""Every fixture gives exactly the findings that its ``# expect:`` comments name, no more and no fewer."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest
from click.testing import CliRunner
from fixture_cases import FIXTURES, Case, Expectation, cases, rule_cases

from session_lint.cli import main

# What must never be reported, and where it is shown: other cases in `never` are what was wrongly reported once.
NEVER = {
    "flush in services": "flush_in_service",
    "begin_nested inside begin, the try outside": "savepoint_inside_begin",
    "except: rollback; raise": "rollback_then_raise",
    "a redundant close at the end of the session's own with": "close_in_own_with",
    "read-only sessions without commit": "read_only_without_commit",
    "return inside with begin": "return_inside_begin",
    "sessionmaker(class_=AsyncSession)": "sync_sessionmaker_of_async_class",
    "self.session = session in repositories of a request": "session_kept_for_a_request",
    "autocommit=False, future=True": "autocommit_false_and_future",
    "gather where only one awaitable uses the session": "gather_with_one_session_user",
    "two consecutive begin blocks": "two_begin_blocks",
    "begin right after commit": "begin_after_commit",
    "I/O in a begin block that has run no SQL": "io_before_sql",
    "if not session.in_transaction()": "in_transaction_guard",
    "commit or rollback of a savepoint's handle": "savepoint_handle",
    "generator dependencies with with or try/finally": "guarded_dependencies",
    "functions called get_session that give another one": "functions_called_get_session",
    "aiohttp, requests, boto3": "http_sessions",
    "OpenAI's agents, CDP, telegram": "protocol_sessions",
    "a chat's or user's session, which is a row": "session_rows",
    "a cache or Redis handle called db": "cache_called_db",
    "commit of git and Kafka clients": "commits_of_other_things",
}
CODES = sorted(path.name for path in (FIXTURES / "rules").iterdir() if path.is_dir())


@pytest.mark.parametrize("case", cases(), ids=lambda case: case.name)
def test_case_gives_what_it_expects(case: Case, tmp_path: Path) -> None:
    expected = case.expected
    preview = ["--preview"] if case.name.startswith("never/") else []
    found, messages = lint(case.lay_out(tmp_path), case.rule, *preview)
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


@pytest.mark.parametrize("item", NEVER)
def test_what_must_never_be_reported_is_shown(item: str) -> None:
    assert f"never/{NEVER[item]}.py" in {case.name for case in cases()}


def lint(root: Path, selected: str = "", *options: str) -> tuple[Counter[Expectation], dict[Expectation, str]]:
    """Check a project, one rule selected in any case, and with further options; returns its findings and, by place, the last message there."""
    arguments = ["check", "--root", str(root), "--output-format", "json", "--exit-zero", str(root)]
    arguments += [*options, "--extend-select", selected] if selected else options
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
