"""The cache's folder: files that are written in one piece, read with suspicion, and never missed when they are not there."""

from __future__ import annotations

import os
import time
from contextlib import suppress
from pathlib import Path

import msgspec

from session_lint.cache.seal import SEAL_BYTES, seal
from session_lint.errors import UserError
from session_lint.regular import read_regular

CACHE_FOLDER = ".session_lint_cache"
MAX_BYTES = 256 << 20
"""A file larger than that is neither written nor read."""

KEPT_RELEASES = 3
"""How many releases of the tool keep their files side by side."""

_MAGIC = b"SLC2"
_HEAD = len(_MAGIC) + SEAL_BYTES
_TAG = """Signature: 8a477f597d28d172789f06886806bc55
# This folder is a cache of session-lint. It may be deleted at any time; `session-lint clean` does it.
# For information about cache directory tags see https://bford.info/cachedir/
"""
_ABANDONED = 3600


class Store(msgspec.Struct, frozen=True):
    """Named files in a folder, sealed with a key; without a folder, nothing is found and nothing kept."""

    folder: Path | None
    read_only: bool = False
    key: bytes = b""

    def read(self, name: str) -> memoryview | None:
        """The content of a file as it was written; None where it is not there or not whole."""
        if self.folder is None:
            return None
        try:
            path = self.folder / name
            data = memoryview(read_regular(path, MAX_BYTES))
        except OSError:
            return None
        if data[: len(_MAGIC)] != _MAGIC or data[len(_MAGIC) : _HEAD] != seal(data[_HEAD:], self.key):
            return None
        return data[_HEAD:]

    def write(self, name: str, content: bytes) -> bool:
        """Replace a file in one step; False where that is not to be, or not possible: a cache is no reason to fail."""
        if self.folder is None or self.read_only or len(content) + _HEAD > MAX_BYTES:
            return False
        draft = self.folder / f"draft-{os.getpid()}-{os.urandom(4).hex()}"
        try:
            self._prepare()
            with draft.open("xb") as file:
                file.write(_MAGIC + seal(content, self.key))
                file.write(content)
            draft.replace(self.folder / name)
        except OSError:
            with suppress(OSError):
                draft.unlink()
            return False
        return True

    def _prepare(self) -> None:
        """Make the folder, mark it for version control and backups, and clear what nobody uses any more."""
        if self.folder is None or self.folder.is_dir():
            return
        top = self.folder.parent
        top.mkdir(parents=True, exist_ok=True)
        for name, text in (("CACHEDIR.TAG", _TAG), (".gitignore", "*\n")):
            with suppress(FileExistsError), (top / name).open("x") as file:
                file.write(text)
        self.folder.mkdir(exist_ok=True)
        _clear(top)


def open_store(folder: Path, release: str, *, read_only: bool = False, key: bytes | None = b"") -> Store:
    """The store of one release of the tool in a cache folder.

    A folder behind a symbolic link is not used: it could have come with the linted code, and point anywhere. Nor is any
    where the key that it is to be sealed with cannot be had.
    """
    if key is None:
        return Store(None)
    inner = folder / release
    if folder.name == CACHE_FOLDER and (folder.is_symlink() or inner.is_symlink()):
        return Store(None)
    return Store(inner, read_only, key)


def clean(folder: Path) -> bool:
    """Delete a cache folder; False where there is none.

    Raises:
        UserError: the folder is no cache of ours, or cannot be deleted.
    """
    if folder.is_symlink() or not folder.is_dir():
        if folder.is_symlink() or folder.exists():
            raise UserError(f"{folder} is no cache folder of session-lint; it is left alone.")
        return False
    try:
        tag = (folder / "CACHEDIR.TAG").read_text("utf-8", "replace")
    except OSError:
        tag = ""
    if tag != _TAG:
        raise UserError(f"{folder} is no cache folder of session-lint; it is left alone.")
    import shutil  # not needed by any other run

    try:
        shutil.rmtree(folder)
    except OSError as error:
        raise UserError(f"{folder} cannot be deleted: {error.strerror}.") from error
    return True


def _clear(top: Path) -> None:
    """Delete the files of old releases, and drafts of runs that were killed."""
    import shutil

    with os.scandir(top) as entries:
        folders = [entry for entry in entries if entry.is_dir(follow_symlinks=False)]
    by_age = sorted(folders, key=lambda entry: entry.stat(follow_symlinks=False).st_mtime, reverse=True)
    for entry in by_age[KEPT_RELEASES:]:
        shutil.rmtree(entry.path, ignore_errors=True)
    for entry in by_age[:KEPT_RELEASES]:
        for draft in Path(entry.path).glob("draft-*"):
            with suppress(OSError):
                if time.time() - draft.stat().st_mtime > _ABANDONED:
                    draft.unlink()
