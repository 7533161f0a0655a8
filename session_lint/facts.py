"""What a project says about its Python and the versions of its libraries, in lock files, requirements and ``pyproject.toml``."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec

from session_lint.errors import UserError
from session_lint.regular import read_regular
from session_lint.settings import read_toml

_PINNED = r"\s*([A-Za-z0-9][A-Za-z0-9._-]*)\s*(?:\[[^\]]*\])?\s*={2,3}\s*v?(\d[\w.!+-]*)\s*(?:$|[;#\\\s])"
_LOCK_FILES = ("uv.lock", "poetry.lock", "pdm.lock", "pylock.toml")


class ProjectFacts(msgspec.Struct, frozen=True):
    """Args:
    python: the lowest Python version that the project supports, ``3.10``, where it says so.
    versions: exact versions by normalised distribution name (``sqlalchemy``); a library that is pinned nowhere, or
        differently in two places of the same rank, is left out.
    """

    python: str | None = None
    versions: Mapping[str, str] = {}


def read_facts(root: Path) -> ProjectFacts:
    """Collect the facts of the project at ``root``; lock files count before requirements, and these before ``pyproject.toml``.

    Files are looked for in the root and above it up to the top of its git repository, for workspaces keep one lock file there.
    """
    pinned: dict[str, str] = {}
    python = None
    for folder in _folders(root):
        project = _toml(folder / "pyproject.toml")
        for source in (_lock_pins(folder), _requirement_pins(folder), _project_pins(project)):
            for name, version in _unambiguous(source).items():
                pinned.setdefault(name, version)
        python = python or _lowest_python(project)
    return ProjectFacts(python, pinned)


def fact_files(root: Path) -> Iterator[Path]:
    """The files that facts are read from, those that are not there included."""
    for folder in _folders(root):
        for name in ("pyproject.toml", *_LOCK_FILES, "Pipfile.lock"):
            yield folder / name
        yield from _requirement_files(folder)


def _folders(root: Path) -> Iterator[Path]:
    chain = [root, *root.parents]
    top = next((index for index, folder in enumerate(chain) if (folder / ".git").exists()), 0)
    yield from chain[: top + 1]


def _unambiguous(pins: Iterable[tuple[str, str]]) -> dict[str, str]:
    seen: dict[str, set[str]] = {}
    for name, version in pins:
        seen.setdefault(re.sub(r"[-_.]+", "-", name).lower(), set()).add(version)
    return {name: next(iter(versions)) for name, versions in seen.items() if len(versions) == 1}


def _lock_pins(folder: Path) -> Iterator[tuple[str, str]]:
    for name in _LOCK_FILES:
        data = _toml(folder / name)
        for package in [*_items(data.get("package")), *_items(data.get("packages"))]:
            if isinstance(package.get("name"), str) and isinstance(package.get("version"), str):
                yield package["name"], package["version"]
    import json  # not needed where the analysis is known

    try:
        pipfile = json.loads(read_regular(folder / "Pipfile.lock"))
    except (OSError, ValueError, RecursionError):
        return
    section = pipfile.get("default") if isinstance(pipfile, dict) else None
    for name, package in (section if isinstance(section, dict) else {}).items():
        if isinstance(package, dict) and str(package.get("version", "")).startswith("=="):
            yield name, package["version"].removeprefix("==")


def _requirement_files(folder: Path) -> list[Path]:
    return sorted([*folder.glob("requirements*.txt"), *folder.glob("requirements/*.txt")])


def _requirement_pins(folder: Path) -> Iterator[tuple[str, str]]:
    for file in _requirement_files(folder):
        try:
            lines = read_regular(file).decode("utf-8-sig", "replace").splitlines()
        except OSError:
            continue
        yield from _pins(lines)


def _project_pins(data: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    project = _table(data, "project")
    yield from _pins(project.get("dependencies"))
    for group in _table(project, "optional-dependencies").values():
        yield from _pins(group)
    for name, wanted in _table(data, "tool", "poetry", "dependencies").items():
        version = wanted.get("version") if isinstance(wanted, dict) else wanted
        if isinstance(version, str):
            yield from _pins([f"{name}=={version.lstrip('=')}" if re.match(r"={0,2}\d+\.\d+\.\d+$", version) else ""])


def _pins(requirements: object) -> Iterator[tuple[str, str]]:
    for requirement in requirements if isinstance(requirements, list) else ():
        found = re.match(_PINNED, requirement) if isinstance(requirement, str) else None
        if found is not None:
            yield found[1], found[2]


def _lowest_python(data: Mapping[str, Any]) -> str | None:
    for wanted in (
        _table(data, "project").get("requires-python"),
        _table(data, "tool", "poetry", "dependencies").get("python"),
    ):
        found = re.search(r"(?:>=|~=|==|\^|^)\s*(\d+\.\d+)", wanted) if isinstance(wanted, str) else None
        if found is not None:
            return found[1]
    return None


def _toml(path: Path) -> Mapping[str, Any]:
    """The file's content, empty where there is none: a lock file that does not parse only leaves versions unknown."""
    try:
        return read_toml(path)
    except UserError:
        return {}


def _table(data: Mapping[str, Any], *keys: str) -> Mapping[str, Any]:
    for key in keys:
        inner = data.get(key)
        if not isinstance(inner, dict):
            return {}
        data = inner
    return data


def _items(value: object) -> list[Mapping[str, Any]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []
