"""The analyses of the trees that were looked at last, each under the name of all that went into it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

import msgspec

from session_lint.analysis import Analysis
from session_lint.cache.store import Store
from session_lint.record import Record

if TYPE_CHECKING:
    from session_lint.edits.quiet import Quiet

_NAME = "analyses"
_TREES = "trees"
_QUIET = "quiet"
_KEPT = 8
"""Analyses that are kept: of the branches and settings that one switches between."""

_LINKED = 2
"""Programs of which is kept where they are quiet."""


class Kept(Record, frozen=True):
    """A tree that an analysis is kept of.

    Args:
        key: the name of all that went into the analysis.
        root: that of the tree that was linked, and differs from this one in nothing that is found.
        contents: the digests of its files' contents, by path.
    """

    key: bytes
    root: bytes
    contents: Mapping[str, bytes]


def find_analysis(store: Store, key: bytes) -> Analysis | None:
    """The analysis that was kept under a key."""
    raw = _stored(store, _NAME).get(key)
    if raw is None:
        return None
    try:
        return msgspec.msgpack.decode(memoryview(raw), type=Analysis)
    except (msgspec.DecodeError, RecursionError, MemoryError):
        return None


def keep_analysis(store: Store, key: bytes, analysis: Analysis, tree: Mapping[str, bytes], root: bytes) -> None:
    """Keep an analysis beside those that were kept last.

    Args:
        store: the cache.
        key: a name for all that went into the analysis.
        analysis: what is to be kept.
        tree: the digests of the contents that it is of, by path.
        root: the key of the linked tree that it goes back to.
    """
    if store.folder is None or store.read_only:
        return
    try:
        encoded = msgspec.msgpack.encode(analysis)
    except UnicodeEncodeError:  # a file whose name is no text
        return
    contents = {path.encode(errors="surrogatepass"): content for path, content in tree.items()}
    _keep(store, _NAME, key, encoded, _KEPT)
    _keep(store, _TREES, key, msgspec.msgpack.encode((root, contents)), _KEPT)


def kept_trees(store: Store) -> Iterator[Kept]:
    """The trees that analyses are kept of, the last one first."""
    for key, raw in _stored(store, _TREES).items():
        try:
            root, named = msgspec.msgpack.decode(memoryview(raw), type=tuple[bytes, dict[bytes, bytes]])
        except (msgspec.DecodeError, RecursionError, MemoryError):
            continue
        yield Kept(key, root, {path.decode(errors="surrogatepass"): content for path, content in named.items()})


def keep_quiet(store: Store, key: bytes, quiet: Quiet) -> None:
    """Keep where a linked program is quiet."""
    if store.folder is None or store.read_only:
        return
    try:
        _keep(store, _QUIET, key, msgspec.msgpack.encode(quiet), _LINKED)
    except UnicodeEncodeError:
        return


def find_quiet(store: Store, key: bytes) -> Quiet | None:
    """Where the program is quiet whose analysis was kept under a key."""
    from session_lint.edits.quiet import Quiet

    raw = _stored(store, _QUIET).get(key)
    if raw is None:
        return None
    try:
        return msgspec.msgpack.decode(memoryview(raw), type=Quiet)
    except (msgspec.DecodeError, RecursionError, MemoryError):
        return None


def _keep(store: Store, name: str, key: bytes, encoded: bytes, most: int) -> None:
    others = {other: raw for other, raw in _stored(store, name).items() if other != key}
    kept = {key: msgspec.Raw(encoded)} | dict(list(others.items())[: most - 1])
    store.write(name, msgspec.msgpack.encode(kept))


def _stored(store: Store, name: str) -> dict[bytes, msgspec.Raw]:
    data = store.read(name)
    if data is None:
        return {}
    try:
        return msgspec.msgpack.decode(data, type=dict[bytes, msgspec.Raw])
    except (msgspec.DecodeError, RecursionError, MemoryError):
        return {}
