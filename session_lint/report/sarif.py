"""SARIF 2.1.0, as code scanning reads it."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable
from types import MappingProxyType
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from session_lint import __version__
from session_lint.findings import ChainLink, Confidence, Finding, Fix, Severity
from session_lint.fingerprints import fingerprints
from session_lint.ir import Span
from session_lint.report.rules import markdown
from session_lint.rules.registry import Rule, load_rules

if TYPE_CHECKING:
    from session_lint.result import Result

_HOME = "https://github.com/session-lint/session-lint"
_SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
_ROOT = "%SRCROOT%"
_LEVELS = MappingProxyType({Severity.ERROR: "error", Severity.WARNING: "warning", Severity.INFO: "note"})
_RANKS = MappingProxyType({Confidence.HIGH: 90.0, Confidence.MEDIUM: 60.0, Confidence.LOW: 30.0})
_GITHUB_SEVERITIES = MappingProxyType(
    {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.INFO: "recommendation"}
)

Show = Callable[[str], str]


def render(result: Result, show: Show) -> str:
    """One run: the rules that ran, with their documentation, and the findings that are not suppressed."""
    rules = [rule for rule in load_rules() if rule.code in result.rules_run]
    places = {rule.code: index for index, rule in enumerate(rules)}
    names = fingerprints(result.findings)
    run = {
        "tool": {
            "driver": {
                "name": "session-lint",
                "informationUri": _HOME,
                "semanticVersion": __version__,
                "version": __version__,
                "rules": [_rule(rule) for rule in rules],
            }
        },
        "invocations": [_invocation(result)],
        "originalUriBaseIds": {_ROOT: {"description": {"text": "The root of the repository."}}},
        "columnKind": "unicodeCodePoints",
        "results": [_result(one, name, places, show) for one, name in zip(result.findings, names, strict=True)],
    }
    return json.dumps({"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]}, indent=2) + "\n"


def _invocation(result: Result) -> dict[str, Any]:
    """Whether the run looked at everything, and what it failed at."""
    notes = [
        {"level": "error", "message": {"text": _text(f"internal error in {fault.where}: {fault.what}")}}
        for fault in result.faults
    ]
    return {"executionSuccessful": not notes, **({"toolExecutionNotifications": notes} if notes else {})}


def _rule(rule: Rule) -> dict[str, Any]:
    summary = f"{rule.summary[:1].upper()}{rule.summary[1:]}"
    page = markdown(rule)
    return {
        "id": rule.code,
        "name": rule.name,
        "shortDescription": {"text": summary},
        "fullDescription": {"text": summary},
        "help": {"text": page, "markdown": page},
        "helpUri": f"{_HOME}#rules",
        "defaultConfiguration": {"enabled": rule.default, "level": _LEVELS[rule.severity]},
        "properties": {
            "precision": "high",
            "problem.severity": _GITHUB_SEVERITIES[rule.severity],
            "tags": ["sqlalchemy", *([rule.check] if rule.check else [])],
        },
    }


def _result(finding: Finding, name: str, places: dict[str, int], show: Show) -> dict[str, Any]:
    message = {"text": _text(finding.message)}
    here = _location(finding.filename, _region(finding.span), finding.symbol, show)
    result: dict[str, Any] = {
        "ruleId": finding.code,
        "level": _LEVELS[finding.severity],
        "rank": _RANKS[finding.confidence],
        "message": message,
        "locations": [here],
        "partialFingerprints": {"sessionLint/v1": name},
        "properties": {"confidence": finding.confidence.value, "symbol": finding.symbol},
    }
    if finding.code in places:
        result["ruleIndex"] = places[finding.code]
    if finding.chain:
        steps = [{"location": _step(link, show)} for link in finding.chain]
        flow = {"locations": [*steps, {"location": {**here, "message": message}}]}
        result["codeFlows"] = [{"threadFlows": [flow]}]
        result["relatedLocations"] = [
            {"id": number, **_step(link, show)} for number, link in enumerate(finding.chain, start=1)
        ]
    if finding.fix is not None and finding.fix.edits:
        result["fixes"] = [_fix(finding.fix, finding.filename, show)]
    return result


def _step(link: ChainLink, show: Show) -> dict[str, Any]:
    step = _location(link.filename, {"startLine": link.row}, link.symbol, show)
    return {**step, "message": {"text": _text(f"{link.symbol}: {link.note}")}}


def _location(path: str, region: dict[str, int], symbol: str, show: Show) -> dict[str, Any]:
    return {
        "physicalLocation": {"artifactLocation": _artifact(path, show), "region": region},
        "logicalLocations": [{"fullyQualifiedName": symbol}],
    }


def _artifact(path: str, show: Show) -> dict[str, str]:
    """The file: relative to the repository's root; bytes of its name that are no letters are percent-encoded."""
    shown = show(path)
    if shown.startswith("/") or re.match(r"[A-Za-z]:/", shown):
        return {"uri": f"file:///{_quoted(shown.lstrip('/'))}"}
    return {"uri": _quoted(shown), "uriBaseId": _ROOT}


def _quoted(path: str) -> str:
    return quote(os.fsencode(path))


def _region(span: Span) -> dict[str, int]:
    return {
        "startLine": span.row,
        "startColumn": span.column,
        "endLine": span.end_row,
        "endColumn": span.end_column,
    }


def _fix(fix: Fix, path: str, show: Show) -> dict[str, Any]:
    replacements = [
        {"deletedRegion": _region(edit.span), "insertedContent": {"text": edit.content}} for edit in fix.edits
    ]
    safety = "safe" if fix.safe else "unsafe"
    change = {"artifactLocation": _artifact(path, show), "replacements": replacements}
    return {"description": {"text": _text(f"{fix.message} ({safety})")}, "artifactChanges": [change]}


def _text(text: str) -> str:
    """A message in which nothing is a link: SARIF takes ``[text](target)`` for one."""
    text = text.encode("utf-8", "backslashreplace").decode()
    return re.sub(r"[\[\]]", r"\\\g<0>", text) if "](" in text else text
