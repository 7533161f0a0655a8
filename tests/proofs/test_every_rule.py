"""Every rule is proved, or says why it cannot be."""

from __future__ import annotations

from pathlib import Path

import pytest
from conventions import CONVENTIONS

from session_lint.rules.registry import Rule, load_rules

RULES = load_rules()


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.code)
def test_a_rule_has_a_proof_or_a_reason_why_there_is_none(rule: Rule) -> None:
    proof = Path(__file__).with_name(f"test_{rule.code.lower()}.py")
    if rule.code in CONVENTIONS:
        assert not proof.exists(), "a rule that has a proof needs no excuse"
    else:
        assert proof.exists(), f"write {proof.name}, or give the reason in conventions.py"
        text = proof.read_text()
        assert f'"{rule.code}"' in text, "the proof must load the documentation"
        assert '"Example"' in text, "the proof must run the documentation's example"
        assert '"Use instead"' in text, "the proof must run what the documentation recommends"


def test_reasons_are_given_for_rules_that_exist() -> None:
    assert CONVENTIONS.keys() <= {rule.code for rule in RULES}
