"""The registry: which rules there are, how they are selected, that each is documented and has its place."""

from __future__ import annotations

import ast
import re

import pytest

from session_lint.checks import CHECKS
from session_lint.errors import UserError
from session_lint.findings import Severity
from session_lint.rules.registry import Rule, Selection, load_rules, select_rules, severities


def make(code: str, name: str, *, default: bool = True, preview: bool = False) -> Rule:
    return Rule(code, name, Severity.ERROR, "service-transactions", "doc", lambda program: (), default, preview)


RULES = (
    make("SL301", "service-begins"),
    make("SL302", "service-commits"),
    make("SL309", "io-in-transaction", default=False),
    make("SL399", "not-settled", preview=True),
    make("SL401", "unawaited-call"),
)


def codes(*layers: Selection, preview: bool = False) -> list[str]:
    return [rule.code[2:] for rule in select_rules(RULES, layers, preview=preview)]


@pytest.mark.parametrize(
    ("layers", "expected"),
    [
        ([], ["301", "302", "401"]),
        ([Selection("x", ["SL3"])], ["301", "302", "309"]),
        ([Selection("x", ["ALL"])], ["301", "302", "309", "401"]),
        ([Selection("x", ["io-in-transaction"])], ["309"]),
        ([Selection("x", ["sl302"])], ["302"]),
        ([Selection("x", None, ["SL3"])], ["401"]),
        ([Selection("x", None, [], ["SL309"])], ["301", "302", "309", "401"]),
        ([Selection("x", ["SL302"], ["SL3"])], ["302"]),
        ([Selection("x", ["SL3"], ["SL302"])], ["301", "309"]),
        ([Selection("x", ["SL302"], ["SL302"])], []),
        ([Selection("x", ["SL3"], ["service-commits"])], ["301", "309"]),
        ([Selection("file", None, ["SL302"]), Selection("line", ["SL302"])], ["302"]),
        ([Selection("file", ["SL302"]), Selection("line")], ["302"]),
        ([Selection("file", ["SL302"]), Selection("line", None, [], ["SL401"])], ["302", "401"]),
        ([Selection("file", ["SL3"]), Selection("line", None, ["SL301"])], ["302", "309"]),
    ],
)
def test_selection(layers: list[Selection], expected: list[str]) -> None:
    assert codes(*layers) == expected


@pytest.mark.parametrize(
    ("layers", "preview", "runs"),
    [
        ([], False, False),
        ([], True, True),
        ([Selection("x", ["SL3"])], False, False),
        ([Selection("x", ["SL3"])], True, True),
        ([Selection("x", ["ALL"])], False, False),
        ([Selection("x", ["SL399"])], False, True),
        ([Selection("x", ["sl399"])], False, True),
        ([Selection("x", ["not-settled"])], False, True),
        ([Selection("x", None, [], ["SL399"])], False, True),
        ([Selection("file", ["SL399"]), Selection("line", ["SL3"])], False, True),
        ([Selection("file", ["SL399"]), Selection("line", None, ["SL3"])], False, False),
        ([Selection("file", ["SL399"]), Selection("line", ["SL302"])], False, False),
        ([Selection("x", ["SL3"], ["SL399"])], True, False),
        ([Selection("x", ["SL302"])], True, False),
    ],
)
def test_preview_rules_run_only_when_asked(layers: list[Selection], preview: bool, runs: bool) -> None:
    assert ("399" in codes(*layers, preview=preview)) == runs


def test_some_rules_cannot_be_switched_off() -> None:
    assert "SL902" in {rule.code for rule in select_rules(load_rules(), [Selection("x", ["SL3"], ["SL902"])])}


@pytest.mark.parametrize(
    ("item", "hint"),
    [
        ("SL30Z", "did you mean `SL30"),
        ("service-commit", "did you mean `service-commits`?"),
        ("SL9", "did you mean|--all"),
        ("S", "--all"),
        ("", "--all"),
    ],
)
def test_an_unknown_rule_is_named(item: str, hint: str) -> None:
    with pytest.raises(UserError, match=rf"^pyproject.toml: `{item}` means no rule; .*({hint})"):
        codes(Selection("pyproject.toml", None, [item]))


def test_the_more_specific_severity_wins() -> None:
    asked = {"SL3": Severity.INFO, "SL302": Severity.ERROR}
    assert severities(RULES, asked, "x") == {
        "SL301": Severity.INFO,
        "SL302": Severity.ERROR,
        "SL309": Severity.INFO,
        "SL399": Severity.INFO,
    }


@pytest.mark.parametrize("rule", load_rules(), ids=lambda rule: rule.code)
def test_every_rule_is_documented_and_its_examples_parse(rule: Rule) -> None:
    assert re.fullmatch(r"SL\d{3}", rule.code)
    assert re.fullmatch(r"[a-z]+(-[a-z]+)*", rule.name)
    assert rule.docs.startswith(f"{rule.code} {rule.name} · "), "the first line is `SLnnn name · what it reports.`"
    for section in ("What it does", "Why is this bad?", "Example", "Use instead", "References"):
        assert f"\n## {section}\n" in rule.docs
    for example in re.findall(r"```python\n(.*?)```", rule.docs, re.DOTALL):
        if rule.code != "SL902":
            ast.parse(example)


@pytest.mark.parametrize("rule", load_rules(), ids=lambda rule: rule.code)
def test_every_rule_has_one_row_in_the_table(rule: Rule) -> None:
    rows = [check.id for check in CHECKS if rule.code in check.rules]
    assert rows == ([] if rule.check is None else [rule.check])
    assert (rule.check is None) == rule.code.startswith("SL9")


def test_rule_modules_are_named_after_their_rule() -> None:
    for rule in load_rules():
        if rule.function is not None:
            module = rule.function.__module__.rpartition(".")[2]
            assert module == f"{rule.code.lower()}_{rule.name.replace('-', '_')}"
