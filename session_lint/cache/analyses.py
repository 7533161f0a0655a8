"""The analyses of the trees that were looked at last, each under the name of all that went into it."""

from __future__ import annotations

import msgspec

from session_lint.analysis import Analysis
from session_lint.cache.store import Store

_NAME = "analyses"
_KEPT = 8
"""Analyses that are kept: of the branches and settings that one switches between."""


def find_analysis(store: Store, key: bytes) -> Analysis | None:
    """The analysis that was kept under a key."""
    raw = _stored(store).get(key)
    if raw is None:
        return None
    try:
        return msgspec.msgpack.decode(memoryview(raw), type=Analysis)
    except (msgspec.DecodeError, RecursionError, MemoryError):
        return None


def keep_analysis(store: Store, key: bytes, analysis: Analysis) -> None:
    """Keep an analysis, beside those that were kept last."""
    if store.folder is None or store.read_only:
        return
    try:
        encoded = msgspec.msgpack.encode(analysis)
    except UnicodeEncodeError:  # a file whose name is no text
        return
    others = {name: raw for name, raw in _stored(store).items() if name != key}
    kept = {key: msgspec.Raw(encoded)} | dict(list(others.items())[: _KEPT - 1])
    store.write(_NAME, msgspec.msgpack.encode(kept))


def _stored(store: Store) -> dict[bytes, msgspec.Raw]:
    data = store.read(_NAME)
    if data is None:
        return {}
    try:
        return msgspec.msgpack.decode(data, type=dict[bytes, msgspec.Raw])
    except (msgspec.DecodeError, RecursionError, MemoryError):
        return {}
