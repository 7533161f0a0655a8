"""Writing ``[tool.session-lint]`` into a project's settings file, everything else in it untouched."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import tomlkit
from tomlkit.exceptions import TOMLKitError

from session_lint.errors import UserError
from session_lint.settings import SETTINGS_FILE
from session_lint.settings_schema import SCHEMA_URL

Section = Mapping[str, "str | Sequence[str]"]

_BOM = "\ufeff"


def settings_target(root: Path) -> Path:
    """The file that settings are written to: ``pyproject.toml``, or ``session-lint.toml`` where there is none."""
    pyproject = root / "pyproject.toml"
    return pyproject if pyproject.is_file() else root / SETTINGS_FILE


def section_text(target: Path, section: Section) -> str:
    """The settings as TOML; in ``pyproject.toml`` they are a table of their own, else editors are told of their schema."""
    table = tomlkit.table()
    for key, value in section.items():
        if isinstance(value, str):
            table[key] = value
        else:
            array = tomlkit.array()
            array.extend(value)
            table[key] = array.multiline(len(value) > 1)
    if target.name == SETTINGS_FILE:
        return f"#:schema {SCHEMA_URL}\n\n{table.as_string()}"
    tool = tomlkit.table(is_super_table=True)
    tool["session-lint"] = table
    document = tomlkit.document()
    document["tool"] = tool
    return document.as_string()


def with_section(target: Path, section: Section) -> str:
    """The content of the settings file with the settings added at its end.

    Raises:
        UserError: the file cannot be read, is not valid TOML, or takes no table of this name.
    """
    text = section_text(target, section)
    if not target.exists():
        return text
    try:
        before = target.read_bytes().decode("utf-8")
    except OSError as error:
        raise UserError(f"{target} cannot be read: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise UserError(f"{target} is not valid TOML: {error}.") from error
    newline = "\r\n" if "\r\n" in before else "\n"
    gap = "" if not before.strip() else newline if before.endswith("\n") else newline * 2
    content = before + gap + text.replace("\n", newline)
    try:
        tomlkit.parse(content.removeprefix(_BOM))
    except TOMLKitError as error:
        raise UserError(
            f"{target} takes no [tool.session-lint] table ({error}); put the settings into {SETTINGS_FILE} instead."
        ) from error
    return content
