"""The settings as JSON Schema, for editors that complete and check TOML."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from session_lint import __version__
from session_lint.rules.registry import Rule
from session_lint.settings import Settings

SCHEMA_FILE = "settings.schema.json"
SCHEMA_URL = f"https://raw.githubusercontent.com/session-lint/session-lint/v{__version__}/session_lint/{SCHEMA_FILE}"

_RULE = {"$ref": "#/$defs/Rule"}


def settings_schema(rules: Sequence[Rule]) -> dict[str, Any]:
    """The schema of a settings table, with the rules there are wherever one is named.

    Args:
        rules: all rules.
    """
    schema = msgspec.json.schema(Settings)
    definitions = schema["$defs"]
    properties = definitions["Settings"]["properties"]
    for key in ("select", "ignore", "extend-select"):
        properties[key] = {**properties[key], "type": "array", "items": _RULE}
        properties[key].pop("anyOf", None)
    properties["per-file-ignores"]["additionalProperties"]["items"] = _RULE
    properties["severity"]["propertyNames"] = _RULE
    definitions["Rule"] = {
        "title": "Rule",
        "description": "A code, a prefix of codes, or the name of a rule; ALL means every one.",
        "enum": _selectors(rules),
    }
    found: dict[str, Any] = _without_null({"$schema": "https://json-schema.org/draft/2020-12/schema", **schema})
    return found


def _selectors(rules: Sequence[Rule]) -> list[str]:
    codes = {rule.code[:length] for rule in rules for length in range(2, len(rule.code) + 1)}
    return ["ALL", *sorted(codes), *sorted(rule.name for rule in rules)]


def _without_null(node: Any) -> Any:
    """TOML has no null: a setting that may be missing is one that is not written."""
    if isinstance(node, list):
        return [_without_null(item) for item in node]
    if not isinstance(node, dict):
        return node
    kept = {key: _without_null(value) for key, value in node.items() if not (key == "default" and value is None)}
    kinds = [kind for kind in kept.get("anyOf", ()) if kind != {"type": "null"}]
    if len(kinds) == 1:
        kept.pop("anyOf")
        kept.update(kinds[0])
    return kept
