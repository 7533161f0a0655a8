"""Async correctness: which functions use async sessions, which use sync ones, and how async factories expire."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from session_lint.checks.evidence import Evidence, Scope
from session_lint.checks.facts import Facts
from session_lint.checks.wording import counted, listed, named
from session_lint.program.symbols import Function
from session_lint.program.values import Const, Factory
from session_lint.record import Record

if TYPE_CHECKING:
    from session_lint.program import Program
    from session_lint.program.symbols import Unit


class Use(Record, frozen=True):
    """A function that calls methods of a session."""

    unit: Function
    row: int
    is_async: bool


class Expiry(Record, frozen=True):
    """An async factory, and what it says about ``expire_on_commit``; None: nothing."""

    unit: Unit
    row: int
    expires: bool | None


def _collect_uses(program: Program) -> Iterator[Use]:
    seen: set[tuple[Function, bool]] = set()
    for context in program.contexts():
        unit = context.unit
        if not isinstance(unit, Function):
            continue
        for kind in {event.session.is_async for event in context.events.values()}:
            if (unit, kind) not in seen:
                seen.add((unit, kind))
                yield Use(unit, unit.name_span.row, kind)


def _collect_expiry(program: Program) -> Iterator[Expiry]:
    for creation in program.creations("factory"):
        value = creation.value
        if (
            isinstance(value, Factory)
            and value.is_async
            and not value.is_registry
            and program.role(creation.unit) != "test"
        ):
            said = [v.value for v in creation.args.keywords.get("expire_on_commit", ()) if isinstance(v, Const)]
            expires = said[0] if len(said) == 1 and isinstance(said[0], bool) else None
            yield Expiry(creation.unit, creation.node.span.row, expires)


USES = Facts(_collect_uses)
EXPIRY = Facts(_collect_expiry)


def evidence(scope: Scope) -> Evidence:
    """The files' functions by the kind of session they use, and their async factories."""
    uses, expiry = USES.within(scope), EXPIRY.within(scope)
    statements = []
    for kind in (True, False):
        group = [use for use in uses if use.is_async == kind]
        if group:
            number = counted(len(group), "function uses", "functions use")
            places = listed([named(scope, use.unit, use.row) for use in group], 3)
            statements.append(f"{number} {'async' if kind else 'sync'} sessions: {places}")
    mixed = [named(scope, use.unit, use.row) for use in uses if not use.is_async and use.unit.is_async]
    if mixed:
        statements.append(f"sync sessions are used in `async def` {listed(mixed)}")
    keeps = [named(scope, e.unit, e.row) for e in expiry if e.expires is False]
    if keeps:
        statements.append(f"`expire_on_commit=False` is set on the factory at {listed(keeps)}")
    return Evidence(
        len(uses), tuple(statements), applicable=any(u.is_async or u.unit.is_async for u in uses) or bool(expiry)
    )
