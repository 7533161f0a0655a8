"""Owners of transactions in words."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from session_lint.analysis import OwnerKind

OWNER_NAMES: Mapping[OwnerKind, str] = MappingProxyType(
    {
        "router": "entry points",
        "provider": "providers",
        "service": "services (borrowers)",
        "own": "functions that opened the session",
        "object": "units of work",
    }
)
