"""The encoded outcomes of lowering, by the digests of contents, in several files: a run that needs few of them reads few."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
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


def read_modules(store: Store) -> Iterator[tuple[bytes, memoryview]]:
    """All outcomes that are stored, with their contents; no more of them are in memory than a file has."""
    if store.folder is not None:
        for number in range(_FILES):
            for content, raw in _read(store, number).items():
                yield content, memoryview(raw)


def find_modules(store: Store, contents: Iterable[bytes]) -> dict[bytes, Raw]:
    """Those of some contents; what is not stored is left out."""
    wanted = _parted(dict.fromkeys(contents))
    found: dict[bytes, Raw] = {}
    for number, names in wanted.items():
        stored = _read(store, number)
        found |= {name: stored[name] for name in names if name in stored}
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
        stored = _read(store, number)
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
    """Keep outcomes beside those of the tree, which are stored."""
    for number, added in _parted(new).items():
        stored = _read(store, number)
        size = sum(len(memoryview(raw)) + 32 for raw in (*stored.values(), *added.values()))
        if size <= _MOST and not added.keys() <= stored.keys():
            store.write(
                _name(number),
                msgspec.msgpack.encode({name: Raw(memoryview(raw)) for name, raw in added.items()} | stored),
            )


def _parted(outcomes: Mapping[bytes, _Kept]) -> dict[int, dict[bytes, _Kept]]:
    parts: dict[int, dict[bytes, _Kept]] = {}
    for content, kept in outcomes.items():
        parts.setdefault(content[0] % _FILES, {})[content] = kept
    return parts


def _name(number: int) -> str:
    return f"modules-{number:02}"


def _read(store: Store, number: int) -> dict[bytes, Raw]:
    data = store.read(_name(number))
    if data is not None:
        try:
            return msgspec.msgpack.decode(data, type=dict[bytes, Raw])
        except (msgspec.DecodeError, RecursionError, MemoryError):
            pass
    return {}
