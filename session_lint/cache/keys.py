"""Names for what results depend on: the tool itself, and everything that goes into one run."""

from __future__ import annotations

import hashlib
import importlib.util
import os
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from session_lint import __version__
from session_lint.facts import fact_files
from session_lint.regular import read_regular

if TYPE_CHECKING:
    from session_lint.settings import Settings

_AFTERWARDS = frozenset(
    {
        "select",
        "ignore",
        "extend_select",
        "per_file_ignores",
        "severity",
        "baseline",
        "exclude",
        "extend_exclude",
        "max_file_seconds",
        "max_file_memory",
    }
)
"""Settings that choose among findings, or whose effect is in the list of files: all others change the analysis."""


def digest(data: bytes) -> bytes:
    """A short name for a content."""
    return hashlib.sha256(data).digest()[:16]


def release() -> str:
    """A name for the tool as it is installed, the parser and the syntax that this Python knows."""
    state = hashlib.sha256()
    for part in _sources():
        state.update(part)
    python = f"{sys.implementation.name}{sys.version_info[0]}{sys.version_info[1]}"
    return f"{__version__}-{python}-{state.hexdigest()[:16]}"


def _sources() -> Iterable[bytes]:
    parser = importlib.util.find_spec("libcst")
    if parser is not None and parser.origin is not None:
        yield _content(Path(parser.origin).with_name("_version.py"))
    package = Path(__file__).parents[1]
    record = package.parent / f"session_lint-{__version__}.dist-info" / "RECORD"
    installed = _content(record)
    if f"{package.name}/__init__.py".encode() in installed:
        yield installed  # has the hash of every file
        return
    for folder, folders, names in os.walk(package):
        folders.sort()
        for name in sorted(names):
            if name.endswith((".py", ".toml")):
                state = os.stat(f"{folder}/{name}")  # noqa: PTH116  (a Path each is slow)
                yield f"{name} {state.st_size} {state.st_mtime_ns}".encode()


def inputs(settings: Settings, root: Path, tree: Mapping[str, bytes], unreadable: Iterable[tuple[str, str]]) -> bytes:
    """A name for all that the findings of a project depend on, before selection and suppression.

    Args:
        settings: the project's settings.
        root: its root.
        tree: a name for the content of each file that is known, by path.
        unreadable: folders that cannot be listed, and why.
    """
    analysis = {name: getattr(settings, name) for name in settings.__struct_fields__ if name not in _AFTERWARDS}
    others = [*(root / path for path in settings.models), *fact_files(root)]
    everything = (
        sorted((name, msgspec.to_builtins(value)) for name, value in analysis.items()),
        [(os.path.relpath(path, root), digest(_content(path))) for path in others if path.is_file()],
        [(path.encode(errors="surrogatepass"), content) for path, content in sorted(tree.items())],
        [(path.encode(errors="surrogatepass"), why) for path, why in sorted(unreadable)],
    )
    return digest(msgspec.msgpack.encode(everything))


def _content(path: Path) -> bytes:
    try:
        return read_regular(path)
    except OSError:
        return b""
