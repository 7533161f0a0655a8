"""Direct engines: the modules that do build engines."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from session_lint.checks.engines import ENGINES, EngineMade
from session_lint.checks.evidence import Evidence, Scope
from session_lint.checks.wording import listed, together, unreported

if TYPE_CHECKING:
    from collections.abc import Iterator

_WHERE = {
    "session-module": "in a session module",
    "test": "in a test",
    "migration": "in a migration",
    "script": "in a script",
}


def evidence(scope: Scope) -> Evidence:
    """The engines that the files build; where there are none, those of the project."""
    here = ENGINES.within(scope)
    elsewhere = [e for e in ENGINES.everywhere(scope.program) if e.role == "session-module"]
    return Evidence(
        len(here),
        tuple(_stated("built", scope, unreported(scope, here))),
        elsewhere=() if here else tuple(_stated("the project builds its engine", scope, elsewhere)),
    )


def _stated(verb: str, scope: Scope, engines: Sequence[EngineMade]) -> Iterator[str]:
    for role in dict.fromkeys(e.role for e in engines):
        places = together(scope, [e for e in engines if e.role == role])
        where = _WHERE.get(role, f"in a {role} module")
        yield f"{verb} {where}: {listed(places)}"
