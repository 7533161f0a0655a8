"""SL406 attribute-after-commit · a mapped object is read after a commit of an async session has expired it.

## What it does
Reports, in coroutine functions, the first read of a mapped object's attribute after `await session.commit()`, after
the end of `async with session.begin()`, or after `await session.rollback()`, where the object was added to the session
or loaded from it before and not refreshed since. Handing the object to `model_validate` or `from_orm`, and returning
it from an endpoint, count as reads.

Only where every place that is known to make the session leaves `expire_on_commit` at its default. Only inside one
function: that a callee commits is not followed. This rule is a preview.

## Why is this bad?
A commit expires the objects, and the next read of a column goes to the database, which an async session cannot do
without an `await`. Observed on SQLAlchemy 2.1.9, 2.0.58 and 1.4.54:

- `user.id` after `await session.commit()`: `MissingGreenlet: greenlet_spawn has not been called`, with the row
  already committed. The primary key is no exception.
- A FastAPI endpoint that returned the object: `ResponseValidationError`, status 500.
- After `await session.rollback()` the same, for objects that were loaded or flushed before.

## Example
```python
from sqlalchemy.ext.asyncio import AsyncEngine, async_sessionmaker
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column


class Base(DeclarativeBase):
    pass


class User(Base):
    __tablename__ = "users"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]


async def create(engine: AsyncEngine, name: str) -> int:
    session_factory = async_sessionmaker(engine)
    async with session_factory() as session:
        user = User(name=name)
        session.add(user)
        await session.commit()
        return user.id
```

## Use instead
```python
from sqlalchemy.ext.asyncio import AsyncEngine, async_sessionmaker
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column


class Base(DeclarativeBase):
    pass


class User(Base):
    __tablename__ = "users"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]


async def create(engine: AsyncEngine, name: str) -> int:
    session_factory = async_sessionmaker(engine)
    async with session_factory() as session:
        user = User(name=name)
        session.add(user)
        await session.flush()
        user_id = user.id
        await session.commit()
        return user_id
```

`expire_on_commit=False` on the factory (SL404) mends all such reads at once; `await session.refresh(user)` after the
commit mends one, at the price of a query.

## When not to use
Tests and migrations are exempt. An object that is refreshed by a function that it is passed to is not reported.

## References
- [SQLAlchemy, preventing implicit IO][implicit]
- [SQLAlchemy, MissingGreenlet](https://docs.sqlalchemy.org/en/20/errors.html#error-xd2s)

[implicit]: https://docs.sqlalchemy.org/en/20/orm/extensions/asyncio.html#preventing-implicit-io-when-using-asyncsession
"""

from __future__ import annotations

from collections.abc import Iterator

from session_lint.findings import Confidence, Finding, Severity
from session_lint.program import Program
from session_lint.rules.expired_reads import expired_reads
from session_lint.rules.registry import rule


@rule("SL406", "attribute-after-commit", severity=Severity.ERROR, check="async-correctness", preview=True)
def attribute_after_commit(program: Program) -> Iterator[Finding]:
    """Reads of mapped objects that a commit or rollback has expired."""
    for module in program.modules:
        for function in module.functions:
            # Only what calls a session's commit() or rollback() can expire anything.
            if not function.is_async or function not in program.flow.facts.touching:
                continue
            if program.role(function) in ("test", "migration"):
                continue
            for read in expired_reads(program, function):
                what = f"reads `{read.name}.{read.attribute}`" if read.attribute else f"hands `{read.name}` out"
                yield attribute_after_commit.finding(
                    module.path,
                    read.node.span,
                    f"{function.qualname} {what} after the {read.how} in line {read.by.span.row} expired it, a MissingGreenlet;"
                    " read it before, refresh it, or pass expire_on_commit=False to the factory",
                    symbol=function.qualname,
                    confidence=Confidence.MEDIUM,
                    digest=program.digest(module, read.node.span),
                )
