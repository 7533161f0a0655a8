"""The words of a file's text: what it speaks of, in comments and texts too. To look for them costs next to nothing."""

from __future__ import annotations

import re
from bisect import bisect_right

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
_BINDERS = re.compile(r"\blambda\b|:=")


def module(walk: Walk, body: tuple[ir.Statement, ...], comments: tuple[ir.Comment, ...]) -> ir.Module:
    """A lowered file, of these statements and suppression comments, with what the words of its text tell."""
    speaks = [word for word in (*_LIBRARIES, *SESSIONS) if word in walk.text]
    imports_library = any(word in _LIBRARIES for word in speaks) and _IMPORT.search(walk.text) is not None
    rows = {bisect_right(walk.offsets, found.start()) for found in _BINDERS.finditer(walk.text)}
    return ir.Module(body, comments, bool(speaks), imports_library, tuple(sorted(rows)))
