"""What SL201, SL203 and SL204 share: closings that the analysis trusts, and sessions that hold no connection of their own."""

from __future__ import annotations

from session_lint import ir
from session_lint.program import Program, vocabulary
from session_lint.program.contexts import Context
from session_lint.program.symbols import Function
from session_lint.program.values import Connection, External, Factory
from session_lint.traversal import subexpressions, walk


def closes_under_condition(context: Context, number: int) -> bool:
    """Whether a ``close()`` of the session stands under a condition, which the analysis cannot always tell."""
    closes = {id(e.node) for e in context.events.values() if e.token == number and e.kind in vocabulary.CLOSE_METHODS}
    return any(
        id(expr) in closes
        for statement in walk(context.unit.body)
        if isinstance(statement, ir.If)
        for inner in walk((*statement.body, *statement.orelse))
        if isinstance(inner, ir.ExprStatement)
        for expr in subexpressions(inner.value)
    )


def ends_elsewhere(program: Program, context: Context, node: ir.Call) -> bool:
    """Whether a session is bound to a connection, which somebody else closes, or of a registry, whose ``remove()`` does."""
    flow = program.flow.at(context.unit)
    bound = [a.value for i, a in enumerate(node.args) if a.keyword == "bind" or (i == 0 and a.keyword is None)]
    values = [v for expr in bound for v in flow.eval(expr)]
    lent = any(isinstance(v, Connection) or (isinstance(v, External) and "bind" in v.name) for v in values)
    return lent or any(isinstance(v, Factory) and v.is_registry for v in flow.eval(node.func))


def is_cached(program: Program, function: Function) -> bool:
    """Whether every call of a function gives what its first call returned."""
    called = (d.func if isinstance(d, ir.Call) else d for d in function.decorators)
    names = (getattr(v, "name", "") for d in called for v in program.flow.at(function).eval(d))
    return any(name.rsplit(".", 1)[-1] in ("lru_cache", "cache", "alru_cache") for name in names)
