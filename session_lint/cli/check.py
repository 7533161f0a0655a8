"""``session-lint check``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from session_lint.cli.options import (
    all_excluded,
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


@click.command()
@shared_options
@click.option(
    "--output-format",
    type=click.Choice(["full", "concise", "json"]),
    default="full",
    show_default=True,
    help="How findings are written.",
)
@click.option(
    "--stdin-filename", type=click.Path(path_type=Path), help="The file that standard input (`-`) stands for."
)
@click.option("--show-files", is_flag=True, help="List the files that would be reported on, and stop.")
def check(**options: Any) -> int:
    """Report findings in PATHS (default: the current folder), knowing the whole project around them.

    PATHS are files or folders, or `-` for standard input.
    """
    from session_lint.pipeline import find_files, run
    from session_lint.report.style import path_speller

    request = make_request(options)
    files = find_files(request)
    show = path_speller(files.project.root, Path.cwd())
    if options["verbose"]:
        tell(files)
    if all_excluded(files):
        if options["output_format"] == "json":
            write("[]\n", options["output_file"])
        return 0
    if options["show_files"]:
        write("".join(f"{show(path)}\n" for path in files.discovery.reported), options["output_file"])
        return 0
    result = run(request, files)
    color = use_color(options["color"], to_file=options["output_file"] is not None)
    write(_render(result, show, options, color=color), options["output_file"])
    if options["verbose"]:
        tell_times(result)
    return exit_code(result, options)


def _render(result: Result, show: Callable[[str], str], options: dict[str, Any], *, color: bool) -> str:
    from session_lint.report import concise, full, json_list, summary

    if options["output_format"] == "json":
        return json_list.render(result, show)
    render = full.render if options["output_format"] == "full" else concise.render
    body = render(result, show, color=color)
    return body if options["quiet"] else f"{body}{summary.text(result)}"
