"""SL201 unclosed-session · a session is opened by a call and not closed on every way out.

## What it does
Reports a session that a function gets from its class, a factory or a function that returns one, and that is
still open on some way out: no `with` around it, and no `close()` that every path passes, those by an exception
included. A session that is handed on (returned, yielded, stored, given to an exit stack or to code that the
analysis cannot see) is somebody else's to close. One that a dependency returns (`Depends(get_session)`, where
`get_session` has no `yield`) is nobody's: the framework ends what is yielded to it, and nothing else.

## Why is this bad?
A session that has run a statement holds a connection and its transaction until it is closed, committed or
rolled back. Observed on SQLAlchemy 2.1.9, 2.0.58 and 1.4.54 with PostgreSQL:

- An `AsyncSession` that was dropped after one SELECT left its connection to the garbage collector: `SAWarning:
  The garbage collector is trying to clean up non-checked-in connection`, and the connection was destroyed.
- While something referred to the session, an exception's traceback for example, the connection stayed out,
  `idle in transaction`. With a pool of 2 the third call raised `TimeoutError: QueuePool limit of size 2 overflow 0
  reached, connection timed out`.
- A `close()` on the happy path alone did the same as none when an exception was raised and kept.
- A synchronous `Session` that nothing refers to gives its connection back at once, without a warning; that is
  CPython's reference counting, and a reference cycle is enough to lose it.

## Example
```python
from sqlalchemy import text
from sqlalchemy.orm import Session, sessionmaker


def count_rows(session_factory: sessionmaker[Session], table: str) -> int:
    session = session_factory()
    total = session.execute(text(f"SELECT count(*) FROM {table}")).scalar_one()
    session.close()
    return total
```

## Use instead
```python
from sqlalchemy import text
from sqlalchemy.orm import Session, sessionmaker


def count_rows(session_factory: sessionmaker[Session], table: str) -> int:
    with session_factory() as session:
        return session.execute(text(f"SELECT count(*) FROM {table}")).scalar_one()
```

Where a block does not fit, `try: ... finally: session.close()` and `contextlib.ExitStack` do the same.

## When not to use
Tests and migrations are not looked at, nor are sessions that a script or a command-line command opens itself: the
process ends, and its connections with it. A session bound to a connection that somebody else opened holds none of
its own. A path that ends the transaction (`except: session.rollback(); raise`) has given the connection back, and a
`close()` under a condition is trusted. What a generator hands out is the business of SL203.

## References
- [SQLAlchemy, opening and closing a session](https://docs.sqlalchemy.org/en/20/orm/session_basics.html)
- [SQLAlchemy issue 9234](https://github.com/sqlalchemy/sqlalchemy/issues/9234)
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain

from session_lint import ir
from session_lint.findings import Finding, Severity
from session_lint.program import Program, states, vocabulary
from session_lint.program.contexts import Context, origins
from session_lint.program.remapping import tokens_in
from session_lint.program.symbols import Function
from session_lint.rules.lifetime import closes_under_condition, ends_elsewhere, is_cached
from session_lint.rules.registry import rule
from session_lint.traversal import subexpressions, walk

_PROCESS_ENDS = ("command", "main")


@rule("SL201", "unclosed-session", severity=Severity.ERROR, check="session-lifetime")
def unclosed_session(program: Program) -> Iterator[Finding]:
    """Sessions that are open on some way out of the function that opened them."""
    seen: set[int] = set()
    leaking = _leaking_dependencies(program)
    for context in program.contexts():
        function = context.unit
        if not isinstance(function, Function) or _is_exempt(program, function):
            continue
        returned = tokens_in(context.exit.values) if context.exit is not None and function in leaking else set()
        for number, node in chain(_returned(program, context, returned), _unclosed(program, context)):
            if id(node) in seen:
                continue
            seen.add(id(node))
            name = _bound_to(function, node)
            what = f"`{name}`" if name else "a session"
            block = "async with" if context.tokens[number].is_async else "with"
            if number in returned:
                how = f"returns it as a dependency, which nobody closes; yield it inside `{block}`"
            else:
                how = f"leaves it open {_when(context, number)}; open it in `{block}`, or close it in `finally`"
            yield unclosed_session.finding(
                function.module.path,
                node.span,
                f"{function.qualname} opens {what} and {how}",
                symbol=function.qualname,
                confidence=program.confidence(context.tokens[number]),
                digest=program.digest(function.module, node.span),
            )


def _is_exempt(program: Program, function: Function) -> bool:
    entry = program.entry_or_outer(function)
    called = any(isinstance(caller, Function) for caller in program.flow.facts.callers.get(function, ()))
    ends = entry is not None and entry.kind in _PROCESS_ENDS and not called
    return ends or program.role(function) in ("test", "migration", "script")


def _leaking_dependencies(program: Program) -> set[Function]:
    """The dependencies that return a session, which somebody whom it is injected into leaves open, and nobody closes."""
    left: set[Function | None] = set()
    closed: set[Function | None] = set()
    for context in program.contexts():
        if context.exit is None:
            continue
        for number, token in enumerate(context.tokens):
            if token.how == "injected":
                ends = context.exit.raised.get(number, 0) | (context.exit.tx or {}).get(number, 0)
                providers = {t.provider for _, t in origins(context, number)} & program.flow.facts.injected
                if ends & states.CLOSED:
                    closed |= providers
                if ends & states.OPEN:
                    left |= providers
    return {f for f in left - closed if f is not None and not f.is_generator and not is_cached(program, f)}


def _returned(program: Program, context: Context, returned: set[int]) -> Iterator[tuple[int, ir.Call]]:
    for number in sorted(returned):
        token = context.tokens[number]
        if token.how == "created" and token.node is not None and not ends_elsewhere(program, context, token.node):
            yield number, token.node


def _unclosed(program: Program, context: Context) -> Iterator[tuple[int, ir.Call]]:
    exit_ = context.exit
    if exit_ is None:
        return
    kept = context.given | context.late.keys() | tokens_in(exit_.values) | tokens_in(exit_.yields)
    for number, token in enumerate(context.tokens):
        if token.how != "created" or token.node is None or number in kept:
            continue
        if token.provider is not None and (token.provider.is_generator or is_cached(program, token.provider)):
            continue
        left = exit_.raised.get(number, 0) | (exit_.tx or {}).get(number, 0)
        elsewhere = ends_elsewhere(program, context, token.node)
        if left & states.OPEN and not elsewhere and not closes_under_condition(context, number):
            yield number, token.node


def _when(context: Context, number: int) -> str:
    ends = (context.exit.tx or {}).get(number, 0) if context.exit is not None else 0
    closes = any(e.token == number and e.kind in vocabulary.CLOSE_METHODS for e in context.events.values())
    if not closes:
        return "when it ends" if ends & states.OPEN else "when something raises"
    return "on a way out without `close()`" if ends & states.OPEN else "when something raises before `close()`"


def _bound_to(function: Function, node: ir.Call) -> str:
    """The variable that the session is assigned to."""
    for statement in walk(function.body):
        if isinstance(statement, ir.Assign) and any(e is node for e in subexpressions(statement.value)):
            return next((t.id for t in statement.targets if isinstance(t, ir.Name)), "")
        if isinstance(statement, ir.AnnAssign) and any(e is node for e in subexpressions(statement.value)):
            return statement.target.id if isinstance(statement.target, ir.Name) else ""
    return ""
