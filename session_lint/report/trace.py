"""Transaction maps for reading: as trees in a terminal, as Markdown, as JSON."""

from __future__ import annotations

import itertools
import json
import shlex
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any

import msgspec
from rich.cells import cell_len
from rich.console import Console
from rich.text import Text
from rich.tree import Tree

from session_lint.report.style import counted, printable
from session_lint.report.terminal import draw, plain

if TYPE_CHECKING:
    from session_lint.tracing import Step, Trace

Show = Callable[[str], str]

# The summary says it all for more entry points than these; then trees are for those that are named.
MAX_TREES = 5

_MAX_WIDTH = 160
_INDENT = " " * 7

_STYLES = {
    "provider": "cyan",
    "session": "cyan",
    "end": "cyan",
    "begin": "green",
    "savepoint": "green",
    "commit": "bold green",
    "rollback": "bold magenta",
    "close": "bold magenta",
    "write": "yellow",
    "flush": "yellow",
}


def title(trace: Trace) -> str:
    """``POST /batch create_batch``, or the kind of entry point in place of the route."""
    return f"{trace.route or trace.kind} {trace.symbol}"


def label(step: Step, show: Show) -> str:
    """What a step says of itself, without its marks."""
    again = ", as above" if step.repeated else ""
    return f"{step.kind} {step.text} ({show(step.filename)}:{step.row}){again}"


def render_tree(traces: Sequence[Trace], show: Show, *, trees: bool, color: bool, ascii_only: bool) -> str:
    """A summary of the entry points, and a tree for each where ``trees``."""

    def print_all(console: Console) -> None:
        if not trees or len(traces) > 1:
            _print_summary(console, traces, show)
        if not trees:
            console.print()
            console.print(
                plain(
                    f"Name an entry point to see its map: session-lint trace {shlex.quote(_example(traces))}; '*' shows all."
                )
            )
            return
        for position, trace in enumerate(traces):
            if position or len(traces) > 1:
                console.print()
            console.print(_tree(trace, show))

    return draw(print_all, color=color, ascii_only=ascii_only, max_width=_MAX_WIDTH)


def _example(traces: Sequence[Trace]) -> str:
    worst = max(traces, key=lambda trace: len(trace.codes))
    return printable(worst.route or worst.symbol)


def _print_summary(console: Console, traces: Sequence[Trace], show: Show) -> None:
    """What there is, how transactions are bounded, and the entry points by file, a line or two each."""
    busy = [trace for trace in traces if trace.codes or trace.sources or trace.steps]
    marked = sum(bool(trace.codes) for trace in traces)
    idle = len(traces) - len(busy)
    without = f"; {idle} without a session are not listed" if idle else ""
    console.print(plain(f"{counted(len(traces), 'entry point')}, {marked} with findings{without}", style="bold"))
    bounds = Counter(trace.bounds for trace in busy)
    if len(busy) > 1:
        console.print()
        for text, number in sorted(bounds.items(), key=lambda item: (-item[1], item[0])):
            console.print(plain(f"{number:>5}  {text}"))
    for path, group in itertools.groupby(busy, key=lambda trace: trace.filename):
        console.print()
        console.print(plain(show(path), style="bold"))
        _print_file(console, list(group))


def _print_file(console: Console, traces: Sequence[Trace]) -> None:
    """The entry points of a file: row, route, function, transaction and rules, in columns where these fit."""
    cells = [
        (str(trace.row), trace.route or trace.kind, trace.symbol, trace.bounds, " ".join(trace.codes))
        for trace in traces
    ]
    widths = [max(cell_len(printable(row[column])) for row in cells) for column in range(4)]
    codes = max(cell_len(row[4]) for row in cells)
    in_columns = sum(widths) + codes + 12 <= console.width
    for row, route, symbol, bounds, marks in cells:
        line = Text(f"{row:>5}", style="dim")
        line.append(f"  {_cell(route, widths[1] if in_columns else 0)}", style="default not dim")
        if in_columns:
            line.append(f"  {_cell(symbol, widths[2])}  {_cell(bounds, widths[3])}  ", style="default not dim")
            line.append(marks, style="red not dim")
            console.print(line)
            continue
        console.print(line, overflow="fold")
        below = Text(f"{_INDENT}{printable(symbol)}, {bounds}")
        if marks and below.cell_len + cell_len(marks) + 2 > console.width:
            console.print(below, overflow="fold")
            below = Text(_INDENT[2:])
        below.append(f"  {marks}", style="red")
        console.print(below, overflow="fold")


def _cell(text: str, width: int) -> str:
    shown = printable(text)
    return shown + " " * (width - cell_len(shown))


def _tree(trace: Trace, show: Show) -> Tree:
    head = Text(printable(title(trace)), style="bold")
    head.append(f"  {printable(show(trace.filename))}:{trace.row}", style="not bold dim")
    head.append(f"  [{trace.bounds}]", style="not bold")
    tree = Tree(head, guide_style="dim")
    _mark(head, [code for code in trace.codes if not any(code in step.codes for step in _flat(trace.steps))])
    _grow(tree, trace.steps, show)
    return tree


def _grow(tree: Tree, steps: Iterable[Step], show: Show) -> None:
    for step in steps:
        text = Text(f"{step.kind} ", style=_STYLES.get(step.kind, ""))
        text.append(printable(step.text), style="default" if step.kind != "call" else "bold")
        text.append(f"  {printable(show(step.filename))}:{step.row}", style="dim not bold")
        if step.repeated:
            text.append("  as above", style="dim not bold")
        _mark(text, step.codes)
        _grow(tree.add(text), step.steps, show)


def _mark(text: Text, codes: Iterable[str]) -> None:
    said = " ".join(codes)
    if said:
        text.append(f"  <- {said}", style="bold red")


def _flat(steps: Iterable[Step]) -> Iterable[Step]:
    for step in steps:
        yield step
        yield from _flat(step.steps)


def render_markdown(traces: Sequence[Trace], show: Show) -> str:
    """A table of the entry points, then a nested list for each."""
    lines = [
        "# Transaction map\n",
        "| Entry point | Function | Transaction | Rules |",
        "| ----------- | -------- | ----------- | ----- |",
    ]
    for trace in traces:
        where = _code(f"{trace.symbol} {show(trace.filename)}:{trace.row}")
        lines.append(f"| {_code(trace.route or trace.kind)} | {where} | {trace.bounds} | {', '.join(trace.codes)} |")
    for trace in traces:
        lines.append(f"\n## {_code(title(trace))}\n")
        lines.append(f"{_code(f'{show(trace.filename)}:{trace.row}')}: {trace.bounds}.\n")
        lines += _listed(trace.steps, show, 0)
    return "\n".join(lines) + "\n"


def _listed(steps: Iterable[Step], show: Show, depth: int) -> Iterable[str]:
    for step in steps:
        marks = f" **{', '.join(step.codes)}**" if step.codes else ""
        again = ", as above" if step.repeated else ""
        place = _code(f"{show(step.filename)}:{step.row}")
        yield f"{'  ' * depth}- {step.kind} {_code(step.text)} {place}{again}{marks}"
        yield from _listed(step.steps, show, depth + 1)


def _code(text: str) -> str:
    """Text from the project as Markdown code, which it cannot break out of, in a table cell neither."""
    safe = printable(text).replace("|", "\\|")
    fence = "`" * (max((len(run) for run in safe.split("`") if not run), default=0) + 1) if "`" in safe else "`"
    return f"{fence} {safe} {fence}" if "`" in safe else f"`{safe}`"


def render_json(traces: Sequence[Trace], show: Show) -> str:
    """One JSON document: ``{"version": 1, "entry_points": […]}``."""

    def spelled(data: Any) -> Any:
        if isinstance(data, (list, tuple)):
            return [spelled(item) for item in data]
        if isinstance(data, dict):
            return {key: show(value) if key == "filename" else spelled(value) for key, value in data.items()}
        return data

    entries = spelled(msgspec.to_builtins(list(traces)))
    return json.dumps({"version": 1, "entry_points": entries}, indent=2) + "\n"
