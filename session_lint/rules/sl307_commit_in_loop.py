"""SL307 commit-in-loop · a commit for every item of a loop, on a session that was opened outside it.

## What it does
Reports `commit()` inside a loop where the session comes from outside the loop. Where the loop iterates over
results that the same session streams (`stream()`, `yield_per`, `stream_results`), the finding is an error.

## Why is this bad?
Each commit waits for the disk, and each expires what the session has loaded. Observed with 300 rows on
PostgreSQL, flushing to disk switched off: 0.67 s with a commit for each row, 0.27 s with a flush for each, and
0.03 s with one commit. An error in the middle leaves the first half written. With `expire_on_commit` at its
default, the next attribute of an object loaded before the loop raises `MissingGreenlet` on an async session.

While the session streams, the commit closes the cursor that the loop reads from. Observed after two rows,
alike on SQLAlchemy 2.1.9, 2.0.58 and 1.4.54: asyncpg raises `NoActiveSQLTransactionError: cursor cannot be
created outside of a transaction`, psycopg2 `ProgrammingError: named cursor isn't valid anymore`.

## Example
```python
from sqlalchemy import text
from sqlalchemy.orm import Session, sessionmaker


def import_articles(make_session: sessionmaker[Session], names: list[str]) -> None:
    with make_session() as session:
        for name in names:
            session.execute(text("INSERT INTO articles (name) VALUES (:name)"), {"name": name})
            session.commit()
```

## Use instead
```python
from sqlalchemy import text
from sqlalchemy.orm import Session, sessionmaker


def import_articles(make_session: sessionmaker[Session], names: list[str]) -> None:
    with make_session() as session, session.begin():
        for name in names:
            session.execute(text("INSERT INTO articles (name) VALUES (:name)"), {"name": name})
```

Where one bad item must not undo the others, `begin_nested()` around each, with the `try` outside it. Where one
transaction would be too large, a commit every thousand items. A stream: read a buffer of keys first, or write
with a second session.

## When not to use
Not reported: a commit that the loop leaves right after (another attempt), one under a condition that counts (a
checkpoint), in an exception handler, or inside a `try` that goes on with the next item; loops over batches,
pages and messages, and `while` loops of workers. A commit in a function that the loop calls is not followed.
Where each item must be kept at once whatever comes after, such as progress that others watch, ignore the rule.

## References
- [SQLAlchemy, inserting many rows](https://docs.sqlalchemy.org/en/20/faq/performance.html)
- [SQLAlchemy, yield_per](https://docs.sqlalchemy.org/en/20/orm/queryguide/api.html#fetching-large-result-sets-with-yield-per)
"""

from __future__ import annotations

from collections.abc import Iterator

from session_lint.findings import Finding, Severity
from session_lint.program import Program
from session_lint.rules.creation import EXEMPT_ROLES
from session_lint.rules.loops import loop_commits
from session_lint.rules.ownership import double_ends, is_forbidden, location_of
from session_lint.rules.registry import rule


@rule("SL307", "commit-in-loop", severity=Severity.INFO, check="transaction-discipline")
def commit_in_loop(program: Program) -> Iterator[Finding]:
    """Commits that loops repeat, where no other rule forbids the commit itself."""
    taken = double_ends(program)
    for site, found in loop_commits(program).items():
        event = found.event
        path, symbol = location_of(event)
        if found.breaks_stream:
            message = (
                f"{symbol} commits inside a loop over results that the same session streams: the commit closes their cursor,"
                " and the next row raises; read them into memory first, or write with another session"
            )
        elif site in taken or is_forbidden(program, event) or program.role(event.context.unit) in EXEMPT_ROLES:
            continue
        else:
            message = (
                f"{symbol} commits for every item of the loop in line {found.loop.span.row}, on a session opened outside it;"
                " commit once after the loop, with begin_nested() around what may fail alone"
            )
        yield commit_in_loop.finding(
            path,
            event.node.span,
            message,
            symbol=symbol,
            confidence=program.confidence(event.session),
            severity=Severity.ERROR if found.breaks_stream else None,
            digest=program.digest(event.context.module, event.node.span),
        )
