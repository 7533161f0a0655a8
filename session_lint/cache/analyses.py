"""The analyses of the trees that were looked at last, each under the name of all that went into it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import msgspec

from session_lint.analysis import Analysis
from session_lint.cache.store import Store

_NAME = "analyses"
_TREES = "trees"
_KEPT = 8
"""Analyses that are kept: of the branches and settings that one switches between."""


def find_analysis(store: Store, key: bytes) -> Analysis | None:
    """The analysis that was kept under a key."""
    raw = _stored(store, _NAME).get(key)
    if raw is None:
        return None
    try:
        return msgspec.msgpack.decode(memoryview(raw), type=Analysis)
    except (msgspec.DecodeError, RecursionError, MemoryError):
        return None


def keep_analysis(store: Store, key: bytes, analysis: Analysis, tree: Mapping[str, bytes]) -> None:
    """Keep an analysis, and the digests of the contents that it is of, beside those that were kept last."""
    if store.folder is None or store.read_only:
        return
    try:
        encoded = msgspec.msgpack.encode(analysis)
        contents = msgspec.msgpack.encode({path.encode(errors="surrogatepass"): name for path, name in tree.items()})
    except UnicodeEncodeError:  # a file whose name is no text
        return
    _keep(store, _NAME, key, encoded)
    _keep(store, _TREES, key, contents)


def kept_trees(store: Store) -> Iterator[tuple[bytes, dict[str, bytes]]]:
    """The trees that analyses are kept of, by the keys of these, the last one first."""
    for key, raw in _stored(store, _TREES).items():
        try:
            named = msgspec.msgpack.decode(memoryview(raw), type=dict[bytes, bytes])
        except (msgspec.DecodeError, RecursionError, MemoryError):
            continue
        yield key, {path.decode(errors="surrogatepass"): content for path, content in named.items()}


def _keep(store: Store, name: str, key: bytes, encoded: bytes) -> None:
    others = {other: raw for other, raw in _stored(store, name).items() if other != key}
    kept = {key: msgspec.Raw(encoded)} | dict(list(others.items())[: _KEPT - 1])
    store.write(name, msgspec.msgpack.encode(kept))


def _stored(store: Store, name: str) -> dict[bytes, msgspec.Raw]:
    data = store.read(name)
    if data is None:
        return {}
    try:
        return msgspec.msgpack.decode(data, type=dict[bytes, msgspec.Raw])
    except (msgspec.DecodeError, RecursionError, MemoryError):
        return {}
