"""``[tool.session-lint]`` and ``session-lint.toml``: found, read, validated, frozen."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from session_lint.errors import UserError
from session_lint.findings import Severity
from session_lint.patterns import require_patterns
from session_lint.regular import read_regular

PYPROJECT = "pyproject.toml"
SETTINGS_FILE = "session-lint.toml"
BASELINE_FILE = "session-lint-baseline.jsonl"
SETTINGS_FILES = frozenset({PYPROJECT, SETTINGS_FILE})

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

    commits: Annotated[bool | None, Meta(description="Whether the provider commits the session by itself.")] = None


class RoleGlobs(msgspec.Struct, frozen=True, rename="kebab", forbid_unknown_fields=True):
    """Patterns, relative to the project's root, that give a file its role over what the analysis infers."""

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
    """Settings of session-lint, as they stand in [tool.session-lint] of pyproject.toml or in session-lint.toml."""

    # Field names are the keys with hyphens; the descriptions are for the editors that read the schema.
    transaction_owner: Annotated[
        Literal["router", "provider", "service", "any"],
        Meta(description="Who begins and commits transactions; with any, the rules on it (SL301 to SL303) are off."),
    ] = "router"
    pooler: Annotated[
        Literal["none", "transaction", "session"],
        Meta(description="The mode of the connection pooler (PgBouncer, Supavisor) in front of the database."),
    ] = "none"
    session_modules: Annotated[
        tuple[str, ...],
        Meta(
            description="Patterns of the modules that may build engines and sessions; found by themselves when empty."
        ),
    ] = ()
    providers: Annotated[
        dict[str, ProviderSettings],
        Meta(
            description="Functions that hand out sessions, by their qualified names, where inference is wrong about them."
        ),
    ] = {}
    models: Annotated[
        tuple[str, ...],
        Meta(description="Files that say which library calls hand out, keep or commit sessions."),
    ] = ()
    session_names: Annotated[
        tuple[str, ...],
        Meta(description="Names that count as a session when nothing types them."),
    ] = ("session", "db", "db_session", "async_session")
    roles: Annotated[
        RoleGlobs,
        Meta(description="Patterns that give files their role over what inference found."),
    ] = RoleGlobs()
    entry_point_decorators: Annotated[
        tuple[str, ...],
        Meta(description="Extra decorators that make a function an entry point."),
    ] = ()
    database_parameter_names: Annotated[
        tuple[str, ...],
        Meta(description="Extra dependencies that hand out database parameters, beside db_params and get_db_params."),
    ] = ()
    select: Annotated[
        tuple[str, ...] | None,
        Meta(
            description="Rules to run: codes, prefixes of codes, names or ALL; without it, those that run by default."
        ),
    ] = None
    ignore: Annotated[tuple[str, ...], Meta(description="Rules not to run.")] = ()
    extend_select: Annotated[tuple[str, ...], Meta(description="Rules to run as well.")] = ()
    per_file_ignores: Annotated[
        dict[str, tuple[str, ...]],
        Meta(description="Rules whose findings do not count in the files of a pattern."),
    ] = {}
    exclude: Annotated[
        tuple[str, ...],
        Meta(description="Patterns, as in .gitignore, of files to leave out, in place of the default ones."),
    ] = DEFAULT_EXCLUDE
    extend_exclude: Annotated[
        tuple[str, ...], Meta(description="Patterns, as in .gitignore, of files to leave out as well.")
    ] = ()
    severity: Annotated[dict[str, Severity], Meta(description="Severities of rules, in place of their own.")] = {}
    baseline: Annotated[str | None, Meta(description="The file that records the findings that are known already.")] = (
        None
    )
    max_file_size: Annotated[int, Meta(description="Bytes; a larger file is not read, and reported (SL902).", gt=0)] = (
        1_000_000
    )
    max_file_seconds: Annotated[
        int, Meta(description="A file that takes longer to parse is reported (SL902).", gt=0)
    ] = 60
    max_file_memory: Annotated[
        int, Meta(description="Megabytes; a file that takes more to parse is reported (SL902).", ge=_LEAST_MEMORY)
    ] = 4_000


def parse_settings(table: Mapping[str, Any], source: str) -> Settings:
    """Validate a settings table.

    Args:
        table: the parsed TOML table.
        source: name of the file it comes from, for messages.

    Raises:
        UserError: a key is unknown, a value has the wrong type, or a pattern is none.
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
    require_patterns(_patterns(settings), source)
    return settings


def _patterns(settings: Settings) -> Iterator[str]:
    yield from settings.exclude if settings.exclude is not DEFAULT_EXCLUDE else ()
    yield from (*settings.extend_exclude, *settings.session_modules, *settings.per_file_ignores)
    yield from (pattern for _, patterns in settings.roles.items() for pattern in patterns)


def _refuse_unknown(table: object, struct: type[msgspec.Struct], source: str, prefix: str) -> None:
    if not isinstance(table, Mapping):
        return  # a wrong type, which validation names
    known = [field.encode_name for field in msgspec.structs.fields(struct)]
    for key in table:
        if key not in known:
            raise UserError(f"{source}: unknown setting `{prefix}{key}`; {_closest(str(key), known)}")


def _closest(key: str, known: list[str]) -> str:
    import difflib  # for the wrong key alone

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
    if sys.version_info >= (3, 11):
        import tomllib  # not above: many projects have no such file
    else:
        import tomli as tomllib
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


def settings_keys(path: Path) -> frozenset[str]:
    """The settings that a file names itself.

    Raises:
        UserError: the file cannot be read.
    """
    return frozenset(_table(path) or ())


def find_settings_file(folder: Path) -> Path | None:
    """The nearest file, upwards from ``folder``, that holds settings.

    Raises:
        UserError: a ``pyproject.toml`` on the way is not valid TOML, or a folder has two files that hold settings.
    """
    found = (settings_file_in(parent) for parent in (folder, *folder.parents))
    return next((file for file in found if file is not None), None)


def settings_file_in(folder: Path) -> Path | None:
    """The file in a folder that holds settings.

    Raises:
        UserError: its ``pyproject.toml`` is not valid TOML, or there are two.
    """
    pyproject, own = folder / PYPROJECT, folder / SETTINGS_FILE
    has_own = own.is_file()
    if not pyproject.is_file() or _table(pyproject) is None:
        return own if has_own else None
    if has_own:
        raise UserError(
            f"{folder} has settings both in {PYPROJECT} and in {SETTINGS_FILE}; keep them in one of the two."
        )
    return pyproject


def has_settings(folder: Path) -> bool:
    """Whether a folder in a project holds settings of its own; files that are broken or unreadable hold none.

    Raises:
        UserError: there are two files with settings, or one that means to be.
    """
    if (folder / SETTINGS_FILE).is_file():
        return True
    try:
        mentioned = b"session-lint" in read_regular(folder / PYPROJECT)
    except OSError:
        return False
    return mentioned and settings_file_in(folder) is not None


def _table(path: Path) -> dict[str, Any] | None:
    data = read_toml(path)
    if path.name != PYPROJECT:
        return data
    tool = data.get("tool")
    table = tool.get("session-lint") if isinstance(tool, dict) else None
    if table is not None and not isinstance(table, dict):
        raise UserError(f"{path}: `tool.session-lint` is a table, not {table!r}.")
    return table
