"""``session-lint audit``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from session_lint.cli.help import Command
from session_lint.cli.options import (
    all_excluded,
    ascii_only,
    exit_code,
    make_request,
    run_watched,
    shared_options,
    tell,
    tell_inner,
    tell_times,
    use_color,
    write,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from session_lint.result import Result

_FILE_WIDTH = 120
_FORMS = {"json": "json", "html": "xml"}
"""What the formats are written in, where that is not plain text."""
_LEAST_SIZE = 1000


@click.command(cls=Command)
@shared_options
@click.option(
    "--output-format",
    type=click.Choice(["terminal", "markdown", "html", "json"]),
    default="terminal",
    show_default=True,
    help="How the report is written; html is one page that needs no network, with the source and the transaction maps.",
)
@click.option(
    "--max-size",
    type=click.IntRange(min=_LEAST_SIZE),
    metavar="BYTES",
    help="Cut the Markdown to this size, the least important first; 65536 fits a comment on GitHub.",
)
def audit(**options: Any) -> int:
    """Report how PATHS (default: the current folder) handle sessions.

    What was looked at, the compliance table for the whole and for each module, every background task, service function,
    endpoint and engine, what could not be decided, recommendations and next steps.

    Every rule runs, also those that `check` leaves off by default, unless --select or the settings choose.
    """
    from msgspec.structs import replace

    from session_lint.pipeline import find_files
    from session_lint.report.style import path_speller

    if options["max_size"] is not None and options["output_format"] != "markdown":
        raise click.UsageError("--max-size goes with --output-format markdown alone.")
    request = make_request(options)
    files = find_files(request)
    if request.selection.select is None and files.project.settings.select is None:
        request = replace(request, everything=True)
    if options["verbose"]:
        tell(files)
    tell_inner(files)
    if all_excluded([files]):
        return 0
    result = run_watched(request, files, options)
    show = path_speller(files.project.root, Path.cwd())
    form = _FORMS.get(options["output_format"], "text")
    write(_render(result, show, options), options["output_file"], form)
    if options["verbose"]:
        tell_times(result)
    return exit_code(result, options)


def _render(result: Result, show: Callable[[str], str], options: dict[str, Any]) -> str:
    paths = [path.as_posix() for path in options["paths"]]
    root = options["root"].as_posix() if options["root"] is not None else None
    if options["output_format"] == "html":
        from session_lint.report import html

        return html.render(result, paths, root)
    from session_lint.auditing import audit_report

    report = audit_report(result, show, paths, root)
    match options["output_format"]:
        case "markdown":
            from session_lint.report import audit_markdown

            return audit_markdown.render(report, options["max_size"])
        case "json":
            from session_lint.report import audit_json

            return audit_json.render(report, result, show)
        case _:
            from session_lint.report import audit_terminal

            to_file = options["output_file"] is not None
            return audit_terminal.render(
                report,
                color=use_color(options["color"], to_file=to_file),
                ascii_only=not to_file and ascii_only(),
                width=_FILE_WIDTH if to_file else None,
            )
