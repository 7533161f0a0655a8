"""``session-lint audit``."""

from __future__ import annotations

import io
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from session_lint.cli.options import (
    all_excluded,
    ascii_only,
    exit_code,
    make_request,
    shared_options,
    tell,
    tell_times,
    use_color,
    write,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from session_lint.pipeline import Result

_FILE_WIDTH = 120


@click.command()
@shared_options
@click.option(
    "--output-format",
    type=click.Choice(["terminal", "markdown"]),
    default="terminal",
    show_default=True,
    help="How the table is written.",
)
def audit(**options: Any) -> int:
    """Print the compliance table of PATHS (default: the current folder): for the whole, then for each module.

    Every rule runs, also those that `check` leaves off by default, unless --select or the settings choose.
    """
    from dataclasses import replace

    from session_lint.pipeline import find_files, run
    from session_lint.report.style import path_speller

    request = make_request(options)
    files = find_files(request)
    if request.selection.select is None and files.project.settings.select is None:
        request = replace(request, everything=True)
    if options["verbose"]:
        tell(files)
    if all_excluded(files):
        return 0
    result = run(request, files)
    show = path_speller(files.project.root, Path.cwd())
    write(_render(result, show, options), options["output_file"])
    if options["verbose"]:
        tell_times(result)
    return exit_code(result, options)


def _render(result: Result, show: Callable[[str], str], options: dict[str, Any]) -> str:
    if options["output_format"] == "markdown":
        from session_lint.report import audit_markdown

        return audit_markdown.render(result, show)
    from rich.console import Console

    from session_lint.report import audit_terminal

    to_file = options["output_file"] is not None
    color = use_color(options["color"], to_file=to_file)
    text = io.StringIO()
    console = Console(
        file=text,
        width=_FILE_WIDTH if to_file else None,
        force_terminal=color,
        no_color=not color,
        color_system="standard" if color else None,
        legacy_windows=False,
        highlight=False,
    )
    audit_terminal.render(result, show, console, ascii_only=not to_file and ascii_only())
    return text.getvalue()
