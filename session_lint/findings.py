"""What a run finds: findings with their places, and how sure and how grave they are."""

from __future__ import annotations

import enum

import msgspec

from session_lint.ir import Span


class Severity(str, enum.Enum):
    """How grave a finding is; errors and warnings fail a run."""

    ERROR = "error"
    WARNING = "warning"
    INFO = "info"


class Confidence(str, enum.Enum):
    """HIGH: the session's type is resolved; MEDIUM: it is known by data flow; LOW: by its name alone."""

    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"


class Counts(msgspec.Struct, frozen=True):
    """What was looked at; ``databases`` counts the files that seem to use a database at all."""

    files_with_sessions: int
    sessions: int
    endpoints: int
    databases: int


class ChainLink(msgspec.Struct, frozen=True):
    """One step of the call chain that makes a finding true: a place, the function it is in, and what happens there."""

    filename: str
    row: int
    symbol: str
    note: str


class Edit(msgspec.Struct, frozen=True):
    """Replace the text in ``span`` by ``content``."""

    span: Span
    content: str


class Fix(msgspec.Struct, frozen=True):
    """Text edits that mend a finding; a safe one keeps the program's meaning but for the fault."""

    message: str
    safe: bool
    edits: tuple[Edit, ...]


class Finding(msgspec.Struct, frozen=True):
    """One reported fault.

    Args:
        code: rule code, ``SL302``.
        name: rule name, ``service-commits``.
        message: one sentence that names the thing and the remedy.
        filename: path relative to the project root, with forward slashes.
        span: where it is.
        severity: how grave it is.
        confidence: how sure the analysis is.
        symbol: qualified name of the enclosing function or class inside its module, ``<module>`` at top level.
        chain: call chain, from the outermost caller inwards; empty where none is needed.
        fix: how to mend it, where that is safe to say.
        digest: hash of the statement, for fingerprints that survive moved lines.
    """

    code: str
    name: str
    message: str
    filename: str
    span: Span
    severity: Severity
    confidence: Confidence
    symbol: str
    chain: tuple[ChainLink, ...] = ()
    fix: Fix | None = None
    digest: str = ""

    @property
    def sort_key(self) -> tuple[str, int, int, str, str]:
        """Order of a report: by file, place, code, message."""
        return (self.filename, self.span.row, self.span.column, self.code, self.message)
