"""SL208 session-used-after-close · a session is used after its `with` block, or returned out of it.

## What it does
Reports a session that is used after the end of the `with` block that closed it, itself or through an object or a
function that it is lent to, one that is put into an attribute or a collection there, and one that is returned out
of its `with` block, alone or in an object that keeps it.

## Why is this bad?
A closed session opens again, silently: the next statement takes a new connection, and nothing gives that one back.
Observed on SQLAlchemy 2.1.9, 2.0.58 and 1.4.54: no exception; with a pool of 2 the third call raised `TimeoutError:
QueuePool limit of size 2 overflow 0 reached`. With `close_resets_only=False` (from 2.0.22) the use fails:
`InvalidRequestError: This Session has been permanently closed and is unable to handle any more transaction requests.`

## Example
```python
from sqlalchemy import Engine
from sqlalchemy.orm import Session


def open_session(engine: Engine) -> Session:
    with Session(engine) as session:
        return session
```

## Use instead
Hand the session out by `yield`, so that the block ends when the caller is done:

```python
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Engine
from sqlalchemy.orm import Session


@contextmanager
def open_session(engine: Engine) -> Iterator[Session]:
    with Session(engine) as session:
        yield session
```

Where a session was used after its block, move that into the block.

## When not to use
A session that is entered again has begun a new block. A `close()` in the middle of a function is not reported:
SQLAlchemy documents that the session may be used again. Results and objects that outlive their session are not looked
at.

## References
- [SQLAlchemy, opening and closing a session](https://docs.sqlalchemy.org/en/20/orm/session_basics.html)
- [SQLAlchemy, `Session.close()`](https://docs.sqlalchemy.org/en/20/orm/session_basics.html#closing)
"""

from __future__ import annotations

from collections.abc import Iterator

from session_lint import ir
from session_lint.findings import Finding, Severity
from session_lint.program import Program
from session_lint.program.contexts import Context
from session_lint.program.symbols import Function
from session_lint.rules.registry import rule
from session_lint.traversal import subexpressions, walk


@rule("SL208", "session-used-after-close", severity=Severity.ERROR, check="session-lifetime")
def session_used_after_close(program: Program) -> Iterator[Finding]:
    """Sessions that go on after the ``with`` block that closed them."""
    seen: set[tuple[str, ir.Span]] = set()
    for context in program.contexts():
        if program.role(context.unit) == "test":
            continue
        for number, span, what in _late(context):
            if (context.module.path, span) in seen:
                continue
            seen.add((context.module.path, span))
            yield session_used_after_close.finding(
                context.module.path,
                span,
                f"{context.unit.qualname} {what}",
                symbol=context.unit.qualname,
                confidence=program.confidence(context.tokens[number]),
                digest=program.digest(context.module, span),
            )


def _late(context: Context) -> Iterator[tuple[int, ir.Span, str]]:
    for number, node in context.late.items():
        yield (
            number,
            node.span,
            f"{'uses' if isinstance(node, ir.Call) else 'keeps'} {_name(context, number)} after its `with` block has closed it; do it in the block",
        )
    for number, block in context.returned_late.items():
        if isinstance(context.unit, Function) and not context.unit.is_generator:
            place = _return_in(block, context.tokens[number].path)
            what = f"returns {_name(context, number)}, or what keeps it, out of its `with` block, which closes it"
            yield number, place.span, f"{what}; yield it instead"


def _name(context: Context, number: int) -> str:
    path = context.tokens[number].path
    return f"`{path}`" if path else "a session"


def _return_in(block: ir.With, name: str) -> ir.Return:
    """The ``return`` that names the session, else the first one of the block."""
    returns = [s for s in walk(block.body) if isinstance(s, ir.Return) and s.value is not None]
    named = (r for r in returns if any(isinstance(e, ir.Name) and e.id == name for e in subexpressions(r.value)))
    return next(named, returns[0])
