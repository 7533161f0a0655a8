"""``session-lint explain``."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from session_lint.cli.help import Command
from session_lint.cli.options import FAILED, cache_options, cache_request, tell_faults, use_color, write
from session_lint.errors import UserError

if TYPE_CHECKING:
    from session_lint.request import Files
    from session_lint.result import Result

_PLACE = re.compile(r"(?P<file>.+?):(?P<row>\d{1,9})(?::\d+)?")


@click.command(cls=Command)
@click.argument("place", metavar="FILE:LINE")
@click.option(
    "--output-format", type=click.Choice(["text", "json"]), default="text", help="How the explanation is written."
)
@click.option("--root", type=click.Path(path_type=Path), help="Folder of the project, all of which is known.")
@click.option("--config", type=click.Path(path_type=Path), help="Settings file to use in place of the nearest.")
@click.option("--isolated", is_flag=True, help="Ignore settings files.")
@cache_options
@click.option("--color", type=click.Choice(["auto", "always", "never"]), default="auto", help="When to use colours.")
def explain(place: str, **options: Any) -> int:
    """Say why the tool thinks what it thinks at FILE:LINE.

    Which sessions are seen there and from which evidence, who owns them, which provider made them, which transaction
    states are possible, by which chain of calls, and what stayed unknown.
    """
    from session_lint.explanation import explain as explain_at
    from session_lint.pipeline import find_files, run
    from session_lint.report import explanation as report
    from session_lint.report.style import path_speller
    from session_lint.request import Request

    if options["config"] is not None and options["isolated"]:
        raise click.UsageError("--config and --isolated exclude each other: give one of them.")
    file, row = _parsed(place)
    request = Request(
        paths=(file,),
        root=options["root"],
        config=options["config"],
        isolated=options["isolated"],
        **cache_request(options),
    )
    files = find_files(request)
    if not files.discovery.reported:
        raise UserError(f"{file} cannot be read; check its permissions.")
    path = files.discovery.reported[0]
    result = run(request, files)
    explained = explain_at(result.program, result.findings, result.hidden, path, row)
    if explained is None:
        raise UserError(f"{file} cannot be explained: {_why_not(result)}.")
    source = _line(files, path, file, row)
    show = path_speller(files.project.root, Path.cwd())
    if options["output_format"] == "json":
        write(report.render_json(explained, show), None, "json")
    else:
        write(report.render(explained, source, show, color=use_color(options["color"], to_file=False)), None)
    return FAILED if tell_faults(result) else 0


def _parsed(place: str) -> tuple[Path, int]:
    match = _PLACE.fullmatch(place)
    if match is None:
        raise UserError(f"`{place}` names no line; write FILE:LINE, as in app/services.py:42.")
    file = Path(match["file"])
    if not file.is_file():
        raise UserError(f"{file} is not a file; name an existing Python file, as in app/services.py:42.")
    return file, int(match["row"])


def _line(files: Files, path: str, file: Path, row: int) -> str:
    from session_lint.source import split_lines

    lines = split_lines(files.sources.text(path))
    if lines and not lines[-1]:
        lines = lines[:-1]  # behind the last line break there is no line
    if not lines:
        raise UserError(f"{file} is empty; there is no line to explain.")
    if not 1 <= row <= len(lines):
        raise UserError(f"{file} has no line {row}; it has lines 1 to {len(lines)}.")
    return lines[row - 1]


def _why_not(result: Result) -> str:
    return (
        "; ".join(finding.message.rstrip(".") for finding in result.findings if finding.code == "SL902")
        or "it was not read"
    )
