"""What is kept of a linked program for the edits that follow: where code can change without anything that is found changing.

A function is *quiet* when no session is within its reach: it uses and gives none, nothing that it calls does, nobody
interpreted it, and nothing outside calls it as an entry point, a provider or a decorator. What is found then depends on it
through the value flow alone, that is through what it stores outside its own variables, hands to functions of the project,
calls outside the project, or returns. ``inert`` judges by these facts whether a change in such a function touches any of that.

The facts hold after such changes as they held before: whatever they are about is not touched. So they are made once, when a
program is linked, and serve any number of edits in a row.
"""

from __future__ import annotations

import msgspec

HARMLESS = frozenset(
    [
        "base64",
        "binascii",
        "bisect",
        "builtins",
        "calendar",
        "collections",
        "datetime",
        "decimal",
        "enum",
        "fractions",
        "hashlib",
        "heapq",
        "html",
        "itertools",
        "json",
        "logging",
        "loguru",
        "math",
        "numbers",
        "operator",
        "pathlib",
        "pprint",
        "random",
        "re",
        "secrets",
        "shlex",
        "statistics",
        "string",
        "structlog",
        "textwrap",
        "traceback",
        "unicodedata",
        "uuid",
        "warnings",
        "zlib",
        "zoneinfo",
    ]
)
"""Packages of which no rule and no model says anything, and that call nothing they are given."""

HARMLESS_PARTS = ("os.path.", "os.environ.", "os.getenv")


class QuietFile(msgspec.Struct, frozen=True, array_like=True):
    """What is known of one file.

    Args:
        functions: its quiet functions by qualified name, and those of their variables that hold only what is plain: texts,
            numbers, things of harmless packages, collections of those.
        plain: its top-level names that hold only that.
        unreadable: its top-level names that are not even to be read: those that may hold more than what is plain, classes
            and functions, and those that nobody ever asked for.
        through: its top-level names that lead to other files, which are told who uses what they offer.
        bare: its top-level names for classes whose constructor does nothing: exceptions, as a rule.
        asked: names that others asked it for in vain.
        is_starred: another module imports all of its names.
        has_stars: it imports all names of another.
        is_apart: it is a test that nothing else imports.
        is_idle: nothing can be found in it, and it is not linked.
    """

    functions: dict[str, tuple[str, ...]] = {}
    plain: tuple[str, ...] = ()
    unreadable: tuple[str, ...] = ()
    through: tuple[str, ...] = ()
    bare: tuple[str, ...] = ()
    asked: tuple[str, ...] = ()
    is_starred: bool = False
    has_stars: bool = False
    is_apart: bool = False
    is_idle: bool = False


class Quiet(msgspec.Struct, frozen=True, array_like=True):
    """What is known of a program.

    Args:
        attributes: names of attributes that are not merely read: properties, those that hold modules, and those of which the
            class that holds them depends on what was looked up before.
        names: names that mean something where they are given to functions and parameters.
        files: what is known of each file, encoded, by its path.
    """

    attributes: frozenset[str]
    names: frozenset[str]
    files: dict[str, msgspec.Raw]

    def file(self, path: str) -> QuietFile | None:
        """What is known of a file."""
        raw = self.files.get(path)
        return None if raw is None else msgspec.msgpack.decode(raw, type=QuietFile)


def is_harmless(name: str) -> bool:
    """Whether a qualified name outside the project is of a harmless package."""
    return name.split(".", 1)[0] in HARMLESS or name.startswith(HARMLESS_PARTS)
