"""Subjects in turn, round after round: what drifts on the machine meanwhile hits all of them alike."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Literal

from benchmarks.measuring import Measurement, measure

Quantity = Literal["wall", "cpu", "peak"]


def _nothing(_: int) -> None:
    """What most subjects need before a round."""


@dataclass(frozen=True, slots=True)
class Subject:
    """A command to measure.

    Args:
        name: what it is called in tables.
        command: its words.
        cwd: where it runs.
        prepare: what is done before each round, unmeasured; given the round's number.
        accepted: exit codes of a run that did its work.
        rounds: how many rounds it takes part in; None: all.
    """

    name: str
    command: tuple[str, ...]
    cwd: Path
    prepare: Callable[[int], None] = _nothing
    accepted: tuple[int, ...] = (0, 1)
    rounds: int | None = None


@dataclass(frozen=True, slots=True)
class Samples:
    """The measurements of one tree's subjects, by name and round."""

    taken: dict[str, dict[int, Measurement]] = field(default_factory=dict)

    def add(self, name: str, number: int, measurement: Measurement) -> None:
        self.taken.setdefault(name, {})[number] = measurement

    def of(self, name: str, quantity: Quantity) -> float | None:
        """The median of a subject's rounds; None where it has none."""
        values = [getattr(one, quantity) for one in self.taken.get(name, {}).values()]
        return median(values) if values else None

    def rounds(self, name: str) -> int:
        return len(self.taken.get(name, {}))

    def ratio(self, name: str, other: str, quantity: Quantity) -> float | None:
        """The median of how much a subject takes of what another takes in the same round."""
        mine, theirs = self.taken.get(name, {}), self.taken.get(other, {})
        values = [getattr(mine[n], quantity) / getattr(theirs[n], quantity) for n in mine.keys() & theirs.keys()]
        return median(values) if values else None

    def excess(self, name: str, other: str, quantity: Quantity) -> float | None:
        """The median of how much more a subject takes than another in the same round."""
        mine, theirs = self.taken.get(name, {}), self.taken.get(other, {})
        values = [getattr(mine[n], quantity) - getattr(theirs[n], quantity) for n in mine.keys() & theirs.keys()]
        return median(values) if values else None


def take_turns(
    groups: Mapping[str, Sequence[Subject]], rounds: int, budget: float, tell: Callable[[str], None]
) -> dict[str, Samples]:
    """Measure the subjects of each group (a tree) in turn.

    A round goes over all groups, so that when the budget is spent each of them has about as many.

    Args:
        groups: subjects by group.
        rounds: how many rounds there are at most.
        budget: seconds after which no further run is started, and the running one is given up.
        tell: told what is measured.
    """
    deadline = time.monotonic() + budget
    samples = {group: Samples() for group in groups}
    for number in range(rounds):
        for group, subjects in groups.items():
            for subject in subjects:
                left = deadline - time.monotonic()
                if left <= 0:
                    tell(f"the budget of {budget:.0f} s is spent in round {number + 1}")
                    return samples
                if subject.rounds is not None and number >= subject.rounds:
                    continue
                subject.prepare(number)
                taken = measure(subject.command, cwd=subject.cwd, seconds=left, accepted=subject.accepted)
                if taken is None:
                    tell(f"{group}, {subject.name}: given up after {left:.0f} s, the budget is spent")
                    continue
                samples[group].add(subject.name, number, taken)
                tell(f"round {number + 1}, {group}, {subject.name}: {taken.wall:.2f} s, {taken.cpu:.2f} s of CPU")
    return samples
