"""`compare`: session-lint and its peers on the same trees, in turn."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks import machine, own, peers
from benchmarks.measuring import measure
from benchmarks.peers import FIXIT, FLAKE8, PEERS, RUFF, SEMGREP, Peer
from benchmarks.rounds import Samples, Subject, take_turns
from benchmarks.tables import megabytes, seconds, table, times
from benchmarks.targets import HOOK_FLAKE8, compared
from benchmarks.trees import Tree, edited_files, working_copy

RUFF_WARM = "ruff --select F, with its cache, nothing changed"

_QUOTED = (
    ("first run / flake8", own.COLD, FLAKE8.name),
    ("/ semgrep, one rule", own.COLD, SEMGREP.name),
    ("/ Fixit", own.COLD, FIXIT.name),
    ("nothing changed / ruff without cache", own.WARM, RUFF.name),
    ("one file edited / `import libcst`", own.EDITED, own.LIBCST),
    ("the same, in session code", own.SESSION_EDITED, own.LIBCST),
    ("a comment edited / `import libcst`", own.COMMENTED, own.LIBCST),
    ("hook / flake8, five files", own.HOOK, HOOK_FLAKE8),
)


@dataclass(frozen=True, slots=True)
class Comparison:
    """What was measured, in Markdown: all of it, and the ratios that the README quotes."""

    text: str
    quote: str


def compare(
    trees: Sequence[Tree], home: Path, *, rounds: int, budget: float, quick: bool, tell: Callable[[str], None]
) -> Comparison:
    """Measure, and say it in Markdown.

    Args:
        trees: what is linted; slow peers run on the first alone.
        home: where peers are installed and copies are made.
        rounds: how many rounds there are at most.
        budget: seconds after which it ends, whatever is not measured yet.
        quick: flake8 alone is compared with.
        tell: told about progress.
    """
    busy = machine.load()
    found = _found([FLAKE8] if quick else PEERS, home, tell)
    copies = [working_copy(tree, home / "scratch" / f"tree-{number}") for number, tree in enumerate(trees)]
    caches = [home / "scratch" / f"cache-{number}" for number, _ in enumerate(trees)]
    groups = {
        tree.name: _subjects(tree, cache, found, slow=number == 0)
        for number, (tree, cache) in enumerate(zip(copies, caches, strict=True))
    }
    own.warm_up(home / "scratch" / "tiny")
    samples = take_turns(groups, rounds, budget, tell)
    said = "; ".join(sorted({peers.version(peer, program) for peer, program in found.items()}))
    head = f"{machine.description(busy)} Compared with: {said or 'nothing, since no peer is installed'}.\n"
    text = "\n".join([head, *(_section(tree, samples[tree.name], groups[tree.name]) for tree in copies)])
    return Comparison(text, _quote(copies, samples))


def _found(wanted: Iterable[Peer], home: Path, tell: Callable[[str], None]) -> dict[Peer, Path]:
    programs: dict[Peer, Path] = {}
    for peer in wanted:
        program = peers.find(peer, home)
        if program is None:
            tell(f"{peer.name} is not installed: `python -m benchmarks setup` installs it")
        else:
            programs[peer] = program
    return programs


def _subjects(tree: Tree, cache: Path, found: Mapping[Peer, Path], *, slow: bool) -> list[Subject]:
    subjects = [*own.baselines(tree.root.parent), *own.subjects(tree, cache)]
    if FLAKE8 in found:
        five = edited_files(tree, 5)
        subjects.append(peers.subject(FLAKE8, found[FLAKE8], tree, paths=five, name=HOOK_FLAKE8))
    if RUFF in found:
        subjects.append(_ruff_warm(found[RUFF], tree, cache.with_name(f"{cache.name}-ruff")))
    return subjects + [peers.subject(peer, program, tree) for peer, program in found.items() if slow or not peer.slow]


def _ruff_warm(program: Path, tree: Tree, cache: Path) -> Subject:
    cold = peers.subject(RUFF, program, tree, name=RUFF_WARM)
    words = [word for word in cold.command if word != "--no-cache"]
    command = (*words, "--cache-dir", str(cache))

    def fill(_: int) -> None:
        measure(command, cwd=cold.cwd, seconds=60, accepted=cold.accepted)

    return Subject(RUFF_WARM, command, cold.cwd, fill)


def _quote(trees: Sequence[Tree], samples: Mapping[str, Samples]) -> str:
    rows = [
        [tree.title, *(times(samples[tree.name].ratio(name, other, "wall")) for _, name, other in _QUOTED)]
        for tree in trees
    ]
    return table(["wall time", *(title for title, _, _ in _QUOTED)], rows)


def _section(tree: Tree, samples: Samples, subjects: Sequence[Subject]) -> str:
    rows = [
        (
            subject.name,
            seconds(samples.of(subject.name, "wall")),
            times(samples.ratio(subject.name, FLAKE8.name, "wall")),
            seconds(samples.of(subject.name, "cpu")),
            times(samples.ratio(subject.name, FLAKE8.name, "cpu")),
            megabytes(samples.of(subject.name, "peak")),
            str(samples.rounds(subject.name)),
        )
        for subject in subjects
        if samples.rounds(subject.name)
    ]
    head = ["", "wall, s", "/ flake8", "CPU, s", "/ flake8", "peak, MB", "rounds"]
    text = f"### {tree.title}\n\n{table(head, rows)}"
    targets = list(compared(tree, samples))
    if targets:
        text += f"\n{table(['target', 'measured', 'at most', 'met'], targets)}"
    return text


def tell_on_stderr(line: str) -> None:
    """Progress, out of the way of the tables."""
    print(line, file=sys.stderr, flush=True)
