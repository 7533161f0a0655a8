"""How many findings each rule has."""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING

from session_lint.report.style import paint

if TYPE_CHECKING:
    from session_lint.result import Result


def render(result: Result, *, color: bool) -> str:
    """``12  SL302  [*] service-commits``, most first; an asterisk where --fix mends some."""
    rows = _rows(result)
    width = max((len(str(number)) for number, *_ in rows), default=0)
    marked = any(fixable for *_, fixable in rows)
    lines = []
    for number, code, name, fixable in rows:
        mark = f"{'[*]' if fixable else '[ ]'} " if marked else ""
        lines.append(f"{number:>{width}}  {paint(code, bold=True, on=color)}  {mark}{name}\n")
    return "".join(lines)


def render_json(result: Result) -> str:
    """A JSON list of the same."""
    rows = [
        {"code": code, "name": name, "count": number, "fixable": bool(fixable), "fixable_count": fixable}
        for number, code, name, fixable in _rows(result)
    ]
    return json.dumps(rows, indent=2) + "\n"


def _rows(result: Result) -> list[tuple[int, str, str, int]]:
    """Number, code, name, and how many have a safe fix."""
    numbers = Counter((finding.code, finding.name) for finding in result.findings)
    fixable = Counter(finding.code for finding in result.findings if finding.fix is not None and finding.fix.safe)
    rows = [(number, code, name, fixable[code]) for (code, name), number in numbers.items()]
    return sorted(rows, key=lambda row: (-row[0], row[1]))
