"""SL202 provider-misuse · a provider, factory or session is used by a protocol that it does not have.

## What it does
Reports `next()` and `anext()` on a generator provider, `return` and `break` in a loop over one, `await` on a context
manager or async generator, `with` and `async with` on what has no such protocol (a bare generator, a coroutine, a
factory that is not called, the block of the other colour), and `Depends` on a context manager, on a provider that is
called on the spot, or on a factory.

## Why is this bad?
The first two work at first sight and leak. Observed on SQLAlchemy 2.1.9, 2.0.58 and 1.4.54:

- `next(get_session())`: the temporary generator dies at once, so its `finally: session.close()` runs before the session
  is used. The closed session opens again; with a pool of 2 the third call raised `TimeoutError`.
- `await anext(get_session())`: `IllegalStateChangeError: Method 'close()' can't be called here` in the background, the
  same leak, and on 1.4.54 a broken connection handed to innocent code.
- `return` in `async for session in get_session()`: what the provider does after its `yield`, a commit for instance,
  never runs. The write was lost without an exception; a loop that ran to its end wrote the row.

The others raise when they are reached. `TypeError: 'async_generator' object does not support the asynchronous context
manager protocol`, `'coroutine' object does not support …`, `object async_generator can't be used in 'await' expression`.
`Depends` on an `@asynccontextmanager`: `AttributeError: '_AsyncGeneratorContextManager' object has no attribute
'execute'` up to FastAPI 0.121.3, `TypeError` on 0.165.0. `Depends` on a factory: 422 for every request.

## Example
```python
from collections.abc import Iterator

from sqlalchemy import Engine, text
from sqlalchemy.orm import Session


def get_session(engine: Engine) -> Iterator[Session]:
    with Session(engine) as session:
        yield session
        session.commit()


def add_order(engine: Engine, number: int) -> int:
    for session in get_session(engine):
        session.execute(text("INSERT INTO orders (number) VALUES (:n)"), {"n": number})
        return number
    raise RuntimeError("no session")
```

## Use instead
```python
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Engine, text
from sqlalchemy.orm import Session


def get_session(engine: Engine) -> Iterator[Session]:
    with Session(engine) as session:
        yield session
        session.commit()


def add_order(engine: Engine, number: int) -> int:
    with contextmanager(get_session)(engine) as session:
        session.execute(text("INSERT INTO orders (number) VALUES (:n)"), {"n": number})
        return number
```

## When not to use
The rule reports what the analysis is certain of: an object that can be something else on another path is left alone,
and so is a generator that is kept in a variable and advanced from there. Tests are not looked at.

## References
- [FastAPI, dependencies with yield](https://fastapi.tiangolo.com/tutorial/dependencies/dependencies-with-yield/)
- [Python, `contextlib.contextmanager`](https://docs.python.org/3/library/contextlib.html#contextlib.contextmanager)
- [langflow issue 7185](https://github.com/langflow-ai/langflow/issues/7185)
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from session_lint import ir
from session_lint.findings import Finding, Severity
from session_lint.program import Program
from session_lint.program.remapping import bears_session
from session_lint.program.symbols import Unit
from session_lint.program.values import (
    Const,
    ContextManager,
    Coroutine,
    Factory,
    Generator,
    Handle,
    ManagerFunction,
    Session,
    Values,
    function_of,
)
from session_lint.rules.registry import rule
from session_lint.traversal import walk

_ADVANCE = ("next", "anext")
_ADVANCE_METHODS = ("__next__", "__anext__", "send", "asend")
_DEPENDS = (
    "fastapi.Depends",
    "fastapi.Security",
    "fastapi.param_functions.Depends",
    "fastapi.param_functions.Security",
)


@rule("SL202", "provider-misuse", severity=Severity.ERROR, check="session-lifetime")
def provider_misuse(program: Program) -> Iterator[Finding]:
    """Providers, factories and sessions that are used by a protocol that they do not have."""
    places = program.places
    for unit, statement in places.blocks:
        yield from _of_statement(program, unit, statement)
    for unit, advanced in places.calls_of((*_ADVANCE, *_ADVANCE_METHODS)):
        yield from _of_expression(program, unit, advanced)
    for unit, awaited in places.awaits:
        yield from _of_expression(program, unit, awaited)
    for call in program.external_calls():
        if call.name in _DEPENDS and program.role(call.unit) != "test":
            what = _undependable(call.args.get(0, "dependency"))
            if what is not None:
                yield _finding(program, call.unit, call.node, what)


def _finding(program: Program, unit: Unit, node: ir.Expr, what: str) -> Finding:
    return provider_misuse.finding(
        unit.module.path,
        node.span,
        f"{unit.qualname} {what}",
        symbol=unit.qualname,
        digest=program.digest(unit.module, node.span),
    )


def _of_statement(program: Program, unit: Unit, statement: ir.Statement) -> Iterator[Finding]:
    if isinstance(statement, ir.With):
        for item in statement.items:
            what = _unenterable(_values(program, unit, item.context), is_async=statement.is_async)
            if what is not None:
                yield _finding(program, unit, item.context, what)
    elif isinstance(statement, ir.For):
        values = _values(program, unit, statement.iterable)
        word = _leaves(statement.body)
        if word is not None and isinstance(statement.iterable, ir.Call) and _all_providers(values):
            what = f"leaves the loop over a provider by `{word}`, so what stands after its `yield` does not run in time"
            yield _finding(program, unit, statement.iterable, f"{what}; use it in a `with` through contextmanager()")


def _of_expression(program: Program, unit: Unit, expr: ir.Expr) -> Iterator[Finding]:
    match expr:
        case ir.Call(func=ir.Name(id=name), args=args) if name in _ADVANCE and args:
            inner = args[0].value
        case ir.Call(func=ir.Attribute(value=inner, name=name)) if name in _ADVANCE_METHODS:
            pass
        case ir.Await(value=ir.Call() as inner):
            targets = program.flow.facts.call_targets.get(id(inner), ())
            if not targets or any(target.is_async and not target.is_generator for target in targets):
                return
            values = _values(program, unit, inner)
            if values and all(isinstance(v, (ContextManager, Generator)) for v in values) and _known(values):
                what = "awaits a provider that is no coroutine"
                remedy = "enter it with `async with`"
                yield _finding(program, unit, inner, f"{what}; {remedy}")
            return
        case _:
            return
    if isinstance(inner, ir.Call) and _all_providers(_values(program, unit, inner)):
        what = f"takes a session from a provider by {name}(), which closes it before it is used"
        yield _finding(program, unit, expr, f"{what}; use the provider in a `with` through contextmanager()")


def _values(program: Program, unit: Unit, expr: ir.Expr) -> Values:
    return program.flow.at(unit).eval(expr) - {Const(None)}


def _all_providers(values: Values) -> bool:
    return bool(values) and all(isinstance(v, Generator) and v.function is not None for v in values) and _known(values)


def _known(values: Values) -> bool:
    """Whether the values are the project's own and give sessions."""
    return all(bears_session(v) and getattr(v, "function", None) is not None for v in values)


def _unenterable(values: Values, *, is_async: bool) -> str | None:
    """Why none of the values can be entered."""
    reasons = {_reason(value, is_async=is_async) for value in values}
    return reasons.pop() if len(reasons) == 1 else None


def _reason(value: object, *, is_async: bool) -> str | None:
    block = "async with" if is_async else "with"
    other = "with" if is_async else "async with"
    match value:
        case Generator(function=function) if function is not None and bears_session(value):
            maker = "asynccontextmanager" if value.is_async else "contextmanager"
            return f"enters the generator of {function.qualname}() with `{block}`; decorate the provider with @{maker}"
        case Coroutine(function=function) if function is not None and bears_session(value):
            return f"enters the coroutine of {function.qualname}() with `{block}`; await it first"
        case ContextManager(function=function, is_async=kind) if function is not None and kind != is_async:
            return f"enters {function.qualname}() with `{block}`; it needs `{other}`" if bears_session(value) else None
        case Session(is_async=kind) if kind != is_async:
            return f"enters {'an async' if kind else 'a sync'} session with `{block}`; it needs `{other}`"
        case Handle(subject=Session(is_async=kind)) if kind != is_async:
            return f"enters a block of {'an async' if kind else 'a sync'} session with `{block}`; it needs `{other}`"
        case Factory(is_registry=False):
            return f"enters a session factory with `{block}`; call it"
        case _:
            return None


def _undependable(values: Values) -> str | None:
    """Why FastAPI cannot use any of the values as a dependency."""
    reasons: set[str | None] = set()
    for value in values:
        match value:
            case ManagerFunction():
                function = function_of(value)
                gives = function is not None and any(bears_session(v) for v in function.yields.values)
                name = function.qualname if function is not None else ""
                reason = f"depends on the context manager {name}; depend on a plain generator" if gives else None
            case Generator() | Coroutine() | ContextManager() if bears_session(value):
                reason = "calls a provider inside Depends(); pass the function itself"
            case Factory(is_registry=False):
                reason = "depends on a session factory, whose parameters FastAPI takes for the request's; depend on a provider"
            case _:
                reason = None
        reasons.add(reason)
    return reasons.pop() if len(reasons) == 1 else None


def _leaves(body: Sequence[ir.Statement]) -> str | None:
    """How a loop is left early: ``return`` anywhere in its body, ``break`` outside inner loops."""
    for statement in walk(body):
        if isinstance(statement, ir.Return):
            return "return"
    return "break" if _breaks(body) else None


def _breaks(body: Sequence[ir.Statement]) -> bool:
    for statement in body:
        match statement:
            case ir.Jump(kind="break"):
                return True
            case ir.If(body=inner, orelse=other):
                if _breaks(inner) or _breaks(other):
                    return True
            case ir.With(body=inner):
                if _breaks(inner):
                    return True
            case ir.Try():
                parts = (statement.body, statement.orelse, statement.final, *(h.body for h in statement.handlers))
                if any(_breaks(part) for part in parts):
                    return True
            case _:
                pass
    return False
