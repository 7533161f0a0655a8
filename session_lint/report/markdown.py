"""Findings as a Markdown table, for a job's summary or a comment."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from session_lint.report.style import printable
from session_lint.report.summary import looked_at, outcome

if TYPE_CHECKING:
    from session_lint.findings import Finding
    from session_lint.result import Result

_SPECIAL = re.compile(r"[\\`*{}\[\]<>|~&$]|(?<![^\W_])_|_(?![^\W_])|(?<=:)//|(?<=www)\.")
_REFERENCE = re.compile(r"(?<!&)[@#](?=\w)")
"""What would call a person, or link to an issue: even an entity would, so that a comment has to part it."""


def render(result: Result, show: Callable[[str], str]) -> str:
    """What was looked at, what came of it, and a row for each finding."""
    lines = ["## session-lint", "", f"{looked_at(result)}.", "", f"**{outcome(result)}**"]
    if result.findings:
        lines += ["", "| Place | Rule | Finding |", "| --- | --- | --- |"]
        lines += [f"| {' | '.join(row(finding, show))} |" for finding in result.findings]
    return "".join(f"{line}\n" for line in lines)


def row(finding: Finding, show: Callable[[str], str]) -> Iterable[str]:
    """The cells of a finding: place, rule, message and call chain."""
    yield code(f"{show(finding.filename)}:{finding.span.row}")
    yield f"{finding.severity.value} {finding.code} {_plain(finding.name)}"
    links = [f"{show(link.filename)}:{link.row} {link.symbol}: {link.note}" for link in finding.chain]
    yield "<br>".join(text_with_code(text) for text in (finding.message, *links))


def text_with_code(text: str) -> str:
    """A text with code between backticks, in which nothing else is Markdown, a mention or a reference."""
    parts = printable(text).split("`")
    if len(parts) % 2 == 0 or not all(parts[1::2]):
        return _plain(text)
    return "".join(code(part) if index % 2 else _plain(part) for index, part in enumerate(parts))


def html_with_code(text: str) -> str:
    """Likewise, where Markdown holds HTML: what stands between backticks is a code element."""
    parts = printable(text).split("`")
    if len(parts) % 2 == 0 or not all(parts[1::2]):
        return _plain(text)
    return "".join(f"<code>{_plain(part)}</code>" if index % 2 else _plain(part) for index, part in enumerate(parts))


def code(text: str) -> str:
    """A text as code, where that is possible, in a cell of a table too."""
    shown = printable(text)
    if "`" in shown or not shown.strip():
        return _plain(text)
    return f"`{_piped(shown)}`"


def _piped(text: str) -> str:
    """Code in a cell of a table: a bar ends the cell even there, and a backslash before one would take it from us."""
    return text.replace("\\|", "\\ |").replace("|", "\\|")


def _plain(text: str) -> str:
    entities = _SPECIAL.sub(lambda match: "".join(f"&#{ord(char)};" for char in match[0]), printable(text))
    return _REFERENCE.sub(r"\g<0><!-- -->", entities)
