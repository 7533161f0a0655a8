"""Drawing for a terminal with rich, into text."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

from rich import box
from rich.console import Console, RenderableType
from rich.containers import Lines
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from session_lint.report.style import printable
from session_lint.report.wrapping import wrapped

MAX_WIDTH = 120
_COLUMN = 22


class _AsciiText(io.StringIO):
    """Text for a terminal that rich takes for one without lines to draw with."""

    @property
    def encoding(self) -> str:  # type: ignore[override]
        return "ascii"


def draw(
    print_all: Callable[[Console], None],
    *,
    color: bool,
    ascii_only: bool = False,
    width: int | None = None,
    max_width: int = MAX_WIDTH,
) -> str:
    """What ``print_all`` prints, no line ending in blanks; ``width`` is the terminal's where it is None."""
    text = _AsciiText() if ascii_only else io.StringIO()
    console = Console(
        file=text,
        force_terminal=color,
        no_color=not color,
        color_system="standard" if color else None,
        legacy_windows=False,
        highlight=False,
    )
    console.width = min(width or console.width, max_width)
    print_all(console)
    return "".join(f"{line.rstrip()}\n" for line in text.getvalue().splitlines())


def plain(text: str, style: str = "") -> Text:
    """Text from the linted project, safe to show; long words fold."""
    return Text(printable(text), style=style, overflow="fold")


def indented(text: str) -> RenderableType:
    """A paragraph, all its lines indented."""
    return Padding(plain(text), (0, 0, 0, 2))


def fields(rows: list[tuple[str, str]], *, indent: int = 0) -> RenderableType:
    """Labels and what belongs to them, in two columns."""
    grid = Table.grid(padding=(0, 2, 0, 0), pad_edge=False)
    grid.add_column(width=13 + indent, no_wrap=True)
    grid.add_column(ratio=1, overflow="fold")
    for label, value in rows:
        grid.add_row(Text(" " * indent + label, style="dim"), plain(value))
    return grid


def table(headers: list[str], rows: list[list[str]], *, ascii_only: bool) -> RenderableType:
    """A table whose last column takes what is left of the width."""
    grid = Table(box=box.ASCII2 if ascii_only else box.ROUNDED, expand=True)
    for header in headers[:-1]:
        grid.add_column(header, max_width=_COLUMN, overflow="fold")
    grid.add_column(headers[-1], ratio=1, overflow="fold")
    for row in rows:
        grid.add_row(*(_Cell("\n".join(map(printable, cell.split("\n")))) for cell in row))
    return grid


class _Cell(Text):
    """Text that is broken between words, and inside of a path after its slashes: the row of a place stays with its file."""

    def wrap(self, console: Console, width: int, **options: Any) -> Lines:
        del console, options
        return Lines(Text(line) for part in self.plain.split("\n") for line in wrapped(part, width))
