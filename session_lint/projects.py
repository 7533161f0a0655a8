"""Several projects in one run: each folder with settings of its own is linted as if the run were there."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import msgspec
from msgspec.structs import replace

from session_lint.analysis import Analysis
from session_lint.discovery import Discovery
from session_lint.errors import UserError
from session_lint.findings import Counts, Finding
from session_lint.pipeline import look_for_files, no_files, resolved
from session_lint.project import Project
from session_lint.request import Files, Request
from session_lint.result import Result
from session_lint.settings import Settings, find_settings_file
from session_lint.source import Sources

if TYPE_CHECKING:
    from session_lint.program import Program

Number = TypeVar("Number", int, float)


def find_projects(request: Request) -> list[Files]:
    """The projects that the request's paths are in, those nearer to the top first, each with the files that it means.

    Raises:
        UserError: a path does not exist, there is no Python file to report on, or the settings of a project are not valid.
    """
    found = []
    pending = _by_settings(request)
    while pending:
        folder = min(pending, key=lambda one: (len(one.parts), one))
        files = look_for_files(replace(request, paths=tuple(pending.pop(folder))))
        found.append(files)
        for inner in files.discovery.inner:
            pending[files.project.root / inner].append(files.project.root / inner)
    with_files = [files for files in found if files.has_any]
    if not with_files:
        raise UserError(no_files(found, request))
    return with_files


def _by_settings(request: Request) -> defaultdict[Path, list[Path]]:
    """The request's paths, by the folder of the nearest settings; of those without settings, by one that names none."""
    pending: defaultdict[Path, list[Path]] = defaultdict(list)
    if request.is_one_project or request.stdin is not None:
        pending[Path()] = list(request.paths)
        return pending
    nearest = cache(find_settings_file)
    for path in request.paths:
        place = resolved(path)
        file = nearest(place if place.is_dir() else place.parent)
        pending[file.parent if file is not None else Path()].append(path)
    return pending


def combine(results: Sequence[Result]) -> Result:
    """What was found in several projects as one result, its paths relative to the folder that holds them all."""
    if len(results) == 1:
        return results[0]
    root = Path(os.path.commonpath([result.root for result in results]))

    def findings(part: Callable[[Result], Iterable[Finding]]) -> tuple[Finding, ...]:
        found = [finding for result in results for finding in moved(part(result), result.root, root)]
        return tuple(sorted(found, key=lambda finding: finding.sort_key))

    def paths(part: Callable[[Discovery], Iterable[str]]) -> tuple[str, ...]:
        return tuple(
            sorted(_path(path, result.root, root) for result in results for path in part(result.files.discovery))
        )

    discovery = Discovery(
        paths(lambda one: one.known),
        paths(lambda one: one.reported),
        paths(lambda one: one.excluded),
        tuple(
            (_path(path, result.root, root), why)
            for result in results
            for path, why in result.files.discovery.unreadable
        ),
        paths(lambda one: one.notebooks),
        paths(lambda one: one.special),
    )
    largest = max(result.files.project.settings.max_file_size for result in results)
    files = Files(Project(root, Settings(), None), discovery, Sources(root, largest, {}))
    return Result(
        files,
        _one_analysis([result.analysis for result in results]),
        findings(lambda result: result.findings),
        findings(lambda result: result.hidden),
        findings(lambda result: result.old),
        frozenset().union(*(result.rules_run for result in results)),
        frozenset().union(*(result.rules_known for result in results)),
        [fault for result in results for fault in result.faults],
        _sum([result.seconds for result in results], 0.0),
        _sum([result.work for result in results], 0),
        _no_program,
        tuple(dict.fromkeys(reason for result in results for reason in result.reasons)),
    )


def _one_analysis(analyses: Sequence[Analysis]) -> Analysis:
    """What a report of findings says beside them."""
    counts = [analysis.counts for analysis in analyses if analysis.counts is not None]
    faults = tuple(fault for analysis in analyses for fault in analysis.faults)
    total = Counts(*(sum(getattr(one, field) for one in counts) for field in Counts.__struct_fields__))
    return Analysis((), (), total, None, frozenset(), analyses[0].cards, {}, faults)


def moved(findings: Iterable[Finding], old: Path, new: Path) -> Iterator[Finding]:
    """Findings with the paths in them, which are relative to ``old``, relative to ``new``."""
    for finding in findings:
        chain = tuple(msgspec.structs.replace(link, filename=_path(link.filename, old, new)) for link in finding.chain)
        yield msgspec.structs.replace(finding, filename=_path(finding.filename, old, new), chain=chain)


def _path(path: str, old: Path, new: Path) -> str:
    return path if old == new else Path(os.path.relpath(old / path, new)).as_posix()


def _sum(parts: Sequence[Mapping[str, Number]], zero: Number) -> dict[str, Number]:
    total: dict[str, Number] = {}
    for part in parts:
        for name, number in part.items():
            total[name] = total.get(name, zero) + number
    return total


def _no_program() -> Program:
    raise UserError(
        "Several projects have no program in common; name one of them, or take them all for one with `root`."
    )
