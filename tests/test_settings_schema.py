"""The JSON Schema of the settings, as editors read it: current, and of one mind with the settings' own validation."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

import jsonschema
import pytest

import session_lint
from session_lint.errors import UserError
from session_lint.rules.registry import load_rules
from session_lint.settings import Settings, parse_settings
from session_lint.settings_schema import SCHEMA_FILE, SCHEMA_URL, settings_schema

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

FILE = Path(session_lint.__file__).parent / SCHEMA_FILE
README = FILE.parents[1] / "README.md"


@pytest.fixture(scope="module")
def validator() -> Any:
    schema = json.loads(FILE.read_text("utf-8"))
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


def test_the_file_is_current() -> None:
    text = json.dumps(settings_schema(load_rules()), indent=2) + "\n"
    assert FILE.read_text("utf-8") == text, f"{SCHEMA_FILE} is stale: run `python scripts/rule_pages.py`"


def test_every_setting_is_described() -> None:
    properties = json.loads(FILE.read_text("utf-8"))["$defs"]["Settings"]["properties"]
    assert [key for key, one in properties.items() if not one.get("description")] == []
    assert len(properties) == len(Settings.__struct_fields__)


def test_the_example_of_the_readme_is_valid_and_names_every_setting(validator: Any) -> None:
    (block,) = re.findall(r"```toml\n(\[tool\.session-lint\]\n.*?)```", README.read_text("utf-8"), re.DOTALL)
    table = tomllib.loads(block)["tool"]["session-lint"]
    validator.validate(table)
    parse_settings(table, "README.md")
    said = set(re.findall(r"[a-z-]+", block))
    assert {field.replace("_", "-") for field in Settings.__struct_fields__} <= said


@pytest.mark.parametrize(
    "table",
    [
        {"selct": []},
        {"transaction-owner": "rooter"},
        {"pooler": 1},
        {"select": "SL302"},
        {"severity": {"SL302": "fatal"}},
        {"roles": {"routers": []}},
        {"providers": {"a.b": {"commit": True}}},
        {"max-file-size": 0},
        {"max-file-memory": 199},
    ],
)
def test_what_the_settings_refuse_the_schema_refuses(validator: Any, table: dict[str, Any]) -> None:
    assert not validator.is_valid(table)
    with pytest.raises(UserError):
        parse_settings(table, "x.toml")


def test_a_rule_that_does_not_exist_is_refused(validator: Any) -> None:
    for key in ("select", "ignore", "extend-select"):
        assert validator.is_valid({key: ["SL302", "SL3", "ALL", "double-commit"]})
        assert not validator.is_valid({key: ["SL999"]})
    assert not validator.is_valid({"per-file-ignores": {"a": ["SL999"]}})
    assert not validator.is_valid({"severity": {"SL999": "error"}})


def test_the_readme_names_the_address(validator: Any) -> None:
    assert f"#:schema {SCHEMA_URL}" in README.read_text("utf-8")
