"""Small projects for tests: laid out from a mapping, linted by one stand-in rule whose findings the text itself marks."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from session_lint.findings import ChainLink, Confidence, Finding, Fix, Severity
from session_lint.ir import Span
from session_lint.program import Program
from session_lint.rules.registry import Rule, load_rules

MARK = re.compile(r"fault_(error|warning|info)(_low)?")


def lay_out(root: Path, files: Mapping[str, str | bytes]) -> Path:
    """Write files below ``root`` and return it."""
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return root


def stand_in(root: Path, *, code: str = "SL302", check: str = "service-transactions", fix: Fix | None = None) -> Rule:
    """A rule that reports every ``fault_error()``, ``fault_warning()``, ``fault_info()`` (``_low`` behind: low confidence) below ``root``."""

    def marks(program: Program) -> Iterator[Finding]:
        for path in sorted(root.rglob("*.py")):
            for row, line in enumerate(path.read_text("utf-8", "replace").splitlines(), start=1):
                for match in MARK.finditer(line):
                    yield Finding(
                        code=code,
                        name="stand-in",
                        message=f"{match[0]} is a fault; remove it",
                        filename=path.relative_to(root).as_posix(),
                        span=Span(row, match.start() + 1, row, match.end() + 1),
                        severity=Severity(match[1]),
                        confidence=Confidence.LOW if match[2] else Confidence.HIGH,
                        symbol="work",
                        chain=(ChainLink("app/router.py", 3, "endpoint", "calls work"),),
                        fix=fix,
                    )

    return Rule(
        code, "stand-in", Severity.ERROR, check, f"{code} stand-in · for tests.", marks, default=True, preview=False
    )


def use_rules(monkeypatch: pytest.MonkeyPatch, *rules: Rule) -> None:
    """Let runs know these rules alone, and those that stages make."""
    stages = [rule for rule in load_rules() if rule.function is None]
    monkeypatch.setattr("session_lint.pipeline.load_rules", lambda: (*rules, *stages))
