"""The whole audit report of the example application, and the schema of its JSON, as files that a change must change too."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from click.testing import CliRunner
from fixture_cases import FIXTURES
from msgspec.structs import replace

import session_lint
from session_lint.auditing import audit_report
from session_lint.auditing.model import SCHEMA_VERSION
from session_lint.checks import CHECKS
from session_lint.cli import main
from session_lint.pipeline import find_files, run
from session_lint.report import audit_json, audit_markdown
from session_lint.request import Request

SNAPSHOTS = Path(__file__).resolve().parent / "snapshots"
SCHEMA = Path(session_lint.__file__).parent / "report" / "audit.schema.json"
COMMAND = "REWRITE=1 python -m pytest tests/test_audit_snapshots.py"


def compare(text: str, file: Path) -> None:
    if os.environ.get("REWRITE"):
        file.write_text(text, "utf-8", newline="\n")
    kept = file.read_text("utf-8") if file.exists() else ""
    assert text == kept, f"{file.name} differs; where the change is right: {COMMAND}"


@pytest.mark.parametrize("variant", ["compliant", "violating"])
def test_the_markdown_report(variant: str) -> None:
    """Of all rules, those to come included: what is pinned is what the report says, not which rules there are."""
    request = Request(paths=(FIXTURES / "batch_scraper" / variant,), everything=True, preview=True)
    result = run(request, find_files(request))
    codes = frozenset(code for check in CHECKS for code in check.rules)
    report = audit_report(replace(result, rules_run=result.rules_run | codes, rules_known=result.rules_known | codes))
    compare(audit_markdown.render(report), SNAPSHOTS / f"audit_{variant}.md")


def test_the_schema_in_the_package() -> None:
    compare(json.dumps(audit_json.schema(), indent=2) + "\n", SCHEMA)


def document(monkeypatch: pytest.MonkeyPatch, variant: str) -> Any:
    monkeypatch.chdir(FIXTURES / "batch_scraper" / variant)
    return json.loads(CliRunner().invoke(main, ["audit", "--output-format", "json"]).stdout)


@pytest.mark.parametrize("variant", ["compliant", "violating"])
def test_the_json_report_is_valid(monkeypatch: pytest.MonkeyPatch, variant: str) -> None:
    schema = json.loads(SCHEMA.read_text("utf-8"))
    jsonschema.Draft202012Validator.check_schema(schema)
    data = document(monkeypatch, variant)
    jsonschema.validate(data, schema)
    assert len(data["findings"]) == sum(len(one["faults"]) for one in data["recommendations"])


def test_the_schema_refuses_what_it_does_not_know(monkeypatch: pytest.MonkeyPatch) -> None:
    schema = json.loads(SCHEMA.read_text("utf-8"))
    data = document(monkeypatch, "compliant")
    for wrong in ({**data, "version": 0}, {**data, "more": 1}, {k: v for k, v in data.items() if k != "findings"}):
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(wrong, schema)


def test_each_part_of_the_json_is_described() -> None:
    page = (SCHEMA.parents[2] / "docs" / "report-json.md").read_text("utf-8")
    assert [key for key in audit_json.schema()["properties"] if f"`{key}`" not in page] == []
    assert f"version {SCHEMA_VERSION}" in page


@pytest.mark.parametrize("size", [1_000, 3_000, 10_000, 20_000, 10_000_000])
def test_markdown_is_cut_to_a_size_and_says_so(monkeypatch: pytest.MonkeyPatch, size: int) -> None:
    monkeypatch.chdir(FIXTURES / "batch_scraper" / "violating")
    options = ["audit", "--output-format", "markdown", "--max-size", str(size)]
    text = CliRunner().invoke(main, options).stdout
    assert len(text.encode()) <= size
    assert (f"Cut to fit {size} bytes. Left out: " in text) == (size < 10_000_000)
    # What is left are whole rows, under their headings.
    lines = text.splitlines()
    assert all(line.count("|") >= 4 for line in lines if line.startswith("|"))
    assert not any(a.startswith("## ") and b.startswith("## ") for a, b in zip(lines, lines[2:], strict=False))
    assert "## Next steps" in text


def test_the_size_is_for_markdown() -> None:
    assert CliRunner().invoke(main, ["audit", "--max-size", "2000"]).exit_code == 2
