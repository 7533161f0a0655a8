"""What a summary says of decisions that the settings leave open, and that would explain many findings at once."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

from session_lint.report.owners import OWNER_NAMES

if TYPE_CHECKING:
    from session_lint.findings import Finding
    from session_lint.result import Result

_OWNERSHIP = ("SL301", "SL302", "SL303")
_MAKING = ("SL101", "SL102", "SL103")
_MANY = 10
_SHARE = 3
_FIRST_CONTACT = 20


def lines(result: Result) -> list[str]:
    """A line for each decision; what the settings file decides is never asked again."""
    said = [_owner(result), _session_modules(result), _first_steps(result)]
    return [line for line in said if line]


def _owner(result: Result) -> str:
    """Who ends transactions: the code plainly does as the settings' default does not say, or many findings are about it."""
    project = result.files.project
    other = result.analysis.other_policy
    about = _about(result, _OWNERSHIP)
    if (other is None and not _are_many(result, about)) or project.says("transaction-owner"):
        return ""
    if other is not None and (other.owner != "service" or not about):
        return (
            f"{other.ended} of {other.total} transactions are ended by {OWNER_NAMES[other.owner]}, while transaction-owner is"
            f' "{project.settings.transaction_owner}"; `session-lint init --dry-run` shows where.'
        )
    why = "" if other is None else f"; {other.ended} of {other.total} transactions are ended there"
    return (
        f"{_counted(result, about)} say that services (borrowers) begin, commit or roll back{why}: if that is your convention,"
        ' set `transaction-owner = "service"`; `session-lint init --dry-run` shows where.'
    )


def _session_modules(result: Result) -> str:
    about = _about(result, _MAKING)
    if not _are_many(result, about) or result.files.project.says("session-modules"):
        return ""
    modules = len({finding.filename for finding in about})
    return (
        f"{_counted(result, about)} say that {modules} modules beside the session modules make engines or sessions: if they"
        " may, list them in `session-modules`, with those that `session-lint init --dry-run` shows."
    )


def _first_steps(result: Result) -> str:
    if result.files.project.settings_file is not None or result.old or len(result.findings) < _FIRST_CONTACT:
        return ""
    return (
        "New here? `session-lint init` fits the settings to the code, and `session-lint baseline` records what is left, so that"
        " only new findings fail."
    )


def _about(result: Result, codes: Collection[str]) -> list[Finding]:
    return [finding for finding in result.findings if finding.code in codes]


def _are_many(result: Result, about: Collection[Finding]) -> bool:
    return len(about) >= _MANY and len(about) * _SHARE >= len(result.findings)


def _counted(result: Result, about: Collection[Finding]) -> str:
    return f"{len(about)} of {len(result.findings)} findings ({', '.join(sorted({one.code for one in about}))})"
