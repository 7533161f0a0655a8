"""SL203 unguarded-provider · a generator hands out a session that nothing closes when the code under it fails.

## What it does
Reports a generator that opens a session and yields it outside `with` and `try: ... finally: session.close()`, so
that an exception thrown in at the `yield`, or the normal end, leaves the session open. It also reports one that
catches what is thrown in and does not raise it again.

## Why is this bad?
FastAPI and `contextmanager` throw the exception of the code under the `yield` in at the `yield`. What stands after
it then does not run. Observed on FastAPI 0.105.0 to 0.165.0, with PostgreSQL:

- Without a guard, 20 requests whose handler raised (an `HTTPException` is enough) left 20 connections checked out and
  20 sessions `idle in transaction`, freed by the garbage collector alone. With `with`, `async with` or `try`/`finally`
  around the `yield` none was left, for `def` and `async def` handlers alike.
- `except: session.rollback()` without `raise`: FastAPI has no response to send. `FastAPIError: No response object was
  returned` on 0.117, `FastAPIError: Response not awaited` from 0.118 on; and a commit that failed in the provider
  gave the client a 200.

## Example
```python
from collections.abc import Iterator

from sqlalchemy import Engine
from sqlalchemy.orm import Session


def get_session(engine: Engine) -> Iterator[Session]:
    session = Session(engine)
    yield session
    session.close()
```

## Use instead
```python
from collections.abc import Iterator

from sqlalchemy import Engine
from sqlalchemy.orm import Session


def get_session(engine: Engine) -> Iterator[Session]:
    with Session(engine) as session:
        yield session
```

`try: yield session` with `finally: session.close()` (awaited, for an `AsyncSession`) does the same. A handler that
rolls back ends in `raise`.

## When not to use
Test files are not looked at: pytest does not throw into a fixture. A session that the generator got from another
provider's `with`, or passes to code that the analysis cannot see, is not reported, and neither is a `close()` under
a condition.

## References
- [FastAPI, dependencies with yield](https://fastapi.tiangolo.com/tutorial/dependencies/dependencies-with-yield/)
- [SQLAlchemy, opening and closing a session](https://docs.sqlalchemy.org/en/20/orm/session_basics.html)
"""

from __future__ import annotations

from collections.abc import Iterator

from session_lint import ir
from session_lint.findings import Finding, Severity
from session_lint.program import Program, states, vocabulary
from session_lint.program.contexts import Context
from session_lint.program.remapping import bears_session, tokens_in
from session_lint.program.symbols import Function
from session_lint.program.values import Symbol
from session_lint.rules.lifetime import closes_under_condition, ends_elsewhere
from session_lint.rules.registry import rule
from session_lint.traversal import expressions, own_expressions, subexpressions, walk

_BROAD = {"builtins.Exception", "builtins.BaseException"}
_DATABASE_ERRORS = ("SQLAlchemyError", "DBAPIError", "DatabaseError")


@rule("SL203", "unguarded-provider", severity=Severity.ERROR, check="session-lifetime")
def unguarded_provider(program: Program) -> Iterator[Finding]:
    """Generators that do not close the session that they hand out, or swallow what is thrown into them."""
    seen: set[Function] = set()
    for context in program.contexts():
        function = context.unit
        if not isinstance(function, Function) or not function.is_generator or function in seen:
            continue
        if program.role(function) == "test" or context.exit is None:
            continue
        made = [number for number in sorted(tokens_in(context.exit.yields)) if _is_own(context, number)]
        if any(_is_open(program, context, number) for number in made):
            seen.add(function)
            yield _unguarded(program, function)
        elif made and (swallowing := _swallowing(program, function)) is not None:
            seen.add(function)
            yield unguarded_provider.finding(
                function.module.path,
                swallowing.span,
                f"{function.qualname} swallows what the code under its `yield` raises; end the handler with `raise`",
                symbol=function.qualname,
                digest=program.digest(function.module, swallowing.span),
            )


def _unguarded(program: Program, function: Function) -> Finding:
    places = [*_yields(program, function), *(e for e in expressions(function.body) if isinstance(e, ir.Yield))]
    span = places[0].span
    block = "async with" if function.is_async else "with"
    return unguarded_provider.finding(
        function.module.path,
        span,
        f"{function.qualname} yields a session that stays open when the code under the `yield` raises;"
        f" yield it inside `{block}`, or in `try` with `finally: close()`",
        symbol=function.qualname,
        digest=program.digest(function.module, span),
    )


def _is_own(context: Context, number: int) -> bool:
    token = context.tokens[number]
    from_provider = token.provider is not None and token.provider.is_generator
    return token.how == "created" and token.node is not None and not from_provider and number not in context.given


def _is_open(program: Program, context: Context, number: int) -> bool:
    exit_ = context.exit
    node = context.tokens[number].node
    assert exit_ is not None
    assert node is not None
    ends = (exit_.tx or {}).get(number, states.CLOSED) & ~states.CLOSED
    fails = exit_.raised.get(number, 0) & (states.OPEN | states.UNKNOWN)
    if not ends and (not fails or _closed_finally(program, context, number)):
        return False
    return not closes_under_condition(context, number) and not ends_elsewhere(program, context, node)


def _closed_finally(program: Program, context: Context, number: int) -> bool:
    """Whether the ``yield`` stands in a ``try`` that closes the session; what fails before it is no business of this rule."""
    assert isinstance(context.unit, Function)
    handed_out = {id(e) for e in _yields(program, context.unit)}
    closes = {id(e.node) for e in context.events.values() if e.token == number and e.kind in vocabulary.CLOSE_METHODS}
    return any(
        not closes.isdisjoint(id(e) for e in expressions(statement.final))
        and not handed_out.isdisjoint(id(e) for e in expressions(statement.body))
        for statement in walk(context.unit.body)
        if isinstance(statement, ir.Try)
    )


def _yields(program: Program, function: Function) -> Iterator[ir.Yield]:
    """The ``yield`` expressions that hand a session out."""
    flow = program.flow.at(function)
    for expr in expressions(function.body):
        if isinstance(expr, ir.Yield) and any(bears_session(v) for v in flow.eval(expr.value)):
            yield expr


def _swallowing(program: Program, function: Function) -> ir.Handler | None:
    """The handler around the ``yield`` that catches everything, or all database errors, and raises nothing."""
    wanted = {id(e) for e in _yields(program, function)}
    for statement in walk(function.body):
        if not isinstance(statement, ir.Try):
            continue
        inside = (e for inner in walk(statement.body) for o in own_expressions(inner) for e in subexpressions(o))
        if any(id(e) in wanted for e in inside):
            for handler in statement.handlers:
                if _is_broad(program, function, handler) and not _raises(handler):
                    return handler
                if handler.type is None or _raises(handler):
                    break
    return None


def _is_broad(program: Program, function: Function, handler: ir.Handler) -> bool:
    if handler.type is None:
        return True
    types = handler.type.items if isinstance(handler.type, ir.Collection) else (handler.type,)
    names = [v.name for t in types for v in program.flow.at(function).eval(t) if isinstance(v, Symbol)]
    return any(name in _BROAD or name.rsplit(".", 1)[-1] in _DATABASE_ERRORS for name in names)


def _raises(handler: ir.Handler) -> bool:
    """Whether a handler may raise: a statement does, or a function that is called for it (``log_and_raise()``)."""
    return any(isinstance(s, (ir.Raise, ir.Return)) for s in walk(handler.body)) or any(
        isinstance(e, ir.Call) and "raise" in _last_name(e.func) for e in expressions(handler.body)
    )


def _last_name(func: ir.Expr) -> str:
    return func.name if isinstance(func, ir.Attribute) else func.id if isinstance(func, ir.Name) else ""
