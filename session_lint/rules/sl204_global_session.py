"""SL204 global-session · one session is shared by everybody: made at module level, in a default argument, or cached.

## What it does
Reports a session that is made once and then used by every request, task or thread: at module or class level, in the
default of a parameter, in a function under `lru_cache` or `cache` that returns it, or by the constructor of an object
that is built at one of these places. So is a session that a function keeps on the application (`app.state.session`),
and one that a method opens and keeps on such an object: two threads or tasks that enter one unit of work use, and
close, the session of the one that came last.

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
from itertools import chain

from session_lint import ir
from session_lint.findings import Finding, Severity
from session_lint.program import Program, states
from session_lint.program.contexts import Context
from session_lint.program.flow import Flow
from session_lint.program.remapping import tokens_in
from session_lint.program.symbols import Function, Module
from session_lint.program.values import External, Instance, Session, Values, stable
from session_lint.rules.creation import EXEMPT_ROLES
from session_lint.rules.lifetime import ends_elsewhere, is_cached
from session_lint.rules.registry import rule
from session_lint.traversal import expressions, subexpressions, walk

_REMEDY = "so all requests and threads share it; share the factory, and open a session for each unit of work"
_REMEDY_OF_OBJECT = "so all requests and threads share it; make such an object for each unit of work"
_IN_DEFAULT = "in the default of a parameter"


@rule("SL204", "global-session", severity=Severity.ERROR, check="session-lifetime")
def global_session(program: Program) -> Iterator[Finding]:
    """Sessions that are made once for the whole program."""
    seen: set[int] = set()
    for module, node, symbol, what in chain(_made_once(program), _on_application(program), _shared_objects(program)):
        if id(node) not in seen:
            seen.add(id(node))
            yield global_session.finding(
                module.path,
                node.span,
                f"{symbol} makes {what}",
                symbol=symbol,
                digest=program.digest(module, node.span),
            )


_Made = tuple[Module, ir.Expr, str, str]
"""What is made once: the module, the expression that makes it, what makes it, and what to say of it."""


def _made_once(program: Program) -> Iterator[_Made]:
    for context in program.contexts():
        unit = context.unit
        if program.role(unit) in EXEMPT_ROLES or context.exit is None:
            continue
        if isinstance(unit, Module):
            for node in _of_module(program, context, unit):
                symbol, where = _place(unit, node)
                yield unit, node, symbol, f"a session {where}, {_REMEDY}"
        elif is_cached(program, unit):
            for number in sorted(tokens_in(context.exit.values)):
                token = context.tokens[number]
                if token.how in ("created", "object") and token.node is not None:
                    yield unit.module, token.node, unit.qualname, f"a session whose result is cached, {_REMEDY}"
    for module in program.modules:
        if program.role(module) not in EXEMPT_ROLES:
            for function in module.functions:
                for default, values in _defaults(program, function):
                    if any(isinstance(v, Session) for v in values):
                        yield module, default, function.qualname, f"a session {_IN_DEFAULT}, {_REMEDY}"


def _on_application(program: Program) -> Iterator[_Made]:
    """Sessions that a function opens and keeps on the application."""
    for context in program.contexts():
        unit = context.unit
        if not isinstance(unit, Function) or program.role(unit) in EXEMPT_ROLES:
            continue
        if all(context.tokens[number].how != "created" for number in context.given):
            continue
        flow = program.flow.at(unit, unit.parent)
        for statement in walk(unit.body):
            if (
                isinstance(statement, ir.Assign)
                and any(_is_of_application(flow, target) for target in statement.targets)
                and any(isinstance(v, Session) and v.origin != "registry" for v in flow.eval(statement.value))
            ):
                what = f"a session and keeps it on the application, {_REMEDY}"
                yield unit.module, statement.value, unit.qualname, what


def _is_of_application(flow: Flow, target: ir.Expr) -> bool:
    return isinstance(target, ir.Attribute) and External("app.state") in flow.eval(target.value)


def _shared_objects(program: Program) -> Iterator[_Made]:
    """Objects that are made once, and have a method that opens a session and keeps it on them."""
    keepers = _keepers(program)
    if not keepers:
        return
    for module in program.modules:
        if program.role(module) in EXEMPT_ROLES:
            continue
        for function in module.functions:
            for default, values in _defaults(program, function):
                for keeper in _kept_by(values, keepers):
                    yield module, default, function.qualname, _shared(keeper, _IN_DEFAULT)
        flow = program.flow.at(module)
        below_main = _below_main(module)
        for body in (module.body, *(c.node.body for c in module.classes if not isinstance(c.parent, Function))):
            for node in expressions(body):
                if isinstance(node, ir.Call) and id(node) not in below_main:
                    for keeper in _kept_by(flow.eval(node), keepers):
                        symbol, where = _place(module, node)
                        yield module, node, symbol, _shared(keeper, where)


def _keepers(program: Program) -> set[Function]:
    """The methods that open a session and keep it, open, on their own object."""
    return {
        context.unit
        for context in program.contexts()
        if isinstance(context.unit, Function)
        and context.unit.takes_self
        and context.unit.name != "__init__"
        and context.exit is not None
        and any(
            token.how == "object" and token.node is not None and (context.exit.tx or {}).get(number) != states.CLOSED
            for number, token in enumerate(context.tokens)
        )
    }


def _kept_by(values: Values, keepers: set[Function]) -> Iterator[Function]:
    for value in sorted(values, key=stable):
        if isinstance(value, Instance) and "threading.local" not in value.cls.external_lineage():
            yield from (f for cls in value.cls.lineage() for f in cls.methods.values() if f in keepers)


def _shared(keeper: Function, where: str) -> str:
    return f"an object {where} on which {keeper.name}() keeps its session, {_REMEDY_OF_OBJECT}"


def _of_module(program: Program, context: Context, module: Module) -> Iterator[ir.Call]:
    below_main = _below_main(module)
    ends = (context.exit.tx if context.exit is not None else None) or {}
    for number, token in enumerate(context.tokens):
        if token.how not in ("created", "object") or token.node is None or id(token.node) in below_main:
            continue
        if token.provider is not None and token.provider.is_generator:
            continue
        if ends.get(number) != states.CLOSED and not ends_elsewhere(program, context, token.node):
            yield token.node


def _below_main(module: Module) -> set[int]:
    return {id(e) for s in module.body if isinstance(s, ir.If) and _asks_for_main(s.test) for e in expressions(s.body)}


def _asks_for_main(test: ir.Expr) -> bool:
    return any(isinstance(e, ir.Name) and e.id == "__name__" for e in subexpressions(test))


def _place(module: Module, node: ir.Call) -> tuple[str, str]:
    for cls in module.classes:
        if any(e is node for e in expressions(cls.node.body)):
            return cls.qualname, "at class level"
    return "<module>", "at module level"


def _defaults(program: Program, function: Function) -> Iterator[tuple[ir.Expr, Values]]:
    """The defaults of parameters that call something, and what they are."""
    for param in function.params:
        if param.default is not None and any(isinstance(e, ir.Call) for e in subexpressions(param.default)):
            yield param.default, program.flow.at(function, function.parent).eval(param.default)
