"""The forms that findings are written in. A form's module is imported when it is used."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from session_lint.result import Result


class Format(NamedTuple):
    """One form.

    Args:
        module: the module in this package whose ``render`` writes it.
        syntax: of what it writes: ``text``, ``json``, ``xml``, or ``commands`` to the log of a CI job.
        colored: it may be coloured.
        summary: on standard output, the summary of the run follows it.
        in_repository: its reader knows files by their path in the repository, not by that from the current folder.
    """

    module: str
    syntax: str = "text"
    colored: bool = False
    summary: bool = False
    in_repository: bool = False


FORMATS: Mapping[str, Format] = MappingProxyType(
    {
        "full": Format("full", colored=True, summary=True),
        "concise": Format("concise", colored=True, summary=True),
        "grouped": Format("grouped", colored=True, summary=True),
        "json": Format("json_list", "json"),
        "json-lines": Format("json_lines", "json"),
        "sarif": Format("sarif", "json", in_repository=True),
        "github": Format("github", "commands", summary=True, in_repository=True),
        "gitlab": Format("gitlab", "json", in_repository=True),
        "junit": Format("junit", "xml"),
        "markdown": Format("markdown"),
    }
)


def render(name: str, result: Result, folder: Path, *, color: bool = False) -> str:
    """The findings in one form.

    Args:
        name: of the form.
        result: what is found.
        folder: the current folder, from which paths are spelled where the form's reader does not want them otherwise.
        color: colours are wanted.
    """
    from session_lint.project import repository
    from session_lint.report.style import path_speller

    form = FORMATS[name]
    module = importlib.import_module(f"session_lint.report.{form.module}")
    show = path_speller(result.root, repository(result.root) if form.in_repository else folder)
    text: str = module.render(result, show, color=color) if form.colored else module.render(result, show)
    return text
