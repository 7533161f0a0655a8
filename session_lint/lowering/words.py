"""The words of a file's text, and what they tell before anything is understood. To look for them costs next to nothing."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator

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
_ENDINGS = tuple(f"{name}.{end}(" for name in ("session", " db") for end in ("commit", "rollback", "flush"))
"""Calls that end or flush the transaction of what is a session by its name."""

_BINDERS = ("lambda", ":=")


def module(walk: Walk, body: tuple[ir.Statement, ...], comments: tuple[ir.Comment, ...]) -> ir.Module:
    """A lowered file, of these statements and suppression comments, with what the words of its text tell."""
    text = walk.text
    names_library = any(word in text for word in _LIBRARIES)
    imports_library = names_library and _IMPORT.search(text) is not None
    return ir.Module(
        body,
        comments,
        names_library or any(word in text for word in SESSIONS),
        imports_library or any(_is_in_code(place, text) for word in _ENDINGS for place in _places(word, text)),
        tuple(sorted({bisect_right(walk.offsets, place) for word in _BINDERS for place in _places(word, text)})),
    )


def _places(word: str, text: str) -> Iterator[int]:
    """Where a word is; a regular expression takes ten times as long to tell."""
    place = text.find(word)
    while place >= 0:
        yield place
        place = text.find(word, place + 1)


def _is_in_code(place: int, text: str) -> bool:
    """Whether a place is not in a comment."""
    return "#" not in text[text.rfind("\n", 0, place) + 1 : place]
