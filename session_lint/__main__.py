"""``python -m session_lint``, and what the command ``session-lint`` starts.

Python itself imports a few modules from the current folder before it comes here: beside code that is not to be trusted, the
command ``session-lint`` or ``python -I -m session_lint`` is the way to start.
"""

from __future__ import annotations

import gc
import sys

_INTERRUPTED = 130


def start() -> None:
    """Run the command line; an interrupt while it is still being imported ends as one later on."""
    gc.disable()  # A run makes many small values and little garbage, and ends.
    try:
        from session_lint.cli import main

        main()
    except KeyboardInterrupt:
        sys.stderr.write("session-lint: interrupted.\n")
        sys.exit(_INTERRUPTED)


if __name__ == "__main__":
    if not (sys.flags.isolated or getattr(sys.flags, "safe_path", False)):
        # Python has put the current folder first: a module of the linted code by the name of one of ours must not be imported.
        del sys.path[0]
    start()
