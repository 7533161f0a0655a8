"""Writes what names all rules: docs/rules, with a table and a page for each from its own documentation, and the settings' schema.

python scripts/rule_pages.py
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "proofs")]

from conventions import CONVENTIONS  # noqa: E402

from session_lint.report.rules import markdown, stage  # noqa: E402
from session_lint.rules.registry import Rule, load_rules  # noqa: E402
from session_lint.settings_schema import SCHEMA_FILE, settings_schema  # noqa: E402

FOLDER = ROOT / "docs" / "rules"
COMMAND = "python scripts/rule_pages.py"

_GROUPS = {
    "SL1": "Where sessions and engines come from",
    "SL2": "How long a session lives, and who shares it",
    "SL3": "Who begins and ends transactions",
    "SL4": "Async",
    "SL5": "Connection poolers and options",
    "SL9": "The lint itself",
}
_HEAD = f"""\
# Rules

<!-- Written by `{COMMAND}`. -->

What each rule reports, why, and what to write instead; `session-lint rule SL302` shows the same in a terminal. Rules that are on by default run
where nobody chooses otherwise; those that are off are switched on with `extend-select`; preview rules, which are not settled yet, run where their
own code is selected, or with `--preview`. Safe fixes are made by `check --fix`, unsafe ones with `--unsafe-fixes` too.
"""


def pages() -> dict[str, str]:
    """The content of every file in the folder, by name."""
    rules = load_rules()
    return {"index.md": _index(rules), **{f"{rule.code}.md": _page(rule) for rule in rules}}


def _index(rules: tuple[Rule, ...]) -> str:
    return "\n".join([_HEAD, *(line for prefix, title in _GROUPS.items() for line in _group(rules, prefix, title))])


def _group(rules: tuple[Rule, ...], prefix: str, title: str) -> Iterator[str]:
    yield f"## {prefix}: {title}\n"
    yield "| code | name | reports | severity | runs | fix |"
    yield "| --- | --- | --- | --- | --- | --- |"
    for rule in rules:
        if rule.code.startswith(prefix):
            cells = (
                f"[{rule.code}]({rule.code}.md)",
                rule.name,
                rule.summary,
                rule.severity.value,
                stage(rule),
                rule.fix or "",
            )
            yield f"| {' | '.join(cell.replace('|', '&#124;') for cell in cells)} |"
    yield ""


def _page(rule: Rule) -> str:
    return f"{markdown(rule)}\n## Proof\n{_proof(rule)}\n\n[All rules](index.md)\n"


def _proof(rule: Rule) -> str:
    if rule.code in CONVENTIONS:
        return f"None: {CONVENTIONS[rule.code][0].lower()}{CONVENTIONS[rule.code][1:]}"
    name = f"tests/proofs/test_{rule.code.lower()}.py"
    return f"[{name}](../../{name}) runs the example, which does the harm, and what to use instead, which does not."


def stale() -> list[str]:
    """Names of files in the folder that are not as they would be written, or that no rule has."""
    wanted = pages()
    there = {path.name: path.read_text("utf-8") for path in FOLDER.glob("*.md")}
    return sorted(name for name in wanted.keys() | there.keys() if wanted.get(name) != there.get(name))


def schema() -> str:
    """The content of the settings' schema."""
    return json.dumps(settings_schema(load_rules()), indent=2) + "\n"


def main() -> None:
    """Write what is stale, remove what no rule has."""
    (ROOT / "session_lint" / SCHEMA_FILE).write_text(schema(), "utf-8", newline="\n")
    FOLDER.mkdir(parents=True, exist_ok=True)
    wanted = pages()
    for name in stale():
        if name in wanted:
            (FOLDER / name).write_text(wanted[name], "utf-8", newline="\n")
        else:
            (FOLDER / name).unlink()


if __name__ == "__main__":
    main()
