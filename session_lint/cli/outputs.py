"""What ``check`` writes and where: one report or several, each to its file or to standard output."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from session_lint.cli.options import use_color, write
from session_lint.report.formats import FORMATS, render

if TYPE_CHECKING:
    from session_lint.result import Result

_COUNTED = ("full", "concise", "grouped", "json")
"""Formats that counts can be written in."""


class Output(NamedTuple):
    """One report: the name of its format, and its file; None for standard output."""

    format: str
    file: Path | None


if TYPE_CHECKING:
    _OutputType = click.ParamType[Output]
else:
    _OutputType = click.ParamType  # takes no parameter in older releases


class FormatType(_OutputType):
    """``FORMAT`` or ``FORMAT:FILE``."""

    name = "FORMAT[:FILE]"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Output:
        if isinstance(value, Output):
            return value
        name, colon, file = str(value).partition(":")
        if name not in FORMATS:
            import difflib  # for the wrong name alone

            close = difflib.get_close_matches(name, FORMATS, n=1)
            hint = f"did you mean {close[0]}?" if close else f"choose from {', '.join(FORMATS)}."
            self.fail(f"{name!r} is no format; {hint}", param, ctx)
        if colon and not file:
            self.fail(f"{value!r} names no file after the colon.", param, ctx)
        return Output(name, Path(file) if file else None)


def outputs_of(given: Sequence[Output], file: Path | None, *, statistics: bool) -> list[Output]:
    """The reports to write.

    Args:
        given: what the formats say.
        file: the file for the one report that names none.
        statistics: counts are asked for.

    Raises:
        click.UsageError: two reports go to one place, or counts are asked for in a format that has none.
    """
    outputs = list(given) or [Output("full", None)]
    if file is not None:
        if len(outputs) > 1 or outputs[0].file is not None:
            raise click.UsageError("--output-file goes with one format that names no file: write FORMAT:FILE for each.")
        outputs = [Output(outputs[0].format, file)]
    places = [output.file for output in outputs]
    if places.count(None) > 1:
        raise click.UsageError(
            "Two formats go to standard output: give all but one a file, as in --output-format sarif:report.sarif."
        )
    twice = next((place for place in places if places.count(place) > 1), None)
    if twice is not None:
        raise click.UsageError(f"Two formats go to {twice}: give each a file of its own.")
    if statistics:
        wrong = next((output.format for output in outputs if output.format not in _COUNTED), None)
        if wrong is not None:
            raise click.UsageError(f"--statistics has no form for {wrong}: use one of {', '.join(_COUNTED)}.")
    return outputs


def write_outputs(outputs: Sequence[Output], result: Result, summary: str, options: dict[str, Any]) -> None:
    """Write the reports, those that go to files first.

    Args:
        outputs: which and where.
        result: what is found.
        summary: what follows a report for people.
        options: of the command line.

    Raises:
        UserError: a file cannot be written.
    """
    from session_lint.report.style import without_commands

    folder = Path.cwd()
    for output in sorted(outputs, key=lambda output: output.file is None):
        color = use_color(options["color"], to_file=output.file is not None)
        form = FORMATS[output.format]
        if options["statistics"]:
            text = _counts(output, result, color=color)
        else:
            text = render(output.format, result, folder, color=color)
        if form.summary and (form.colored or output.file is None):
            text += without_commands(summary, "text")
        write(text, output.file, form.syntax)


def _counts(output: Output, result: Result, *, color: bool) -> str:
    from session_lint.report import statistics

    return statistics.render_json(result) if output.format == "json" else statistics.render(result, color=color)
