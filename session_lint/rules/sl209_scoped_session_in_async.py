"""SL209 scoped-session-in-async · a registry of sessions cannot tell coroutines apart, or keeps their sessions for ever.

## What it does
Reports a `scoped_session` that coroutines use: its sessions go by thread, and all coroutines run in one thread. Also a
`scoped_session` of async sessions, and an `async_scoped_session` whose `remove()` nobody calls, or nobody awaits. The
rule is in preview.

## Why is this bad?
Observed on SQLAlchemy 2.1.9, 2.0.58 and 1.4.54 with PostgreSQL 15:

- Five tasks that ran at the same time got one and the same session from a `scoped_session`. The rollback of one then
  takes the rows of the others along, and a commit writes them half done.
- `remove()` of a `scoped_session` of async sessions did not close the session: its connection was left to the garbage
  collector. Awaited, it raised `TypeError: object NoneType can't be used in 'await' expression`.
- An `async_scoped_session` without `remove()` held a session for each of four tasks after they had ended, with four
  connections checked out, `idle in transaction`. With a `remove()` that was not awaited likewise.

## Example
```python
from sqlalchemy import create_engine, text
from sqlalchemy.orm import scoped_session, sessionmaker

engine = create_engine("sqlite://")
Session = scoped_session(sessionmaker(engine))


async def add_order(number: int) -> None:
    Session.execute(text("INSERT INTO orders (number) VALUES (:n)"), {"n": number})


async def finish() -> None:
    Session.commit()


async def cancel() -> None:
    Session.rollback()
```

## Use instead
```python
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession


async def add_order(session: AsyncSession, number: int) -> None:
    await session.execute(text("INSERT INTO orders (number) VALUES (:n)"), {"n": number})


async def finish(session: AsyncSession) -> None:
    await session.commit()


async def cancel(session: AsyncSession) -> None:
    await session.rollback()
```

Whoever begins the work opens the session with `async with` and passes it on. Where a registry has to stay, it is
`async_scoped_session(factory, scopefunc=asyncio.current_task)`, with `await registry.remove()` in a `finally`.

## When not to use
Registries with a `scopefunc` of their own are trusted to tell coroutines apart. What runs at start-up, scripts, tests
and migrations are alone with the session and not looked at.

## References
- [SQLAlchemy, using asyncio scoped session][asyncio]
- [SQLAlchemy, contextual sessions](https://docs.sqlalchemy.org/en/20/orm/contextual.html)

[asyncio]: https://docs.sqlalchemy.org/en/20/orm/extensions/asyncio.html#using-asyncio-scoped-session
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

import msgspec

from session_lint import ir
from session_lint.findings import ChainLink, Finding, Severity
from session_lint.program import Program
from session_lint.program.flow_facts import Creation
from session_lint.program.symbols import Function, Unit
from session_lint.program.values import Factory, Site, function_of
from session_lint.program.vocabulary import registry_class
from session_lint.rules.awaiting import Use, body_of, use_of
from session_lint.rules.creation import EXEMPT_ROLES
from session_lint.rules.registry import rule
from session_lint.rules.start_up import runs_at_start_up

# What middleware does for whoever used the session, in a thread maybe.
_ENDINGS = ("commit", "rollback", "close")
_SHOWN = 5


class _Uses(msgspec.Struct):
    """Where a registry is used, and where its sessions are removed."""

    calls: list[tuple[Unit, ir.Call]] = []
    removals: list[tuple[Unit, ir.Call]] = []


@rule("SL209", "scoped-session-in-async", severity=Severity.WARNING, check="session-lifetime", preview=True)
def scoped_session_in_async(program: Program) -> Iterator[Finding]:
    """Registries that cannot tell coroutines apart, or that keep their sessions."""
    uses = _uses(program)
    for creation in program.creations("factory"):
        is_async = registry_class(creation.name)
        if is_async is None or program.role(creation.unit) in EXEMPT_ROLES:
            continue
        used = uses.get(Site(creation.unit.module, creation.node.span), _Uses())
        if is_async:
            yield from _never_removed(program, creation, used)
        else:
            yield from _by_thread(program, creation, used)


def _uses(program: Program) -> dict[Site, _Uses]:
    """What happens to each registry, tests left out."""
    found: dict[Site, _Uses] = defaultdict(_Uses)
    for call in program.external_calls():
        match call.subject:
            case Factory(is_registry=True, origin=Site() as site) if program.role(call.unit) != "test":
                method = call.name.rsplit(".", 1)[-1]
                if method == "remove":
                    found[site].removals.append((call.unit, call.node))
                elif method not in _ENDINGS:
                    found[site].calls.append((call.unit, call.node))
    for creation in program.creations("factory-session"):
        for value in program.flow.at(creation.unit).eval(creation.node.func):
            match value:
                case Factory(is_registry=True, origin=Site() as site) if program.role(creation.unit) != "test":
                    found[site].calls.append((creation.unit, creation.node))
    return found


def _by_thread(program: Program, creation: Creation, used: _Uses) -> Iterator[Finding]:
    of_async = isinstance(creation.value, Factory) and creation.value.is_async
    if not of_async and _has_scope(creation):
        return
    places: dict[Unit, tuple[Unit, ir.Call]] = {}
    for unit, node in used.calls:
        coroutine = _coroutine_around(program, unit)
        if coroutine is None or program.role(coroutine) in EXEMPT_ROLES or runs_at_start_up(program, coroutine):
            continue
        places.setdefault(coroutine, (unit, node))
    if places:
        what = (
            "keeps async sessions, which its remove() cannot close" if of_async else "gives all coroutines one session"
        )
        remedy = "pass each its own, or use async_scoped_session with scopefunc=asyncio.current_task"
        yield _finding(program, creation.unit, creation.node, f"makes a scoped_session that {what}; {remedy}", places)


def _never_removed(program: Program, creation: Creation, used: _Uses) -> Iterator[Finding]:
    for unit, node in used.removals:
        if use_of(program, unit, node) is Use.DROPPED:
            yield _finding(program, unit, node, "does not await remove(), so the session stays open; await it")
    if used.calls and not used.removals:
        what = "makes an async_scoped_session whose remove() nobody calls, so the session of each task stays open"
        places = {unit: (unit, node) for unit, node in reversed(used.calls)}
        yield _finding(program, creation.unit, creation.node, f"{what}; await remove() in a `finally`", places)


def _finding(
    program: Program, unit: Unit, node: ir.Call, what: str, places: dict[Unit, tuple[Unit, ir.Call]] | None = None
) -> Finding:
    links = [
        ChainLink(user.module.path, call.span.row, user.qualname, "uses it") for user, call in (places or {}).values()
    ]
    return scoped_session_in_async.finding(
        unit.module.path,
        node.span,
        f"{unit.qualname} {what}",
        symbol=unit.qualname,
        chain=tuple(sorted(links, key=lambda link: (link.filename, link.row))[:_SHOWN]),
        digest=program.digest(unit.module, node.span),
    )


def _has_scope(creation: Creation) -> bool:
    """Whether a function of the registry's own says what belongs together."""
    args = creation.node.args
    return any(a.keyword == "scopefunc" or a.star for a in args) or len([a for a in args if a.keyword is None]) > 1


def _coroutine_around(program: Program, unit: Unit) -> Function | None:
    """The coroutine function that a call is in, or that calls the plain function that it is in."""
    seen: set[Unit] = set()
    queue = [unit]
    while queue:
        current = queue.pop()
        if not isinstance(current, Function) or current in seen:
            continue
        seen.add(current)
        if current.is_async:
            return current
        above = sorted(program.flow.facts.callers.get(current, ()), key=lambda u: (u.module.path, u.qualname))
        queue += [caller for caller in above if _calls(program, caller, current)]
    return None


def _calls(program: Program, caller: Unit, function: Function) -> bool:
    """Whether a function calls another itself, and does not have it run in a thread."""
    targets = program.flow.facts.call_targets
    return any(
        function in targets.get(id(node), ())
        and any(function_of(value) is function for value in program.flow.at(caller).eval(node.func))
        for node in body_of(program, caller).calls
    )
