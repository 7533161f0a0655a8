"""How reports spell paths, colours and text from source files."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from session_lint.findings import Severity

SEVERITY_COLOR = {Severity.ERROR: "red", Severity.WARNING: "yellow", Severity.INFO: "cyan"}

_CODES = {"red": 31, "green": 32, "yellow": 33, "blue": 34, "cyan": 36}


def path_speller(root: Path, folder: Path) -> Callable[[str], str]:
    """A function that spells paths relative to ``root`` as seen from ``folder``: relative below it, else absolute."""

    def spell(path: str) -> str:
        full = root / path
        return (full.relative_to(folder) if full.is_relative_to(folder) else full).as_posix()

    return spell


def paint(text: str, color: str | None = None, *, bold: bool = False, on: bool) -> str:
    """The text in colour, where colours are on."""
    codes = [str(code) for code in ((1 if bold else None), _CODES.get(color or "")) if code is not None]
    return f"\x1b[{';'.join(codes)}m{text}\x1b[0m" if on and codes else text


def printable(text: str) -> str:
    """Text from a linted file or its name, with what would steer the terminal made visible."""
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else f"\\x{ord(char):02x}" for char in text)


def counted(number: int, noun: str) -> str:
    """``1 error``, ``2 errors``."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
