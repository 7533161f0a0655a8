"""Lints and audits how Python code handles SQLAlchemy sessions.

The public API is :func:`check`, which runs what the command line runs and returns its :class:`Result`. Both are loaded when
first used, so that importing the package costs nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

__version__ = "0.1.0"

if TYPE_CHECKING:
    from session_lint.api import check
    from session_lint.result import Result

__all__ = ["Result", "__version__", "check"]


def __getattr__(name: str) -> object:
    if name == "check":
        from session_lint.api import check

        return check
    if name == "Result":
        from session_lint.result import Result

        return Result
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
