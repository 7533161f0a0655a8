"""Reading files that somebody else chose: only regular ones, and only so much.

A FIFO by the name of a lock file would keep a run waiting for ever, and a link to ``/dev/zero`` would fill the memory.
"""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

MAX_BYTES = 64 << 20
"""Bytes that a settings, lock or ignore file may have."""

_MORE = 1 << 16


def read_regular(path: Path | str, most: int = MAX_BYTES) -> bytes:
    """The content of a regular file.

    Raises:
        OSError: it cannot be read, is no regular file, or has more than ``most`` bytes.
    """
    descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    try:
        status = os.fstat(descriptor)
        if stat.S_ISDIR(status.st_mode):
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
        if not stat.S_ISREG(status.st_mode):
            raise OSError(errno.EINVAL, "it is no regular file", str(path))
        size = status.st_size
        parts: list[bytes] = []
        # The size alone does not do: a file may grow meanwhile, and those of /proc have none.
        while size <= most and (part := os.read(descriptor, size + 1 if not parts else _MORE)):
            parts.append(part)
            size = max(status.st_size, sum(map(len, parts)))
    finally:
        os.close(descriptor)
    if size > most:
        raise OSError(errno.EFBIG, f"it has more than {most:,} bytes", str(path))
    return b"".join(parts)
