"""What a run is compared with: the baseline, and the findings of an earlier revision."""

from __future__ import annotations

from collections import Counter
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec.structs import replace

from session_lint.findings import Confidence
from session_lint.pipeline import files_of_revision, run
from session_lint.request import Files, Request
from session_lint.settings import BASELINE_FILE

if TYPE_CHECKING:
    from session_lint.fingerprints import Mark
    from session_lint.past import Past


def find_past(
    request: Request,
    files: Files,
    *,
    baseline: Path | None = None,
    recorded: bool = True,
    revision: str | None = None,
    elsewhere: bool = False,
) -> Past | None:
    """What a run is compared with.

    Args:
        request: the run.
        files: its files.
        baseline: the baseline's file, where it is not the settings' one.
        recorded: there is to be a baseline, where there is one.
        revision: the git revision to compare with.
        elsewhere: compare findings outside the given paths alone, and report them too.

    Raises:
        UserError: the baseline or the revision cannot be read.
    """
    file = (baseline or baseline_file(files)) if recorded else None
    if file is None and revision is None:
        return None
    from session_lint.baseline import read_baseline
    from session_lint.past import Past

    known = read_baseline(file) if file is not None else None
    earlier = None
    if revision is not None:
        from session_lint.revision import resolve

        commit = resolve(files.project.root, revision)
        earlier = cache(lambda: _found_at(request, files, commit))
    return Past(known, earlier, elsewhere)


def baseline_file(files: Files) -> Path | None:
    """The baseline that the settings name, else the one in the project's root that has the usual name."""
    named, settings_file = files.project.settings.baseline, files.project.settings_file
    if named is None:
        usual = files.project.root / BASELINE_FILE
        return usual if usual.is_file() else None
    return (settings_file.parent if settings_file is not None else files.project.root) / named


def _found_at(request: Request, files: Files, commit: str) -> Counter[Mark]:
    """The findings at a commit, under the settings of now."""
    from session_lint.fingerprints import mark

    before = files_of_revision(request, files, commit)
    result = run(replace(request, past=None, stdin=None, min_confidence=Confidence.LOW), before)
    return Counter(map(mark, result.findings))
