"""``python -m session_lint``, and what the command ``session-lint`` starts.

Python itself imports a few modules from the current folder before it comes here: beside code that is not to be trusted, the
command ``session-lint`` or ``python -I -m session_lint`` is the way to start.
"""

from __future__ import annotations

import atexit
import gc
import os
import sys

TYPE_CHECKING = False  # as type checkers know it; `typing` need not be imported for it
if TYPE_CHECKING:
    from types import FrameType

_INTERRUPTED = 130
_LAST_WORDS = "session-lint: interrupted.\n"


def start() -> None:
    """Run the command line, and end the process; an interrupt within an import ends as one anywhere else."""
    import signal  # not above: the current folder may still come first there

    gc.disable()  # A run makes many small values and little garbage, and ends.
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, _interrupt)
    try:
        from session_lint.cli import main

        main()
    except KeyboardInterrupt:
        sys.stderr.write(_LAST_WORDS)
        _leave(_INTERRUPTED)
    except SystemExit as end:
        if not isinstance(end.code, int):
            raise
        _leave(end.code)


def _leave(code: int) -> None:
    """End the process with nothing lost, and without taking apart the program that was linked: that is a tenth of a run."""
    if _is_watched():
        sys.exit(code)
    atexit._run_exitfuncs()  # noqa: SLF001  (whoever wants to be told of the end, is)
    try:
        for stream in (sys.stdout, sys.stderr):
            if stream is not None:
                stream.flush()
    except (OSError, ValueError):
        sys.exit(code)  # Python says what it thinks of a stream that is broken or closed
    os._exit(code)


def _is_watched() -> bool:
    """Whether a debugger, a profiler or whoever measures coverage has something to do at an ordinary end."""
    monitoring = getattr(sys, "monitoring", None)  # from Python 3.12 on
    tools = [monitoring.get_tool(number) for number in range(6)] if monitoring is not None else []
    return bool(sys.flags.inspect or sys.gettrace() or sys.getprofile() or any(tools))


def _interrupt(number: int, frame: FrameType | None) -> None:
    """Raise KeyboardInterrupt; within an import, end the process: callbacks of the import system lose it, classes replace it."""
    while frame is not None:
        if frame.f_code.co_filename.startswith("<frozen importlib"):
            os.write(2, _LAST_WORDS.encode())
            os._exit(_INTERRUPTED)
        frame = frame.f_back
    raise KeyboardInterrupt


if __name__ == "__main__":
    if not (sys.flags.isolated or getattr(sys.flags, "safe_path", False)):
        # Python has put the current folder first: a module of the linted code by the name of one of ours must not be imported.
        del sys.path[0]
    start()
