"""A provider's convention in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from session_lint.conventions import Provider


def conventions(provider: Provider) -> str:
    """``async generator; commits, rolls back, closes``."""
    kind = f"{'async' if provider.is_async else 'sync'} {provider.shape}"
    does = (
        (provider.begins, "begins"),
        (provider.commits, "commits"),
        (provider.rolls_back, "rolls back"),
        (provider.swallows, "swallows errors"),
        (provider.closes, "closes"),
    )
    said = [word for holds, word in does if holds]
    return f"{kind}; {', '.join(said) or 'ends nothing itself'}"
