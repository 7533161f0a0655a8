"""Sentences in our inline Markdown, as pieces that a template escapes one by one."""

from __future__ import annotations

import re
from typing import Literal, NamedTuple

_CODE = re.compile(r"(`+)(.+?)\1")
_PLACE = re.compile(r"\(([^()\s`]+\.pyi?:\d+(?:, \d+)*)\)|(?<![\w./-])([\w./-]+\.pyi?:\d+(?:, \d+)*)")

PieceKind = Literal["text", "code", "place"]


class Piece(NamedTuple):
    """Part of a sentence: plain text, code, or a place in a file."""

    kind: PieceKind
    text: str


def pieces(text: str, own: str = "") -> tuple[Piece, ...]:
    """The pieces of a sentence; places in the file ``own`` are said by their lines alone."""
    found: list[Piece] = []
    end = 0
    for match in _CODE.finditer(text):
        found += _places(text[end : match.start()], own)
        found.append(Piece("code", match[2].strip() if len(match[1]) > 1 else match[2]))
        end = match.end()
    found += _places(text[end:], own)
    return tuple(found)


def _places(text: str, own: str) -> list[Piece]:
    found: list[Piece] = []
    end = 0
    for match in _PLACE.finditer(text):
        place = match[1] or match[2]
        if own and place.startswith(f"{own}:"):
            rows = place.removeprefix(f"{own}:")
            place = f"line{'s' * (',' in rows)} {rows}"
        found += [Piece("text", text[end : match.start()]), Piece("place", place)]
        end = match.end()
    found.append(Piece("text", text[end:]))
    return [piece for piece in found if piece.text]
