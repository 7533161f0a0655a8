"""What fixes change, as a unified diff that `patch` and `git apply` take."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from difflib import unified_diff
from typing import TYPE_CHECKING

from session_lint.report.style import paint, printable
from session_lint.source import decode

if TYPE_CHECKING:
    from session_lint.mending import Mended

_COLORS = {"-": "red", "+": "green", "@": "cyan"}


def render(mended: Mended, show: Callable[[str], str], *, to_file: bool, color: bool) -> str:
    """The changes of every file, in the order of their paths.

    Args:
        mended: the changes.
        show: spells a path.
        to_file: nobody looks at it: what could steer a terminal stays as it is in the source, so that every patch fits.
        color: colours are wanted.
    """
    return "".join(
        paint(body if to_file else _visible(body), _COLORS.get(body[0]), on=color)
        + (end if to_file else _visible_end(end))
        for path in sorted(mended.after)
        for body, end in _file(decode(mended.before[path]), decode(mended.after[path]), _name(show(path)))
    )


def _file(before: str, after: str, name: str) -> Iterator[tuple[str, str]]:
    """The lines of a file's diff, and what ends each."""
    for line in unified_diff(_lines(before), _lines(after), name, name):
        body = line.rstrip("\r\n")
        yield body, line[len(body) :] or "\n\\ No newline at end of file\n"


def _visible(line: str) -> str:
    return "\t".join(printable(part) for part in line.split("\t"))


def _visible_end(end: str) -> str:
    """The end of a line: a carriage return alone would let the next one cover it."""
    return "\\x0d\n" if end == "\r" else end


def _name(path: str) -> str:
    """A file's name, quoted as git quotes one that has more than letters, digits and the like."""
    if path.isprintable() and '"' not in path:
        return path
    escaped = path.replace("\\", "\\\\").replace('"', '\\"')
    quoted = (char if char.isprintable() else _octal(char) for char in escaped)
    return f'"{"".join(quoted)}"'


def _octal(char: str) -> str:
    return "".join(f"\\{byte:03o}" for byte in os.fsencode(char))


def _lines(text: str) -> list[str]:
    """Lines with their ends; ``str.splitlines`` also breaks at form feeds and the like."""
    return re.findall(r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+", text)
