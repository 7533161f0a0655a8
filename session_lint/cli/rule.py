"""``session-lint rule``."""

from __future__ import annotations

import click

from session_lint.cli.help import Command
from session_lint.cli.options import ascii_only, use_color, write


@click.command(cls=Command)
@click.argument("codes", nargs=-1)
@click.option("--all", "everything", is_flag=True, help="Explain all rules.")
@click.option("--output-format", type=click.Choice(["text", "json"]), default="text", help="How the rules are written.")
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
        text = report.render_json(chosen)
    elif codes or everything:
        pages = [report.markdown(one) for one in chosen]
        text = report.render_terminal(pages, color=True) if _is_drawn(color) else "\n".join(pages)
    else:
        text = report.render_index(chosen)
    write(text, None)


def _is_drawn(color: str) -> bool:
    """Whether pages are drawn in colour; else they are the Markdown that they are, for pipes and plain terminals."""
    return use_color(color, to_file=False) and not (color == "auto" and ascii_only())
