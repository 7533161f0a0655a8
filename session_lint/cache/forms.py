"""The forms of contents: names for what lowering makes of them.

Contents that differ in comments or layout alone have one form, and trees of the same forms have the same analysis. So a
run after such a change ends when it has lowered what is new, without linking, and without reading the modules of the rest.
"""

from __future__ import annotations

import msgspec

from session_lint.cache.keys import digest
from session_lint.cache.store import Store

_NAME = "forms"
_SPARE = 20_000
"""How many forms are kept that the tree at hand does not have: those of other branches."""


def form_of(encoded: bytes | memoryview) -> bytes:
    """The form of an encoded outcome; how it was come by is no part of it."""
    parts = msgspec.msgpack.decode(encoded, type=list[msgspec.Raw])
    return digest(b"".join(map(bytes, parts[:2])))  # the module, or why there is none


def read_forms(store: Store) -> dict[bytes, bytes]:
    """The forms that are known, by digests of contents; likewise the names of trees, by those of their contents."""
    data = store.read(_NAME)
    if data is not None:
        try:
            return msgspec.msgpack.decode(data, type=dict[bytes, bytes])
        except (msgspec.DecodeError, RecursionError, MemoryError):
            pass
    return {}


def keep_forms(store: Store, forms: dict[bytes, bytes], others: dict[bytes, bytes]) -> None:
    """Keep forms, and some of those that were known before."""
    spare = [item for item in others.items() if item[0] not in forms][:_SPARE]
    store.write(_NAME, msgspec.msgpack.encode(forms | dict(spare)))
