"""The audit report for a terminal."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from rich import box
from rich.console import Console
from rich.table import Table as Grid
from rich.text import Text

from session_lint.auditing.model import SHOWN_BELOW, by_code
from session_lint.checks.wording import listed
from session_lint.report.style import counted, printable, stated
from session_lint.report.terminal import draw
from session_lint.report.wrapping import sentences, wrapped

if TYPE_CHECKING:
    from session_lint.auditing.model import Detail, Fault, Recommendation, Report, Subject, Table, TableRow

MAX_WIDTH = 160
MAX_TEXT = 120
_GRID_FROM = 100
_SUBJECTS = 20
_MODULES = 20
_PLACES = 10
_ALL = "--output-format markdown lists all"

_SEVERITIES = {"error": "error", "warning": "warning", "info": "remark"}
_COLORS = {"error": "bold red", "warning": "yellow", "info": "cyan"}


def render(report: Report, *, color: bool, ascii_only: bool, width: int | None = None) -> str:
    """The whole report, in the order of its parts.

    Args:
        width: in columns; None: the terminal's.
    """

    def print_all(console: Console) -> None:
        _Page(console, ascii_only=ascii_only).print(report)

    return draw(print_all, color=color, ascii_only=ascii_only, width=width, max_width=MAX_WIDTH)


class _Page:
    """Prints the parts, each text wrapped by itself."""

    def __init__(self, console: Console, *, ascii_only: bool) -> None:
        self._console = console
        self._ascii = ascii_only
        self._width = min(console.width, MAX_TEXT)

    def print(self, report: Report) -> None:
        self._heading("Session handling audit", "═", "=")
        self._heading("Investigation summary")
        for fact in report.summary.facts:
            self._item(fact.label, fact.texts)
        self._console.print()
        self._heading("Search results")
        self._table(report.table)
        self._modules(report.modules)
        self._heading("Detailed analysis")
        for number, detail in enumerate(report.details, start=1):
            self._detail(detail, number)
        if report.recommendations:
            self._heading("Recommendations")
            for number, one in enumerate(report.recommendations, start=1):
                self._recommendation(one, number)
        if report.undecided:
            self._heading("Not decided")
            for undecided in report.undecided:
                self._text(f"{undecided.text}:")
                self._list(undecided.points, _PLACES)
                self._console.print()
        self._heading("Next steps")
        for number, step in enumerate(report.next_steps, start=1):
            self._text(stated(step.text, end=":" if step.command else "."), first=f"{number}. ", indent=3)
            if step.command:
                self._console.print(Text(f"   {printable(step.command)}", style="bold", no_wrap=True, overflow="fold"))
        self._console.print()
        self._text(report.summary.outcome, style="bold")

    def _heading(self, title: str, line: str = "─", plain: str = "-") -> None:
        self._console.print(Text(title, style="bold"))
        self._console.print(Text((plain if self._ascii else line) * len(title), style="bold"))
        self._console.print()

    def _text(self, text: str, *, first: str = "", indent: int = 0, style: str = "") -> None:
        """A paragraph; ``first`` stands before its first line, and the others are indented."""
        lines = wrapped(_plain(text), max(20, self._width - indent))
        for number, line in enumerate(lines):
            before = first if not number else ""
            shown = Text(f"{before:<{indent}}{line}", style=style, no_wrap=True, overflow="ignore")
            shown.highlight_regex(r"\bSL\d{3}\b", "bold red")
            self._console.print(shown, soft_wrap=True)

    def _list(self, points: Sequence[str], shown: int) -> None:
        for point in points[:shown]:
            self._text(point, first="  -", indent=4)
        if len(points) > shown:
            self._text(f"and {len(points) - shown} more: {_ALL}", first="  -", indent=4)

    def _item(self, label: str, texts: Sequence[str]) -> None:
        self._text(f"{label}: {texts[0]}" if len(texts) == 1 else f"{label}:", first="-", indent=2)
        for text in texts if len(texts) > 1 else ():
            self._text(text, first="  -", indent=4)

    def _modules(self, modules: Sequence[Table]) -> None:
        if not modules:
            return
        self._heading("Search results by module")
        worst = sorted(modules, key=lambda table: -sum(row.violated for row in table.rows))[:_MODULES]
        for table in (table for table in modules if table in worst):
            role = f" ({table.role})" if table.role else ""
            self._text(f"{table.filename}{role}", style="bold")
            self._table(table)
        if len(modules) > _MODULES:
            left = counted(len(modules) - _MODULES, "module")
            self._text(f"The {_MODULES} with the most violations; {left} more: {_ALL}.")
            self._console.print()

    def _table(self, table: Table) -> None:
        if self._console.width < _GRID_FROM:
            self._text("Pattern searched: Result", style="underline")
            self._text("Analysis", first="", indent=2, style="underline")
            self._console.print()
            for row in table.rows:
                self._stacked(row)
            return
        results = max(len("Result"), *(len(row.result) for row in table.rows))
        patterns = max(19, self._console.width // 5)
        rest = self._console.width - patterns - results - 10
        grid = Grid(box=box.ASCII2 if self._ascii else box.ROUNDED, show_lines=True)
        grid.add_column("Pattern searched", width=patterns)
        grid.add_column("Result", no_wrap=True, width=results)
        grid.add_column("Analysis", width=rest, no_wrap=True)
        for row in table.rows:
            said = [line for sentence in sentences(row.analysis) for line in wrapped(_plain(sentence), rest)]
            analysis = Text("\n".join(said), no_wrap=True)
            analysis.highlight_regex(r"\bSL\d{3}\b", "bold red" if row.violated else "")
            pattern = Text("\n".join(wrapped(_plain(row.pattern), patterns)))
            grid.add_row(pattern, Text(row.result, style=_style(row)), analysis)
        self._console.print(grid)
        self._console.print()

    def _stacked(self, row: TableRow) -> None:
        """A row without columns, for terminals that are too narrow for three."""
        head = Text(_plain(row.pattern), style="bold")
        head.append(": ", style="not bold")
        head.append(row.result, style=_style(row))
        self._console.print(head)
        for sentence in sentences(row.analysis):
            self._text(sentence, indent=2)
        self._console.print()

    def _detail(self, detail: Detail, number: int) -> None:
        self._text(f"{number}. {detail.title}", style="bold")
        self._console.print()
        self._text(stated(detail.text))
        self._console.print()
        for group in detail.groups:
            self._text(stated(group.text, end=":"))
            chosen = sorted(group.subjects, key=lambda subject: subject.fine)[:_SUBJECTS]
            for subject in (subject for subject in group.subjects if subject in chosen):
                self._subject(subject)
            if len(group.subjects) > _SUBJECTS:
                self._text(f"and {len(group.subjects) - _SUBJECTS} more: {_ALL}", first="-", indent=2)
            self._console.print()

    def _subject(self, subject: Subject) -> None:
        place = f"{subject.place.filename}:{subject.place.row}"
        named = place if subject.place.symbol == "<module>" else f"{subject.place.symbol} ({place})"
        head = f"{subject.label} {named}" if subject.label else named
        points = [*subject.points, *_reported(subject.faults)]
        if len(points) == 1:
            self._text(f"{head}: {points[0]}", first="-", indent=2)
            return
        self._text(head, first="-", indent=2)
        for point in points:
            self._text(point, first="  -", indent=4)

    def _recommendation(self, one: Recommendation, number: int) -> None:
        title = f"{number}. {one.code} {one.name}: {counted(len(one.faults), _SEVERITIES[one.severity])}"
        self._text(title, style=_COLORS[one.severity])
        if one.change:
            self._text(f"{one.change}.{''.join(_fixes(one))}", indent=3)
        places = [f"{fault.place.filename}:{fault.place.row}: {fault.message}" for fault in one.faults]
        self._list(places, _PLACES)
        self._console.print()


def _reported(faults: Sequence[Fault]) -> Iterator[str]:
    """What is reported in a function, and in those that it lends its session to."""
    own = [f"{fault.code} {fault.name} at line {fault.place.row}" for fault in faults if not fault.below]
    if own:
        yield ", ".join(own)
    if below := by_code(fault for fault in faults if fault.below):
        said = (f"{code} in {listed([f'{s} ({p})' for s, p in found], SHOWN_BELOW)}" for code, found in below)
        yield f"under it {'; '.join(said)}"


def _fixes(one: Recommendation) -> Iterator[str]:
    if one.fixes:
        yield f" --fix does it in {counted(one.fixes, 'place')}."
    if one.unsafe_fixes:
        yield f" --fix --unsafe-fixes does it in {counted(one.unsafe_fixes, 'place')}."


def _style(row: TableRow) -> str:
    if row.violated:
        return "bold red"
    return "yellow" if row.result == "Not checked" else "green"


def _plain(markdown: str) -> str:
    """Without the backticks around what is plainly code; around a word like `session` they say which it is."""
    return printable(re.sub(r"(`[a-z]+`)|`([^`]*)`", r"\1\2", markdown))
