"""Markdown: tables, and the file that keeps them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

RESULTS = Path(__file__).with_name("RESULTS.md")
NONE = "·"


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table: the first column to the left, all others to the right."""
    lines = [head, ["---", *("---:" for _ in head[1:])], *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def seconds(value: float | None) -> str:
    """To three digits, and no finer than a hundredth of a second but below one."""
    if value is None:
        return NONE
    return f"{value:.3f}" if value < 1 else f"{value:.2f}" if value < 10 else f"{value:.1f}"


def times(value: float | None) -> str:
    """A ratio, to two digits or to the integer."""
    if value is None:
        return NONE
    return f"{value:.3f}" if value < 0.1 else f"{value:.2f}" if value < 10 else f"{value:.0f}"


def megabytes(value: float | None) -> str:
    """Bytes as integral megabytes."""
    return NONE if value is None else f"{value / 1e6:.0f}"


def replace_section(text: str, name: str, content: str) -> str:
    """The text with what stands between the comments ``<!-- NAME -->`` and ``<!-- /NAME -->`` replaced.

    Raises:
        ValueError: the text has no such section.
    """
    first, last = f"<!-- {name} -->\n", f"<!-- /{name} -->"
    before, opened, rest = text.partition(first)
    _, closed, after = rest.partition(last)
    if not opened or not closed:
        raise ValueError(f"there is no section {name}")
    return f"{before}{first}\n{content.strip()}\n\n{last}{after}"


def keep(name: str, content: str, file: Path = RESULTS) -> None:
    """Replace a section of the file of results."""
    file.write_text(replace_section(file.read_text("utf-8"), name, content), "utf-8")
