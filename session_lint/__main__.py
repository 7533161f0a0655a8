"""``python -m session_lint``, and what the command ``session-lint`` starts.

Python itself imports a few modules from the current folder before it comes here: beside code that is not to be trusted, the
command ``session-lint`` or ``python -I -m session_lint`` is the way to start.
"""

from __future__ import annotations

import gc
import os
import sys

_INTERRUPTED = 130
_LAST_WORDS = "session-lint: interrupted.\n"


def start() -> None:
    """Run the command line; an interrupt while it is still being imported ends as one later on."""
    import signal  # not above: the current folder may still come first there

    gc.disable()  # A run makes many small values and little garbage, and ends.
    is_ours = signal.getsignal(signal.SIGINT) is signal.default_int_handler
    if is_ours:
        # The import system has callbacks that lose exceptions, and with them an interrupt.
        signal.signal(signal.SIGINT, _end)
    from session_lint.cli import main

    try:
        if is_ours:
            signal.signal(signal.SIGINT, signal.default_int_handler)
        main()
    except KeyboardInterrupt:
        sys.stderr.write(_LAST_WORDS)
        sys.exit(_INTERRUPTED)


def _end(number: int, frame: object) -> None:
    os.write(2, _LAST_WORDS.encode())
    os._exit(_INTERRUPTED)


if __name__ == "__main__":
    if not (sys.flags.isolated or getattr(sys.flags, "safe_path", False)):
        # Python has put the current folder first: a module of the linted code by the name of one of ours must not be imported.
        del sys.path[0]
    start()
