"""Every rule is complete: documented, shown to fire and to stay silent, proved, told of, and part of the compliance table."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from fixture_cases import cases, rule_cases
from rule_docs import sections

from session_lint.checks import CHECKS
from session_lint.rules.registry import Rule, load_rules

ROOT = Path(__file__).resolve().parent.parent
CHANGELOG = (ROOT / "CHANGELOG.md").read_text("utf-8")
SECTIONS = ("What it does", "Why is this bad?", "Example", "Use instead", "When not to use", "References")
CONVENTIONS = (ROOT / "tests/proofs/conventions.py").read_text("utf-8")


@pytest.mark.parametrize("rule", load_rules(), ids=lambda rule: rule.code)
def test_a_rule_is_complete(rule: Rule) -> None:
    lacks = [what for what, has in _parts(rule).items() if not has]
    assert not lacks, f"{rule.code} lacks {', '.join(lacks)}"


def _parts(rule: Rule) -> dict[str, bool]:
    written = sections(rule.docs)
    proof = ROOT / f"tests/proofs/test_{rule.code.lower()}.py"
    return {
        "documentation (the docstring of its module)": rule.docs.startswith(f"{rule.code} {rule.name} · "),
        f"the sections {', '.join(SECTIONS)} of it, in this order": tuple(written) == SECTIONS,
        "words, and a link, in each of them": all(text.strip() for text in written.values())
        and "http" in written.get("References", ""),
        f"a case that fires (fixtures/rules/{rule.code}/bad_*)": bool(rule_cases(rule.code, "bad_")),
        f"a case that stays silent (fixtures/rules/{rule.code}/ok_*)": bool(rule_cases(rule.code, "ok_")),
        f"a proof ({proof.name}, or the reason why there is none in tests/proofs/conventions.py)": proof.exists()
        or f'"{rule.code}"' in CONVENTIONS,
        "an entry in CHANGELOG.md": rule.code in _told(),
        "its row of the compliance table (session_lint/checks/__init__.py)": rule.check is None
        or any(rule.code in check.rules for check in CHECKS if check.id == rule.check),
    }


def _told() -> set[str]:
    """Rules that the changelog names; ``SL101 to SL105`` names those between too."""
    named = set(re.findall(r"SL\d{3}", CHANGELOG))
    for first, last in re.findall(r"SL(\d{3}) to SL(\d{3})", CHANGELOG):
        named |= {f"SL{number}" for number in range(int(first), int(last) + 1)}
    return named


def test_every_case_is_of_a_rule() -> None:
    known = {rule.code for rule in load_rules()}
    assert {case.rule for case in cases() if case.rule} <= known
