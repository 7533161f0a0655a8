"""SL304 double-commit · a commit or rollback inside a block that ends the same transaction by itself.

## What it does
Reports `session.commit()` and `session.rollback()` inside `with session.begin()` or `with factory.begin()` of
the same session, in the block itself or in a function called from it; then the finding is at the call in that
function, once, and carries the chain that leads there. A commit inside the `with` of a provider that commits
by itself is reported as a warning.

## Why is this bad?
The block commits at its end and rolls back on an exception. Ending the transaction earlier defeats both.
Observed alike on SQLAlchemy 2.1.9, 2.0.58 and 1.4.54, for sync and async sessions and for `factory.begin()`:

- Commit as the last statement: no exception; the row is committed and the block ends quietly.
- Commit, then `execute`, `add`, `refresh` or a second commit:
  `InvalidRequestError: Can't operate on closed transaction inside context manager.` The row is already in the
  database although the request fails.
- Commit, then an exception of one's own: the row stays; the block has nothing left to roll back.
- Rollback as the last statement: no exception, and everything that was done in the block is lost. With
  anything after it: the same `InvalidRequestError`.

Under a self-committing provider nothing fails, which is why that is a warning, but what comes before the
commit stays when the rest is rolled back.

## Example
```python
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker


async def move(make_session: async_sessionmaker[AsyncSession], source: int, target: int) -> None:
    async with make_session() as session, session.begin():
        await session.execute(
            text("UPDATE accounts SET balance = balance - 1 WHERE id = :id"), {"id": source}
        )
        await session.commit()
        await session.execute(
            text("UPDATE accounts SET balance = balance + 1 WHERE id = :id"), {"id": target}
        )
```

## Use instead
```python
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker


async def move(make_session: async_sessionmaker[AsyncSession], source: int, target: int) -> None:
    async with make_session() as session, session.begin():
        await session.execute(
            text("UPDATE accounts SET balance = balance - 1 WHERE id = :id"), {"id": source}
        )
        await session.execute(
            text("UPDATE accounts SET balance = balance + 1 WHERE id = :id"), {"id": target}
        )
```

Where the values must be in the database for the next step, `flush()`. Where part of the work may fail,
`begin_nested()` with the `try` outside it.

## When not to use
The rule holds under every policy (`transaction-owner`), `any` included, and in tests and scripts: no policy
makes a block that is ended twice right. Not reported: a rollback that is followed by an exception, a
savepoint handle's commit or rollback, and a rollback in an exception handler under a self-committing
provider. A call that the analysis cannot resolve is not followed, so a commit behind it stays unseen.

## References
- [SQLAlchemy, managing transactions](https://docs.sqlalchemy.org/en/20/orm/session_transaction.html)
- [SQLAlchemy issue 6288](https://github.com/sqlalchemy/sqlalchemy/issues/6288)
"""

from __future__ import annotations

from collections.abc import Iterator

from session_lint.findings import Finding, Severity
from session_lint.program import Program
from session_lint.rules.ownership import double_ends, flush_instead, location_of
from session_lint.rules.registry import rule


@rule("SL304", "double-commit", severity=Severity.ERROR, check="transaction-discipline", fix="unsafe")
def double_commit(program: Program) -> Iterator[Finding]:
    """Transactions that somebody else ends already: a begin block, or a provider that commits by itself."""
    for end in double_ends(program).values():
        path, symbol = location_of(end.event)
        chain = program.chain(end.event) if end.in_block else ()
        verb = "commits" if end.event.kind == "commit" else "rolls back"
        if end.in_block:
            opener = program.block_opener(end.event)
            where = f" of {opener.symbol} ({opener.filename}:{opener.row})" if opener is not None else ""
            message = (
                f"{symbol} {verb} inside a `with session.begin()` block{where}, which ends the transaction itself;"
                f" {'flush' if verb == 'commits' else 'raise'} instead and let the block do it"
            )
        else:
            providers = [token.provider for _, token in program.origins(end.event) if token.provider is not None]
            name = providers[0].qualname if providers else "the provider"
            message = (
                f"{symbol} commits inside `with {name}()`, which commits by itself on exit; what is before this commit stays"
                " even when the rest fails, so leave the commit to the provider"
            )
        yield double_commit.finding(
            path,
            end.event.node.span,
            message,
            symbol=symbol,
            confidence=program.confidence(end.event.session),
            chain=chain,
            severity=Severity.ERROR if end.in_block else Severity.WARNING,
            fix=flush_instead(end.event),
            digest=program.digest(end.event.context.module, end.event.node.span),
        )
