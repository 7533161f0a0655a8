"""Patterns as in ``.gitignore``, many at a time.

Hardly any path is ignored, so one regular expression for all patterns together says of most paths that none matches. Where it
does match and the patterns do not all ignore, or are of the rarer kinds, pathspec decides, which is imported only then.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING

from session_lint.errors import UserError

if TYPE_CHECKING:
    from pathspec import GitIgnoreSpec

_PIECES = re.compile(r"[*?]|\[\w(?:-?[\w.])*\]|\[\.[\w.]*\]|(?P<plain>[^*?\[\]\\])")
_PLAINLY = re.compile(r"[\w.*?/-]*\w[\w.*?/-]*")
_NAME = re.compile(r"[^*?\[\]\\/]+")


def require_patterns(patterns: Iterable[str], source: str) -> None:
    """Refuse what matches nothing because it is no pattern.

    Args:
        patterns: what the user wrote.
        source: where, for the message.

    Raises:
        UserError: naming the first such pattern.
    """
    for pattern in patterns:
        if not _PLAINLY.fullmatch(pattern) and not _can_match(pattern):
            raise UserError(f"{source}: `{pattern}` is no pattern as in .gitignore; correct it or take it out.")


def _can_match(pattern: str) -> bool:
    from pathspec import GitIgnoreSpec

    try:
        return any(one.include is not None for one in GitIgnoreSpec.from_lines([pattern]).patterns)
    except (ValueError, re.error):
        return False


class Patterns:
    """The lines of an ignore file; where one of them is no pattern, none counts."""

    def __init__(self, lines: Iterable[str]) -> None:
        self._lines = tuple(lines)
        self._names: set[str] = set()  # of files and folders, anywhere
        self._folders: set[str] = set()  # of folders alone
        self._decided = True
        self._any: re.Pattern[str] | None = None
        self._spec: GitIgnoreSpec | None = None
        anywhere: list[str] = []
        anchored: list[str] = []
        for line in self._lines:
            if line.strip() and not line.startswith("#") and line != "/":
                self._add(line, anywhere, anchored)
        parts = [f"{start}(?:{'|'.join(ends)})" for start, ends in (("(?:^|/)", anywhere), ("^", anchored)) if ends]
        if parts:
            try:
                self._any = re.compile("|".join(parts))
            except re.error:  # a range that goes backwards
                self._forget()

    def verdict(self, path: str) -> bool | None:
        """Whether a path (a folder's ends with a slash) is ignored; None: nothing is said of it."""
        names = path.split("/")
        if (
            self._names.isdisjoint(names)
            and self._folders.isdisjoint(names[:-1])
            and (self._any is None or self._any.search(path) is None)
        ):
            return None
        if self._decided:
            return True
        if self._spec is None:
            from pathspec import GitIgnoreSpec

            try:
                self._spec = GitIgnoreSpec.from_lines(self._lines)
            except (ValueError, re.error):  # a pattern that git refuses as well
                self._forget()
                return None
        return self._spec.check_file(path).include

    def _forget(self) -> None:
        self._names, self._folders, self._any = set(), set(), None

    def _add(self, line: str, anywhere: list[str], anchored: list[str]) -> None:
        """Let a line match: exactly what it is about, or, where pathspec is to decide, at least that."""
        pattern = line.removeprefix("!")
        body = pattern.removeprefix("**/").rstrip("/")
        components = [_component(part) for part in body.removeprefix("/").split("/")]
        if not body or "//" in pattern or line != line.strip() or None in components:
            anchored.append("")
            self._decided = False
            return
        self._decided &= pattern == line
        folder_alone = pattern.endswith("/")
        if "/" in body and not pattern.startswith("**/"):
            anchored.append("/".join(map(str, components)) + ("/" if folder_alone else "(?:/|$)"))
        elif _NAME.fullmatch(body):
            (self._folders if folder_alone else self._names).add(body)
        else:
            anywhere.append("/".join(map(str, components)) + ("/" if folder_alone else "(?:/|$)"))


def _component(text: str) -> str | None:
    """An expression for a part of a pattern; None where it is of a rarer kind."""
    pieces = list(_PIECES.finditer(text))
    if "".join(piece[0] for piece in pieces) != text or "**" in text:
        return None
    return "[^/]+" if text == "*" else "".join(_piece(piece) for piece in pieces)


def _piece(piece: re.Match[str]) -> str:
    if piece.lastgroup == "plain":
        return re.escape(piece[0])
    return {"*": "[^/]*", "?": "[^/]"}.get(piece[0], piece[0])
