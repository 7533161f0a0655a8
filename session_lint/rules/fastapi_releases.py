"""When FastAPI ends its dependencies, which differs from release to release: what SL205 and SL310 share."""

from __future__ import annotations

import re

from session_lint.program import Program

_BEFORE = (0, 106)  # up to here the part after yield ran after the response …
_AGAIN = (0, 118)  # … and from here on it does so again


def fastapi_release(program: Program) -> tuple[int, int] | None:
    """The release of FastAPI that the project pins (``(0, 118)``), if it pins one."""
    found = re.match(r"(\d+)\.(\d+)", program.facts.versions.get("fastapi", ""))
    return (int(found[1]), int(found[2])) if found else None


def ends_before_response(release: tuple[int, int]) -> bool:
    """Whether a release runs what stands after a dependency's ``yield`` before it sends the response."""
    return _BEFORE <= release < _AGAIN
