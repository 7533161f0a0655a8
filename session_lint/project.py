"""Where a project begins, and the settings that hold in it."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import msgspec

from session_lint.errors import UserError
from session_lint.settings import Settings, find_settings_file, load_settings, settings_keys


class Project(msgspec.Struct, frozen=True):
    """The folder whose Python files are known to a run, and the file its settings came from, if any."""

    root: Path
    settings: Settings
    settings_file: Path | None

    def says(self, key: str) -> bool:
        """Whether the settings file has this key itself."""
        return self.settings_file is not None and key in settings_keys(self.settings_file)


def locate_project(
    paths: Sequence[Path], *, root: Path | None = None, config: Path | None = None, isolated: bool = False
) -> Project:
    """Find the project that ``paths`` belong to.

    The root is the folder of the settings file, else of the nearest ``pyproject.toml`` or ``.git`` upwards, else the folder
    that holds all paths.

    Args:
        paths: absolute paths; they need not exist.
        root: the root, where the user names it.
        config: the settings file, where the user names it.
        isolated: ignore settings files.

    Raises:
        UserError: the root is no folder, or the settings are not valid.
    """
    if root is not None and not os.path.isdir(root):  # noqa: PTH112  (a name that is too long makes a Path raise)
        raise UserError(f"{root} is not a folder; --root takes the folder of the project.")
    start = root.resolve() if root is not None else _common_folder(paths)
    settings_file = None
    if config is not None:
        settings_file = Path(os.path.realpath(config))  # which links in a circle do not make raise
    elif not isolated:
        settings_file = find_settings_file(start)
    settings = load_settings(settings_file) if settings_file is not None else Settings()
    if root is not None:
        return Project(start, settings, settings_file)
    if settings_file is not None and start.is_relative_to(settings_file.parent):
        return Project(settings_file.parent, settings, settings_file)
    return Project(_marked_folder(start), settings, settings_file)


def _common_folder(paths: Sequence[Path]) -> Path:
    folders = [path if path.is_dir() else path.parent for path in paths]
    try:
        return Path(os.path.commonpath(folders))
    except ValueError as error:
        raise UserError("The given paths lie on different drives; lint each drive in a run of its own.") from error


def _marked_folder(start: Path) -> Path:
    for folder in (start, *start.parents):
        if (folder / "pyproject.toml").is_file() or (folder / ".git").exists():
            return folder
    return start


def repository(folder: Path) -> Path:
    """The root of the git repository that a folder lies in; the folder itself where it lies in none."""
    return next((parent for parent in (folder, *folder.parents) if (parent / ".git").exists()), folder)
