"""The trees that are linted: pinned distributions from PyPI, or any folder; and copies of them that may be edited."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from session_lint.pipeline import find_files
from session_lint.request import Request


@dataclass(frozen=True, slots=True)
class Distribution:
    """A wheel on PyPI, told by its digest."""

    name: str
    version: str
    digest: str


PINNED: Mapping[str, Distribution] = {
    # SQLAlchemy sessions in all three; the third brings its tests, as most checkouts do.
    "small": Distribution("barbican", "23.0.0", "69c0fac46b105621302f4dacb1f8344dda08672bc273412b5c08dc17feb9a7e0"),
    "medium": Distribution("dstack", "0.22.5", "e83cd6b7161f379ed173c012cd4d4149d1c395af6abf1dae61a9143f78e3cd04"),
    "large": Distribution("neutron", "29.0.0", "6e998e2e55d233ff757f3ae1d53dd8dfd2cb455a01868e494c22fd6b8b0aba36"),
}


@dataclass(frozen=True, slots=True)
class Tree:
    """A folder of Python files.

    Args:
        name: what it is called in tables.
        root: the folder.
        files: the paths of its files in it, sorted.
        size: their bytes.
    """

    name: str
    root: Path
    files: tuple[str, ...]
    size: int

    @property
    def title(self) -> str:
        return f"{self.name}: {len(self.files):,} files, {self.size / 1e6:.1f} MB"


def tree_at(root: Path, name: str) -> Tree:
    """The tree in a folder: the files that session-lint knows there, and so none that git ignores."""
    root = root.resolve()
    files = find_files(Request(paths=(root,), root=root, isolated=True)).discovery.known
    return Tree(name, root, tuple(sorted(files)), sum((root / path).stat().st_size for path in files))


def fetch(distribution: Distribution, home: Path) -> Tree:
    """Download and unpack a distribution, where that was not done before."""
    title = f"{distribution.name} {distribution.version}"
    folder = home / "trees" / f"{distribution.name}-{distribution.version}"
    if not folder.is_dir():
        wheel = _download(distribution, home / "wheels")
        partial = folder.with_name(f"{folder.name}.partial")
        shutil.rmtree(partial, ignore_errors=True)
        with zipfile.ZipFile(wheel) as archive:
            archive.extractall(partial, [name for name in archive.namelist() if name.endswith(".py")])
        partial.rename(folder)
    return tree_at(folder, title)


def _download(distribution: Distribution, folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    wanted = folder / f"{distribution.name}.txt"
    wanted.write_text(f"{distribution.name}=={distribution.version} --hash=sha256:{distribution.digest}\n", "utf-8")
    options = ["--quiet", "--no-deps", "--only-binary", ":all:", "--require-hashes"]
    subprocess.run(
        [sys.executable, "-m", "pip", "download", *options, "--dest", str(folder), "--requirement", str(wanted)],
        check=True,
    )
    (wheel,) = folder.glob(f"{distribution.name}-{distribution.version}-*.whl")
    return wheel


def working_copy(tree: Tree, folder: Path) -> Tree:
    """A fresh copy of a tree's files, to be edited."""
    shutil.rmtree(folder, ignore_errors=True)
    for path in tree.files:
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(tree.root / path, target)
    # Without it semgrep leaves out tests, which all others read.
    (folder / ".semgrepignore").write_text("", "utf-8")
    return Tree(tree.name, folder.resolve(), tree.files, tree.size)


def edited_files(tree: Tree, number: int) -> tuple[str, ...]:
    """The files that a developer is said to have edited: of those that speak of sessions, some of middling size."""
    speaking = [path for path in tree.files if b"session" in (tree.root / path).read_bytes()] or list(tree.files)
    by_size = sorted(speaking, key=lambda path: ((tree.root / path).stat().st_size, path))
    first = max(0, (len(by_size) - number) // 2)
    return tuple(by_size[first : first + number])


def edit(path: Path, line: str) -> None:
    """Add a line to a file."""
    with path.open("a", encoding="utf-8") as file:
        file.write(f"\n{line}\n")


def renew_times(tree: Tree, number: int) -> None:
    """Give each file another time of change and the same content, as a fresh checkout does."""
    moment = 1_700_000_000 + number
    for path in tree.files:
        os.utime(tree.root / path, (moment, moment))
