"""``[tool.session-lint]`` and ``session-lint.toml``: found, read, validated, frozen."""

from __future__ import annotations

import difflib
import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal

import msgspec

from session_lint.errors import UserError
from session_lint.findings import Severity
from session_lint.regular import read_regular

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

SETTINGS_FILE = "session-lint.toml"

_LEAST_MEMORY = 200
"""Megabytes: what a process that parses takes before it does anything."""

DEFAULT_EXCLUDE = (
    ".bzr",
    ".direnv",
    ".eggs",
    ".git",
    ".git-rewrite",
    ".hg",
    ".ipynb_checkpoints",
    ".mypy_cache",
    ".nox",
    ".pants.d",
    ".pyenv",
    ".pytest_cache",
    ".pytype",
    ".ruff_cache",
    ".svn",
    ".tox",
    ".venv",
    ".vscode",
    "__pycache__",
    "__pypackages__",
    "_build",
    "buck-out",
    "build",
    "dist",
    "node_modules",
    "site-packages",
    "venv",
)


class ProviderSettings(msgspec.Struct, frozen=True, rename="kebab", forbid_unknown_fields=True):
    """What the user says about one provider, over what the analysis infers."""

    commits: bool | None = None


class RoleGlobs(msgspec.Struct, frozen=True, rename="kebab", forbid_unknown_fields=True):
    """Globs, relative to the project root, that give a file its role over what the analysis infers."""

    router: tuple[str, ...] = ()
    service: tuple[str, ...] = ()
    task: tuple[str, ...] = ()
    session_module: tuple[str, ...] = ()
    script: tuple[str, ...] = ()
    test: tuple[str, ...] = ()
    migration: tuple[str, ...] = ()

    def items(self) -> Iterator[tuple[str, tuple[str, ...]]]:
        """Role names, as reports spell them, with their globs."""
        for field in msgspec.structs.fields(self):
            yield field.encode_name, getattr(self, field.name)


class Settings(msgspec.Struct, frozen=True, rename="kebab", forbid_unknown_fields=True):
    """All settings; field names are the keys with hyphens.

    ``select`` is None where the user leaves the choice to the defaults. ``database_parameter_names`` are dependency names that
    hand out database parameters, beside the built-in ``db_params`` and ``get_db_params``.
    """

    transaction_owner: Literal["router", "provider", "service", "any"] = "router"
    pooler: Literal["none", "transaction", "session"] = "none"
    session_modules: tuple[str, ...] = ()
    providers: dict[str, ProviderSettings] = {}
    models: tuple[str, ...] = ()
    session_names: tuple[str, ...] = ("session", "db", "db_session", "async_session")
    roles: RoleGlobs = RoleGlobs()
    entry_point_decorators: tuple[str, ...] = ()
    database_parameter_names: tuple[str, ...] = ()
    select: tuple[str, ...] | None = None
    ignore: tuple[str, ...] = ()
    extend_select: tuple[str, ...] = ()
    per_file_ignores: dict[str, tuple[str, ...]] = {}
    exclude: tuple[str, ...] = DEFAULT_EXCLUDE
    extend_exclude: tuple[str, ...] = ()
    severity: dict[str, Severity] = {}
    baseline: str | None = None
    max_file_size: int = 1_000_000
    max_file_seconds: int = 60
    max_file_memory: int = 4_000


def parse_settings(table: Mapping[str, Any], source: str) -> Settings:
    """Validate a settings table.

    Args:
        table: the parsed TOML table.
        source: name of the file it comes from, for messages.

    Raises:
        UserError: a key is unknown or a value has the wrong type.
    """
    _refuse_unknown(table, Settings, source, "")
    _refuse_unknown(table.get("roles"), RoleGlobs, source, "roles.")
    providers = table.get("providers")
    if isinstance(providers, Mapping):
        for name, provider in providers.items():
            _refuse_unknown(provider, ProviderSettings, source, f'providers."{name}".')
    try:
        settings = msgspec.convert(table, Settings)
    except msgspec.ValidationError as error:
        raise UserError(f"{source}: {_plain(str(error))}.") from error
    if settings.max_file_size <= 0:
        raise UserError(f"{source}: `max-file-size` is a number of bytes above 0, not {settings.max_file_size}.")
    if settings.max_file_seconds <= 0:
        raise UserError(
            f"{source}: `max-file-seconds` is a number of seconds above 0, not {settings.max_file_seconds}."
        )
    if settings.max_file_memory < _LEAST_MEMORY:
        raise UserError(
            f"{source}: `max-file-memory` is a number of megabytes from {_LEAST_MEMORY} on, not {settings.max_file_memory}."
        )
    return settings


def _refuse_unknown(table: object, struct: type[msgspec.Struct], source: str, prefix: str) -> None:
    if not isinstance(table, Mapping):
        return  # a wrong type, which validation names
    known = [field.encode_name for field in msgspec.structs.fields(struct)]
    for key in table:
        if key not in known:
            raise UserError(f"{source}: unknown setting `{prefix}{key}`; {_closest(str(key), known)}")


def _closest(key: str, known: list[str]) -> str:
    close = difflib.get_close_matches(key.replace("_", "-").lower(), known, n=1, cutoff=0.4)
    return f"did you mean `{close[0]}`?" if close else f"known are {', '.join(known)}."


_CHOICES: Mapping[str, str] = MappingProxyType(
    {
        "transaction-owner": '"router", "provider", "service" or "any"',
        "pooler": '"none", "transaction" or "session"',
        "severity": '"error", "warning" or "info"',
    }
)


def _plain(message: str) -> str:
    """Msgspec's message in our words: the key first, TOML's names for types, the choices of an enumeration."""
    text, _, path = message.partition(" - at ")
    found = re.match(r"`\$\.?([\w-]*)(.*)`", path)
    if found is None:
        return message
    key, rest = found.groups()
    if text.startswith("Invalid enum value"):
        value = text.removeprefix("Invalid enum value ")
        return f"`{key}` is {_CHOICES.get(key, 'one of a fixed list')}, not {value}"
    types = {"object": "table", "str": "string", "int": "integer", "float": "number", "bool": "boolean"}
    words = re.sub(r"`(\w+)( \| null)?`", lambda match: f"`{types.get(match[1], match[1])}`", text)
    where = " (in one of its items)" if rest else ""
    return f"`{key}`{where}: {words[0].lower()}{words[1:]}"


def read_toml(path: Path) -> dict[str, Any]:
    """Read a TOML file.

    Raises:
        UserError: it cannot be read or is not TOML.
    """
    try:
        data: dict[str, Any] = tomllib.loads(read_regular(path).decode("utf-8-sig"))
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror}.") from error
    except ValueError as error:  # also of a number with thousands of digits, which the parser lets through
        raise UserError(f"{path} is not valid TOML: {error}.") from error
    except RecursionError as error:
        raise UserError(f"{path} cannot be read: it is nested too deeply.") from error
    return data


def load_settings(path: Path) -> Settings:
    """Read the settings that a file holds; a ``pyproject.toml`` without our table holds the defaults.

    Raises:
        UserError: the file cannot be read, or holds an unknown key or a wrong type.
    """
    table = _table(path)
    return Settings() if table is None else parse_settings(table, str(path))


def find_settings_file(folder: Path) -> Path | None:
    """The nearest file, upwards from ``folder``, that holds settings.

    Raises:
        UserError: a ``pyproject.toml`` on the way is not valid TOML.
    """
    for parent in (folder, *folder.parents):
        pyproject = parent / "pyproject.toml"
        if pyproject.is_file() and _table(pyproject) is not None:
            return pyproject
        own = parent / SETTINGS_FILE
        if own.is_file():
            return own
    return None


def _table(path: Path) -> dict[str, Any] | None:
    data = read_toml(path)
    if path.name != "pyproject.toml":
        return data
    tool = data.get("tool")
    table = tool.get("session-lint") if isinstance(tool, dict) else None
    if table is not None and not isinstance(table, dict):
        raise UserError(f"{path}: `tool.session-lint` is a table, not {table!r}.")
    return table
