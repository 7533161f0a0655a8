"""Patterns as in ``.gitignore``, many at a time.

Hardly any path is ignored, and most patterns are names and endings, which sets and ``str.endswith`` find; one regular expression
for all others together says of most paths that none matches. Where something does match and the patterns do not all ignore, or
are of the rarer kinds, pathspec decides, which is imported only then.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING

from session_lint.errors import UserError

if TYPE_CHECKING:
    from pathspec import GitIgnoreSpec

# Compiled where they are first used: most runs have no such patterns.
_PIECES = r"[*?]|\[\w(?:-?[\w.])*\]|\[\.[\w.]*\]|(?P<plain>[^*?\[\]\\])"
_PLAINLY = r"[\w.*?/-]*\w[\w.*?/-]*"
_SPECIAL = frozenset("*?[]\\/")


def require_patterns(patterns: Iterable[str], source: str) -> None:
    """Refuse what matches nothing because it is no pattern.

    Args:
        patterns: what the user wrote.
        source: where, for the message.

    Raises:
        UserError: naming the first such pattern.
    """
    for pattern in patterns:
        if not re.fullmatch(_PLAINLY, pattern) and not _can_match(pattern):
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
        self._decided = True
        self._spec: GitIgnoreSpec | None = None
        # Of files and folders anywhere, and of folders alone: their names, and what these end with.
        self._names: set[str] = set()
        self._folders: set[str] = set()
        self._ends: tuple[str, ...] = ()
        self._folder_ends: tuple[str, ...] = ()
        # What matches one part of a path, of which a folder's ends with a slash, and what matches the beginning of one.
        self._part: re.Pattern[str] | None = None
        self._path: re.Pattern[str] | None = None
        parts: list[str] = []
        paths: list[str] = []
        for line in self._lines:
            if line.strip() and not line.startswith("#") and line != "/":
                self._add(line, parts, paths)
        try:
            if parts:
                self._part = re.compile("|".join(parts))
            if paths:
                self._path = re.compile("|".join(paths))
        except re.error:  # a range that goes backwards
            self._forget()

    def verdict(self, path: str) -> bool | None:
        """Whether a path (a folder's ends with a slash) is ignored; None: nothing is said of it."""
        if not self.speaks_of(path):
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

    def speaks_of(self, path: str) -> bool:
        """Whether something may be said of a path, or of a folder that it is in."""
        *folders, name = path.split("/")
        return (
            any(self._speaks_of_part(folder, "/") for folder in folders)
            or (name != "" and self._speaks_of_part(name, ""))
            or (self._path is not None and self._path.match(path) is not None)
        )

    def _speaks_of_part(self, name: str, slash: str) -> bool:
        return (
            name in self._names
            or name.endswith(self._ends)
            or (slash != "" and (name in self._folders or name.endswith(self._folder_ends)))
            or (self._part is not None and self._part.fullmatch(name + slash) is not None)
        )

    def among(self, folder: str, names: set[str]) -> set[str]:
        """Of which files and folders in a folder something may be said, where nothing is said of that folder.

        Args:
            folder: its path, with a slash at the end, or none.
            names: what is in it.
        """
        found = (names & self._names) | (names & self._folders)
        ends = self._ends + self._folder_ends
        if ends:
            found.update([name for name in names if name.endswith(ends)])
        if self._part is not None:
            matches = self._part.fullmatch
            found.update([name for name in names if matches(f"{name}/")])
        if self._path is not None:
            matches = self._path.match
            found.update([name for name in names if matches(f"{folder}{name}/")])
        return found

    def _forget(self) -> None:
        self._names, self._folders, self._ends, self._folder_ends = set(), set(), (), ()
        self._part = self._path = None

    def _add(self, line: str, parts: list[str], paths: list[str]) -> None:
        """Let a line match: exactly what it is about, or, where pathspec is to decide, at least that."""
        pattern = line.removeprefix("!")
        body = pattern.removeprefix("**/").rstrip("/")
        folder_alone = pattern.endswith("/")
        self._decided &= pattern == line
        if not body or "//" in pattern or line != line.strip():
            paths.append("")
            self._decided = False
        elif _is_plain(body):
            (self._folders if folder_alone else self._names).add(body)
        elif body.startswith("*") and _is_plain(body[1:]):
            if folder_alone:
                self._folder_ends += (body[1:],)
            else:
                self._ends += (body[1:],)
        else:
            components = [_component(part) for part in body.removeprefix("/").split("/")]
            if None in components:
                paths.append("")
                self._decided = False
                return
            expression = "/".join(map(str, components))
            if "/" not in body:
                parts.append(expression + ("/" if folder_alone else "/?"))
            else:
                above = "(?:[^/]+/)*" if pattern.startswith("**/") else ""
                paths.append(above + expression + ("/" if folder_alone else r"(?:/|\Z)"))


def _is_plain(text: str) -> bool:
    return text != "" and _SPECIAL.isdisjoint(text)


def _component(text: str) -> str | None:
    """An expression for a part of a pattern; None where it is of a rarer kind."""
    pieces = list(re.finditer(_PIECES, text))
    if "".join(piece[0] for piece in pieces) != text or "**" in text:
        return None
    return "[^/]+" if text == "*" else "".join(_piece(piece) for piece in pieces)


def _piece(piece: re.Match[str]) -> str:
    if piece.lastgroup == "plain":
        return re.escape(piece[0])
    return {"*": "[^/]*", "?": "[^/]"}.get(piece[0], piece[0])
