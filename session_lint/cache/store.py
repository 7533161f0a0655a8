"""The cache's folder: files that are written in one piece, read with suspicion, and never missed when they are not there."""

from __future__ import annotations

import os
import time
import zlib
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from session_lint.errors import UserError

CACHE_FOLDER = ".session_lint_cache"
MAX_BYTES = 256 << 20
"""A file larger than that is neither written nor read."""

KEPT_RELEASES = 3
"""How many releases of the tool keep their files side by side."""

_MAGIC = b"SLC1"
_TAG = """Signature: 8a477f597d28d172789f06886806bc55
# This folder is a cache of session-lint. It may be deleted at any time; `session-lint clean` does it.
# For information about cache directory tags see https://bford.info/cachedir/
"""
_ABANDONED = 3600


@dataclass(frozen=True, slots=True)
class Store:
    """Named files in a folder; without one, nothing is found and nothing kept."""

    folder: Path | None
    read_only: bool = False

    def read(self, name: str) -> memoryview | None:
        """The content of a file as it was written; None where it is not there or not whole."""
        if self.folder is None:
            return None
        try:
            path = self.folder / name
            if path.stat().st_size > MAX_BYTES:
                return None
            data = memoryview(path.read_bytes())
        except OSError:
            return None
        if data[:4] != _MAGIC or zlib.crc32(data[8:]) != int.from_bytes(data[4:8], "big"):
            return None
        return data[8:]

    def write(self, name: str, content: bytes) -> bool:
        """Replace a file in one step; False where that is not to be, or not possible: a cache is no reason to fail."""
        if self.folder is None or self.read_only or len(content) + 8 > MAX_BYTES:
            return False
        draft = self.folder / f"draft-{os.getpid()}-{os.urandom(4).hex()}"
        try:
            self._prepare()
            with draft.open("xb") as file:
                file.write(_MAGIC + zlib.crc32(content).to_bytes(4, "big"))
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


def open_store(folder: Path, release: str, *, read_only: bool = False) -> Store:
    """The store of one release of the tool in a cache folder.

    A folder behind a symbolic link is not used: it could have come with the linted code, and point anywhere.
    """
    inner = folder / release
    if folder.name == CACHE_FOLDER and (folder.is_symlink() or inner.is_symlink()):
        return Store(None)
    return Store(inner, read_only)


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
