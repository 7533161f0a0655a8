"""Direct sessions: where sessions do come from."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from session_lint.checks.evidence import Evidence, Scope
from session_lint.checks.facts import Facts
from session_lint.checks.openings import OPENINGS
from session_lint.checks.wording import counted, defined, listed, together, unreported
from session_lint.record import Record

if TYPE_CHECKING:
    from session_lint.program import Program
    from session_lint.program.symbols import Function, Unit


class Made(Record, frozen=True):
    """A session made from its class, or a factory built."""

    unit: Unit
    row: int
    kind: str


def _collect(program: Program) -> Iterator[Made]:
    for kind in ("session", "factory"):
        for creation in program.creations(kind):
            yield Made(creation.unit, creation.node.span.row, kind)


MADE = Facts(_collect)


def evidence(scope: Scope) -> Evidence:
    """Providers that the files get their sessions from, factories that they build, sessions they make from the class."""
    made = MADE.within(scope)
    direct = [m for m in made if m.kind == "session"]
    factories = [m for m in made if m.kind == "factory"]
    statements = [
        *_provided(scope),
        *_at("session factories are built at", scope, unreported(scope, factories)),
        *_at("sessions are made from their class at", scope, unreported(scope, direct)),
    ]
    return Evidence(len(direct), tuple(statements))


def _provided(scope: Scope) -> Iterator[str]:
    numbers: dict[Function, int] = {}
    for opening in OPENINGS.within(scope):
        if opening.provider is not None:
            numbers[opening.provider] = numbers.get(opening.provider, 0) + 1
    if numbers:
        ordered = sorted(numbers.items(), key=lambda item: (-item[1], item[0].module.path, item[0].qualname))
        providers = [f"{number} from {defined(scope, function)}" for function, number in ordered]
        yield f"sessions come from providers: {listed(providers)}"


def _at(what: str, scope: Scope, made: list[Made]) -> Iterator[str]:
    tests = [m for m in made if scope.program.role(m.unit) == "test"]
    if places := together(scope, [m for m in made if m not in tests]):
        yield f"{what} {listed(places)}"
    if tests:
        yield f"{what} {counted(len(tests), 'place')} in tests"
