"""Owners of transactions in words."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from session_lint.analysis import OtherPolicy, OwnerKind

OWNER_NAMES: Mapping[OwnerKind, str] = MappingProxyType(
    {
        "router": "entry points",
        "provider": "providers",
        "service": "services (borrowers)",
        "own": "functions that opened the session",
        "object": "units of work",
    }
)


def other_owner(other: OtherPolicy, policy: str) -> str:
    """What the summary of a check says where the code plainly follows another policy than the settings."""
    return (
        f"{other.ended} of {other.total} transactions are ended by {OWNER_NAMES[other.owner]}, while transaction-owner is"
        f' "{policy}"; `session-lint init --dry-run` shows where.'
    )
