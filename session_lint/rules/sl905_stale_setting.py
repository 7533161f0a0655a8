"""SL905 stale-setting · a setting names files or a provider that the project does not have, or the baseline findings that are gone.

## What it does
Reports, in the settings file, a pattern in `per-file-ignores`, `roles` or `session-modules` that matches no Python file of
the project, and a name in `providers` that is no function, method or class of it. Only where the run reports on the whole
project. In the baseline it reports, once, the entries that no finding matches any more; `session-lint baseline --prune` takes
them out.

## Why is this bad?
The file was moved or renamed, and what was decided about it no longer holds: its findings are back, or it is judged as what
it is not. A pattern that was misspelled from the start never did anything, and nothing else says so. An entry of the baseline whose finding was mended
excuses the next one like it.

## Example
```toml
[tool.session-lint]
per-file-ignores = { "scripts/*.py" = ["SL1"] }    # the folder is called tools/ by now
```

## Use instead
```toml
[tool.session-lint]
per-file-ignores = { "tools/*.py" = ["SL1"] }
```

## When not to use
Where one settings file is shared by projects that do not all have the same folders, ignore the rule in it:
`ignore = ["SL905"]`.

## References
- [gitignore, pattern format](https://git-scm.com/docs/gitignore#_pattern_format), which these patterns have
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from session_lint.findings import Finding, Severity
from session_lint.ir import Span
from session_lint.regular import read_regular
from session_lint.rules.registry import stage_rule
from session_lint.settings import Settings
from session_lint.source import split_lines

if TYPE_CHECKING:
    from session_lint.program import Program

STALE_SETTING = stage_rule("SL905", "stale-setting", severity=Severity.WARNING, docs=__doc__ or "")


def stale(
    settings: Settings, defined: Collection[str], known: tuple[str, ...], file: Path, root: Path
) -> Iterator[Finding]:
    """The settings in ``file`` that match nothing.

    Args:
        settings: the settings.
        defined: those of the functions and classes they name that are in the project.
        known: the paths of all its files, those that could not be read included.
        file: where the settings are.
        root: the project's root.
    """
    lines = split_lines(read_regular(file).decode("utf-8-sig", "replace"))
    path = Path(os.path.relpath(file, root)).as_posix()
    for key, pattern in _patterns(settings):
        from pathspec import GitIgnoreSpec  # only where a setting has patterns

        if not any(True for _ in GitIgnoreSpec.from_lines([pattern]).match_files(known)):
            message = f'`{key}`: "{pattern}" matches no file of the project; correct it or take it out'
            yield STALE_SETTING.finding(path, _place(lines, pattern), message, symbol=key)
    for name in settings.providers:
        if name not in defined:
            message = f'`providers`: "{name}" is not defined in the project; correct it or take it out'
            yield STALE_SETTING.finding(path, _place(lines, name), message, symbol="providers")


def stale_entries(file: Path, rows: Sequence[int], root: Path) -> Iterator[Finding]:
    """What is to be said of a baseline's rows that match nothing: all at once, since one command mends them."""
    if not rows:
        return
    number, verb = ("1 entry", "matches") if len(rows) == 1 else (f"{len(rows)} entries", "match")
    path = Path(os.path.relpath(file, root)).as_posix()
    message = f"{number} of the baseline {verb} no finding any more; take such entries out with `session-lint baseline --prune`"
    yield STALE_SETTING.finding(path, Span(rows[0], 1, rows[0], 2), message, symbol="baseline")


def _patterns(settings: Settings) -> Iterator[tuple[str, str]]:
    yield from (("per-file-ignores", pattern) for pattern in settings.per_file_ignores)
    yield from (("session-modules", pattern) for pattern in settings.session_modules)
    for role, patterns in settings.roles.items():
        yield from ((f"roles.{role}", pattern) for pattern in patterns)


def defined_providers(program: Program) -> frozenset[str]:
    """The names in the setting ``providers`` that are defined in the project."""
    names = {f"{module.name}.{unit.qualname}" for module in program.modules for unit in module.functions}
    names |= {f"{module.name}.{unit.qualname}" for module in program.modules for unit in module.classes}
    return frozenset(names & program.settings.providers.keys())


def _place(lines: list[str], text: str) -> Span:
    """Where the text stands between quotes, below our section's head where the file has one; else the file's start."""
    head = next((row for row, line in enumerate(lines) if line.lstrip().startswith("[tool.session-lint")), 0)
    for row, line in enumerate(lines[head:], head + 1):
        for quote in ('"', "'"):
            column = line.find(f"{quote}{text}{quote}")
            if column >= 0:
                return Span(row, column + 1, row, column + len(text) + 3)
    return Span(1, 1, 1, 2)
