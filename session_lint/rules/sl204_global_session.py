"""SL204 global-session · one session is shared by everybody: made at module level, in a default argument, or cached.

## What it does
Reports a session that is made once and then used by every request, task or thread: at module or class level, in the
default of a parameter, in a function under `lru_cache` or `cache` that returns it, or by the constructor of an object
that is built at one of these places.

## Why is this bad?
A session is a unit of work, and no two units of work can share it. Observed on SQLAlchemy 2.1.9, 2.0.58 and 1.4.54:

- Two tasks at once: `ResourceClosedError: This transaction is closed` and `IllegalStateChangeError: Method 'rollback()'
  can't be called here`, and no row was written.
- Two requests that merely alternate, with no exception: the rollback of one took the pending row of the other with it,
  and the commit of one wrote the row of another that had failed.
- A row that changed in the database was still read as it had been, from the session's identity map.
- After one failed flush every later request failed: `PendingRollbackError: This Session's transaction has been rolled
  back due to a previous exception during flush`.
- After a read the connection stayed out, `idle in transaction`.

## Example
```python
from sqlalchemy import create_engine, text
from sqlalchemy.orm import Session

engine = create_engine("sqlite://")
session = Session(engine)


def add_order(number: int) -> None:
    session.execute(text("INSERT INTO orders (number) VALUES (:n)"), {"n": number})


def cancel() -> None:
    session.rollback()


def finish() -> None:
    session.commit()
```

## Use instead
```python
from sqlalchemy import create_engine, text
from sqlalchemy.orm import Session, sessionmaker

engine = create_engine("sqlite://")
make_session = sessionmaker(engine)


def add_order(session: Session, number: int) -> None:
    session.execute(text("INSERT INTO orders (number) VALUES (:n)"), {"n": number})


def cancel(session: Session) -> None:
    session.rollback()


def finish(session: Session) -> None:
    session.commit()
```

The factory is what a module shares; each request or task opens a session from it.

## When not to use
Scripts, tests and migrations have one unit of work and may keep its session at module level. Not reported: registries
(`scoped_session`), a session that the module closes again, one below `if __name__ == "__main__":`, and
`self.session = session` in objects that live as long as a request.

## References
- [SQLAlchemy, is the session thread-safe?][threads]
- [SQLAlchemy, when do I construct a session?](https://docs.sqlalchemy.org/en/20/orm/session_basics.html)

[threads]: https://docs.sqlalchemy.org/en/20/orm/session_basics.html#session-faq-threadsafe
"""

from __future__ import annotations

from collections.abc import Iterator

from session_lint import ir
from session_lint.findings import Finding, Severity
from session_lint.program import Program, states
from session_lint.program.contexts import Context
from session_lint.program.remapping import tokens_in
from session_lint.program.symbols import Function, Module
from session_lint.program.values import Session
from session_lint.rules.creation import EXEMPT_ROLES
from session_lint.rules.lifetime import ends_elsewhere, is_cached
from session_lint.rules.registry import rule
from session_lint.traversal import expressions, subexpressions

_REMEDY = "so all requests and threads share it; share the factory, and open a session for each unit of work"


@rule("SL204", "global-session", severity=Severity.ERROR, check="session-lifetime")
def global_session(program: Program) -> Iterator[Finding]:
    """Sessions that are made once for the whole program."""
    seen: set[int] = set()
    for module, node, symbol, where in _made_once(program):
        if id(node) not in seen:
            seen.add(id(node))
            yield global_session.finding(
                module.path,
                node.span,
                f"{symbol} makes a session {where}, {_REMEDY}",
                symbol=symbol,
                digest=program.digest(module, node.span),
            )


def _made_once(program: Program) -> Iterator[tuple[Module, ir.Expr, str, str]]:
    for context in program.contexts():
        unit = context.unit
        if program.role(unit) in EXEMPT_ROLES or context.exit is None:
            continue
        if isinstance(unit, Module):
            for node in _of_module(program, context, unit):
                yield unit, node, *_place(unit, node)
        elif is_cached(program, unit):
            for number in sorted(tokens_in(context.exit.values)):
                token = context.tokens[number]
                if token.how in ("created", "object") and token.node is not None:
                    yield unit.module, token.node, unit.qualname, "whose result is cached"
    for module in program.modules:
        if program.role(module) not in EXEMPT_ROLES:
            for function in module.functions:
                for default in _defaults(program, function):
                    yield module, default, function.qualname, "in the default of a parameter"


def _of_module(program: Program, context: Context, module: Module) -> Iterator[ir.Call]:
    main = {id(e) for s in module.body if isinstance(s, ir.If) and _asks_for_main(s.test) for e in expressions(s.body)}
    ends = (context.exit.tx if context.exit is not None else None) or {}
    for number, token in enumerate(context.tokens):
        if token.how not in ("created", "object") or token.node is None or id(token.node) in main:
            continue
        if token.provider is not None and token.provider.is_generator:
            continue
        if ends.get(number) != states.CLOSED and not ends_elsewhere(program, context, token.node):
            yield token.node


def _asks_for_main(test: ir.Expr) -> bool:
    return any(isinstance(e, ir.Name) and e.id == "__name__" for e in subexpressions(test))


def _place(module: Module, node: ir.Call) -> tuple[str, str]:
    for cls in module.classes:
        if any(e is node for e in expressions(cls.node.body)):
            return cls.qualname, "at class level"
    return "<module>", "at module level"


def _defaults(program: Program, function: Function) -> Iterator[ir.Expr]:
    for param in function.params:
        if any(isinstance(e, ir.Call) for e in subexpressions(param.default)):
            values = program.flow.at(function, function.parent).eval(param.default)
            if param.default is not None and any(isinstance(v, Session) for v in values):
                yield param.default
