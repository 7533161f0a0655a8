"""Rule documentation, as text and as JSON."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from session_lint.rules.registry import Rule


def render_json(rules: Sequence[Rule]) -> str:
    """A JSON list of rules with their documentation."""
    rows = [
        {
            "code": rule.code,
            "name": rule.name,
            "summary": rule.summary,
            "severity": rule.severity.value,
            "check": rule.check,
            "default": rule.default,
            "preview": rule.preview,
            "documentation": markdown(rule),
        }
        for rule in rules
    ]
    return json.dumps(rows, indent=2, ensure_ascii=False) + "\n"


def render_index(rules: Sequence[Rule]) -> str:
    """One line a rule; an asterisk marks those that run by default."""
    width = max(len(rule.name) for rule in rules)
    lines = [
        f"{rule.code}{'*' if rule.default else ' '} {rule.name:<{width}}  {rule.severity.value:<7}  {rule.summary}\n"
        for rule in rules
    ]
    return "".join(lines) + "\n* runs by default. `session-lint rule CODE` explains one.\n"


def markdown(rule: Rule) -> str:
    """The rule's documentation page."""
    when = "on by default" if rule.default else "off by default"
    stage = ", preview" if rule.preview else ""
    first, _, rest = rule.docs.partition("\n")
    lead = first.partition(" · ")[2] or first
    return (
        f"# {rule.name} ({rule.code})\n\n{lead[:1].upper()}{lead[1:]}\n\nSeverity: {rule.severity.value}; {when}{stage}."
        f"\n\n{rest.strip()}\n"
    )
