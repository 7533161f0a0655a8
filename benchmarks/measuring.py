"""One command as a whole process: how long it takes, what it costs the processors, how much memory it needs."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

OWN_VARIABLES = ("SESSION_LINT_NO_CACHE", "SESSION_LINT_CACHE_DIR")
_KILOBYTE = 1 if sys.platform == "darwin" else 1024


class CommandFailedError(Exception):
    """A command ended with an exit code that says that it did not do its work."""


@dataclass(frozen=True, slots=True)
class Measurement:
    """What one run took.

    Args:
        wall: seconds from its start to its end, start-up included.
        cpu: seconds of all its processes on all processors, user and system.
        peak: bytes that the largest of its processes had in memory at the most; no less than what this process had when it
            started the command.
    """

    wall: float
    cpu: float
    peak: int


def measure(
    command: Sequence[str], *, cwd: Path, seconds: float, accepted: Collection[int] = (0,)
) -> Measurement | None:
    """Run a command, its output thrown away; None where it was not done within ``seconds``.

    Raises:
        CommandFailedError: it ended with an exit code that is not accepted.
    """
    environment = {name: value for name, value in os.environ.items() if name not in OWN_VARIABLES}
    with tempfile.TemporaryFile() as complaints:
        since = time.perf_counter()
        process = subprocess.Popen(
            command,
            cwd=cwd,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=complaints,
            start_new_session=True,
        )
        late = threading.Event()

        def give_up() -> None:
            late.set()
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)

        timer = threading.Timer(max(seconds, 0.1), give_up)
        timer.daemon = True
        timer.start()
        try:
            _, status, usage = os.wait4(process.pid, 0)
            wall = time.perf_counter() - since
        finally:
            timer.cancel()
        process.returncode = os.waitstatus_to_exitcode(status)
        if late.is_set():
            return None
        if process.returncode not in accepted:
            complaints.seek(0)
            said = complaints.read().decode(errors="replace").strip()[-2000:]
            raise CommandFailedError(f"exit code {process.returncode} of {' '.join(command)}\n{said}")
    return Measurement(wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * _KILOBYTE)
