"""The compliance table as Markdown."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from session_lint.checks.table import Table, module_tables, whole_table
from session_lint.report.summary import looked_at

if TYPE_CHECKING:
    from session_lint.pipeline import Result


def render(result: Result, show: Callable[[str], str]) -> str:
    """A table for the whole, then one for each module with something to say."""
    parts = ["# Session handling audit\n", f"{looked_at(result)}.\n", "## Whole\n", _table(whole_table(result, show))]
    for table in module_tables(result, show):
        role = f" ({table.role})" if table.role else ""
        parts += [f"## `{_escaped(show(table.path or ''))}`{role}\n", _table(table)]
    return "\n".join(parts)


def _table(table: Table) -> str:
    cells = [("Pattern searched", "Result", "Analysis")]
    cells += [(row.check.pattern, row.result, _escaped(row.analysis)) for row in table.rows]
    widths = [max(len(row[column]) for row in cells) for column in (0, 1)]
    lines = [f"| {row[0]:<{widths[0]}} | {row[1]:<{widths[1]}} | {row[2]} |" for row in cells]
    lines.insert(1, f"| {'-' * widths[0]} | {'-' * widths[1]} | -------- |")
    return "\n".join(lines) + "\n"


def _escaped(text: str) -> str:
    for char, entity in (("\\", "\\\\"), ("|", "\\|"), ("<", "&lt;"), ("\n", " ")):
        text = text.replace(char, entity)
    return text
