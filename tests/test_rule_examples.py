"""The examples in a rule's documentation do what it says: the bad one is reported, the good one is not."""

from __future__ import annotations

from importlib.metadata import version
from pathlib import Path

import pytest
from rule_docs import example

from session_lint import check
from session_lint.rules.registry import Rule, load_rules

# Their examples are no Python: a file that cannot be read, and settings.
ANALYSED = [rule for rule in load_rules() if rule.code not in {"SL902", "SL905"}]


# What the examples of a rule take for granted.
SETTINGS = {"SL506": 'pooler = "transaction"\n'}


def codes(source: str, folder: Path, selected: str) -> set[str]:
    """The rules that a program breaks when it is a project of its own, one selected in any case.

    The project pins the installed FastAPI, with which the examples are run.
    """
    (folder / "pyproject.toml").write_text(
        f'[tool.session-lint]\nextend-select = ["{selected}"]\n{SETTINGS.get(selected, "")}'
    )
    (folder / "requirements.txt").write_text(f"fastapi=={version('fastapi')}\n")
    (folder / "app.py").write_text(source)
    return {finding.code for finding in check([folder], root=folder).findings}


@pytest.mark.parametrize("rule", ANALYSED, ids=lambda rule: rule.code)
def test_the_example_is_reported(rule: Rule, tmp_path: Path) -> None:
    assert rule.code in codes(example(rule.docs, "Example"), tmp_path, rule.code)


@pytest.mark.parametrize("rule", ANALYSED, ids=lambda rule: rule.code)
def test_what_to_use_instead_is_not(rule: Rule, tmp_path: Path) -> None:
    assert rule.code not in codes(example(rule.docs, "Use instead"), tmp_path, rule.code)
