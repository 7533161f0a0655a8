"""The settings that hold in a run, each with where it comes from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import msgspec
import tomlkit

from session_lint.cache.store import CACHE_FOLDER
from session_lint.settings import Settings, settings_keys

if TYPE_CHECKING:
    from session_lint.request import Files, Request

_DEFAULT = "default"
_OPTION = "command line"


def render(request: Request, files: Files) -> str:
    """The settings of one project as TOML, with a comment on each that says where it comes from.

    Args:
        request: the run, whose options come before the file's settings.
        files: the project, and its files.
    """
    project = files.project
    file = project.settings_file
    cache = request.cache_dir or project.root / CACHE_FOLDER
    lines = [
        f"# project: {project.root}",
        f"# settings: {file or 'defaults; no settings file'}",
        f"# cache: {cache if request.cache else 'none'}",
        f"# files: {len(files.discovery.reported)} reported on, {len(files.discovery.known)} known",
    ]
    rows = list(_rows(request, files, "" if file is None else file.name))
    for text, source in rows:
        lines.extend((f"# {source}", text) if "\n" in text else (f"{text}  # {source}",))
    return "".join(f"{line}\n" for line in lines)


def _rows(request: Request, files: Files, file: str) -> Iterator[tuple[str, str]]:
    """Each setting as TOML, and where it comes from."""
    project = files.project
    given = settings_keys(project.settings_file) if project.settings_file is not None else frozenset()
    replaced, added = _options(request)
    for field in msgspec.structs.fields(Settings):
        key = field.encode_name
        value = msgspec.to_builtins(getattr(project.settings, field.name))
        source = file if key in given else _DEFAULT
        if key in replaced:
            value, source = replaced[key], _OPTION
        elif added.get(key):
            value = [*(value or ()), *added[key]]
            source = f"{source} and {_OPTION}" if len(value) > len(added[key]) else _OPTION
        yield (f"# {key} is not set" if value is None else _toml(key, value)), source


def _options(request: Request) -> tuple[Mapping[str, Any], Mapping[str, Sequence[str]]]:
    """What options of the command line replace, and what they add."""
    selection = request.selection
    replaced: dict[str, Any] = {}
    if selection.select is not None:
        replaced["select"] = selection.select
    if request.exclude is not None:
        replaced["exclude"] = request.exclude
    if request.per_file_ignores is not None:
        replaced["per-file-ignores"] = request.per_file_ignores
    added = {
        "ignore": selection.ignore,
        "extend-select": selection.extend_select,
        "extend-exclude": request.extend_exclude,
    }
    return replaced, added


def _toml(key: str, value: Any) -> str:
    document = tomlkit.document()
    document[key] = _item(value)
    return document.as_string().rstrip("\n")


def _item(value: Any) -> Any:
    if isinstance(value, Mapping):
        table = tomlkit.inline_table()
        table.update({key: _item(one) for key, one in value.items() if one not in (None, [], ())})
        return table
    if isinstance(value, (list, tuple)):
        return tomlkit.item([*value])
    return value
