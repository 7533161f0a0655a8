"""`profile`: one run split by stage, as `--verbose` tells it."""

from __future__ import annotations

import re
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from benchmarks import machine, own
from benchmarks.rounds import Subject
from benchmarks.tables import NONE, seconds, table
from benchmarks.trees import Tree, working_copy

_STAGE = re.compile(r"^ *(?P<seconds>\d+\.\d{3}) s (?P<name>[A-Za-z ]+)$", re.MULTILINE)
_WORK = re.compile(r"^ *(?P<number>[\d,]+) (?P<name>[A-Za-z ]+)$", re.MULTILINE)
START = "start, files, report"


@dataclass(frozen=True, slots=True)
class Told:
    """What a run said of itself, in its order."""

    seconds: dict[str, float]
    work: dict[str, int]


def read(text: str, wall: float) -> Told:
    """What `--verbose` wrote; what the stages do not account for is the process itself."""
    stages = {match["name"]: float(match["seconds"]) for match in _STAGE.finditer(text)}
    work = {match["name"]: int(match["number"].replace(",", "")) for match in _WORK.finditer(text)}
    return Told({**stages, START: max(0.0, wall - sum(stages.values()))}, work)


def profile(tree: Tree, home: Path, tell: Callable[[str], None]) -> str:
    """Run each situation once, and say in Markdown where its time goes."""
    busy = machine.load()
    copy = working_copy(tree, home / "scratch" / "profiled")
    own.warm_up(home / "scratch" / "tiny")
    told: dict[str, Told] = {}
    for subject in own.subjects(copy, home / "scratch" / "profiled-cache"):
        subject.prepare(0)
        tell(subject.name)
        told[subject.name] = _run(subject)
    stages = list(dict.fromkeys(stage for one in told.values() for stage in one.seconds))
    works = list(dict.fromkeys(what for one in told.values() for what in one.work))
    head = ["", *(name.partition(", ")[2] for name in told)]
    times = [[stage, *(seconds(one.seconds.get(stage)) for one in told.values())] for stage in stages]
    total = ["**all**", *(seconds(sum(one.seconds.values())) for one in told.values())]
    counts = [[what, *(f"{one.work[what]:,}" if what in one.work else NONE for one in told.values())] for what in works]
    return (
        f"{machine.description(busy)} {tree.title}. Wall, s:\n\n{table(head, [*times, total])}\n{table(head, counts)}"
    )


def _run(subject: Subject) -> Told:
    since = time.perf_counter()
    ran = subprocess.run(
        [*subject.command, "--verbose"],
        cwd=subject.cwd,
        check=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    return read(ran.stderr, time.perf_counter() - since)
