"""`scale`: one project, then twice as much of it, and so on: how time grows with size."""

from __future__ import annotations

import math
import re
import shutil
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks import machine, own
from benchmarks.rounds import Samples, take_turns
from benchmarks.tables import megabytes, seconds, table
from benchmarks.trees import Tree

SIZES = (250, 500, 1_000, 2_000, 5_000, 10_000)
FITTED = (own.COLD, own.WARM, own.CHECKOUT, own.EDITED, own.SESSION_EDITED)


@dataclass(frozen=True, slots=True)
class Fit:
    """``seconds = factor * size ** exponent``."""

    factor: float
    exponent: float


def fit(sizes: Sequence[float], values: Sequence[float]) -> Fit | None:
    """The power law nearest to the values, by least squares of logarithms; None where there are not two of them."""
    points = [(math.log(size), math.log(value)) for size, value in zip(sizes, values, strict=True) if value > 0]
    if len({x for x, _ in points}) < 2:
        return None
    mean_x = sum(x for x, _ in points) / len(points)
    mean_y = sum(y for _, y in points) / len(points)
    exponent = sum((x - mean_x) * (y - mean_y) for x, y in points) / sum((x - mean_x) ** 2 for x, _ in points)
    return Fit(math.exp(mean_y - exponent * mean_x), exponent)


def grow(tree: Tree, copies: int, folder: Path) -> Tree:
    """A project made of copies of one.

    Each copy has packages of its own, named anew wherever they are named, so that it links within itself as the original
    does, and no two files have the same content.
    """
    shutil.rmtree(folder, ignore_errors=True)
    tops = sorted({path.partition("/")[0] for path in tree.files})
    names = [top.removesuffix(".py") for top in tops]
    name = re.compile(rb"\b(%s)\b" % b"|".join(re.escape(one.encode()) for one in names))
    files: list[str] = []
    size = 0
    for number in range(copies):
        mark = b"_%d" % number
        for path in tree.files:
            content = name.sub(lambda found: found[1] + mark, (tree.root / path).read_bytes())  # noqa: B023  (called here)
            content += b"\n# copy %d\n" % number
            renamed = name.sub(lambda found: found[1] + mark, path.partition("/")[0].encode()).decode()  # noqa: B023
            to = "/".join([renamed, *path.split("/")[1:]])
            target = folder / to
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content)
            files.append(to)
            size += len(content)
    return Tree(f"{copies} x {tree.name}", folder.resolve(), tuple(files), size)


def scale(
    tree: Tree, home: Path, *, sizes: Sequence[int], rounds: int, budget: float, tell: Callable[[str], None]
) -> str:
    """Measure copies of a tree, and say in Markdown how time grows.

    Args:
        tree: what is copied.
        home: where copies are made.
        sizes: about how many files to measure.
        rounds: how many rounds each size takes.
        budget: seconds after which it ends; a size that will take more than what is left is not begun.
        tell: told about progress.
    """
    busy = machine.load()
    own.warm_up(home / "scratch" / "tiny")
    measured: list[tuple[Tree, Samples]] = []
    spent, before = 0.0, 0
    for copies in sorted({max(1, round(size / len(tree.files))) for size in sizes}):
        expected = spent * copies / before if before else 0.0
        if expected > budget:
            tell(f"{copies} copies are left out: the budget will not do")
            break
        grown = grow(tree, copies, home / "scratch" / "grown")
        cache = home / "scratch" / "grown-cache"
        subjects = [*own.baselines(grown.root.parent), *own.subjects(grown, cache, hook=False)]
        since = time.monotonic()
        samples = take_turns({grown.name: subjects}, rounds, budget, tell)[grown.name]
        spent, before = time.monotonic() - since, copies
        budget -= spent
        measured.append((grown, samples))
    shutil.rmtree(home / "scratch" / "grown", ignore_errors=True)
    return f"{machine.description(busy)} Copies of {tree.title}.\n\n{_growth(measured)}\n{_exponents(measured)}"


def _growth(measured: Sequence[tuple[Tree, Samples]]) -> str:
    rows = [
        (
            f"{len(tree.files):,} files, {tree.size / 1e6:.1f} MB",
            *(seconds(samples.of(name, "wall")) for name in FITTED),
            seconds(samples.of(own.COLD, "cpu")),
            megabytes(samples.of(own.COLD, "peak")),
            str(samples.rounds(own.COLD)),
        )
        for tree, samples in measured
    ]
    short = [name.partition(", ")[2] for name in FITTED]
    return table(["wall, s", *short, "first run, CPU", "first run, peak MB", "rounds"], rows)


def _exponents(measured: Sequence[tuple[Tree, Samples]]) -> str:
    """How the time beyond start-up grows with the bytes, and what doubling the tree multiplies it by."""
    rows: list[tuple[str, ...]] = []
    for name, start, quantity in (
        (own.COLD, own.LIBCST, "wall"),
        (own.COLD, own.LIBCST, "cpu"),
        (own.WARM, own.BARE, "cpu"),
        (own.CHECKOUT, own.BARE, "cpu"),
        (own.EDITED, own.BARE, "cpu"),
        (own.SESSION_EDITED, own.LIBCST, "cpu"),
    ):
        found = [
            (tree.size, samples.excess(name, start, "wall" if quantity == "wall" else "cpu"))
            for tree, samples in measured
        ]
        known = [(size, value) for size, value in found if value is not None]
        fitted = fit([size for size, _ in known], [value for _, value in known])
        if fitted is not None:
            what = "CPU" if quantity == "cpu" else "wall"
            rows.append((f"{name}, {what} beyond start-up", f"{fitted.exponent:.2f}", f"{2**fitted.exponent:.2f} x"))
    return table(["", "exponent", "twice the tree takes"], rows)
