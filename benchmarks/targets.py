"""What session-lint is meant to keep, each as a ratio of medians of the same run."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from benchmarks.own import BARE, COLD, EDITED, HOOK, LIBCST, SESSION_EDITED, WARM
from benchmarks.peers import FIXIT, FLAKE8, RUFF, SEMGREP
from benchmarks.rounds import Quantity, Samples
from benchmarks.tables import times
from benchmarks.trees import Tree

HOOK_FLAKE8 = "flake8, those five files"


@dataclass(frozen=True, slots=True)
class Target:
    """A bar.

    Args:
        subject: what is to be fast.
        other: what it is held against; None: the bar itself.
        bar: the most that it may take: a ratio, or an amount where ``kind`` says so.
        kind: what is compared with the bar.
        quantity: of what.
        least, most: trees of how many files it holds for.
    """

    subject: str
    other: str | None
    bar: float
    kind: Literal["ratio", "more", "amount"] = "ratio"
    quantity: Quantity = "wall"
    least: int = 0
    most: int = 1_000_000

    def holds_for(self, tree: Tree) -> bool:
        return self.least <= len(tree.files) <= self.most

    def value(self, samples: Samples) -> float | None:
        """What was measured."""
        if self.other is None:
            return samples.of(self.subject, self.quantity)
        compare = samples.ratio if self.kind == "ratio" else samples.excess
        return compare(self.subject, self.other, self.quantity)

    def shown(self, value: float) -> str:
        if self.quantity == "peak":
            return f"{value / 1e6:.0f} MB"
        return times(value) if self.kind == "ratio" else f"{value * 1000:.0f} ms"

    def __str__(self) -> str:
        if self.kind == "ratio":
            return f"{self.subject} / {self.other}"
        more = f" more than {self.other}" if self.other is not None else ""
        return f"{self.subject}: {'peak memory' if self.quantity == 'peak' else 'CPU'}{more}"


TARGETS = (
    Target(COLD, FLAKE8.name, 0.3, least=700),
    Target(COLD, SEMGREP.name, 1, least=700, most=2100),
    Target(COLD, FIXIT.name, 1 / 25, least=200),
    Target(WARM, RUFF.name, 0.6, least=1900),
    Target(WARM, BARE, 0.09, "more", "cpu", least=700),
    Target(EDITED, LIBCST, 1.6, least=700),
    Target(SESSION_EDITED, LIBCST, 1.6, least=700),
    Target(HOOK, HOOK_FLAKE8, 1, least=1900),
    Target(COLD, None, 150e6, "amount", "peak"),
    Target(WARM, None, 150e6, "amount", "peak"),
)


def compared(tree: Tree, samples: Samples) -> Iterator[tuple[str, str, str, str]]:
    """The rows of a tree: the target, what was measured, the bar, whether it is met."""
    for target in TARGETS:
        value = target.value(samples) if target.holds_for(tree) else None
        if value is not None:
            yield str(target), target.shown(value), target.shown(target.bar), "yes" if value <= target.bar else "**no**"
