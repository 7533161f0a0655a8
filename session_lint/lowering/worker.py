"""The other end of ``pool``: a process that lowers one file after the other."""

from __future__ import annotations

import os
import sys
from typing import IO

READY = b"session-lint"
_MAX_MESSAGE = 4 << 30


def send(pipe: IO[bytes], data: bytes) -> None:
    """Write one message."""
    pipe.write(len(data).to_bytes(8, "big"))
    pipe.write(data)
    pipe.flush()


def receive(pipe: IO[bytes]) -> bytes | None:
    """Read one message; None where the other end is gone, or speaks of something else."""
    head = pipe.read(8)
    if len(head) < 8:
        return None
    size = int.from_bytes(head, "big")
    if size > _MAX_MESSAGE:
        return None  # that is no message
    data = pipe.read(size)
    return data if len(data) == size else None


def serve(memory: int) -> None:
    """Answer each file that comes in by its lowered form, until there are no more; with so many megabytes and no more."""
    import gc
    import signal

    from session_lint.lowering import lower
    from session_lint.lowering.outcome import encode_outcome, outcome_of

    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent decides what an interrupt ends
    _limit_memory(memory * 1_000_000)
    with os.fdopen(os.dup(0), "rb") as incoming, os.fdopen(os.dup(1), "wb") as outgoing:
        silence = os.open(os.devnull, os.O_RDWR)
        os.dup2(silence, 0)
        os.dup2(silence, 1)  # nothing that is printed may end up between the messages
        lower("session = 1")  # LibCST is in the memory that is not looked through again
        gc.freeze()
        try:
            send(outgoing, READY)
            while (data := receive(incoming)) is not None:
                send(outgoing, encode_outcome(outcome_of(data)))
        except BrokenPipeError:
            os._exit(0)  # the parent has gone; there is nothing to flush


def _limit_memory(bytes_: int) -> None:
    """Bound the address space: what needs more is told to be without memory, and not the whole machine."""
    if sys.platform == "win32":
        return
    import resource

    _, most = resource.getrlimit(resource.RLIMIT_AS)
    limit = bytes_ if most == resource.RLIM_INFINITY else min(bytes_, most)
    try:
        resource.setrlimit(resource.RLIMIT_AS, (limit, most))
    except (OSError, ValueError):
        return
