"""docs/rules is what the rules' own documentation says, and what they say of themselves is true."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest
from fixture_cases import rule_cases

from session_lint.pipeline import find_files, run
from session_lint.request import Request
from session_lint.rules.registry import Rule, Selection, load_rules

SCRIPT = Path(__file__).resolve().parent.parent / "scripts" / "rule_pages.py"


@pytest.fixture(scope="module")
def script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("rule_pages", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_pages_are_up_to_date(script: ModuleType) -> None:
    stale = script.stale()
    assert not stale, f"docs/rules is stale ({', '.join(stale)}): run `{script.COMMAND}`"


def test_there_is_a_page_for_each_rule_and_a_row_in_the_table(script: ModuleType) -> None:
    pages = script.pages()
    assert sorted(pages) == sorted([*(f"{rule.code}.md" for rule in load_rules()), "index.md"])
    for rule in load_rules():
        assert pages[f"{rule.code}.md"].startswith(f"# {rule.name} ({rule.code})\n")
        assert f"| [{rule.code}]({rule.code}.md) | {rule.name} | " in pages["index.md"]


@pytest.mark.parametrize("rule", load_rules(), ids=lambda rule: rule.code)
def test_a_rule_has_the_fixes_that_it_says(rule: Rule, tmp_path: Path) -> None:
    kinds: set[str] = set()
    for number, case in enumerate(rule_cases(rule.code, "bad_")):
        root = case.lay_out(tmp_path / str(number))
        request = Request((root,), root=root, selection=Selection("test", None, (), [rule.code]))
        fixes = [one.fix for one in run(request, find_files(request)).findings if one.code == rule.code and one.fix]
        kinds |= {"safe" if fix.safe else "unsafe" for fix in fixes}
    assert kinds == ({rule.fix} if rule.fix else set()), 'say fix="safe" or fix="unsafe" where the rule is registered'
