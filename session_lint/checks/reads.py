"""Which uses of a session surely only read."""

from __future__ import annotations

from typing import TYPE_CHECKING

from session_lint import ir
from session_lint.program import vocabulary
from session_lint.program.entrypoints import dotted
from session_lint.traversal import subexpressions, walk

if TYPE_CHECKING:
    from session_lint.program.contexts import Event
    from session_lint.program.symbols import Unit

_READS = frozenset({"get", "get_one", "refresh"})
_SELECTS = frozenset({"execute", "scalar", "scalars", "stream", "stream_scalars", "exec"})
_CHANGES = frozenset({"insert", "update", "delete", "with_for_update"})


def is_read(event: Event) -> bool:
    """Whether a call on a session reads and does nothing else: a SELECT that is written down, ``get()``, ``close()``."""
    if event.kind in _READS or event.kind in vocabulary.CLOSE_METHODS:
        return True
    if event.kind not in _SELECTS or not event.node.args:
        return False
    return _is_select(event.context.unit, event.node.args[0].value, frozenset())


def _is_select(unit: Unit, expr: ir.Expr, seen: frozenset[str]) -> bool:
    """Whether an expression is a SELECT, whatever is added to it; of a name, whether all that it is set to are."""
    calls = {dotted(e.func).rsplit(".", 1)[-1] for e in subexpressions(expr) if isinstance(e, ir.Call)}
    if calls & _CHANGES:
        return False
    if "text" in calls:
        texts = [e.value for e in subexpressions(expr) if isinstance(e, ir.Constant) and isinstance(e.value, str)]
        return bool(texts) and all(text.lstrip()[:6].lower() == "select" for text in texts)
    if "select" in calls:
        return True
    name = _root(expr)
    if name is None or name in seen:
        return name is not None
    given = [
        statement.value
        for statement in walk(unit.body)
        if isinstance(statement, ir.Assign)
        and any(isinstance(target, ir.Name) and target.id == name for target in statement.targets)
    ]
    made = [value for value in given if _root(value) != name]
    return bool(made) and all(_is_select(unit, value, seen | {name}) for value in given)


def _root(expr: ir.Expr) -> str | None:
    """The name that a chain of calls and attributes begins with."""
    while isinstance(expr, (ir.Call, ir.Attribute)):
        expr = expr.func if isinstance(expr, ir.Call) else expr.value
    return expr.id if isinstance(expr, ir.Name) else None
