"""Libraries that own sessions or transactions, as data: one TOML file each.

name = "…"                       # of the distribution

[registries]                     # qualified name = whether it is async; the object is a session that everybody shares
"package.db.session" = true

[[commits]]                      # methods that commit the session that they are given, or that their object keeps
methods = ["package.Class.create"]
unless = "commit"                # not when this argument is False
when = "auto_commit"             # only when this argument is True
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib


@dataclass(frozen=True, slots=True)
class CommitRule:
    """When a library's method commits; an empty name is no condition."""

    unless: str = ""
    when: str = ""


@dataclass(frozen=True, slots=True)
class Models:
    """What is known of all libraries: registries by qualified name (async or not), and the methods that commit."""

    registries: Mapping[str, bool]
    commits: Mapping[str, CommitRule]

    def commit_rule(self, name: str) -> CommitRule | None:
        """The rule of a qualified method, whichever module of its package the class was imported from."""
        return self.commits.get(_short(name))


def _short(name: str) -> str:
    parts = name.split(".")
    return ".".join([parts[0], *parts[-2:]])


@cache
def load_models() -> Models:
    """Read every model that comes with the package."""
    registries: dict[str, bool] = {}
    commits: dict[str, CommitRule] = {}
    for resource in sorted(files(__package__).iterdir(), key=lambda r: r.name):
        if not resource.name.endswith(".toml"):
            continue
        data: dict[str, Any] = tomllib.loads(resource.read_text("utf-8"))
        registries.update(data.get("registries", {}))
        for entry in data.get("commits", ()):
            rule = CommitRule(entry.get("unless", ""), entry.get("when", ""))
            commits.update((_short(method), rule) for method in entry["methods"])
    return Models(registries, commits)
