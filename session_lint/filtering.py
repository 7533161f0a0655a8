"""Findings after the settings and comments that hide them, and findings on these settings and comments."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from session_lint.analysis import Remarks
from session_lint.faults import Fault, Noted
from session_lint.findings import Finding, Severity
from session_lint.rules.registry import Rule, Selection, require_match, select_rules, severities
from session_lint.rules.sl901_unused_suppression import misspelled, unused
from session_lint.rules.sl902_unreadable_file import UNREADABLE_FILE
from session_lint.rules.sl903_blanket_suppression import blanket
from session_lint.rules.sl904_suppression_without_reason import without_reason
from session_lint.rules.sl905_stale_setting import stale, stale_entries
from session_lint.source import Sources, split_lines
from session_lint.suppressions import apply_suppressions

if TYPE_CHECKING:
    from session_lint.settings import Settings


class Sifted(msgspec.Struct, frozen=True):
    """Findings in report order: those that stay, and those that comments or ``per-file-ignores`` hide."""

    kept: tuple[Finding, ...]
    hidden: tuple[Finding, ...]


class Sieve:
    """What the settings say about findings, whoever makes them.

    Args:
        rules: all rules there are.
        settings: the settings.
        source: the file that they come from, for messages.
        per_file_ignores: what the command line says in place of the settings' ones.

    Raises:
        UserError: a setting names a rule that does not exist.
    """

    def __init__(
        self,
        rules: Sequence[Rule],
        settings: Settings,
        source: str,
        per_file_ignores: Mapping[str, Sequence[str]] | None = None,
    ) -> None:
        self._rules = rules
        self._severities: Mapping[str, Severity] = severities(rules, settings.severity, source)
        self._ignores = []
        ignores: Mapping[str, Sequence[str]] = settings.per_file_ignores
        if per_file_ignores is not None:
            ignores, source = per_file_ignores, "command line"
        for pattern, items in ignores.items():
            from pathspec import GitIgnoreSpec  # only where there are patterns

            for item in items:
                require_match(rules, item, source)
            codes = {rule.code for rule in select_rules(rules, [Selection(source, items)], preview=True)}
            self._ignores.append((GitIgnoreSpec.from_lines([pattern]), codes - {UNREADABLE_FILE.code}))

    def sift(
        self,
        findings: Iterable[Finding],
        remarks: Iterable[Remarks],
        sources: Sources,
        ran: frozenset[str],
        faults: list[Fault],
        *,
        whole: bool,
    ) -> Sifted:
        """Part findings into kept and hidden, and add those on the suppressions in the files.

        Args:
            findings: what was found in the files that are reported on.
            remarks: the comments in these files that may suppress.
            sources: their texts.
            ran: codes of the rules that ran.
            faults: errors of ours are added to it.
            whole: they are all files of the project.
        """
        kept: list[Finding] = []
        hidden: list[Finding] = []
        by_file: dict[str, list[Finding]] = {}
        for finding in sorted({self._with_severity(one) for one in findings}, key=_sort_key):
            (hidden if self._covers(finding) else by_file.setdefault(finding.filename, [])).append(finding)
        for file in remarks:
            self._sift_file(file, by_file.pop(file.path, []), sources, ran, faults, kept, hidden, whole=whole)
        kept.extend(one for group in by_file.values() for one in group)
        return Sifted(tuple(sorted(kept, key=_sort_key)), tuple(sorted(hidden, key=_sort_key)))

    def stale_settings(
        self,
        settings: Settings,
        defined: Collection[str],
        known: tuple[str, ...],
        file: Path,
        root: Path,
        ran: frozenset[str],
    ) -> list[Finding]:
        """The settings that match nothing in a whole project."""
        return list(self._chosen(stale(settings, defined, known, file, root), ran))

    def stale_baseline(self, file: Path, rows: Sequence[int], root: Path, ran: frozenset[str]) -> list[Finding]:
        """What is to be said of rows of the baseline that match nothing in a whole project."""
        return list(self._chosen(stale_entries(file, rows, root), ran))

    def _sift_file(
        self,
        file: Remarks,
        findings: Sequence[Finding],
        sources: Sources,
        ran: frozenset[str],
        faults: list[Fault],
        kept: list[Finding],
        hidden: list[Finding],
        *,
        whole: bool,
    ) -> None:
        suppressions = file.suppressions
        filtered = apply_suppressions(findings, suppressions)
        about: list[Finding] = []
        with Noted(faults, f"SL901 at {file.path}"):
            about += misspelled(file.path, file.comments)
        with Noted(faults, f"SL903 at {file.path}"):
            about += blanket(file.path, suppressions)
        with Noted(faults, f"SL904 at {file.path}"):
            about += without_reason(file.path, suppressions)
        if whole and suppressions:
            with Noted(faults, f"SL901 at {file.path}"):
                lines = split_lines(sources.text(file.path))
                about += unused(file.path, suppressions, filtered, self._rules, ran, lines)
        judged = apply_suppressions(list(self._chosen(about, ran)), suppressions)
        kept.extend((*filtered.kept, *judged.kept))
        hidden.extend((*filtered.hidden, *judged.hidden))

    def _chosen(self, findings: Iterable[Finding], ran: frozenset[str]) -> Iterator[Finding]:
        """Of findings on the lint itself, those whose rules ran and no setting hides."""
        for finding in findings:
            if finding.code in ran and not self._covers(finding):
                yield self._with_severity(finding)

    def _covers(self, finding: Finding) -> bool:
        return any(finding.code in codes and spec.match_file(finding.filename) for spec, codes in self._ignores)

    def _with_severity(self, finding: Finding) -> Finding:
        wanted = self._severities.get(finding.code, finding.severity)
        return finding if wanted is finding.severity else msgspec.structs.replace(finding, severity=wanted)


def _sort_key(finding: Finding) -> tuple[str, int, int, str, str]:
    return finding.sort_key
