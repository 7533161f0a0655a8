"""How much there is to look at, as every summary says it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from session_lint.checks.openings import OPENINGS
from session_lint.findings import Counts

if TYPE_CHECKING:
    from session_lint.program import Program


def count(program: Program) -> Counts:
    """What was looked at, tests left out: files with sessions, places that open one (or are injected one), endpoints."""
    sessions = sum(not opening.in_provider for opening in OPENINGS.everywhere(program))
    endpoints = sum(
        entry.is_endpoint and program.role(function) != "test" for function, entry in program.entries.items()
    )
    databases = sum(module.tree.uses_database for module in program.modules)
    return Counts(len(program.files_with_sessions), sessions, endpoints, databases)
