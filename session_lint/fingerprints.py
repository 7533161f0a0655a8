"""Names for findings that stay when lines move: what is said of which statement, and the how-manieth of its kind it is."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Iterable
from typing import NamedTuple

from session_lint.findings import Finding

_LINE = r"\bline \d+\b"


class Mark(NamedTuple):
    """What stays of a finding while the code around it changes; several findings may have the same.

    Args:
        path: its file.
        symbol: the function or class that it is in.
        code: its rule.
        digest: hash of its statement, or of the message where a finding is on no statement.
    """

    path: str
    symbol: str
    code: str
    digest: str


def mark(finding: Finding) -> Mark:
    """What stays of a finding."""
    digest = finding.digest or _short(re.sub(_LINE, "line", finding.message))
    return Mark(finding.filename, finding.symbol, finding.code, digest)


def fingerprints(findings: Iterable[Finding]) -> list[str]:
    """A name for each finding, in their order, no two the same."""
    seen: Counter[Mark] = Counter()
    names = []
    for finding in findings:
        one = mark(finding)
        names.append(_short("\0".join((*one, str(seen[one]))), 32))
        seen[one] += 1
    return names


def _short(text: str, length: int = 16) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:length]
