"""Which files are read, and which of them are reported on."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path, PurePosixPath

import msgspec

from session_lint.errors import UserError, shortened
from session_lint.patterns import Patterns
from session_lint.regular import read_regular
from session_lint.settings import SETTINGS_FILES, has_settings

PYTHON_SUFFIXES = (".py", ".pyi")
NOTEBOOK_SUFFIX = ".ipynb"
_SUFFIXES = (*PYTHON_SUFFIXES, NOTEBOOK_SUFFIX)
_IGNORE_FILE = ".gitignore"
_ENVIRONMENT = "pyvenv.cfg"
"""What stands in every virtual environment."""


class Discovery(msgspec.Struct, frozen=True):
    """The files of a run, as sorted paths relative to the root with forward slashes.

    Args:
        known: every file that is read.
        reported: those among them that the user asked about.
        excluded: given paths that ``force_exclude`` left out.
        unreadable: folders that could not be listed, with the reason.
        notebooks: notebooks that the user asked about, which are not read.
        special: files by the name of a Python file that the user asked about and that are no files to read: FIFOs and the like.
        inner: folders that the user asked about and that have settings of their own: they are projects of their own.
    """

    known: tuple[str, ...]
    reported: tuple[str, ...]
    excluded: tuple[str, ...]
    unreadable: tuple[tuple[str, str], ...]
    notebooks: tuple[str, ...] = ()
    special: tuple[str, ...] = ()
    inner: tuple[str, ...] = ()


def discover(
    root: Path,
    paths: Sequence[Path],
    exclude: Iterable[str],
    *,
    force_exclude: bool = False,
    virtual: Sequence[str] = (),
    nested: bool = False,
) -> Discovery:
    """Find the Python files below ``root``, and those that ``paths`` name.

    Files that ``.gitignore``, ``.git/info/exclude`` or ``exclude`` match are left out, as are virtual environments and symbolic
    links. A path that the user gives is taken all the same, whatever its suffix, unless ``force_exclude`` is set.

    Args:
        root: resolved folder of the project.
        paths: resolved files and folders.
        exclude: patterns as in ``.gitignore``, relative to the root.
        virtual: files, relative to the root, whose content comes from elsewhere, so that they need not exist.
        nested: folders below the root that have settings of their own belong to it all the same.

    Raises:
        UserError: a path does not exist, cannot be read, or lies outside the root.
    """
    walk = _Walk(root, exclude, nested=nested)
    known = set(walk.files())
    reported: set[str] = set()
    excluded: list[str] = []
    notebooks: set[str] = set()
    special: set[str] = set()
    projects: set[str] = set()
    for path in paths:
        relative = _relative(root, path, virtual)
        if force_exclude and walk.excludes(relative, is_folder=path.is_dir()):
            excluded.append(relative)
        elif not path.is_dir():
            (notebooks if relative.endswith(NOTEBOOK_SUFFIX) and relative not in virtual else reported).add(relative)
        elif walk.excludes(relative, is_folder=True):
            # Asked for by name, so what excludes the folder itself does not count inside it.
            below = _Walk(path, exclude, outer_ignores=False, nested=nested)
            reported.update(f"{relative}/{file}" for file in below.files())
            walk.unreadable.extend((f"{relative}/{folder}", reason) for folder, reason in below.unreadable)
            notebooks.update(f"{relative}/{file}" for file in below.notebooks)
            special.update(f"{relative}/{file}" for file in below.special)
            projects.update(f"{relative}/{folder}" for folder in below.inner)
        else:
            kinds = ((reported, known), (notebooks, walk.notebooks), (special, walk.special), (projects, walk.inner))
            for asked, files in kinds:
                asked.update(files if relative == "." else [one for one in files if one.startswith(f"{relative}/")])
    all_known = tuple(sorted(known | reported))
    return Discovery(
        all_known,
        all_known if len(reported) == len(all_known) else tuple(sorted(reported)),
        tuple(excluded),
        tuple(walk.unreadable),
        tuple(sorted(notebooks)),
        tuple(sorted(special)),
        tuple(sorted(projects)),
    )


def finder(root: Path, exclude: Iterable[str], *, nested: bool = False) -> Callable[[str], bool]:
    """Tells whether ``discover`` would find a file below ``root``, given its path alone: it need not be there."""
    walk = _Walk(root, exclude, nested=nested)
    return lambda path: path.endswith(PYTHON_SUFFIXES) and not walk.excludes(path, is_folder=False)


def _relative(root: Path, path: Path, virtual: Sequence[str]) -> str:
    if path.is_relative_to(root) and path.relative_to(root).as_posix() in virtual:
        return path.relative_to(root).as_posix()
    if not path.exists():
        raise UserError(f"{shortened(path)} does not exist.")
    if not (path.is_dir() or path.is_file()):
        raise UserError(f"{shortened(path)} is neither a file nor a folder.")
    if not os.access(path, os.R_OK):
        raise UserError(f"{shortened(path)} cannot be read: permission denied.")
    try:
        return path.relative_to(root).as_posix()
    except ValueError as error:
        raise UserError(
            f"{shortened(path)} lies outside the project root {root}; name a common folder with --root."
        ) from error


class _Walk:
    """One walk down from a folder, with the ignore files found on the way."""

    def __init__(self, base: Path, exclude: Iterable[str], *, outer_ignores: bool = True, nested: bool = False) -> None:
        self.base = base
        self.inner: list[str] = []
        self.unreadable: list[tuple[str, str]] = []
        self.notebooks: list[str] = []
        self.special: list[str] = []
        self._exclude = Patterns(exclude)
        self._nested = nested
        self._projects: dict[str, bool] = {}
        # Ignore files by the folder they stand in, outermost first; a path is judged by the innermost that mentions it.
        self._outer = list(_outer_ignores(base)) if outer_ignores else []
        self._ignores: dict[str, tuple[tuple[Patterns, int], ...]] = {}

    def files(self) -> Iterator[str]:
        # Folders that are to be listed, and whether a pattern may say something of them, and so of all that is in them.
        pending = [(".", any(outer.speaks_of(prefix) for prefix, outer in self._outer))]
        while pending:
            folder, spoken_of = pending.pop()
            place = f"{self.base}/{folder}"
            try:
                entries = list(os.scandir(place))
            except OSError as error:
                if folder == "." or not _is_environment(place):
                    self.unreadable.append((folder, error.strerror or "unknown reason"))
                continue
            names = {entry.name for entry in entries}
            if folder != "." and _ENVIRONMENT in names and _is_environment(place):
                continue
            if not SETTINGS_FILES.isdisjoint(names) and self._is_project(folder):
                self.inner.append(folder)
                continue
            above = "" if folder == "." else f"{folder}/"
            said = names if spoken_of else self._said(above, names)
            for entry in entries:
                name = entry.name
                if entry.is_dir(follow_symlinks=False):
                    is_said = name in said
                    if not (is_said and self._ignored(above + name, is_folder=True)):
                        pending.append((above + name, is_said))
                elif (
                    not name.endswith(_SUFFIXES)
                    or entry.is_symlink()
                    or (name in said and self._ignored(above + name, is_folder=False))
                ):
                    continue
                elif not entry.is_file(follow_symlinks=False):
                    self.special.append(above + name)
                elif name.endswith(NOTEBOOK_SUFFIX):
                    self.notebooks.append(above + name)
                else:
                    yield above + name

    def _said(self, above: str, names: set[str]) -> set[str]:
        """Of which files and folders in a folder, of which itself nothing is said, some pattern may say something."""
        said = self._exclude.among(above, names)
        for patterns, start in self._ignores_of(above[:-1], has_own=_IGNORE_FILE in names):
            said |= patterns.among(above[start:], names)
        for prefix, outer in self._outer:
            said |= outer.among(prefix + above, names)
        return said

    def excludes(self, path: str, *, is_folder: bool) -> bool:
        """Whether the walk would leave out ``path``, by itself or by one of its parents."""
        if path == ".":
            return False
        parents = [parent.as_posix() for parent in PurePosixPath(path).parents if parent.name]
        return self._ignored(path, is_folder=is_folder) or any(
            self._ignored(parent, is_folder=True)
            or _is_environment(str(self.base / parent))
            or self._is_project(parent)
            for parent in parents
        )

    def _is_project(self, folder: str) -> bool:
        """Whether a folder below the base has settings of its own, which make it a project of its own."""
        if self._nested or folder == ".":
            return False
        if folder not in self._projects:
            self._projects[folder] = has_settings(self.base / folder)
        return self._projects[folder]

    def _ignored(self, path: str, *, is_folder: bool) -> bool:
        spelled = f"{path}/" if is_folder else path
        if self._exclude.verdict(spelled):
            return True
        for patterns, start in self._ignores_of(path.rpartition("/")[0]):
            verdict = patterns.verdict(spelled[start:])
            if verdict is not None:
                return verdict
        for prefix, outer in reversed(self._outer):
            verdict = outer.verdict(prefix + spelled)
            if verdict is not None:
                return verdict
        return False

    def _ignores_of(self, folder: str, *, has_own: bool = True) -> tuple[tuple[Patterns, int], ...]:
        """The ignore files in a folder, where it may have one, and above it, innermost first; and where the paths that they judge start."""
        if folder not in self._ignores:
            above = self._ignores_of(folder.rpartition("/")[0]) if folder else ()
            own = _read_ignores(self.base / folder / _IGNORE_FILE) if has_own else None
            self._ignores[folder] = above if own is None else ((own, len(folder) + 1 if folder else 0), *above)
        return self._ignores[folder]


def _outer_ignores(base: Path) -> Iterator[tuple[str, Patterns]]:
    """Ignore files above ``base`` in its git repository, outermost first, with the way from their folder down to it."""
    top = next((folder for folder in (base, *base.parents) if (folder / ".git").exists()), None)
    if top is None:
        return
    folders = [folder for folder in reversed(base.parents) if folder.is_relative_to(top)]
    files = [(top, top / ".git" / "info" / "exclude"), *((folder, folder / _IGNORE_FILE) for folder in folders)]
    for folder, file in files:
        spec = _read_ignores(file)
        if spec is not None:
            prefix = base.relative_to(folder).as_posix()
            yield ("" if prefix == "." else f"{prefix}/"), spec


def _read_ignores(file: Path) -> Patterns | None:
    try:
        return Patterns(read_regular(file).decode("utf-8", "replace").splitlines())
    except (OSError, ValueError):
        return None


def _is_environment(folder: str) -> bool:
    return os.path.exists(f"{folder}/{_ENVIRONMENT}")  # noqa: PTH110  (a Path for each folder is slow)
