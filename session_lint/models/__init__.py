"""Libraries that own sessions or transactions, as data: one TOML file each; ``docs/models.md`` describes the format."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Sequence
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

import msgspec

from session_lint.errors import UserError
from session_lint.regular import read_regular

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib


class Commits(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Methods that commit: not when the argument ``unless`` is False, only when ``when`` is True; empty is no condition."""

    methods: tuple[str, ...]
    unless: str = ""
    when: str = ""


class Ends(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Calls that set a library up to commit each request's session: where ``argument``, if there is one, has one of ``values``."""

    calls: tuple[str, ...]
    argument: str = ""
    values: tuple[str | bool, ...] = ()


class Waits(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Functions of modules, and methods of classes, that wait for something outside the process; ``*`` stands for each."""

    of: tuple[str, ...]
    methods: tuple[str, ...]
    besides: tuple[str, ...] = ()


class Model(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One file; the tables go from qualified names to whether the session is an async one."""

    name: str
    sessions: dict[str, bool] = {}
    dependencies: dict[str, bool] = {}
    registries: dict[str, bool] = {}
    attributes: dict[str, bool] = {}
    providers: dict[str, bool] = {}
    factories: dict[str, bool] = {}
    commits: tuple[Commits, ...] = ()
    ends: tuple[Ends, ...] = ()
    waits: tuple[Waits, ...] = ()


class Models:
    """What several models say together; later ones overrule earlier ones.

    Args:
        models: the models, those of the package first.
    """

    def __init__(self, models: Iterable[Model]) -> None:
        self.sessions: dict[str, bool] = {}
        self.dependencies: dict[str, bool] = {}
        self.registries: dict[str, bool] = {}
        self._attributes: dict[str, bool] = {}
        self.providers: dict[str, bool] = {}
        self._opening: dict[str, bool] = {}
        self._factories: dict[str, bool] = {}
        self._commits: dict[str, Commits] = {}
        self._ends: dict[str, list[tuple[str, Ends]]] = {}
        self._waits: dict[str, bool] = {}
        for model in models:
            self.sessions |= model.sessions | model.dependencies
            self.dependencies |= model.dependencies
            self.registries |= model.registries
            self._attributes |= {_of_class(name): is_async for name, is_async in model.attributes.items()}
            self.providers |= model.providers
            self._opening |= {_of_class(name): is_async for name, is_async in model.providers.items()}
            self._factories |= {_of_class(name): is_async for name, is_async in model.factories.items()}
            for entry in model.commits:
                self._commits |= {_short(method): entry for method in entry.methods}
            for ends in model.ends:
                for call in {_of_class(call) for call in ends.calls}:
                    self._ends.setdefault(call, []).append((model.name, ends))
            for waits in model.waits:
                self._waits |= {f"{owner}.{method}": True for owner in waits.of for method in waits.methods}
                self._waits |= {f"{owner}.{method}": False for owner in waits.of for method in waits.besides}
        self._rules: dict[str, Commits | None] = {}
        self._held: dict[tuple[str, str], bool | None] = {}
        self.makers = {name.rpartition(".")[2] for name in (*self._factories, *self._opening)}
        self.registry_holders = frozenset(name.rpartition(".")[0] for name in self.registries)
        self._keepers = {method.rpartition(".")[0] for method in self._commits}

    def commit_rule(self, name: str) -> Commits | None:
        """The rule of a qualified method, whichever module of its package the class was imported from."""
        if name not in self._rules:
            self._rules[name] = self._commits.get(_short(name))
        return self._rules[name]

    def ending(self, name: str) -> Sequence[tuple[str, Ends]]:
        """What a qualified call, or a class that it is given, may set up to commit each request's session: libraries, and when."""
        return self._ends.get(_of_class(name), ())

    def holds_session(self, base: str, name: str) -> bool | None:
        """Whether an attribute of a library's objects is an async session; None: it is no session that is known.

        Args:
            base: the qualified class, whichever module of its package it was imported from, or an attribute of it.
        """
        key = base, name
        if key not in self._held:
            self._held[key] = self._attributes.get(_of_class(f"{base}.{name}")) if self._attributes else None
        return self._held[key]

    def made(self, name: str) -> tuple[bool | None, bool | None]:
        """Whether what a qualified method makes is a factory of async sessions, and whether it opens one in a ``with``; None: neither."""
        key = _of_class(name)
        return self._factories.get(key), self._opening.get(key)

    def waits(self, name: str) -> bool:
        """Whether a qualified function or method waits for the network, another process or the clock."""
        known = self._waits.get(name)
        return self._waits.get(f"{name.rpartition('.')[0]}.*", False) if known is None else known

    def keeps_session(self, name: str) -> bool:
        """Whether objects of a qualified class commit the session that they were built with."""
        return f"{name.partition('.')[0]}.{name.rpartition('.')[2]}" in self._keepers


def _short(name: str) -> str:
    parts = name.split(".")
    return ".".join([parts[0], *parts[-2:]])


def _of_class(name: str) -> str:
    """A qualified attribute without the modules between the package and the class."""
    parts = name.split(".")
    first = next((at for at, part in enumerate(parts) if part[:1].isupper()), len(parts))
    return ".".join([parts[0], *parts[first:]])


def load_models(root: Path = Path(), paths: Sequence[str] = ()) -> Models:
    """The models that come with the package, and those of the user.

    Args:
        root: the project's root, which the paths are relative to.
        paths: the user's files.

    Raises:
        UserError: a file cannot be read, or is no model.
    """
    return Models([*_own_models(), *(_read_model(root / path, f"models: {path}") for path in paths)])


@cache
def _own_models() -> tuple[Model, ...]:
    resources = sorted(files(__package__).iterdir(), key=lambda resource: resource.name)
    return tuple(_convert(tomllib.loads(r.read_text("utf-8"))) for r in resources if r.name.endswith(".toml"))


def _convert(data: dict[str, Any]) -> Model:
    return msgspec.convert(data, Model)


def _read_model(path: Path, said: str) -> Model:
    try:
        return _convert(tomllib.loads(read_regular(path).decode("utf-8-sig")))
    except OSError as error:
        raise UserError(
            f"{said} cannot be read: {error.strerror}; name a file, relative to the project's root."
        ) from error
    except msgspec.ValidationError as error:
        raise UserError(f"{said} is no model of a library: {_plain(str(error))}.") from error
    except ValueError as error:
        raise UserError(f"{said} is not valid TOML: {error}.") from error
    except RecursionError as error:
        raise UserError(f"{said} cannot be read: it is nested too deeply.") from error


def _plain(message: str) -> str:
    """Msgspec's message in our words: keys and tables, and where."""
    text, _, place = message.partition(" - at ")
    for theirs, ours in (
        ("Object contains unknown field", "unknown key"),
        ("Object missing required field", "missing key"),
        ("`object`", "a table"),
        ("`str`", "a string"),
        ("`bool`", "true or false"),
        ("`array`", "an array"),
        ("`int`", "an integer"),
        ("`float`", "a number"),
        ("Expected", "expected"),
    ):
        text = text.replace(theirs, ours)
    where = re.match(r"`\$\.(\w+)", place)
    return f"{text} in `{where[1]}`" if where else text
