"""Patterns as in ``.gitignore``, many at a time.

Hardly any path is ignored, so one regular expression for all patterns together says of most paths that none matches. Where it
does match and the patterns do not all ignore, or are of the rarer kinds, pathspec decides, which is imported only then.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathspec import GitIgnoreSpec

_PIECES = re.compile(r"[*?]|\[\w(?:-?[\w.])*\]|\[\.[\w.]*\]|(?P<plain>[^*?\[\]\\])")


class Patterns:
    """The lines of an ignore file; where one of them is no pattern, none counts."""

    def __init__(self, lines: Iterable[str]) -> None:
        self._lines = tuple(lines)
        translated = [_translated(line) for line in self._lines]
        self._decided = all(exact for _, exact in translated)
        parts = [part for part, _ in translated if part is not None]
        try:
            self._any = re.compile("|".join(parts)) if parts else None
        except re.error:  # a range that goes backwards
            self._any = None
        self._spec: GitIgnoreSpec | None = None

    def verdict(self, path: str) -> bool | None:
        """Whether a path (a folder's ends with a slash) is ignored; None: nothing is said of it."""
        if self._any is None or self._any.search(path) is None:
            return None
        if self._decided:
            return True
        if self._spec is None:
            from pathspec import GitIgnoreSpec

            try:
                self._spec = GitIgnoreSpec.from_lines(self._lines)
            except (ValueError, re.error):  # a pattern that git refuses as well
                self._any = None
                return None
        return self._spec.check_file(path).include


def _translated(line: str) -> tuple[str | None, bool]:
    """A regular expression that matches at least what a line does, and whether it tells what the line says of that."""
    if "\\" in line or line != line.strip():
        return "", False
    if not line or line.startswith("#") or line == "/":
        return None, True
    pattern = line.removeprefix("!")
    exact = pattern == line
    deep = pattern.startswith("**/")
    body = pattern.removeprefix("**/").rstrip("/")
    if not body or "//" in pattern:
        return "", False
    is_anchored = "/" in body and not deep
    parts: list[str] = []
    for component in body.removeprefix("/").split("/"):
        pieces = list(_PIECES.finditer(component))
        if "".join(piece[0] for piece in pieces) != component or component.count("**"):
            return "", False
        parts.append("[^/]+" if component == "*" else "".join(_piece(piece) for piece in pieces))
    text = "/".join(parts)
    return f"(?:{'^' if is_anchored else '(?:^|/)'}{text}{'/' if pattern.endswith('/') else '(?:/|$)'})", exact


def _piece(piece: re.Match[str]) -> str:
    if piece.lastgroup == "plain":
        return re.escape(piece[0])
    return {"*": "[^/]*", "?": "[^/]"}.get(piece[0], piece[0])
