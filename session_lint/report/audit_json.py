"""The audit report as JSON, for other tools; docs/report-json.md describes it, `audit.schema.json` is its schema."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import msgspec

from session_lint.auditing.model import SCHEMA_VERSION, Report
from session_lint.report.json_list import as_object

if TYPE_CHECKING:
    from session_lint.result import Result


def render(report: Report, result: Result, show: Callable[[str], str]) -> str:
    """One JSON document: the report, and all findings as `check --output-format json` writes them."""
    document = msgspec.to_builtins(report)
    document["findings"] = [as_object(finding, show) for finding in result.findings]
    return json.dumps(document, indent=2) + "\n"


def schema() -> dict[str, Any]:
    """The JSON Schema of the document."""
    (reference,), found = msgspec.json.schema_components([Report], ref_template="#/$defs/{name}")
    definitions: dict[str, Any] = dict(found)
    report = definitions.pop(str(reference["$ref"]).rsplit("/", 1)[-1])
    report["properties"]["version"] = {"const": SCHEMA_VERSION}
    report["properties"]["findings"] = {"type": "array", "items": {"$ref": "#/$defs/Finding"}}
    report["required"] = [*report["required"], "findings"]
    definitions |= _findings()
    for definition in definitions.values():
        # What docstrings say is for those who read the code.
        definition.pop("description", None)
        # Fields with a default are always written.
        definition["required"] = list(definition["properties"])
        definition["additionalProperties"] = False
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "The audit report of session-lint",
        "type": "object",
        "properties": report["properties"],
        "required": report["required"],
        "additionalProperties": False,
        "$defs": dict(sorted(definitions.items())),
    }


def _findings() -> dict[str, Any]:
    text, number = {"type": "string"}, {"type": "integer"}
    position = {"$ref": "#/$defs/Position"}
    where = {"location": position, "end_location": position}

    def struct(**properties: Any) -> dict[str, Any]:
        return {"type": "object", "properties": properties}

    def many(name: str) -> dict[str, Any]:
        return {"type": "array", "items": {"$ref": f"#/$defs/{name}"}}

    return {
        "Position": struct(row=number, column=number),
        "Edit": struct(**where, content=text),
        "Fix": struct(message=text, safe={"type": "boolean"}, edits=many("Edit")),
        "ChainLink": struct(filename=text, row=number, symbol=text, note=text),
        "Finding": struct(
            code=text,
            name=text,
            message=text,
            filename=text,
            **where,
            severity={"enum": ["error", "warning", "info"]},
            confidence={"enum": ["high", "medium", "low"]},
            symbol=text,
            chain=many("ChainLink"),
            fix={"anyOf": [{"$ref": "#/$defs/Fix"}, {"type": "null"}]},
        ),
    }
