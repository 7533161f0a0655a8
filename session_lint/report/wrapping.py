"""Lines of text for a terminal: broken between words, and inside of a path after its slashes."""

from __future__ import annotations

import re

from rich.cells import cell_len

_SENTENCE = re.compile(r"(?<=\.) (?=[A-Z0-9`])")

# Where a word that fills more than a line may be broken, the better first.
_BREAKS = ("/", ":.,_-", "")


def sentences(text: str) -> tuple[str, ...]:
    """The sentences of an analysis."""
    return tuple(_SENTENCE.split(text)) if text else ()


def wrapped(text: str, width: int) -> list[str]:
    """The lines of a text, none wider than the width but for a single wide character."""
    lines: list[str] = []
    line = ""
    for word in text.split(" "):
        rest = word
        if line and cell_len(line) + 1 + cell_len(rest) <= width:
            line = f"{line} {rest}"
            continue
        if line:
            lines.append(line)
        while cell_len(rest) > width:
            cut = _cut(rest, width)
            lines.append(rest[:cut])
            rest = rest[cut:]
        line = rest
    return [*lines, line] if line or not lines else lines


def _cut(word: str, width: int) -> int:
    """After how many characters to break a word, so that what is before fits."""
    fits = 1
    while fits < len(word) and cell_len(word[: fits + 1]) <= width:
        fits += 1
    for chars in _BREAKS:
        for cut in range(fits, fits // 2, -1):
            if not chars or word[cut - 1] in chars:
                return cut
    return fits
