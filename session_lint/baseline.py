"""The baseline: findings that a project knows of, one a line, so that only new ones fail.

The file is sorted JSON Lines, so that changes to it are read, and branches merged, line by line. Twins are as many lines: n lines
stand for n findings and never for more.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import msgspec

from session_lint.errors import UserError
from session_lint.findings import Finding
from session_lint.fingerprints import Mark, mark
from session_lint.regular import read_regular
from session_lint.rules.sl902_unreadable_file import UNREADABLE_FILE

_HEADER = {"session-lint-baseline": 1}


class Baseline(msgspec.Struct, frozen=True):
    """A baseline as its file has it.

    Args:
        file: the file.
        entries: row and content of each line.
    """

    file: Path
    entries: tuple[tuple[int, Mark], ...]

    @property
    def marks(self) -> Counter[Mark]:
        """How many findings each entry stands for."""
        return Counter(entry for _, entry in self.entries)


def read_baseline(file: Path) -> Baseline:
    """Read a baseline.

    Raises:
        UserError: it is not there, cannot be read, or is none.
    """
    try:
        lines = read_regular(file).decode("utf-8").splitlines()
    except FileNotFoundError as error:
        raise UserError(f"{file} does not exist; `session-lint baseline` writes a baseline.") from error
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not valid UTF-8"
        raise UserError(f"{file} cannot be read: {reason}.") from error
    if not lines or _object(lines[0]) != _HEADER:
        raise UserError(f"{file} is no baseline of this version of session-lint; `session-lint baseline` writes one.")
    entries = []
    for row, line in enumerate(lines[1:], start=2):
        entry = _entry(line)
        if entry is not None:
            entries.append((row, entry))
        elif line.strip() and _object(line) != _HEADER:  # a second header is what a merge may leave
            raise UserError(f"{file}:{row} is no entry of a baseline; take the line out, or write the baseline anew.")
    return Baseline(file, tuple(entries))


def baseline_text(marks: Iterable[Mark]) -> str:
    """The content of a baseline's file."""
    import json

    lines = (json.dumps(one._asdict(), separators=(", ", ": ")) for one in sorted(marks))
    return "".join(f"{line}\n" for line in (json.dumps(_HEADER), *lines))


def recorded(findings: Iterable[Finding]) -> list[Mark]:
    """What a baseline says of findings; files that cannot be read are none of it: what was not looked at is never fine."""
    return [mark(finding) for finding in findings if finding.code != UNREADABLE_FILE.code]


def _object(line: str) -> Any:
    import json

    try:
        return json.loads(line)
    except (ValueError, RecursionError):
        return None


def _entry(line: str) -> Mark | None:
    data = _object(line)
    if not isinstance(data, dict) or set(data) != set(Mark._fields):
        return None
    if not all(isinstance(value, str) for value in data.values()):
        return None
    return Mark(**data)
