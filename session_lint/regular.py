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


def read_regular(path: Path | str, most: int = MAX_BYTES) -> bytes:
    """The content of a regular file.

    Raises:
        OSError: it cannot be read, is no regular file, or has more than ``most`` bytes.
    """
    descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    with open(descriptor, "rb") as file:  # noqa: PTH123  (a descriptor, not a path)
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise OSError(errno.EINVAL, "it is no regular file", str(path))
        # The size alone does not do: a file may grow meanwhile, and those of /proc have none.
        data = file.read(most + 1) if status.st_size <= most else b""
    if max(len(data), status.st_size) > most:
        raise OSError(errno.EFBIG, f"it has more than {most:,} bytes", str(path))
    return data
