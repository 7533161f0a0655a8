"""``python -m fuzzing``: as many examples as one has time for; each that fails is kept as files, with the seed that makes it."""

from __future__ import annotations

import argparse
import signal
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from random import Random

from fuzzing import properties
from fuzzing.grammar import program
from fuzzing.mutation import mutated

KINDS = ("programs", "mutations", "ways")
PATIENCE = 60


def main(arguments: Sequence[str] | None = None) -> int:
    """Run examples, until there are no more or one is interrupted; 1 where one fails."""
    options = _parser().parse_args(arguments)
    corpus = [path.read_text("utf-8", "replace") for folder in options.corpus for path in sorted(folder.rglob("*.py"))]
    corpus = [text for text in corpus if len(text) < options.largest]
    done: Counter[str] = Counter()
    failed = 0
    since = time.monotonic()
    with suppress(KeyboardInterrupt), tempfile.TemporaryDirectory() as scratch:
        home = Path(scratch).resolve()
        for number in range(options.start, options.start + options.examples):
            if options.seconds and time.monotonic() - since > options.seconds:
                break
            kind = options.only or _kind(number)
            files = _files(kind, Random(f"{options.seed}-{number}"), corpus)
            try:
                with _patience(PATIENCE):
                    done[check(kind, files, home, Random(number))] += 1
            except Exception:  # noqa: BLE001  (whatever it is, the others are tried as well)
                failed += 1
                _keep(options.keep / f"{kind}-{options.seed}-{number}", files)
            done[kind] += 1
            if sys.stderr.isatty() and number % 100 == 0:
                print(f"\r{number:,}", end="", file=sys.stderr)
    counts = ", ".join(f"{count:,} {name}" for name, count in sorted(done.items()))
    print(f"{counts} in {time.monotonic() - since:.0f} s; {failed} failed")
    return 1 if failed else 0


def check(kind: str, files: dict[str, str], home: Path, chance: Random) -> str:
    """Check one example; what became of it, in a word or two."""
    if kind == "mutations":
        lowered = [properties.check_lowering(text) for text in files.values()]
        if chance.random() > 0.1:  # the rest costs ten times as much
            return "lowered" if all(lowered) else "refused"
    root = home / "tree"
    root.mkdir(exist_ok=True)
    properties.lay_out(root, files)
    result = properties.lint(root)
    properties.check_positions(result, files)
    if kind == "ways" or chance.random() < 0.1:  # it costs as much as all the rest
        properties.check_reports(result)
    if kind == "ways":
        properties.check_ways(root, result, home)
        properties.check_order(result, chance)
        properties.check_suppressing(root, result)
        properties.lay_out(root, files)
        properties.check_fixing(root)
        properties.lay_out(root, files)
        properties.check_formatting(root, result)
    return "with findings" if result.findings else "without findings"


def _kind(number: int) -> str:
    return "ways" if number % 100 == 0 else "programs" if number % 5 == 0 else "mutations"


def _files(kind: str, chance: Random, corpus: list[str]) -> dict[str, str]:
    if kind == "mutations":
        text = chance.choice(corpus) if corpus and chance.random() < 0.7 else next(iter(program(chance).values()))
        return {"mutated.py": mutated(text, chance)}
    return program(chance)


@contextmanager
def _patience(seconds: int) -> Iterator[None]:
    """Let an example take so many seconds of this process, and ten times as many of the clock."""
    if not hasattr(signal, "setitimer"):
        yield
        return

    def give_up(*_: object) -> None:
        raise TimeoutError(f"more than {seconds} s")

    before = [signal.signal(number, give_up) for number in (signal.SIGPROF, signal.SIGALRM)]
    signal.setitimer(signal.ITIMER_PROF, seconds)
    signal.setitimer(signal.ITIMER_REAL, 10 * seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.setitimer(signal.ITIMER_REAL, 0)
        for number, handler in zip((signal.SIGPROF, signal.SIGALRM), before, strict=True):
            signal.signal(number, handler)


def _keep(folder: Path, files: dict[str, str]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    properties.lay_out(folder, files)
    (folder / "error.txt").write_text(traceback.format_exc(), "utf-8", "backslashreplace")
    last = traceback.format_exc().strip().splitlines()[-1]
    print(f"{folder}: {last[:300]}")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m fuzzing", description=__doc__)
    parser.add_argument("--examples", type=int, default=10_000, help="how many (default: 10,000)")
    parser.add_argument("--seconds", type=float, help="end after so long")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--start", type=int, default=0, help="number of the first example, to repeat one")
    parser.add_argument("--only", choices=KINDS)
    parser.add_argument("--corpus", type=Path, nargs="*", default=[Path("fixtures")], help="folders of files to mutate")
    parser.add_argument("--largest", type=int, default=20_000, help="characters of a file that is mutated")
    parser.add_argument("--keep", type=Path, default=Path("fuzzed"), help="where examples that fail are kept")
    return parser


if __name__ == "__main__":
    sys.exit(main())
