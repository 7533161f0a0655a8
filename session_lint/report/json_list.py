"""A JSON list of findings."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from session_lint.findings import Finding, Fix
from session_lint.ir import Span

if TYPE_CHECKING:
    from session_lint.result import Result


def render(result: Result, show: Callable[[str], str]) -> str:
    """All findings as one JSON document."""
    return json.dumps([as_object(finding, show) for finding in result.findings], indent=2) + "\n"


def as_object(finding: Finding, show: Callable[[str], str]) -> dict[str, Any]:
    """What the formats in JSON say of a finding."""
    return {
        "code": finding.code,
        "name": finding.name,
        "message": finding.message,
        "filename": show(finding.filename),
        **_range(finding.span),
        "severity": finding.severity.value,
        "confidence": finding.confidence.value,
        "symbol": finding.symbol,
        "chain": [
            {"filename": show(link.filename), "row": link.row, "symbol": link.symbol, "note": link.note}
            for link in finding.chain
        ],
        "fix": _fix(finding.fix) if finding.fix is not None else None,
    }


def _fix(fix: Fix) -> dict[str, Any]:
    edits = [{**_range(edit.span), "content": edit.content} for edit in fix.edits]
    return {"message": fix.message, "safe": fix.safe, "edits": edits}


def _range(span: Span) -> dict[str, Any]:
    return {
        "location": {"row": span.row, "column": span.column},
        "end_location": {"row": span.end_row, "column": span.end_column},
    }
