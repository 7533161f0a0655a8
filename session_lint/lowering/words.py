"""The words of a file's text, and what they tell before anything is understood. To look for them costs next to nothing."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Sequence

from session_lint import ir
from session_lint.lowering.spans import Walk

SESSIONS = ("ession", "qlalchemy", "qlmodel", "ngine", "ransaction", "ommit", "ollback", "egin", "lush", "add_task")
"""Parts of words, which one may begin with a capital letter or not: looking for them so is the fastest."""

_MAKERS = ("lchemy", "qlmodel", "sqla")
"""Parts of the names of libraries that make sessions."""

_DRIVERS = (
    "psycopg",
    "asyncpg",
    "aiosqlite",
    "mysql",
    "MySQLdb",
    "asyncmy",
    "oracledb",
    "Oracle",
    "odbc",
    "mssql",
    "pg8000",
)
"""Likewise of what connects to a database without a session."""

_LIBRARIES = (*_MAKERS, *_DRIVERS)
_IMPORT = re.compile(rf"^[ \t;]*(?:from|import)\b.*(?:{'|'.join(_LIBRARIES)})", re.MULTILINE)
_ENDING = re.compile(r"^[^#\n]*(?<![\w.])(?:\w*session|db)\.(?:commit|rollback|flush)\(", re.MULTILINE)
"""A call that ends or flushes the transaction of what is a session by its name, outside of comments."""

_BINDERS = re.compile(r"\blambda\b|:=")


def module(walk: Walk, body: tuple[ir.Statement, ...], comments: tuple[ir.Comment, ...]) -> ir.Module:
    """A lowered file, of these statements and suppression comments, with what the words of its text tell."""
    text = walk.text
    names_library = _has(text, _LIBRARIES)
    uses_database = names_library and _IMPORT.search(text) is not None
    uses_database = uses_database or (_has(text, ("ommit", "ollback", "lush")) and _ENDING.search(text) is not None)
    signs = _BINDERS.finditer(text) if _has(text, ("lambda", ":=")) else ()
    rows = {bisect_right(walk.offsets, sign.start()) for sign in signs}
    return ir.Module(body, comments, names_library or _has(text, SESSIONS), uses_database, tuple(sorted(rows)))


def _has(text: str, words: Sequence[str]) -> bool:
    # Regular expressions take ten times as long.
    return any(word in text for word in words)
