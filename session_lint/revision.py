"""The files of a git revision, read from git's store: nothing is checked out, and no hook or filter of the repository runs."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path

from session_lint.errors import UserError

_MERGE_BASE = "..."
_PLACES = frozenset({"GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_PREFIX", "GIT_COMMON_DIR"})


def resolve(root: Path, revision: str) -> str:
    """The commit that a revision names; empty for ``HEAD`` where there is no commit yet.

    ``REV...`` names the commit at which the current branch left REV.

    Raises:
        UserError: there is no git, no repository, or no such revision.
    """
    found = _run(root, "rev-parse", "--git-dir")
    if b"dubious ownership" in found.stderr:
        raise UserError(
            f"git does not read the repository of {root}, as somebody else owns it: `git config --global --add"
            " safe.directory PATH` lets it."
        )
    if found.returncode:
        raise UserError(f"{root} is in no git repository, so there is no revision to compare with.")
    name = revision.removesuffix(_MERGE_BASE)
    commit = _commit(root, name)
    if commit is None:
        unborn = name == "HEAD" and _git(root, "symbolic-ref", "--quiet", "HEAD") is not None
        if unborn and not _git(root, "rev-list", "--all", "--max-count=1"):
            return ""
        raise UserError(
            f"{name} is no revision that the git repository of {root} has; in a shallow clone, fetch it first."
        )
    if revision.endswith(_MERGE_BASE):
        base = _git(root, "merge-base", commit, "HEAD")
        if base is None:
            raise UserError(
                f"{name} and HEAD have no common commit that the git repository of {root} has; in a shallow clone, fetch more."
            )
        return base.decode().strip()
    return commit


class Snapshot(Mapping[str, bytes]):
    """The contents of files at a commit by path, read when they are first asked for: one by one, or many by ``fetch``.

    Args:
        root: the folder that paths are relative to.
        commit: the commit.
        blobs: git's name for the content of each file.
    """

    def __init__(self, root: Path, commit: str, blobs: Mapping[str, bytes]) -> None:
        self.blobs = blobs
        self._root, self._commit = root, commit
        self._contents: dict[str, bytes] = {}

    def __getitem__(self, path: str) -> bytes:
        """The content of a file.

        Raises:
            KeyError: there is none of that name.
            UserError: git cannot read it.
        """
        if path not in self._contents and path in self.blobs:
            self.fetch([path])
        return self._contents[path]

    def __contains__(self, path: object) -> bool:
        return path in self.blobs

    def __iter__(self) -> Iterator[str]:
        return iter(self.blobs)

    def __len__(self) -> int:
        return len(self.blobs)

    def fetch(self, paths: Iterable[str]) -> None:
        """Read files, all at once.

        Raises:
            UserError: git cannot read them.
        """
        missing = [path for path in paths if path not in self._contents]
        if not missing:
            return
        asked = b"".join(self.blobs[path] + b"\n" for path in missing)
        contents = _git(self._root, "cat-file", "--batch", given=asked)
        if contents is None:
            raise UserError(f"git cannot read the files of {self._commit} in {self._root}.")
        start = 0
        for path in missing:
            end = contents.index(b"\n", start)
            head = contents[start:end]
            if not head.split()[-1].isdigit():
                raise UserError(
                    f"git lacks the content of {path} at {self._commit}; in a partial clone, fetch it first."
                )
            size = int(head.split()[-1])
            self._contents[path] = contents[end + 1 : end + 1 + size]
            start = end + size + 2


def files_at(root: Path, commit: str, wanted: Callable[[str], bool]) -> Snapshot:
    """The files at a commit, by their paths relative to ``root``.

    Raises:
        UserError: git cannot list them.
    """
    if not commit:
        return Snapshot(root, commit, {})
    listing = _git(root, "ls-tree", "-r", "-z", commit)
    if listing is None:
        raise UserError(f"git cannot list the files of {commit} in {root}.")
    names: dict[str, bytes] = {}
    for line in listing.split(b"\0"):
        head, _, name = line.partition(b"\t")
        path = os.fsdecode(name)
        if head.startswith(b"100") and wanted(path):  # a file, and no link or submodule
            names[path] = head.split()[2]
    return Snapshot(root, commit, names)


def _commit(root: Path, name: str) -> str | None:
    found = _git(root, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{name}^{{commit}}")
    return found.decode().strip() if found else None


def _git(root: Path, *arguments: str, given: bytes = b"") -> bytes | None:
    """What git prints; None where it fails."""
    done = _run(root, *arguments, given=given)
    return done.stdout if done.returncode == 0 else None


def _run(root: Path, *arguments: str, given: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    # A git hook is told where its repository is; but the one that counts here is that of the root.
    environment = {name: value for name, value in os.environ.items() if name not in _PLACES}
    # A repository can say how what it lacks is fetched, and have a program of its own do it: nothing is.
    environment |= {"GIT_NO_LAZY_FETCH": "1", "GIT_ALLOW_PROTOCOL": "none", "GIT_OPTIONAL_LOCKS": "0", "LC_ALL": "C"}
    command = [_program(), "-C", str(root), "-c", "core.fsmonitor=false", "--no-replace-objects", *arguments]
    try:
        return subprocess.run(command, input=given, capture_output=True, check=False, env=environment)  # noqa: S603
    except OSError as error:
        raise UserError(f"git cannot be run ({error.strerror}); a revision is read with it.") from error


def _program() -> str:
    """Where git is: by its name alone, Windows and a relative ``PATH`` would take one that lies in the linted code."""
    name = "git.exe" if os.name == "nt" else "git"
    paths = (Path(folder, name) for folder in os.get_exec_path() if Path(folder).is_absolute())
    found = next((path for path in paths if path.is_file() and os.access(path, os.X_OK)), None)
    if found is None:
        raise UserError("git is not installed, or not on the PATH; a revision is read with it.")
    return str(found)
