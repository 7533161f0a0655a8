"""The command line of the harness."""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from benchmarks import ecosystem as others
from benchmarks import peers
from benchmarks.comparing import compare, tell_on_stderr
from benchmarks.scaling import SIZES, scale
from benchmarks.stages import profile
from benchmarks.tables import keep
from benchmarks.trees import PINNED, Tree, fetch, tree_at

HERE = Path(__file__).resolve().parent.parent


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; returns the exit code."""
    options = _parser().parse_args(arguments)
    with tempfile.TemporaryDirectory() as scratch:
        home = Path(scratch).resolve() if options.home is None and options.quick else options.home or _home()
        home.mkdir(parents=True, exist_ok=True)
        if options.command == "setup":
            peers.setup(home, tell_on_stderr)
            for name in PINNED:
                fetch(PINNED[name], home)
            return 0
        text, quote = _measured(options, home)
    print(text)
    if options.record:
        keep(options.command, text)
        if quote:
            keep("speed", quote, HERE / "README.md")
    return 0


def _measured(options: argparse.Namespace, home: Path) -> tuple[str, str]:
    """What was measured, and what the README quotes of it."""
    if options.command == "ecosystem":
        return _ecosystem(options, home), ""
    trees = [_tree(name, home) for name in ([options.trees] if isinstance(options.trees, str) else options.trees or [])]
    if options.command == "compare":
        if options.quick and peers.find(peers.FLAKE8, home) is None:
            peers.setup(home, tell_on_stderr, [peers.FLAKE8])
        compared = compare(
            trees or ([tree_at(HERE, "this checkout")] if options.quick else [_tree(name, home) for name in PINNED]),
            home,
            rounds=options.rounds or (1 if options.quick else 5),
            budget=options.budget,
            quick=options.quick,
            tell=tell_on_stderr,
        )
        return compared.text, compared.quote
    if options.command == "scale":
        grown = scale(
            trees[0] if trees else _tree("small", home),
            home,
            sizes=options.sizes,
            rounds=options.rounds or 3,
            budget=options.budget,
            tell=tell_on_stderr,
        )
        return grown, ""
    return profile(trees[0] if trees else _tree("medium", home), home, tell_on_stderr), ""


def _ecosystem(options: argparse.Namespace, home: Path) -> str:
    outcomes = others.ecosystem(home, options.trees, tell_on_stderr, installed=options.installed)
    if options.record and not options.trees:
        others.SNAPSHOT.write_text(others.snapshot(outcomes), "utf-8")
    return others.as_table(outcomes)


def _tree(name: str, home: Path) -> Tree:
    if name in PINNED:
        return fetch(PINNED[name], home)
    return tree_at(Path(name), Path(name).resolve().name)


def _home() -> Path:
    caches = os.environ.get("XDG_CACHE_HOME")
    return (Path(caches) if caches else Path.home() / ".cache") / "session-lint-benchmarks"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.set_defaults(quick=False, record=False, trees=[])
    commands = parser.add_subparsers(dest="command", required=True)
    shared = argparse.ArgumentParser(add_help=False)
    shared.add_argument("--home", type=Path, help="folder for peers, trees and copies (default: in the user's caches)")
    measured = argparse.ArgumentParser(add_help=False)
    measured.add_argument(
        "--record", action="store_true", help="keep the tables in benchmarks/RESULTS.md, and their ratios in the README"
    )

    commands.add_parser("setup", parents=[shared], help="install the pinned peers and download the pinned trees")
    described = f"{', '.join(PINNED)}, or a folder"
    for name, help_, budget in (
        ("compare", "session-lint and its peers on the same trees, in turn", 840.0),
        ("scale", "how time grows with the size of the tree", 840.0),
    ):
        command = commands.add_parser(name, parents=[shared, measured], help=help_)
        command.add_argument("trees", nargs="*" if name == "compare" else "?", metavar="TREE", help=described)
        command.add_argument("--rounds", type=int, help="how often each is measured")
        command.add_argument("--budget", type=float, default=budget, help="seconds after which it ends (%(default)s)")
        if name == "compare":
            command.add_argument(
                "--quick", action="store_true", help="one round, against flake8 alone, on this checkout"
            )
        else:
            command.add_argument("--sizes", type=int, nargs="+", default=SIZES, help="numbers of files, about")
    command = commands.add_parser(
        "ecosystem", parents=[shared, measured], help="that no run fails on code that others wrote, and what it finds"
    )
    command.add_argument("trees", nargs="*", metavar="NAME", help="distributions of ecosystem.txt, where not all")
    command.add_argument("--installed", action="store_true", help="this Python's own modules and site-packages too")
    command = commands.add_parser("profile", parents=[shared, measured], help="one run of each kind, split by stage")
    command.add_argument("trees", nargs="?", metavar="TREE", help=described)
    return parser


if __name__ == "__main__":
    sys.exit(main())
