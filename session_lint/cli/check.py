"""``session-lint check``."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from session_lint.cli.help import Command
from session_lint.cli.options import (
    FAILED,
    FINDINGS,
    all_excluded,
    exit_code,
    make_request,
    run_watched,
    say,
    shared_options,
    tell,
    tell_faults,
    tell_times,
    use_color,
    write,
)
from session_lint.cli.outputs import FormatType, outputs_of, write_outputs
from session_lint.report.formats import FORMATS

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from session_lint.findings import Finding
    from session_lint.mending import Mended
    from session_lint.request import Files, Request
    from session_lint.result import Result


@click.command(cls=Command)
@shared_options
@click.option(
    "--output-format",
    "outputs",
    type=FormatType(),
    multiple=True,
    help=f"{', '.join(FORMATS)}.",
)
@click.option("--stdin-filename", type=click.Path(path_type=Path), help="The file that `-` stands for.")
@click.option("--fix", is_flag=True, help="Make safe fixes; with both, unsafe too.")
@click.option("--unsafe-fixes", is_flag=True, help="Also those that may change what the program does.")
@click.option("--diff", is_flag=True, help="Show what --fix would change, and stop.")
@click.option("--exit-non-zero-on-fix", is_flag=True, help="Exit with 1 where --fix changed a file.")
@click.option(
    "--baseline",
    type=click.Path(path_type=Path),
    help="Known findings to leave out; or none.",
)
@click.option("--no-baseline", is_flag=True, help="Report what the baseline records too.")
@click.option("--diff-base", metavar="REV", help="Only what is new since a git revision.")
@click.option(
    "--also-new-since", metavar="REV", hidden=True, help="Report outside PATHS too what is new since a git revision."
)
@click.option("--add-ignores", metavar="REASON", help="Suppress all findings, with this reason.")
@click.option("--statistics", is_flag=True, help="Count findings by rule; list none.")
@click.option("--show-settings", is_flag=True, help="Show settings and sources; or the files.")
@click.option("--show-files", is_flag=True, help="List the files to report on, and stop.")
def check(**options: Any) -> int:
    """Report findings in PATHS (files, folders, or `-` for standard input; default: the current folder), knowing the whole project around them."""
    from session_lint.pipeline import nothing
    from session_lint.projects import combine, find_projects, moved
    from session_lint.report.style import path_speller, path_text

    outputs = outputs_of(options["outputs"], options["output_file"], statistics=options["statistics"])
    request = make_request(options)
    _refuse_contradictions(request, options)
    projects = find_projects(request)
    if options["verbose"]:
        for files in projects:
            tell(files)
    if options["show_settings"]:
        from session_lint.report import settings

        write("\n".join(settings.render(request, files) for files in projects), options["output_file"])
        return 0
    if all_excluded(projects):
        write_outputs(outputs, nothing(projects[0]), "", options)
        return 0
    if options["show_files"]:
        shown = sorted(
            path_text(path_speller(files.project.root, Path.cwd())(path))
            for files in projects
            for path in files.discovery.reported
        )
        write("".join(f"{path}\n" for path in shown), options["output_file"])
        return 0
    if options["baseline"] is not None and len(projects) > 1:
        raise click.UsageError("--baseline names one file for several projects: give PATHS in one of them.")
    requests = [_with_past(request, files, options) for files in projects]
    if options["diff"]:
        return _diff(list(zip(requests, projects, strict=True)), options)
    parts = [_part(one, files, options) for one, files in zip(requests, projects, strict=True)]
    result = combine([part for part, _ in parts])
    fixed = tuple(one for part, gone in parts for one in moved(gone, part.root, result.root))
    decisions = [line for part, _ in parts for line in _decisions(part)]
    write_outputs(outputs, result, _summary(result, fixed, decisions, options), options)
    if options["verbose"]:
        tell_times(result)
    return FINDINGS if fixed and options["exit_non_zero_on_fix"] else exit_code(result, options)


def _part(request: Request, files: Files, options: dict[str, Any]) -> tuple[Result, tuple[Finding, ...]]:
    """Check one project; what is found, and what is gone, as it was fixed."""
    from session_lint.pipeline import run

    if options["add_ignores"] is not None:
        return _add_ignores(run(request, files), options), ()
    if options["fix"]:
        return _fix(request, files, options)
    return run_watched(request, files, options), ()


def _with_past(request: Request, files: Files, options: dict[str, Any]) -> Request:
    """The request with what it is compared with."""
    from msgspec.structs import replace

    from session_lint.novelty import find_past

    revision = options["diff_base"] or _range_start(options["also_new_since"])
    before = find_past(
        request,
        files,
        baseline=options["baseline"],
        recorded=not options["no_baseline"],
        revision=revision,
        elsewhere=options["also_new_since"] is not None,
    )
    return replace(request, past=before)


def _range_start(revision: str | None) -> str | None:
    """The revision; where pre-commit checks a range of commits, the end of which is ``HEAD``, where that range begins."""
    start = os.environ.get("PRE_COMMIT_FROM_REF")
    return f"{start}..." if revision == "HEAD" and start else revision


def _refuse_contradictions(request: Request, options: dict[str, Any]) -> None:
    if options["baseline"] is not None and options["no_baseline"]:
        raise click.UsageError("--baseline and --no-baseline exclude each other: give one of them.")
    if options["diff_base"] is not None and options["also_new_since"] is not None:
        raise click.UsageError("--diff-base and --also-new-since exclude each other: give one of them.")
    reason: str | None = options["add_ignores"]
    if reason is None:
        if options["fix"] and not options["diff"] and request.stdin is not None:
            raise click.UsageError("Standard input has no file to fix: use --diff, or name the file.")
        return
    if options["fix"] or options["diff"]:
        raise click.UsageError("--add-ignores goes with neither --fix nor --diff: give one of them.")
    if request.stdin is not None:
        raise click.UsageError("Standard input has no file to write suppressions to: name the file.")
    if not reason.strip() or not reason.isprintable() or "#" in reason:
        raise click.UsageError("--add-ignores takes the reason for all suppressions: a line of text without `#`.")


def _add_ignores(result: Result, options: dict[str, Any]) -> Result:
    """Write the suppressions; returns what remains."""
    from session_lint.ignoring import add_ignores
    from session_lint.report.style import counted
    from session_lint.rewriting import write as rewrite

    ignored = add_ignores(result, options["add_ignores"].strip())
    for path, content in ignored.after.items():
        rewrite(result.root / path, ignored.before[path], content)
    files = counted(len(ignored.after), "file")
    say(f"Suppressed {counted(ignored.number, 'finding')} in {files}.")
    return ignored.result


def _fix(request: Request, files: Files, options: dict[str, Any]) -> tuple[Result, tuple[Finding, ...]]:
    """Make the fixes; returns what remains, and what is gone."""
    from session_lint.mending import mend
    from session_lint.report.style import path_speller
    from session_lint.rewriting import write as rewrite

    mended = mend(request, files, unsafe=options["unsafe_fixes"])
    _tell_dropped(mended, path_speller(files.project.root, Path.cwd()))
    for path, content in mended.after.items():
        rewrite(files.project.root / path, mended.before[path], content)
    return mended.result, mended.fixed


def _diff(parts: Sequence[tuple[Request, Files]], options: dict[str, Any]) -> int:
    """Show what the fixes would change; returns the exit code, 1 where there is something."""
    from session_lint.mending import mend
    from session_lint.report import diff
    from session_lint.report.style import counted, path_speller

    to_file = options["output_file"] is not None
    color = use_color(options["color"], to_file=to_file)
    text, number, failed = "", 0, False
    for request, files in parts:
        show = path_speller(files.project.root, Path.cwd())
        mended = mend(request, files, unsafe=options["unsafe_fixes"])
        _tell_dropped(mended, show)
        text += diff.render(mended, show, to_file=to_file, color=color)
        number += len(mended.fixed)
        failed = tell_faults(mended.result, traces=options["verbose"]) or failed
    write(text, options["output_file"], "patch" if to_file else "text")
    if not options["quiet"]:
        say(f"Would fix {counted(number, 'finding')}.")
    if failed:
        return FAILED
    return FINDINGS if number and not options["exit_zero"] else 0


def _tell_dropped(mended: Mended, show: Callable[[str], str]) -> None:
    """Say on stderr which fixes did not work."""
    for finding in mended.dropped:
        place = f"{show(finding.filename)}:{finding.span.row}"
        say(f"{place}: the fix of {finding.code} is dropped: its result does not parse, or the finding stays.")


def _decisions(result: Result) -> list[str]:
    from session_lint.report import decisions

    return decisions.lines(result)


def _summary(result: Result, fixed: tuple[Finding, ...], decisions: Sequence[str], options: dict[str, Any]) -> str:
    from session_lint.report import summary

    if options["quiet"]:
        return ""
    return summary.text(result, fixed, decisions, unsafe_fixes=options["unsafe_fixes"])
