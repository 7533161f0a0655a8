"""``session-lint rule``."""

from __future__ import annotations

import io
from typing import Any

import click

from session_lint.cli.options import ascii_only, use_color


@click.command()
@click.argument("codes", nargs=-1)
@click.option("--all", "everything", is_flag=True, help="Explain all rules.")
@click.option("--output-format", type=click.Choice(["text", "json"]), default="text", show_default=True)
@click.option("--color", type=click.Choice(["auto", "always", "never"]), default="auto", help="When to use colours.")
def rule(codes: tuple[str, ...], everything: bool, output_format: str, color: str) -> None:
    """Explain the rules that CODES (codes, prefixes of codes or names) mean; without any, list all rules."""
    from session_lint.report import rules as report
    from session_lint.rules.registry import load_rules, matches, require_match

    rules = load_rules()
    for code in codes:
        require_match(rules, code, "command line")
    chosen = [one for one in rules if everything or not codes or any(matches(one, code) for code in codes)]
    if output_format == "json":
        click.echo(report.render_json(chosen), nl=False)
    elif codes or everything:
        click.echo(_pages([report.markdown(one) for one in chosen], colored=use_color(color, to_file=False)), nl=False)
    else:
        click.echo(report.render_index(chosen), nl=False)


def _pages(pages: list[str], *, colored: bool) -> str:
    """The pages drawn for the terminal, or as the Markdown they are where it is a plain one."""
    if ascii_only():
        return "\n".join(pages)
    from rich.console import Console
    from rich.markdown import Markdown

    text = io.StringIO()
    options: dict[str, Any] = {"color_system": "standard"} if colored else {"no_color": True, "color_system": None}
    console = Console(file=text, force_terminal=colored, legacy_windows=False, **options)
    width = min(console.width, 100)
    for page in pages:
        console.print(Markdown(page, code_theme="ansi_dark"), width=width)
        console.print()
    return text.getvalue()
