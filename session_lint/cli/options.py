"""Options that ``check`` and ``audit`` share, and the request they make."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from session_lint.request import Files, Request
    from session_lint.result import Result

Command = TypeVar("Command", bound=Callable[..., Any])

STDIN = "-"
FINDINGS = 1
FAILED = 2
REPORT_IT = "please report it at https://github.com/session-lint/session-lint/issues with what `session-lint check --verbose` says."


def _codes(context: click.Context, parameter: click.Parameter, values: tuple[str, ...]) -> tuple[str, ...]:
    """Split comma-separated values."""
    del context, parameter
    return tuple(item.strip() for value in values for item in value.split(",") if item.strip())


def _per_file(
    context: click.Context, parameter: click.Parameter, values: tuple[str, ...]
) -> dict[str, tuple[str, ...]] | None:
    """Patterns with the rules that do not count there; None where there is nothing."""
    found: dict[str, tuple[str, ...]] = {}
    for item in _codes(context, parameter, values):
        pattern, colon, rule = item.rpartition(":")
        if not (colon and pattern.strip() and rule.strip()):
            raise click.BadParameter(
                f"{item!r} is not written PATTERN:RULE, as in 'scripts/*:SL1'.", context, parameter
            )
        found[pattern.strip()] = (*found.get(pattern.strip(), ()), rule.strip())
    return found or None


def _rules_option(name: str, text: str) -> Callable[[Command], Command]:
    return click.option(name, multiple=True, callback=_codes, metavar="RULES", help=text)


_RULES = (
    click.argument("paths", nargs=-1, type=click.Path(path_type=Path, allow_dash=True)),
    _rules_option("--select", "Rules to run, alone or as well."),
    _rules_option("--ignore", "Rules not to run."),
    _rules_option("--extend-select", "Rules to run as well."),
    _rules_option("--extend-ignore", "Rules not to run either."),
    click.option(
        "--per-file-ignores",
        multiple=True,
        callback=_per_file,
        metavar="PATTERN:RULE",
        help="Rules that do not count in some files.",
    ),
    click.option(
        "--preview",
        is_flag=True,
        help="Also run rules that are not settled yet.",
    ),
)

_WEIGHT = (
    click.option(
        "--min-confidence",
        type=click.Choice(["low", "medium", "high"]),
        default="low",
        help="Leave out findings that are less sure.",
    ),
    click.option(
        "--fail-on",
        type=click.Choice(["error", "warning", "info"]),
        default="warning",
        help="Exit with 1 for these and graver ones.",
    ),
    click.option("-e", "--exit-zero", is_flag=True, help="Exit with 0 where there are findings."),
    click.option(
        "-o", "--output-file", type=click.Path(path_type=Path, dir_okay=False), help="Write the report to this file."
    ),
)

_PROJECT = (
    click.option("--root", type=click.Path(path_type=Path), help="The project's folder; all in it is known."),
    click.option("--config", type=click.Path(path_type=Path), help="Settings file to use; or none at all."),
    click.option("--isolated", is_flag=True, help="Ignore settings files."),
    click.option(
        "--exclude", multiple=True, callback=_codes, metavar="GLOBS", help="Files to leave out, as in .gitignore."
    ),
    click.option(
        "--extend-exclude", multiple=True, callback=_codes, metavar="GLOBS", help="Files to leave out as well."
    ),
    click.option("--force-exclude", is_flag=True, help="Leave excluded files out even if named."),
)

_MANNER = (
    click.option(
        "--color", type=click.Choice(["auto", "always", "never"]), default="auto", help="When to use colours."
    ),
    click.option("-q", "--quiet", is_flag=True, help="Print findings alone; or timings too."),
    click.option("-v", "--verbose", is_flag=True, help="Say on stderr what is read and how long it takes."),
)


_CACHE = (
    click.option(
        "--cache-dir",
        type=click.Path(path_type=Path, file_okay=False),
        envvar="SESSION_LINT_CACHE_DIR",
        help="Folder of the cache; or no cache at all.",
    ),
    click.option(
        "--no-cache",
        is_flag=True,
        envvar="SESSION_LINT_NO_CACHE",
        help="Use no results of earlier runs, and keep none.",
    ),
    click.option(
        "-j",
        "--jobs",
        type=click.IntRange(min=1),
        help="Processes that parse files.",
    ),
)


def cache_options(command: Command) -> Command:
    """Add the options on how much is done anew, and by how many."""
    for option in reversed(_CACHE):
        command = option(command)
    return command


def cache_request(options: dict[str, Any]) -> dict[str, Any]:
    """The fields of a request that these options fill."""
    return {"cache": not options["no_cache"], "cache_dir": options["cache_dir"], "jobs": options["jobs"]}


def shared_options(command: Command) -> Command:
    """Add the shared options to a command."""
    return _with_options(command, *_RULES, *_WEIGHT, *_PROJECT, *_MANNER)


def project_options(command: Command) -> Command:
    """Add the options on what is looked at and which rules run."""
    return _with_options(command, *_RULES, *_PROJECT)


def _with_options(command: Command, *options: Callable[[Command], Command]) -> Command:
    command = cache_options(command)
    for option in reversed(options):
        command = option(command)
    return command


def make_request(options: dict[str, Any]) -> Request:
    """The request that the options ask for, with standard input read where it is part of it.

    Raises:
        click.UsageError: standard input is mixed with other paths.
    """
    from session_lint.findings import Confidence
    from session_lint.patterns import require_patterns
    from session_lint.request import Request
    from session_lint.rules.registry import Selection

    require_patterns(
        (*options["exclude"], *options["extend_exclude"], *(options["per_file_ignores"] or ())), "command line"
    )
    paths: tuple[Path, ...] = options["paths"]
    stdin_filename: Path | None = options.get("stdin_filename")
    from_stdin = str(paths[0]) == STDIN if paths else stdin_filename is not None
    if (from_stdin and len(paths) > 1) or (stdin_filename is not None and not from_stdin) or Path(STDIN) in paths[1:]:
        raise click.UsageError("Standard input (`-`) is read alone: give no other paths with it.")
    if options["config"] is not None and options["isolated"]:
        raise click.UsageError("--config and --isolated exclude each other: give one of them.")
    return Request(
        paths=(Path(),) if from_stdin or not paths else paths,
        root=options["root"],
        config=options["config"],
        isolated=options["isolated"],
        exclude=options["exclude"] or None,
        extend_exclude=options["extend_exclude"],
        force_exclude=options["force_exclude"],
        stdin=sys.stdin.buffer.read() if from_stdin else None,
        stdin_filename=stdin_filename,
        per_file_ignores=options["per_file_ignores"],
        selection=Selection(
            "command line",
            options["select"] or None,
            (*options["ignore"], *options["extend_ignore"]),
            options["extend_select"],
        ),
        preview=options["preview"],
        min_confidence=Confidence(options.get("min_confidence", Confidence.LOW.value)),
        **cache_request(options),
    )


def say(text: str, *, err: bool = True) -> None:
    """Write a line to stderr or stdout, in which no name from the linted code steers the terminal or a CI job."""
    from session_lint.report.style import path_text

    click.echo(path_text(text), err=err)


def say_lines(text: str, *, err: bool = True) -> None:
    """Write lines, likewise."""
    for line in text.rstrip("\n").split("\n"):
        say(line, err=err)


def all_excluded(projects: Sequence[Files]) -> bool:
    """Say on stderr which given paths --force-exclude left out; whether that leaves nothing to check."""
    excluded = [path for files in projects for path in files.discovery.excluded]
    if excluded and not any(files.discovery.reported for files in projects):
        say(f"Nothing to check: all given paths are excluded ({', '.join(excluded[:5])}).")
        return True
    return False


def tell_inner(files: Files) -> None:
    """Say on stderr which projects of their own lie in the folders that a report on one project is asked about."""
    inner = files.discovery.inner
    if inner:
        named = ", ".join(inner[:5]) + (", …" if len(inner) > 5 else "")
        say(f"Left out, as they have settings of their own: {named}; name one, or take all for one with --root.")


def stderr_is_watched() -> bool:
    """Whether stderr is a terminal that can draw."""
    return sys.stderr.isatty() and os.environ.get("TERM") != "dumb"


def run_watched(request: Request, files: Files, options: dict[str, Any]) -> Result:
    """Run, with a progress bar where somebody looks at stderr."""
    from session_lint.pipeline import run

    if not stderr_is_watched() or options["quiet"] or os.environ.get("CI"):
        return run(request, files)
    from msgspec.structs import replace

    from session_lint.report.progress import progress_bar

    with progress_bar() as bar:
        return run(replace(request, progress=bar), files)


def use_color(choice: str, *, to_file: bool) -> bool:
    """Whether the report is coloured: as asked, else as the environment and the terminal say."""
    if choice != "auto":
        return choice == "always"
    if to_file or os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb":
        return False
    return bool(os.environ.get("FORCE_COLOR")) or sys.stdout.isatty()


def ascii_only() -> bool:
    """Whether symbols must be ASCII: no colours are wanted, the terminal is a plain one, or its encoding lacks them."""
    if os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb":
        return True
    return not (sys.stdout.encoding or "").lower().startswith("utf")


def write(text: str, output_file: Path | None, form: str = "text") -> None:
    """Write a report to its file, or to stdout.

    Args:
        text: the report.
        output_file: its file.
        form: ``text``, ``json``, ``xml``, or another that is written as it is.

    Raises:
        UserError: the file cannot be written.
    """
    from session_lint.report.style import without_commands

    text = without_commands(text, form)
    if output_file is None:
        sys.stdout.write(text)
        return
    try:
        output_file.write_bytes(text.encode("utf-8", "backslashreplace"))
    except OSError as error:
        from session_lint.errors import UserError

        raise UserError(f"{output_file} cannot be written: {error.strerror}.") from error


def exit_code(result: Result, options: dict[str, Any]) -> int:
    """1 where a finding is as grave as ``--fail-on`` asks and as sure, else 0; 2 where an error of ours cost findings, which it tells."""
    from session_lint.findings import Confidence, Severity

    if tell_faults(result, traces=options["verbose"]):
        return FAILED
    if options["exit_zero"]:
        return 0
    ranks = list(Severity)
    limit = ranks.index(Severity(options["fail_on"]))
    fails = any(
        ranks.index(finding.severity) <= limit
        and (finding.confidence is not Confidence.LOW or options["fail_on"] == Severity.INFO.value)
        for finding in result.findings
    )
    return FINDINGS if fails else 0


def tell_faults(result: Result, *, traces: bool = False) -> bool:
    """Tell of errors of ours that cost findings; whether there are any."""
    for fault in result.faults:
        if traces:
            say_lines(fault.trace)
        say(f"session-lint: internal error in {fault.where}: {fault.what}; {REPORT_IT}")
    return bool(result.faults)


def tell(files: Files) -> None:
    """Say on stderr which project is read."""
    project, discovery = files.project, files.discovery
    say(f"Project root: {project.root}")
    say(f"Settings: {project.settings_file or 'defaults'}")
    say(f"Files: {len(discovery.reported)} reported on, {len(discovery.known)} known")


def tell_times(result: Result) -> None:
    """Say on stderr how long the stages took, and how much they did."""
    for reason in result.reasons:
        say(f"Linked: {reason}")
    for stage, seconds in result.seconds.items():
        say(f"{seconds:8.3f} s {stage}")
    for what, number in result.work.items():
        say(f"{number:10,} {what}")
