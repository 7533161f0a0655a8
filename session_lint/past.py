"""What was found before, and which findings of now are new beside it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable
from typing import TYPE_CHECKING

import msgspec

from session_lint.baseline import Baseline
from session_lint.fingerprints import Mark, mark
from session_lint.rules.sl902_unreadable_file import UNREADABLE_FILE

if TYPE_CHECKING:
    from session_lint.findings import Finding


class Past(msgspec.Struct, frozen=True):
    """What was found before.

    Args:
        baseline: findings that are recorded, wherever they are.
        earlier: gives the findings of an earlier revision; None where there is none to compare with.
        elsewhere: only findings outside the given paths are compared with the revision, and those are reported too.
    """

    baseline: Baseline | None
    earlier: Callable[[], Counter[Mark]] | None
    elsewhere: bool = False

    def part(self, findings: Iterable[Finding], given: Collection[str]) -> tuple[list[Finding], list[Finding]]:
        """Part findings into new ones and others.

        Args:
            findings: what is found now, in report order: of twins, the first are the old ones.
            given: the files that are reported on.
        """
        recorded = self.baseline.marks if self.baseline is not None else Counter[Mark]()
        earlier: Counter[Mark] | None = None  # asked for only where there is something to compare
        new: list[Finding] = []
        old: list[Finding] = []
        for finding in findings:
            one = mark(finding)
            compared = not (self.elsewhere and finding.filename in given)
            # Each takes its part, whether the other has the finding or not: n of before excuse n of now.
            known = [_take(recorded, one) and finding.code != UNREADABLE_FILE.code]
            if compared and self.earlier is not None:
                if earlier is None:
                    earlier = self.earlier().copy()
                known.append(_take(earlier, one))
            (old if any(known) else new).append(finding)
        return new, old

    def stale(self, found: Iterable[Finding], rules_run: Collection[str], rules: Collection[str]) -> list[int]:
        """The rows of the baseline that no finding in a whole project matches any more.

        Args:
            found: the findings that no comment hides.
            rules_run: codes of the rules that ran.
            rules: codes of all rules there are.
        """
        present = Counter(map(mark, found))
        entries = self.baseline.entries if self.baseline is not None else ()
        gone = [(row, entry) for row, entry in entries if not _take(present, entry)]
        return [row for row, entry in gone if entry.code in rules_run or entry.code not in rules]


def _take(left: Counter[Mark], one: Mark) -> bool:
    """Take one of what is left; whether there was one."""
    if left[one] <= 0:
        return False
    left[one] -= 1
    return True
