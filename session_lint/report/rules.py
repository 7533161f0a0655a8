"""Rule documentation, as text and as JSON."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

from session_lint.checks import CHECKS
from session_lint.report.terminal import draw

if TYPE_CHECKING:
    from session_lint.rules.registry import Rule

_PAGE_WIDTH = 100


def render_json(rules: Sequence[Rule]) -> str:
    """A JSON list of rules with their documentation."""
    rows = [
        {
            "code": rule.code,
            "name": rule.name,
            "summary": rule.summary,
            "severity": rule.severity.value,
            "check": rule.check,
            "default": rule.default,
            "preview": rule.preview,
            "fix": rule.fix,
            "documentation": markdown(rule),
        }
        for rule in rules
    ]
    return json.dumps(rows, indent=2, ensure_ascii=False) + "\n"


def render_index(rules: Sequence[Rule]) -> str:
    """One line a rule; an asterisk marks those that run by default."""
    width = max(len(rule.name) for rule in rules)
    lines = [
        f"{rule.code}{'*' if _runs(rule) else ' '} {rule.name:<{width}}  {rule.severity.value:<7}  {rule.summary}\n"
        for rule in rules
    ]
    return "".join(lines) + "\n* runs by default. `session-lint rule CODE` explains one.\n"


def markdown(rule: Rule) -> str:
    """The rule's documentation page."""
    first, _, rest = rule.docs.partition("\n")
    lead = first.partition(" · ")[2] or first
    facts = [f"Severity: {rule.severity.value}", stage(rule)]
    if rule.fix is not None:
        facts.append(f"{rule.fix} fix for some findings")
    row = next((check.pattern for check in CHECKS if check.id == rule.check), None)
    if row is not None:
        facts.append(f"in the compliance table: {row}")
    return f"# {rule.name} ({rule.code})\n\n{lead[:1].upper()}{lead[1:]}\n\n{'; '.join(facts)}.\n\n{rest.strip()}\n"


def stage(rule: Rule) -> str:
    """Whether a rule runs where nobody chooses."""
    if rule.always:
        return "always on"
    if rule.preview:
        return "preview"
    return "on by default" if rule.default else "off by default"


def render_terminal(pages: Sequence[str], *, color: bool) -> str:
    """Markdown pages, drawn."""
    from rich.console import Console, ConsoleOptions, RenderResult
    from rich.markdown import Heading, Markdown

    class LeftHeading(Heading):
        """A heading at the left margin, where reading begins."""

        def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
            del console, options
            self.text.justify = "left"
            self.text.stylize("bold" if self.tag == "h1" else "bold cyan")
            yield self.text

    class Page(Markdown):
        elements: ClassVar = {**Markdown.elements, "heading_open": LeftHeading}

    def print_all(console: Console) -> None:
        console.width = min(console.width, _PAGE_WIDTH)
        for page in pages:
            console.print(Page(page, code_theme="ansi_dark", hyperlinks=False))
            console.print()

    return draw(print_all, color=color)


def _runs(rule: Rule) -> bool:
    return rule.always or (rule.default and not rule.preview)
