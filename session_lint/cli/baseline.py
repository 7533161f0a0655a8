"""``session-lint baseline``."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from session_lint.cli.help import Command
from session_lint.cli.options import FAILED, all_excluded, make_request, project_options, say, tell_faults

if TYPE_CHECKING:
    from session_lint.request import Files, Request


@click.command(cls=Command)
@project_options
@click.option("--baseline", "file", type=click.Path(path_type=Path), help="The file, in place of the settings' one.")
@click.option("--prune", is_flag=True, help="Take out what no finding matches any more, and record nothing new.")
def baseline(file: Path | None, prune: bool, **options: Any) -> int:
    """Record the findings in PATHS (default: the current folder), so that `check` reports only new ones.

    Entries that a run cannot judge, as it looks at other files or runs other rules, stay as they are.
    """
    from session_lint.projects import find_projects

    request = make_request(options)
    if request.stdin is not None:
        raise click.UsageError("Standard input has no place in a baseline: name files or folders.")
    projects = find_projects(request)
    if file is not None and len(projects) > 1:
        raise click.UsageError("--baseline names one file for several projects: give PATHS in one of them.")
    if not all_excluded(projects):
        failed = [_record(request, files, file, prune=prune) for files in projects]
        return FAILED if any(failed) else 0
    return 0


def _record(request: Request, files: Files, file: Path | None, *, prune: bool) -> bool:
    """Write the baseline of one project; whether an error of ours cost findings, which it tells."""
    from session_lint.baseline import baseline_text, read_baseline, recorded
    from session_lint.novelty import baseline_file
    from session_lint.pipeline import run
    from session_lint.report.style import counted, path_speller
    from session_lint.rewriting import create_or_write, refuse_outside
    from session_lint.settings import BASELINE_FILE

    target = file
    if target is None:
        target = baseline_file(files) or files.project.root / BASELINE_FILE
        refuse_outside(target, files.project.root, "name it with --baseline")
    before = read_baseline(target) if prune or target.exists() else None
    known = [entry for _, entry in before.entries] if before is not None else []
    result = run(request, files)
    now = recorded(result.findings)
    if prune:
        now = list((Counter(now) & Counter(known)).elements())
    entries = [*now, *(entry for entry in known if not result.can_tell(entry))]
    create_or_write(target, baseline_text(entries).encode())

    show = path_speller(files.project.root, Path.cwd())
    place = show(target.absolute().as_posix())
    if prune:
        say(f"Took {counted_entries(len(known) - len(entries))} out of {place}; {len(entries)} stay.", err=False)
    else:
        in_files = counted(len({entry.path for entry in entries}), "file")
        say(f"Recorded {counted(len(entries), 'finding')} of {in_files} in {place}.", err=False)
    if target != baseline_file(files):
        say(f"`check` heeds it with --baseline {place}, or once [tool.session-lint] names it as `baseline`.", err=False)
    return tell_faults(result)


def counted_entries(number: int) -> str:
    """``1 entry``, ``2 entries``."""
    return "1 entry" if number == 1 else f"{number} entries"
