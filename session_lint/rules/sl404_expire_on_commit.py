"""SL404 expire-on-commit · an async session factory without `expire_on_commit=False`.

## What it does
Reports async factories (`async_sessionmaker(...)`, `sessionmaker(class_=AsyncSession)`) and sessions that are made
from their class (`AsyncSession(engine)`) without `expire_on_commit=False`.

A factory that is configured later (`factory.configure(expire_on_commit=False)`), or whose arguments cannot be read
(`**options`, a setting), is not reported.

## Why is this bad?
By default a commit expires every object of the session: the next read of any column loads it again. A sync
session does so silently; an async one cannot, for reading an attribute is no `await`. Observed on SQLAlchemy
2.1.9, 2.0.58 and 1.4.54:

- Any column read after `await session.commit()`, or after the end of `async with session.begin()`, raised
  `MissingGreenlet: greenlet_spawn has not been called`; the primary key too, and the `id` of a new object.
- In a FastAPI endpoint with a response model the same became a `ResponseValidationError`: status 500 after the row
  was committed.
- `vars(user)` was empty, without an exception.

With `expire_on_commit=False` the objects keep what they hold; `await session.refresh(user)` loads it again where
that is wanted. Relationships that were not loaded raise with either setting, and so does everything after a
rollback.

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
    session_factory = async_sessionmaker(engine, expire_on_commit=False)
    async with session_factory() as session:
        user = User(name=name)
        session.add(user)
        await session.commit()
        return user.id
```

## When not to use
Tests, migrations and scripts are exempt. Sessions that only ever run statements and never keep an object past a
commit lose nothing by the default. The fix is unsafe because it changes what code sees after a commit: values that
a trigger, a server default or another transaction wrote in the meantime then need `await session.refresh(user)`.

## References
- [SQLAlchemy, preventing implicit IO][implicit]
- [SQLAlchemy, MissingGreenlet](https://docs.sqlalchemy.org/en/20/errors.html#error-xd2s)

[implicit]: https://docs.sqlalchemy.org/en/20/orm/extensions/asyncio.html#preventing-implicit-io-when-using-asyncsession
"""

from __future__ import annotations

from collections.abc import Iterator

from session_lint import ir
from session_lint.findings import Edit, Finding, Fix, Severity
from session_lint.program import Program
from session_lint.program.values import Factory
from session_lint.rules.creation import EXEMPT_ROLES
from session_lint.rules.expiry import OPTION, expires
from session_lint.rules.pairing import misfits
from session_lint.rules.registry import rule


@rule("SL404", "expire-on-commit", severity=Severity.WARNING, check="async-correctness", fix="unsafe")
def expire_on_commit(program: Program) -> Iterator[Finding]:
    """Async factories and sessions whose objects expire when they are committed."""
    for creation in (*program.creations("factory"), *program.creations("session")):
        made = creation.value
        if (
            not expires(program, creation)
            or id(creation.node) in misfits(program)
            or program.role(creation.unit) in EXEMPT_ROLES
        ):
            continue
        module, name = creation.unit.module, creation.name.rsplit(".", 1)[-1]
        what = "an async session factory" if isinstance(made, Factory) else "an async session"
        yield expire_on_commit.finding(
            module.path,
            creation.node.span,
            f"{creation.unit.qualname} makes {what} with {name}() without {OPTION}=False: reading an attribute after a"
            f" commit raises MissingGreenlet; pass {OPTION}=False",
            symbol=creation.unit.qualname,
            fix=_fix(creation.node),
            digest=program.digest(module, creation.node.span),
        )


def _fix(node: ir.Call) -> Fix | None:
    edit = _set_option(node)
    return Fix(f"Pass {OPTION}=False", safe=False, edits=(edit,)) if edit is not None else None


def _set_option(node: ir.Call) -> Edit | None:
    for arg in node.args:
        if arg.keyword == OPTION:
            return Edit(arg.value.span, "False")
    span = node.span
    if not node.args:
        end = ir.Span(span.end_row, span.end_column - 1, span.end_row, span.end_column - 1)
        return Edit(end, f"{OPTION}=False")
    last = node.args[-1].value
    if not isinstance(last, (ir.Name, ir.Attribute, ir.Call, ir.Constant)):
        return None  # may stand in brackets of its own, which the range of an expression leaves out
    end = ir.Span(last.span.end_row, last.span.end_column, last.span.end_row, last.span.end_column)
    return Edit(end, f", {OPTION}=False")
