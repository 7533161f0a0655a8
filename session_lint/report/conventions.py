"""A provider's convention in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from session_lint.conventions import Provider

_WORDS = {
    "begins": "begins",
    "commits": "commits",
    "rolls_back": "rolls back",
    "swallows": "swallows errors",
    "closes": "closes",
}
_NOTHING = "ends nothing itself"


def described(provider: Provider) -> str:
    """``an async generator that commits, rolls back and closes``."""
    kind, _, does = conventions(provider).partition("; ")
    if provider.shape == "return":
        kind = f"{'async' if provider.is_async else 'sync'} function that returns it"
        return f"{_article(kind)} {kind}" + (" and ends nothing" if does == _NOTHING else f" and {_joined(does)}")
    return f"{_article(kind)} {kind} that {_joined(does)}"


def _article(noun: str) -> str:
    return "an" if noun[0] in "aeiou" else "a"


def _joined(does: str) -> str:
    *before, last = does.split(", ")
    return f"{', '.join(before)} and {last}" if before else last


def conventions(provider: Provider) -> str:
    """``async generator; commits, rolls back, closes``."""
    kind = f"{'async' if provider.is_async else 'sync'} {provider.shape}"
    does = [verb for verb in _WORDS if getattr(provider, verb)]
    said = [_WORDS[verb] for verb in does if verb not in provider.sometimes]
    said += [f"{_WORDS[verb]} in some calls" for verb in does if verb in provider.sometimes]
    return f"{kind}; {', '.join(said) or _NOTHING}"
