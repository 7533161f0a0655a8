"""The compliance table for a terminal."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING

from rich import box
from rich.console import Console
from rich.table import Table as RichTable
from rich.text import Text

from session_lint.checks.table import Row, Table, module_tables, whole_table
from session_lint.report.style import printable
from session_lint.report.summary import looked_at, outcome

if TYPE_CHECKING:
    from session_lint.pipeline import Result

_LONGEST_WORD = len("create_async_engine")


def render(result: Result, show: Callable[[str], str], console: Console, *, ascii_only: bool) -> None:
    """Print a table for the whole, then one for each module with something to say, then the summary."""
    _print(console, "Whole", whole_table(result, show), ascii_only=ascii_only)
    for table in module_tables(result, show):
        role = f" ({table.role})" if table.role else ""
        _print(console, f"{printable(show(table.path or ''))}{role}", table, ascii_only=ascii_only)
    console.print(Text(looked_at(result)))
    console.print(Text(outcome(result)))


def _print(console: Console, title: str, table: Table, *, ascii_only: bool) -> None:
    width = min(console.width, 160)
    grid = RichTable(box=box.ASCII2 if ascii_only else box.ROUNDED, show_lines=True, width=width)
    # The analysis gets what is left: patterns wrap between words, results never do.
    grid.add_column("Pattern searched", width=max(_LONGEST_WORD, width // 4))
    grid.add_column("Result", no_wrap=True)
    grid.add_column("Analysis", ratio=1, overflow="fold")
    for row in table.rows:
        grid.add_row(Text(_plain(row.check.pattern)), Text(row.result, style=_style(row)), Text(_plain(row.analysis)))
    console.print(Text(title, style="bold"))
    console.print(grid)
    console.print()


def _style(row: Row) -> str:
    if row.violated:
        return "bold red"
    return "yellow" if row.result == "Not checked" else "green"


def _plain(markdown: str) -> str:
    return printable(re.sub(r"`([^`]*)`", r"\1", markdown))
