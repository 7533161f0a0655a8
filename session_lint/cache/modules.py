"""The encoded outcomes of lowering, by the digests of contents, in several files: a run that needs few of them reads few."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import TypeVar

import msgspec
from msgspec import Raw

from session_lint.cache.store import MAX_BYTES, Store
from session_lint.lowering.outcome import Outcome, encode_outcome

_Kept = TypeVar("_Kept")

_FILES = 16
_MOST = MAX_BYTES // _FILES
_SPARE = (32 << 20) // _FILES
"""Bytes of modules in a file that are no more in the tree: those of the branches that one switches between."""

_RECENT = "modules-recent"
_MOST_RECENT = 4 << 20
"""Bytes of the modules that came by edits since the program was linked: a small file, for it is written after each of them."""


def read_modules(store: Store) -> Iterator[tuple[bytes, memoryview]]:
    """All outcomes that are stored, with their contents; no more of them are in memory than a file has."""
    if store.folder is not None:
        for name in (*map(_name, range(_FILES)), _RECENT):
            for content, raw in _read(store, name).items():
                yield content, memoryview(raw)


def find_modules(store: Store, contents: Collection[bytes]) -> dict[bytes, Raw]:
    """Those of some contents; what is not stored is left out."""
    recent = _read(store, _RECENT)
    found = {content: recent[content] for content in contents if content in recent}
    for number, wanted in _parted({content: None for content in contents if content not in found}).items():
        stored = _read(store, _name(number))
        found |= {content: stored[content] for content in wanted if content in stored}
    return found


def keep_modules(store: Store, known: Mapping[bytes, Outcome], new: Iterable[bytes]) -> None:
    """Keep outcomes.

    Args:
        store: the cache.
        known: those of the tree.
        new: the contents among them that are not stored yet.
    """
    if store.folder is None or store.read_only:
        return
    parts = _parted(known)
    for number, added in _parted(dict.fromkeys(new)).items():
        kept: dict[bytes, Raw] = {}
        size = 0
        own = parts.get(number, {})
        stored = _read(store, _name(number))
        for content in [*own, *stored]:
            if content in kept:
                continue
            # To encode one anew takes less than to keep all of them in memory until here.
            is_new = content in added or content not in stored
            raw = Raw(encode_outcome(own[content])) if is_new else stored[content]
            length = len(memoryview(raw)) + 32
            is_spare = content not in own
            if (is_spare and size + length > max(_SPARE, _MOST // 8)) or size + length > _MOST:
                continue
            kept[content] = raw
            size += length
        store.write(_name(number), msgspec.msgpack.encode(kept))


def add_modules(store: Store, new: Mapping[bytes, bytes | Raw]) -> None:
    """Keep outcomes that came by an edit, and of those before them as many as there is room for."""
    kept: dict[bytes, Raw] = {}
    size = 0
    for content, raw in [*new.items(), *_read(store, _RECENT).items()]:
        size += len(memoryview(raw)) + 32
        if size > _MOST_RECENT:
            break
        kept.setdefault(content, Raw(memoryview(raw)))
    store.write(_RECENT, msgspec.msgpack.encode(kept))


def _parted(outcomes: Mapping[bytes, _Kept]) -> dict[int, dict[bytes, _Kept]]:
    parts: dict[int, dict[bytes, _Kept]] = {}
    for content, kept in outcomes.items():
        parts.setdefault(content[0] % _FILES, {})[content] = kept
    return parts


def _name(number: int) -> str:
    return f"modules-{number:02}"


def _read(store: Store, name: str) -> dict[bytes, Raw]:
    data = store.read(name)
    if data is not None:
        try:
            return msgspec.msgpack.decode(data, type=dict[bytes, Raw])
        except (msgspec.DecodeError, RecursionError, MemoryError):
            pass
    return {}
