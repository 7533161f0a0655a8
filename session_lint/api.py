"""The public API: what the command line runs, from Python."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec.structs import replace

from session_lint.novelty import find_past
from session_lint.pipeline import run
from session_lint.projects import combine, find_projects
from session_lint.request import Request
from session_lint.result import Result

if TYPE_CHECKING:
    from concurrent.futures import Executor


def check(
    paths: Sequence[str | Path] = (".",),
    *,
    root: Path | None = None,
    config: Path | None = None,
    cache_dir: Path | None = None,
    executor: Executor | None = None,
) -> Result:
    """Lint files and folders, knowing the whole project around them.

    Args:
        paths: what to report on.
        root: the project's root, where it is not the folder of the settings, ``pyproject.toml`` or ``.git`` above ``paths``.
        config: the settings file, where it is not the nearest one.
        cache_dir: a folder to keep results in for the next run; None: nothing is kept.
        executor: parses the files, in threads, processes or on other machines; None: processes of our own do.

    Raises:
        UserError: a path does not exist, there is no Python file, or the settings are not valid.
    """

    request = Request(
        paths=tuple(Path(path) for path in paths),
        root=root,
        config=config,
        cache=cache_dir is not None,
        cache_dir=cache_dir,
        executor=executor,
    )
    return combine([run(replace(request, past=find_past(request, files)), files) for files in find_projects(request)])
