"""What has to hold of every run, whatever the program is. Each function raises ``AssertionError`` where it does not."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from random import Random
from unittest.mock import patch

from msgspec.structs import replace

from session_lint.facts import ProjectFacts
from session_lint.findings import Finding
from session_lint.ignoring import add_ignores
from session_lint.judging import judge, room_for_linking
from session_lint.loading import Loaded, load
from session_lint.lowering import LoweringError, lower, outline
from session_lint.mending import mend
from session_lint.models import load_models
from session_lint.pipeline import find_files, run
from session_lint.program import link
from session_lint.request import Request
from session_lint.result import Result
from session_lint.rules.registry import Selection, load_rules
from session_lint.settings import Settings
from session_lint.source import split_lines

EVERYTHING = Selection("fuzzing", ["ALL"])


def lay_out(root: Path, files: Mapping[str, str]) -> None:
    """Write a program below a folder, in which nothing else stays."""
    for old in root.rglob("*.py"):
        old.unlink()
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode("utf-8", "surrogatepass"))


def lint(root: Path, *, jobs: int | None = None, cache: Path | None = None) -> Result:
    """Run everything on a folder."""
    request = _request(root, jobs=jobs, cache=cache)
    result = run(request, find_files(request))
    assert not result.analysis.faults, result.analysis.faults[0].trace
    return result


def _request(root: Path, *, jobs: int | None = None, cache: Path | None = None) -> Request:
    return Request(
        paths=(root,),
        root=root,
        isolated=True,
        selection=EVERYTHING,
        preview=True,
        jobs=jobs,
        cache=cache is not None,
        cache_dir=cache,
    )


def check_lowering(text: str) -> bool:
    """It is lowered, the same whoever reads it, or refused in one sentence at a place in it; whether it is lowered."""
    try:
        module = lower(text)
    except LoweringError as error:
        assert error.message, "a refusal without a reason"
        assert "\n" not in error.message, error.message
        rows = len(split_lines(text))
        # Where something is missing at the end, Python names the row after it.
        assert 1 <= error.row <= rows + 1, f"row {error.row} of {rows}"
        assert error.column >= 1, error.column
        return False
    with suppress(LoweringError), patch.object(outline, "mentioning_rows", lambda walk: range(1, len(walk.offsets))):
        assert lower(text) == module, "LibCST reads another program than ast"
    return True


def check_positions(result: Result, files: Mapping[str, str]) -> None:
    """Findings, their chains and fixes name places inside their files."""
    for finding in (*result.findings, *result.hidden):
        assert finding.filename in files, f"{finding.code}: no file {finding.filename!r}"
        lines = split_lines(files[finding.filename].removeprefix("\ufeff"))
        spans = [finding.span, *(edit.span for edit in (finding.fix.edits if finding.fix else ()))]
        for span in spans if finding.code != "SL902" else ():
            assert 1 <= span.row <= span.end_row <= len(lines), f"{finding.code}: {span} of {len(lines)} rows"
            assert 1 <= span.column <= len(lines[span.row - 1]) + 1, (
                f"{finding.code}: {span} in {lines[span.row - 1]!r}"
            )
            assert 1 <= span.end_column <= len(lines[span.end_row - 1]) + 1, f"{finding.code}: {span}"
            assert (span.row, span.column) <= (span.end_row, span.end_column), f"{finding.code}: {span}"
        for step in finding.chain:
            assert step.filename in files, f"{finding.code}: no file {step.filename!r} in its chain"
            assert 1 <= step.row <= len(split_lines(files[step.filename])), (
                f"{finding.code}: row {step.row} in its chain"
            )


def check_reports(result: Result) -> None:
    """Each report can be written, and they say the same numbers."""
    from session_lint.auditing import audit_report
    from session_lint.report import audit_json, audit_markdown, audit_terminal, html, summary, trace, trace_graph
    from session_lint.report.formats import FORMATS, render
    from session_lint.tracing import trace as traced

    written = {name: render(name, result, result.root) for name in FORMATS}
    found: list[dict[str, str]] = json.loads(written["json"])
    assert len(found) == len(result.findings) == written["json-lines"].count("\n")
    counts = Counter(one["severity"] for one in found)
    told = summary.outcome(result)
    for severity, number in counts.items():
        assert re.search(rf"\b{number} {severity}", told), f"{number} {severity}: {told}"
    assert not found or f" in {len({one['filename'] for one in found})} file" in told, told
    report = audit_report(result)
    audit_terminal.render(report, color=True, ascii_only=False, width=80)
    audit_markdown.render(report)
    assert json.loads(audit_json.render(report, result, str))["findings"] == found
    html.render(result)
    traces = traced(result.program, result.findings, result.faults)
    trace.render_tree(traces, str, trees=True, color=True, ascii_only=True)
    trace.render_markdown(traces, str)
    json.loads(trace.render_json(traces, str))
    trace_graph.render_mermaid(traces, str, named=False)
    trace_graph.render_dot(traces, str)


def check_ways(root: Path, result: Result, scratch: Path) -> None:
    """The same serial, in parallel, into a cache and out of it."""
    for way, again in (
        ("serial", lint(root, jobs=1)),
        ("parallel", lint(root, jobs=2)),
        ("into the cache", lint(root, cache=scratch / "cache")),
        ("out of the cache", lint(root, cache=scratch / "cache")),
    ):
        assert again.findings == result.findings, f"{way}: {_difference(again.findings, result.findings)}"


def check_order(result: Result, chance: Random) -> None:
    """The same with the files in any order."""
    from session_lint.cache.store import Store
    from session_lint.cache.tree import look_at

    files = result.files
    tree = look_at(files.discovery.known, files.sources, Store(None))
    loaded = load(files.discovery.known, tree, files.sources, Store(None), jobs=1)
    first = _judged(loaded)
    shuffled = list(loaded.files)
    chance.shuffle(shuffled)
    again = _judged(replace(loaded, files=tuple(shuffled)))
    assert again == first, _difference(again, first)


def _judged(loaded: Loaded) -> tuple[Finding, ...]:
    rules = load_rules()
    with room_for_linking():
        program = link(loaded.files, Settings(), ProjectFacts(), load_models(Path(), ()))
    found = judge(program, loaded, rules, rules, lambda _: None).findings
    return tuple(sorted(found, key=lambda finding: finding.sort_key))


def check_formatting(root: Path, result: Result) -> None:
    """The same, rows and columns aside, after ``ruff format``."""
    command = [sys.executable, "-m", "ruff", "format", "--isolated", "--quiet", "--no-cache", str(root)]
    if subprocess.run(command, check=False, capture_output=True).returncode != 0:  # noqa: S603
        return  # ruff is stricter than Python in places
    again = lint(root)
    assert _essence(again) == _essence(result), _essence(again) ^ _essence(result)


def _essence(result: Result) -> frozenset[tuple[str, str, str, str, int]]:
    found = Counter((f.filename, f.code, f.symbol, re.sub(r"\d+", "N", f.message)) for f in result.findings)
    return frozenset((*key, number) for key, number in found.items())


def check_suppressing(root: Path, result: Result) -> None:
    """Suppressing every finding leaves none."""
    ignored = add_ignores(result, "fuzzed")
    for path, content in ignored.after.items():
        (root / path).write_bytes(content)
    left = [finding for finding in lint(root).findings if finding.code != "SL902"]
    assert not left, left[0]


def check_fixing(root: Path) -> None:
    """What fixes make parses, and a second time makes nothing more."""
    request = _request(root)
    mended = mend(request, find_files(request), unsafe=True)
    for path, content in mended.after.items():
        lower(content.decode())
        (root / path).write_bytes(content)
    again = mend(request, find_files(request), unsafe=True)
    assert not again.after, f"fixed again: {sorted(again.after)}: {again.fixed[0] if again.fixed else None}"


def _difference(ours: tuple[Finding, ...], theirs: tuple[Finding, ...]) -> str:
    return f"{[f for f in ours if f not in theirs][:1]} for {[f for f in theirs if f not in ours][:1]}"
