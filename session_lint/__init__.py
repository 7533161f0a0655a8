"""Lints and audits how Python code handles SQLAlchemy sessions.

The public API is :func:`check`, which runs what the command line runs and returns its :class:`Result`. Both are loaded when
first used, so that importing the package costs nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

__version__ = "0.1.0"

if TYPE_CHECKING:
    from session_lint.pipeline import Result, check

__all__ = ["Result", "__version__", "check"]


def __getattr__(name: str) -> object:
    if name in {"Result", "check"}:
        from session_lint import pipeline

        return getattr(pipeline, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
