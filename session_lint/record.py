"""Small immutable classes that cost nothing to define: a frozen dataclass takes as long to make as a module to import."""

from __future__ import annotations

import msgspec


class Record(msgspec.Struct, frozen=True):
    """What is told apart by its fields alone.

    Its hash is that of a tuple of them. Msgspec's own has the class's place in memory in it, which differs from run to run,
    and with it would the order of a set.
    """

    def __hash__(self) -> int:
        return hash(msgspec.structs.astuple(self))
