"""SL310 commit-after-response · a FastAPI dependency commits after the response was sent.

## What it does
Reports a generator dependency of FastAPI that commits after its `yield`, by a call or because the `yield` stands in
`with session_factory.begin()`, where the project's FastAPI runs that part after the response: below 0.106, and
from 0.118 on unless every `Depends` on it says `scope="function"`. The version comes from the lock file, the
requirements or an exact pin in `pyproject.toml`; nothing is reported where none of them names it.

## Why is this bad?
What fails in the commit fails after the client was told that all went well. Observed with a unique violation at
commit:

| FastAPI | the part after `yield` runs | the client sees | the row |
| --- | --- | --- | --- |
| 0.105.0 | after the response and background tasks | 200 | lost |
| 0.106.0, 0.117.1 | before the response | 500 | lost, reported |
| 0.118.0, 0.121.3, 0.165.0 | after the response | 200 | lost |
| 0.121.3, 0.165.0 with `scope="function"` | before the response | 500 | lost, reported |

`async with session_factory.begin() as session: yield session` behaved alike. Even when the commit succeeds, a client
that reads at once what it wrote may not find it. On 0.105 and from 0.118 on, a background task that raised rolled
back the work of a request that had its 200, and a background task with a session of its own did not see the
request's rows.

## Example
```python
from collections.abc import AsyncIterator

from fastapi import APIRouter, Depends
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

engine = create_async_engine("postgresql+asyncpg://localhost/users")
session_factory = async_sessionmaker(engine, expire_on_commit=False)
router = APIRouter()


class Base(DeclarativeBase):
    pass


class User(Base):
    __tablename__ = "users"

    id: Mapped[int] = mapped_column(primary_key=True)
    email: Mapped[str] = mapped_column(unique=True)


async def get_session() -> AsyncIterator[AsyncSession]:
    async with session_factory() as session:
        yield session
        await session.commit()


@router.post("/users")
async def add_user(email: str, session: AsyncSession = Depends(get_session)) -> str:
    session.add(User(email=email))
    return email
```

## Use instead
Say that the dependency ends with the endpoint, before the response (FastAPI 0.121 or later):

```python
from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import APIRouter, Depends
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

engine = create_async_engine("postgresql+asyncpg://localhost/users")
session_factory = async_sessionmaker(engine, expire_on_commit=False)
router = APIRouter()


class Base(DeclarativeBase):
    pass


class User(Base):
    __tablename__ = "users"

    id: Mapped[int] = mapped_column(primary_key=True)
    email: Mapped[str] = mapped_column(unique=True)


async def get_session() -> AsyncIterator[AsyncSession]:
    async with session_factory() as session:
        yield session
        await session.commit()


SessionDep = Annotated[AsyncSession, Depends(get_session, scope="function")]


@router.post("/users")
async def add_user(email: str, session: SessionDep) -> str:
    session.add(User(email=email))
    return email
```

On every version it helps to commit in the endpoint, and to let the dependency only close the session.

## When not to use
With `scope="function"` the session is closed before a `StreamingResponse` is sent and before background tasks run:
they need sessions of their own. A generator dependency of the default scope cannot depend on one with
`scope="function"`. Litestar ends its dependencies before the response. Where every request that writes also
commits in the endpoint, the commit of the dependency does nothing: take it out.

## References
- [FastAPI, advanced dependencies](https://fastapi.tiangolo.com/advanced/advanced-dependencies/)
- [FastAPI, dependencies with yield](https://fastapi.tiangolo.com/tutorial/dependencies/dependencies-with-yield/)
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from session_lint import ir
from session_lint.findings import Finding, Severity
from session_lint.program import Program
from session_lint.program.flow_facts import ExternalCall
from session_lint.program.symbols import Function
from session_lint.program.values import Const, function_of
from session_lint.rules.fastapi_releases import ends_before_response, fastapi_release
from session_lint.rules.registry import rule
from session_lint.traversal import expressions

_DEPENDS = re.compile(r"fastapi(\.params|\.param_functions)?\.(Depends|Security)$")
_SCOPES = (0, 121)  # Depends(scope=) exists


@rule("SL310", "commit-after-response", severity=Severity.WARNING, check="transaction-discipline")
def commit_after_response(program: Program) -> Iterator[Finding]:
    """Generator dependencies that commit when FastAPI has sent the response."""
    release = fastapi_release(program)
    if release is None or ends_before_response(release):
        return
    pinned = program.facts.versions["fastapi"]
    for provider in _dependencies(program, has_scopes=release >= _SCOPES):
        commit = _commit_at_end(program, provider)
        if commit is None and not program.commits_by_itself(provider):
            continue
        span = commit.span if commit is not None else provider.name_span
        yield commit_after_response.finding(
            provider.module.path,
            span,
            f"{provider.qualname} commits after its `yield`, and FastAPI {pinned} runs that when the response has been sent:"
            f" the client does not hear of a failure; {_remedy(provider, release)}",
            symbol=provider.qualname,
            digest=program.digest(provider.module, span),
        )


def _remedy(provider: Function, release: tuple[int, int]) -> str:
    if release >= _SCOPES:
        return f'declare it with `Depends({provider.name}, scope="function")`, or commit in the endpoint'
    return "commit in the endpoint"


def _dependencies(program: Program, *, has_scopes: bool) -> Iterator[Function]:
    """The generators that some ``Depends`` outside tests runs in the scope of the request, each once."""
    seen: set[Function] = set()
    for call in program.external_calls():
        if not _DEPENDS.match(call.name) or program.role(call.unit) == "test" or (has_scopes and _ends_early(call)):
            continue
        for function in filter(None, map(function_of, call.args.get(0, "dependency"))):
            if function.is_generator and function not in seen and program.role(function) != "test":
                seen.add(function)
                yield function


def _ends_early(call: ExternalCall) -> bool:
    """Whether the dependency ends with the endpoint; a scope that is not known may well say so."""
    scope = call.args.keywords.get("scope")
    return scope is not None and not any(isinstance(v, Const) and v.value == "request" for v in scope)


def _commit_at_end(program: Program, provider: Function) -> ir.Call | None:
    """The first commit below the last ``yield`` of a dependency."""
    last = max((e.span.row for e in expressions(provider.body) if isinstance(e, ir.Yield)), default=0)
    calls = [
        event.node
        for context in program.analysis.by_function.get(provider, ())
        for event in context.events.values()
        if event.kind == "commit" and event.node.span.row > last
    ]
    return min(calls, key=lambda node: (node.span.row, node.span.column), default=None)
