"""``session-lint trace``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from session_lint.cli.help import Command
from session_lint.cli.options import (
    FAILED,
    ascii_only,
    cache_options,
    cache_request,
    tell_faults,
    tell_inner,
    use_color,
    write,
)
from session_lint.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from session_lint.tracing import Trace


@click.command(cls=Command)
@click.argument("entries", metavar="[ENTRY]...", nargs=-1)
@click.option(
    "--output-format",
    type=click.Choice(["tree", "markdown", "mermaid", "json", "dot"]),
    default="tree",
    show_default=True,
    help="How the maps are written.",
)
@click.option("-o", "--output-file", type=click.Path(path_type=Path, dir_okay=False), help="Write to this file.")
@click.option("--root", type=click.Path(path_type=Path), help="Folder of the project, all of which is known.")
@click.option("--config", type=click.Path(path_type=Path), help="Settings file to use in place of the nearest.")
@click.option("--isolated", is_flag=True, help="Ignore settings files.")
@cache_options
@click.option("--color", type=click.Choice(["auto", "always", "never"]), default="auto", help="When to use colours.")
def trace(entries: tuple[str, ...], **options: Any) -> int:
    """Print the transaction map of each ENTRY: a route (`POST /batch`), a function, or a glob of either.

    Where the session comes from, where the transaction begins and ends, and every function that the session is lent to,
    with marks where rules fire. Without ENTRY: a summary of all entry points.
    """
    from session_lint.pipeline import find_files, run
    from session_lint.report.style import path_speller
    from session_lint.request import Request
    from session_lint.tracing import trace as trace_entries

    if options["config"] is not None and options["isolated"]:
        raise click.UsageError("--config and --isolated exclude each other: give one of them.")
    paths = (options["root"] or Path(),)
    request = Request(
        paths=paths,
        root=options["root"],
        config=options["config"],
        isolated=options["isolated"],
        **cache_request(options),
    )
    files = find_files(request)
    tell_inner(files)
    result = run(request, files)
    if not result.program.modules:
        raise UserError("Nothing here imports SQLAlchemy or a database driver: there are no sessions to follow.")
    traces = trace_entries(result.program, result.findings, result.faults, entries)
    if not traces and not result.faults:
        raise UserError("No entry point was found; name the decorators that make one in `entry-point-decorators`.")
    show = path_speller(files.project.root, Path.cwd())
    form = "json" if options["output_format"] == "json" else "text"
    write(_render(traces, show, options, named=bool(entries)), options["output_file"], form)
    return FAILED if tell_faults(result) else 0


def _render(traces: Sequence[Trace], show: Callable[[str], str], options: dict[str, Any], *, named: bool) -> str:
    from session_lint.report import trace, trace_graph

    match options["output_format"]:
        case "markdown":
            return trace.render_markdown(traces, show)
        case "mermaid":
            return trace_graph.render_mermaid(traces, show, named=named)
        case "dot":
            return trace_graph.render_dot(traces, show)
        case "json":
            return trace.render_json(traces, show)
        case _:
            to_file = options["output_file"] is not None
            color = use_color(options["color"], to_file=to_file)
            plain = not to_file and ascii_only()
            trees = named or len(traces) <= trace.MAX_TREES
            return trace.render_tree(traces, show, trees=trees, color=color, ascii_only=plain)
