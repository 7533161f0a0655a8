"""Session lifetime: how many sessions there are, and what opens and closes each."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from session_lint.checks.evidence import Evidence, Scope
from session_lint.checks.openings import OPENINGS, Opening
from session_lint.checks.wording import counted, lines, listed, named

if TYPE_CHECKING:
    from session_lint.program.symbols import Unit

_WAYS = {
    "with": "opened by a `with` block",
    "injected": "injected",
    "loop": "opened by a loop over the provider",
    "object": "kept by an object",
    "returned": "returned to the caller",
    "call": "opened by a bare call",
}


def evidence(scope: Scope) -> Evidence:
    """The sessions that the files open, by how they do, and how providers among them open theirs."""
    openings = OPENINGS.within(scope)
    used = [o for o in openings if not o.in_provider]
    given = [o for o in openings if o.in_provider]
    statements = [
        *_stated(scope, counted(len(used), "session"), used),
        *_stated(scope, counted(len(given), "session of a provider", "sessions of providers"), given),
    ]
    return Evidence(len(used), tuple(statements), applicable=bool(openings))


def _stated(scope: Scope, who: str, openings: Sequence[Opening]) -> Iterator[str]:
    ways = [(way, [o for o in openings if o.way == way]) for way in _WAYS]
    groups = [(way, group) for way, group in ways if group]
    if len(groups) == 1:
        ((way, group),) = groups
        yield f"{who}{', all' if len(group) > 1 else ','} {_WAYS[way]}: {_places(scope, way, group)}"
    elif groups:
        yield f"{who}, {'; '.join(f'{len(group)} {_WAYS[way]}: {_places(scope, way, group)}' for way, group in groups)}"


def _places(scope: Scope, way: str, openings: Sequence[Opening]) -> str:
    """The functions, with the rows of what they open together; what a bare call opened, with what closes it."""
    groups: dict[tuple[Unit, tuple[int, ...]], list[int]] = {}
    for opening in openings:
        groups.setdefault((opening.unit, opening.closed), []).append(opening.row)
    places = [(named(scope, unit, *rows), closed) for (unit, closed), rows in groups.items()]
    return listed([f"{place}, {_end(closed)}" if way == "call" else place for place, closed in places])


def _end(closed: tuple[int, ...]) -> str:
    return f"closed at {lines(closed)}" if closed else "with no `close()` seen in it"
