"""What a run found, and what it knows of the files that it looked at."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from session_lint.analysis import Analysis
from session_lint.faults import Fault
from session_lint.findings import Finding
from session_lint.request import Files

if TYPE_CHECKING:
    from session_lint.fingerprints import Mark
    from session_lint.program import Program


class Result(msgspec.Struct, frozen=True):
    """What a run found.

    Args:
        files: the files it knew and reported on.
        analysis: what is known of them before selection and suppression.
        findings: in report order, without suppressed ones.
        hidden: findings that comments or per-file ignores suppress.
        old: findings that were there before, by the baseline or at an earlier revision.
        rules_run: codes of the rules that ran to their end.
        rules_known: codes of all rules there are.
        faults: errors of ours that cost findings; a report adds those that cost what it would have said.
        seconds: how long each stage took.
        work: how much was done and how much spared, by what it is.
        linked: gives the program, which is linked anew where the analysis came from the cache.
        reasons: why it was linked for the analysis; none where that came from the cache.
    """

    files: Files
    analysis: Analysis
    findings: tuple[Finding, ...]
    hidden: tuple[Finding, ...]
    old: tuple[Finding, ...]
    rules_run: frozenset[str]
    rules_known: frozenset[str]
    faults: list[Fault]
    seconds: Mapping[str, float]
    work: Mapping[str, int]
    linked: Callable[[], Program]
    reasons: tuple[str, ...] = ()

    @property
    def program(self) -> Program:
        """The linked program."""
        return self.linked()

    @property
    def root(self) -> Path:
        return self.files.project.root

    @property
    def whole(self) -> bool:
        """Whether all files of the project are reported on."""
        return self.files.whole

    @property
    def reported(self) -> tuple[str, ...]:
        return self.files.discovery.reported

    def can_tell(self, entry: Mark) -> bool:
        """Whether the run can tell if an entry of a baseline still holds: it looked at its file, or at all there are, and ran its rule."""
        looked = self.whole or entry.path in self.reported
        return looked and (entry.code in self.rules_run or entry.code not in self.rules_known)
