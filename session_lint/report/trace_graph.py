"""Transaction maps as diagrams: Mermaid's flow charts and Graphviz's digraphs."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import count
from typing import TYPE_CHECKING

from session_lint.report.style import counted, printable
from session_lint.report.trace import Show, label, title
from session_lint.tracing import all_steps

if TYPE_CHECKING:
    from session_lint.tracing import Step, Trace

Node = tuple[str, str, bool]
"""A node's name, what stands in it, and whether a rule fires there."""


MERMAID_EDGES = 500
"""Mermaid draws no more than so many edges, where its ``maxEdges`` is not raised."""


def render_mermaid(traces: Sequence[Trace], show: Show, *, named: bool) -> str:
    """One flow chart: each entry point a subgraph, its steps numbered in their order.

    Too many entry points for a chart, none of them asked for by name, are counted by provider and transaction instead.
    """
    total = sum(1 for trace in traces for _ in all_steps(trace.steps))
    if total > MERMAID_EDGES and not named:
        return _overview(traces)
    names = map("n{}".format, count())
    lines = ["flowchart LR", "  classDef finding fill:#fdd,stroke:#b00,color:#600"]
    if total > MERMAID_EDGES:
        lines.append(f"  %% {total} edges: Mermaid draws {MERMAID_EDGES}, or as many as its maxEdges says")
    for number, trace in enumerate(traces):
        nodes, edges = _graph(trace, names, show)
        lines.append(f'  subgraph e{number}["{_mermaid(title(trace))}"]')
        lines += [f'    {name}["{_mermaid(text)}"]{":::finding" if found else ""}' for name, text, found in nodes]
        lines += [f"    {left} -->|{position}| {right}" for left, right, position in edges]
        lines.append("  end")
    return "\n".join(lines) + "\n"


def _overview(traces: Sequence[Trace]) -> str:
    """From kinds of entry points over providers to how the transactions are bounded, with their numbers on the edges."""
    names: dict[tuple[int, str], str] = {}
    edges: Counter[tuple[str, str]] = Counter()
    for trace in traces:
        if not trace.sources and not trace.steps:
            continue
        source = " and ".join(dict.fromkeys(s.partition(":")[0] for s in trace.sources)) or "no provider seen"
        path = [
            names.setdefault((column, text), f"n{len(names)}")
            for column, text in enumerate((trace.kind, source, trace.bounds))
        ]
        edges.update(itertools.pairwise(path))
    lines = ["flowchart LR", f"  %% {counted(len(traces), 'entry point')}; name some to see their maps"]
    lines += [f'  {name}["{_mermaid(text)}"]' for (_, text), name in names.items()]
    lines += [f"  {left} -->|{number}| {right}" for (left, right), number in edges.items()]
    return "\n".join(lines) + "\n"


def render_dot(traces: Sequence[Trace], show: Show) -> str:
    """One digraph: each entry point a cluster, its steps numbered in their order."""
    names = map("n{}".format, count())
    lines = ["digraph sessions {", "  rankdir=LR;", '  node [shape=box, fontname="sans-serif"];']
    for number, trace in enumerate(traces):
        nodes, edges = _graph(trace, names, show)
        lines += [f"  subgraph cluster_{number} {{", f"    label={_quoted(title(trace))};"]
        for name, text, found in nodes:
            look = ', color="#bb0000", fontcolor="#bb0000"' if found else ""
            lines.append(f"    {name} [label={_quoted(text)}{look}];")
        lines += [f'    {left} -> {right} [label="{position}"];' for left, right, position in edges]
        lines.append("  }")
    return "\n".join([*lines, "}"]) + "\n"


def _graph(trace: Trace, names: Iterator[str], show: Show) -> tuple[list[Node], list[tuple[str, str, int]]]:
    """The nodes of an entry point, itself the first, and the numbered edges between them."""
    root = next(names)
    nodes: list[Node] = [(root, f"{title(trace)} ({trace.bounds})", False)]
    edges: list[tuple[str, str, int]] = []

    def add(parent: str, steps: Sequence[Step]) -> None:
        for position, step in enumerate(steps, start=1):
            name = next(names)
            marks = f" {' '.join(step.codes)}" if step.codes else ""
            nodes.append((name, f"{label(step, show)}{marks}", bool(step.codes)))
            edges.append((parent, name, position))
            add(name, step.steps)

    add(root, trace.steps)
    return nodes, edges


def _mermaid(text: str) -> str:
    return "".join(char if char.isalnum() or char in " ._/:,()-" else f"#{ord(char)};" for char in printable(text))


def _quoted(text: str) -> str:
    escaped = printable(text).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
