"""SL308 swallowed-error · an error of the database is caught, and the session goes on as if nothing had failed.

## What it does
Reports an `except` clause (or `contextlib.suppress`) for broad or database exceptions around a session's statements
that neither raises nor rolls back nor has a savepoint inside the `try`, when the session is used afterwards, in the
same function or by a caller, or when the `begin()` block around it then commits. It is a warning when nothing but
the later commit of a self-committing provider follows.

## Why is this bad?
After an error the transaction is dead until somebody rolls back. Observed alike on SQLAlchemy 2.1.9, 2.0.58 and
1.4.54 with PostgreSQL 15:

- A flush failed and was swallowed, then the session is used: `PendingRollbackError: This Session's transaction has
  been rolled back due to a previous exception during flush.`
- `execute()` failed and was swallowed, then another statement:
  `current transaction is aborted, commands ignored until end of transaction block`.
- `execute()` failed and was swallowed, then `commit()`: no exception at all. PostgreSQL answers COMMIT with
  ROLLBACK, and rows that were flushed before are lost.
- Inside `with session.begin()`, a loop with `try`/`except` for each item: one bad item, and none of the others is
  kept; no exception.
- In a FastAPI handler whose dependency commits: the client gets 200, and nothing was written.

## Example
```python
from collections.abc import Sequence

from sqlalchemy import text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker


async def import_tags(make_session: async_sessionmaker[AsyncSession], names: Sequence[str]) -> None:
    async with make_session() as session, session.begin():
        for name in names:
            try:
                await session.execute(text("INSERT INTO tags (name) VALUES (:name)"), {"name": name})
            except IntegrityError:
                print(f"{name} is known")
```

## Use instead
```python
from collections.abc import Sequence

from sqlalchemy import text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker


async def import_tags(make_session: async_sessionmaker[AsyncSession], names: Sequence[str]) -> None:
    async with make_session() as session, session.begin():
        for name in names:
            try:
                async with session.begin_nested():
                    await session.execute(text("INSERT INTO tags (name) VALUES (:name)"), {"name": name})
            except IntegrityError:
                print(f"{name} is known")
```

The savepoint is inside the `try`: its end rolls back what failed, and the transaction goes on. Where the whole is to
fail, let the exception out, or raise another.

## When not to use
The rule holds under every policy. Not reported: a handler that raises on every path, or rolls back, or closes the
session; one whose caller raises when it gets the result that stands for the error (None, False, an empty list, or
any result that the condition of the `raise` asks about); one that sets a variable by which its own function then
raises (`user = None`, `failed = True`); one for exceptions that no statement raises; a session on which nothing
follows. A `session.add()` alone sends nothing and so cannot fail. What becomes of a session in code that the analysis
does not know is not guessed.

## References
- [SQLAlchemy, "This Session's transaction has been rolled back due to a previous exception during flush"](https://docs.sqlalchemy.org/en/20/errors.html#error-7s2a)
- [SQLAlchemy FAQ, sessions](https://docs.sqlalchemy.org/en/20/faq/sessions.html)
- [SQLAlchemy, using SAVEPOINT](https://docs.sqlalchemy.org/en/20/orm/session_transaction.html#using-savepoint)
"""

from __future__ import annotations

from collections.abc import Iterator

from session_lint import ir
from session_lint.findings import ChainLink, Finding, Severity
from session_lint.program import Program
from session_lint.program.contexts import Harm, Swallow
from session_lint.rules.registry import rule


@rule("SL308", "swallowed-error", severity=Severity.ERROR, check="transaction-discipline")
def swallowed_error(program: Program) -> Iterator[Finding]:
    """Handlers that leave a failed session to those who go on using it, each once, by its worst consequence."""
    worst: dict[tuple[str, ir.Span], tuple[Swallow, Harm]] = {}
    for swallow in program.swallows():
        if program.role(swallow.context.unit) in ("test", "migration"):
            continue
        site = (swallow.context.module.path, swallow.place)
        harm = min(swallow.harms, key=_rank)
        if site not in worst or _rank(harm) < _rank(worst[site][1]):
            worst[site] = (swallow, harm)
    for (path, place), (swallow, harm) in worst.items():
        context, symbol = swallow.context, swallow.context.unit.qualname
        where = f"{harm.context.module.path}:{harm.span.row}"
        name = f"`{swallow.session.path}`" if swallow.session.path else "the session"
        calls = " or ".join(f"{method}()" for method in sorted(swallow.methods - {"raise"})[:3]) or "a call below it"
        message = (
            f"{symbol} swallows {_caught(swallow.caught)} from {calls} without rolling back, and {_afterwards(name, harm)}"
            f" ({where}): raise, roll back, or put begin_nested() around what may fail"
        )
        chain = program.chain_to(context, swallow.token, place.row, "swallows the error")
        end = ChainLink(harm.context.module.path, harm.span.row, harm.context.unit.qualname, harm.what)
        yield swallowed_error.finding(
            path,
            place,
            message,
            symbol=symbol,
            confidence=program.confidence(swallow.session),
            chain=(*chain, end) if chain else (),
            severity=Severity.WARNING if harm.kind == "provider" else Severity.ERROR,
            digest=program.digest(context.module, place),
        )


def _rank(harm: Harm) -> tuple[bool, str, int]:
    return harm.kind == "provider", harm.context.module.path, harm.span.row


def _afterwards(name: str, harm: Harm) -> str:
    if harm.kind == "use":
        return f"{name} is used on: {harm.what}"
    return harm.what


def _caught(expr: ir.Expr | None) -> str:
    match expr:
        case None:
            return "every exception"
        case ir.Name(id=name) | ir.Attribute(name=name):
            return name
        case ir.Collection(items=items):
            return " and ".join(map(_caught, items))
        case ir.Call(args=args):
            return " and ".join(_caught(argument.value) for argument in args)
        case _:
            return "exceptions"
