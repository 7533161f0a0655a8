"""How reports spell paths, colours and text from source files."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path

from session_lint.findings import Severity

SEVERITY_COLOR = {Severity.ERROR: "red", Severity.WARNING: "yellow", Severity.INFO: "cyan"}

_LOG_COMMAND = r"##(?=\w*\[)"
"""``##[error]`` and the like, which CI services obey wherever it stands in a line."""

_LINE_COMMAND = r"(?m)^([^\S\n]*)::(?=[A-Za-z][^\n]*::)"
"""``::error::`` and the like, which GitHub obeys at the start of a line."""

_CODES = {"red": 31, "green": 32, "yellow": 33, "blue": 34, "cyan": 36}


def path_speller(root: Path, folder: Path) -> Callable[[str], str]:
    """A function that spells paths relative to ``root`` as seen from ``folder``: relative below it, else absolute."""

    def spell(path: str) -> str:
        full = root / path
        if ".." in path:
            full = Path(os.path.normpath(full))
        return (full.relative_to(folder) if full.is_relative_to(folder) else full).as_posix()

    return spell


def paint(text: str, color: str | None = None, *, bold: bool = False, on: bool) -> str:
    """The text in colour, where colours are on."""
    codes = [str(code) for code in ((1 if bold else None), _CODES.get(color or "")) if code is not None]
    return f"\x1b[{';'.join(codes)}m{text}\x1b[0m" if on and codes else text


def _escaped(char: str) -> str:
    code = ord(char)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def printable(text: str) -> str:
    """Text from a linted file or its name, with what would steer the terminal, or the log of a CI job, made visible."""
    if not text.isprintable():
        text = "".join(char if char.isprintable() else _escaped(char) for char in text)
    return re.sub(_LOG_COMMAND, r"#\\x23", text) if "##" in text else text


def without_commands(text: str, form: str) -> str:
    """A report that means the same, without what the log of a CI job would take for commands.

    Args:
        text: the report.
        form: ``text``, ``json`` or ``xml``; any other stays as it is.
    """
    if "##" not in text and "::" not in text:
        return text
    match form:
        case "text":
            return re.sub(_LINE_COMMAND, r"\1\\x3a:", re.sub(_LOG_COMMAND, r"#\\x23", text))
        case "json":  # in which it can only stand in strings
            return re.sub(_LOG_COMMAND, r"#\\u0023", text)
        case "xml":
            return re.sub(_LINE_COMMAND, r"\1&#58;:", re.sub(_LOG_COMMAND, "#&#35;", text))
        case _:
            return text


def path_text(path: str) -> str:
    """A file's name where a line begins with it, and a colon follows: two colons would be a command to the CI job that prints it."""
    text = printable(path)
    return text.replace(":", r"\x3a", 1) if f"{text.lstrip()}:".startswith("::") else text


def counted(number: int, noun: str, plural: str = "") -> str:
    """``1 error``, ``2 errors``."""
    return f"{number} {noun}" if number == 1 else f"{number} {plural or noun + 's'}"


def stated(text: str, *, end: str = ".") -> str:
    """A clause as a sentence."""
    return f"{text[:1].upper()}{text[1:].rstrip('.')}{end}"
