"""The contents of a project's files: which are as they were when a run last looked, and what is in the others."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable
from typing import TYPE_CHECKING

import msgspec

from session_lint.cache.keys import digest
from session_lint.cache.store import Store
from session_lint.source import SourceError, Sources

if TYPE_CHECKING:
    from session_lint.revision import Snapshot

_NAME = "files"
_BLOBS = "blobs"
_GRAIN = 2_000_000_000
"""Nanoseconds: the coarsest clock of a file system. What was changed so shortly before it was read may change again unseen."""


class Seen(msgspec.Struct, frozen=True, array_like=True):
    """A file as it was seen, and its digest."""

    size: int
    modified: int
    changed: int
    digest: bytes


class Index(msgspec.Struct, frozen=True, array_like=True):
    """What one run saw, from when on, by path (whose name need not be valid text)."""

    since: int
    seen: dict[bytes, Seen]


class Blob(msgspec.Struct, frozen=True, array_like=True):
    """The size and digest of a content that git has a name for."""

    size: int
    digest: bytes


class Tree(msgspec.Struct):
    """The files of a run.

    Args:
        digests: a name for each file's content, for one that cannot be read of the reason.
        contents: those contents that were read.
        refused: why files cannot be read.
        read: how many bytes were read.
    """

    digests: dict[str, bytes] = {}
    contents: dict[str, bytes] = {}
    refused: dict[str, SourceError] = {}
    read: int = 0

    def content(self, path: str, sources: Sources) -> bytes | None:
        """The content of a file, read now where it is not known yet; None where it cannot be read."""
        if path not in self.contents and path not in self.refused:
            self.look(path, sources)
        return self.contents.get(path)

    def look(self, path: str, sources: Sources) -> None:
        """Read a file."""
        try:
            content = sources.read(path)
        except SourceError as error:
            self.refused[path] = error
            self.digests[path] = digest(f"{error.row} {error.message}".encode(errors="backslashreplace"))
        else:
            self.contents[path] = content
            self.digests[path] = digest(content)
            self.read += len(content)


def look_at(paths: Iterable[str], sources: Sources, store: Store) -> Tree:
    """Find out which content each file has: by its size and times, where these are as the store knows them."""
    since = time.time_ns()
    index = _load(store)
    tree = Tree()
    seen: dict[bytes, Seen] = {}
    root = str(sources.root)
    overlay, most, settled = sources.overlay, sources.max_file_size, index.since - _GRAIN
    for path in paths:
        name = path.encode("utf-8", "surrogatepass")
        known = index.seen.get(name)
        try:
            stat = None if path in overlay else os.stat(f"{root}/{path}")  # noqa: PTH116  (a Path each is slow)
        except OSError:
            stat = None
        if (
            known is not None
            and stat is not None
            and known.modified == stat.st_mtime_ns
            and known.changed == stat.st_ctime_ns
            and known.size == stat.st_size <= most
            and known.modified < settled
            and known.changed < settled
        ):
            tree.digests[path] = known.digest
            seen[name] = known
            continue
        tree.look(path, sources)
        if stat is not None and path in tree.contents:
            seen[name] = Seen(stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns, tree.digests[path])
    if tree.contents or seen.keys() != index.seen.keys():
        store.write(_NAME, msgspec.msgpack.encode(Index(since, seen)))
    return tree


def look_at_snapshot(paths: Iterable[str], sources: Sources, snapshot: Snapshot, store: Store) -> Tree:
    """Find out which content each file of a commit has: git has a name for it, and the store knows ours for that."""
    blobs = _load_blobs(store)
    tree = Tree()
    new = []
    for path in paths:
        known = blobs.get(snapshot.blobs[path])
        if known is not None and known.size <= sources.max_file_size:
            tree.digests[path] = known.digest
        else:
            new.append(path)
    snapshot.fetch(new)
    for path in new:
        tree.look(path, sources)
    if tree.contents:
        seen = {snapshot.blobs[path]: Blob(len(tree.contents[path]), tree.digests[path]) for path in tree.contents}
        kept = {blob: blobs[blob] for blob in snapshot.blobs.values() if blob in blobs}
        store.write(_BLOBS, msgspec.msgpack.encode(kept | seen))
    return tree


def _load_blobs(store: Store) -> dict[bytes, Blob]:
    data = store.read(_BLOBS)
    if data is not None:
        try:
            return msgspec.msgpack.decode(data, type=dict[bytes, Blob])
        except (msgspec.DecodeError, RecursionError, MemoryError):
            pass
    return {}


def _load(store: Store) -> Index:
    data = store.read(_NAME)
    if data is not None:
        try:
            return msgspec.msgpack.decode(data, type=Index)
        except (msgspec.DecodeError, RecursionError, MemoryError):
            pass
    return Index(0, {})
