"""``session-lint clean``."""

from __future__ import annotations

from pathlib import Path

import click

from session_lint.cli.help import Command
from session_lint.cli.options import say
from session_lint.errors import UserError


@click.command(cls=Command)
@click.argument("path", type=click.Path(path_type=Path), default=Path())
@click.option("--root", type=click.Path(path_type=Path), help="Folder of the project.")
@click.option(
    "--cache-dir",
    type=click.Path(path_type=Path, file_okay=False),
    envvar="SESSION_LINT_CACHE_DIR",
    show_envvar=True,
    help="The cache folder, where it is not .session_lint_cache in the project's root.",
)
def clean(path: Path, *, root: Path | None, cache_dir: Path | None) -> None:
    """Delete the cache of the project at PATH (default: the current folder)."""
    from session_lint.cache.store import CACHE_FOLDER
    from session_lint.cache.store import clean as delete
    from session_lint.project import locate_project

    if not (Path.cwd() / path).exists():
        raise UserError(f"{path} does not exist.")
    folder = cache_dir
    if folder is None:
        folder = locate_project([(Path.cwd() / path).resolve()], root=root).root / CACHE_FOLDER
    if delete(folder):
        say(f"Deleted {folder}.", err=False)
    else:
        say(f"There is no {folder}.", err=False)
