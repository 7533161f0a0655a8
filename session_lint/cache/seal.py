"""The key that a user's caches are sealed with, so that one which came with the linted code is not believed.

A cache says what is found in a tree. Whoever may write one beside the code could otherwise make findings disappear.
"""

from __future__ import annotations

import hashlib
import os
from contextlib import suppress
from pathlib import Path

from session_lint.regular import read_regular

KEY_BYTES = 32
SEAL_BYTES = 16


def seal(content: bytes | memoryview, key: bytes) -> bytes:
    """What nobody can make for a content who does not know the key."""
    return hashlib.blake2b(content, key=key, digest_size=SEAL_BYTES).digest()


def user_key() -> bytes | None:
    """The user's key, which is made when it is first needed; None where it cannot be kept, or is somebody else's."""
    path = _folder() / "key"
    with suppress(FileExistsError, OSError):
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with open(descriptor, "wb") as file:  # noqa: PTH123  (a descriptor, not a path)
            file.write(os.urandom(KEY_BYTES))
    try:
        key = read_regular(path, KEY_BYTES)
        owner = path.stat().st_uid
    except OSError:
        return None
    if len(key) != KEY_BYTES or (hasattr(os, "geteuid") and owner not in {os.geteuid(), 0}):
        return None
    return key


def _folder() -> Path:
    """The folder for caches of the user, where it is an absolute one: the linted code is no place for the key."""
    for name in ("XDG_CACHE_HOME", "LOCALAPPDATA"):
        folder = os.environ.get(name, "")
        if Path(folder).is_absolute():
            return Path(folder, "session-lint")
    return Path(os.path.expanduser("~"), ".cache", "session-lint")  # noqa: PTH111  (without a home, Path raises)
