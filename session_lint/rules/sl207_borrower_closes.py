"""SL207 borrower-closes · a session is closed by code that was lent it.

## What it does
Reports `with session:` and `async with session:` on a session that the function received, the same on a stack
(`stack.enter_context(session)`), and `close()`, `aclose()` or `remove()` of one, where the code that made the session
closes it as well, or is not known.
Endpoints and other entry points count as receivers: the provider of the session closes it.

## Why is this bad?
Leaving `with session:` closes the session, like `close()`: the transaction is rolled back and every object is
detached. A closed session opens again at its next use, so nothing fails. Observed alike on SQLAlchemy 2.1.9,
2.0.58 and 1.4.54, with PostgreSQL 15 and with SQLite:

- The caller added a row, the callee added another one inside `async with session:` and flushed, the caller
  committed. There was no exception, and neither row was in the database. The same with `session.close()`.
- In the caller's `session.begin()` it went unnoticed as well if nothing followed; else
  `InvalidRequestError: Can't operate on closed transaction inside context manager.`
- Objects that the caller had loaded before raised `DetachedInstanceError` on a lazy load.
- `async with (session or session_factory()) as session:` did all of this where a session was given.

## Example
```python
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker


async def add_entry(session: AsyncSession, title: str) -> None:
    async with session:
        await session.execute(text("INSERT INTO entries (title) VALUES (:title)"), {"title": title})


async def publish(session_factory: async_sessionmaker[AsyncSession]) -> None:
    async with session_factory() as session:
        await session.execute(text("INSERT INTO entries (title) VALUES ('header')"))
        await add_entry(session, "body")
        await session.commit()
```

## Use instead
Use the session as it is, and leave closing it to the code that made it:

```python
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker


async def add_entry(session: AsyncSession, title: str) -> None:
    await session.execute(text("INSERT INTO entries (title) VALUES (:title)"), {"title": title})


async def publish(session_factory: async_sessionmaker[AsyncSession]) -> None:
    async with session_factory() as session:
        await session.execute(text("INSERT INTO entries (title) VALUES ('header')"))
        await add_entry(session, "body")
        await session.commit()
```

For a transaction of its own inside the caller's, there is `session.begin_nested()`. The fix takes the `with` or
the call away; it is unsafe, for a caller may have come to rely on it.

## When not to use
Not reported: `with session.begin()`; a session that its maker hands over and does not close itself; a `close()`
under a flag (`if own_session:`) or in a handler that then raises; an endpoint that closes early, to give the
connection back before it goes on with something else; functions and methods whose name says that they close
(`close`, `teardown`, `__exit__`); a registry's `remove()`; middleware; tests.

## References
- [SQLAlchemy, closing a session](https://docs.sqlalchemy.org/en/20/orm/session_basics.html#closing)
- [SQLAlchemy, opening and closing a session][opening]

[opening]: https://docs.sqlalchemy.org/en/20/orm/session_basics.html#opening-and-closing-a-session
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import pairwise

from session_lint import ir
from session_lint.findings import ChainLink, Finding, Severity
from session_lint.program import Program
from session_lint.program.contexts import Context, Step, Token, lenders
from session_lint.program.entrypoints import dotted
from session_lint.program.symbols import Function
from session_lint.program.vocabulary import CLOSE_METHODS
from session_lint.record import Record
from session_lint.rules.registry import rule
from session_lint.rules.removal import without_call, without_with
from session_lint.traversal import path_to

_CLOSER = re.compile(
    r"close|exit|clean_?up|tear_?down|shut_?down|dispose|release|remove|finali[sz]e|__del__", re.IGNORECASE
)
_LENT = ("param", "attr", "injected", "decorator")


class _Closing(Record, frozen=True):
    """A place where a context closes a session that it was lent: the ``with`` item or the call."""

    context: Context
    token: int
    node: ir.Expr

    @property
    def session(self) -> Token:
        return self.context.tokens[self.token]


@rule("SL207", "borrower-closes", severity=Severity.ERROR, check="session-lifetime", fix="unsafe")
def borrower_closes(program: Program) -> Iterator[Finding]:
    """Sessions that are closed by others than those who made them."""
    best: dict[int, tuple[_Closing, tuple[ChainLink, ...]]] = {}
    for closing in _closings(program):
        lender = _lender_who_closes(program, closing)
        if lender is None:
            continue
        known = best.get(id(closing.node))
        if known is None or (not known[1] and lender):
            best[id(closing.node)] = closing, lender
    for closing, chain in best.values():
        unit = closing.context.unit
        assert isinstance(unit, Function)
        released_early = program.entry(unit) is not None and _is_early(unit.body, closing.node)
        if not released_early and not _is_guarded(unit.body, closing.node):
            yield _finding(program, unit, closing, chain)


def _finding(program: Program, unit: Function, closing: _Closing, chain: tuple[ChainLink, ...]) -> Finding:
    token = closing.session
    name = f"`{token.path}`" if token.path else "the session"
    is_block = not _is_close(closing.node)
    act = f"enters {name} in a `with`, which closes it," if is_block else f"closes {name}"
    whose = "which its provider closes" if program.entry(unit) is not None else "which it was lent"
    if chain:
        whose = f"lent by {chain[0].symbol} ({chain[0].filename}:{chain[0].row})"
    remedy = "use the session without the `with`" if is_block else "leave that to the code that made it"
    return borrower_closes.finding(
        unit.module.path,
        closing.node.span,
        f"{unit.qualname} {act}{'' if is_block else ','} {whose}: pending work is rolled back; {remedy}",
        symbol=unit.qualname,
        confidence=program.confidence(token),
        chain=chain,
        fix=(without_with if is_block else without_call)(unit.body, closing.node),
        digest=program.digest(unit.module, closing.node.span),
    )


def _closings(program: Program) -> Iterator[_Closing]:
    for context in program.contexts():
        unit = context.unit
        if not isinstance(unit, Function) or _CLOSER.search(unit.name) or _is_exempt(program, unit):
            continue
        places = [(token, expr) for (_, token), expr in context.entered.items()]
        places += [(event.token, event.node) for event in context.events.values() if event.kind in CLOSE_METHODS]
        for token, node in places:
            session = context.tokens[token]
            if session.how in _LENT and not program.owned_by_object(session):
                yield _Closing(context, token, node)


def _is_exempt(program: Program, unit: Function) -> bool:
    return program.role(unit) == "test" or program.is_of_middleware(unit) or program.is_wrapper(unit)


def _lender_who_closes(program: Program, closing: _Closing) -> tuple[ChainLink, ...] | None:
    """The chain from somebody who closes the session himself; empty where the lender is not known, None where nobody does."""
    unit = closing.context.unit
    is_known = False
    for steps in lenders(closing.context, closing.token):
        context, token = (steps[0].context, steps[0].token) if steps else (closing.context, closing.token)
        how = context.tokens[token].how
        if how == "injected" and not context.callers:
            is_known = is_known or not steps
        elif how == "injected" and steps:
            continue
        elif how == "created":
            is_known = True
            if _closes(program, context, token):
                return tuple(_links(steps, closing))
        elif how in ("global", "registry", "state", "unknown"):
            is_known = True
        elif (
            how in ("param", "attr")
            and isinstance(context.unit, Function)
            and program.entry(context.unit) is None
            and not _manages(context.tokens[token], context.unit)
        ):
            return tuple(_links(steps, closing))
    return None if is_known or program.entry(unit) is not None else ()


def _closes(program: Program, context: Context, token: int) -> bool:
    """Whether the code that obtained a session closes it: by a ``with``, a call, or through its provider."""
    provider = context.tokens[token].provider
    if provider is not None and any(c.convention.closes for c in program.analysis.by_function.get(provider, ())):
        return True
    return any(mine == token for _, mine in context.entered) or any(
        event.token == token and event.kind in CLOSE_METHODS for event in context.events.values()
    )


def _manages(token: Token, unit: Function) -> bool:
    """Whether the object that keeps a session has a method to close it: whoever made the object decides."""
    return token.how == "attr" and any(
        _CLOSER.search(name)
        for cls in (unit.owner, token.holder)
        if cls is not None
        for base in cls.lineage()
        for name in base.methods
    )


def _links(steps: Sequence[Step], closing: _Closing) -> Iterator[ChainLink]:
    below_each = [*(step.context for step in steps[1:]), closing.context] if steps else []
    for step, below in zip(steps, below_each, strict=True):
        if step.context.is_synthetic or step.node is None:
            continue
        unit = step.context.unit
        note = f"lends its session to {below.unit.qualname}"
        yield ChainLink(unit.module.path, step.node.span.row, unit.qualname, note)


def _is_close(node: ir.Expr) -> bool:
    return isinstance(node, ir.Call) and isinstance(node.func, ir.Attribute) and node.func.name in CLOSE_METHODS


def _is_early(body: Sequence[ir.Statement], node: ir.Expr) -> bool:
    """Whether a call gives the connection back before the function goes on with something else."""
    around = path_to(body, node)
    in_final = any(isinstance(s, ir.Try) and inner in s.final for s, inner in pairwise(around))
    return _is_close(node) and not in_final and bool(around) and around[0] is not body[-1]


def _is_guarded(body: Sequence[ir.Statement], node: ir.Expr) -> bool:
    """Whether a flag decides on the closing (``if own_session:``), or a handler closes and then raises."""
    receiver = dotted(node.func.value if isinstance(node, ir.Call) and isinstance(node.func, ir.Attribute) else node)
    around = path_to(body, node)
    for outer, inner in pairwise(around):
        match outer:
            case ir.If(test=test):
                if _is_flag(test, receiver):
                    return True
            case ir.Try(handlers=handlers):
                if any(inner in h.body and isinstance(h.body[-1], ir.Raise) for h in handlers):
                    return True
            case _:
                pass
    return False


def _is_flag(test: ir.Expr, receiver: str) -> bool:
    """Whether a condition asks for something other than the session: a flag, or whether something was given."""
    match test:
        case ir.Unary(op="not", value=inner):
            return _is_flag(inner, receiver)
        case ir.BoolOp(values=values):
            return any(_is_flag(value, receiver) for value in values)
        case ir.Compare(left=left, ops=("is" | "is not",)):
            return dotted(left) != receiver
        case ir.Name() | ir.Attribute():
            return dotted(test) != receiver and not dotted(test).startswith(f"{receiver}.")
        case _:
            return False
