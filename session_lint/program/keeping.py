"""Which objects make the sessions that they keep (units of work), and which were lent them."""

from __future__ import annotations

from session_lint import ir
from session_lint.program.flow import Flow
from session_lint.program.remapping import bears_session
from session_lint.program.symbols import Class, Function
from session_lint.program.values import Session
from session_lint.traversal import subexpressions, walk


def owns_session(flow: Flow, cls: Class, path: str) -> bool:
    """Whether objects of the class make the session that they keep in the attribute (a unit of work)."""
    name = path.rsplit(".", 1)[-1]
    known = flow.facts.owning.get((cls, name))
    if known is None:
        methods = {f for base in cls.lineage() for f in base.methods.values()}
        known = flow.facts.owning[cls, name] = any(_makes_attribute(flow, method, name) for method in methods)
    return known


def _makes_attribute(flow: Flow, method: Function, name: str) -> bool:
    """Whether a method sets an attribute to a session that it was not itself given."""
    for statement in walk(method.body):
        pairs: list[tuple[ir.Expr | None, ir.Expr | None]] = []
        if isinstance(statement, ir.Assign):
            pairs = [(target, statement.value) for target in statement.targets]
        elif isinstance(statement, ir.AnnAssign):
            pairs = [(statement.target, statement.value)]
        elif isinstance(statement, ir.With):
            pairs = [(item.target, item.context) for item in statement.items]
        for target, value in pairs:
            if value is None or not isinstance(target, ir.Attribute) or target.name != name:
                continue
            given = {
                p.name for p in method.params[1:] if any(isinstance(v, Session) for v in method.cells[p.name].values)
            }
            parts = list(subexpressions(value))
            lent = any(isinstance(part, ir.Name) and part.id in given for part in parts)
            if lent and not isinstance(value, (ir.BoolOp, ir.Conditional)):
                continue
            if any(isinstance(part, ir.Call) for part in parts):
                return True
            local = [part for part in parts if isinstance(part, ir.Name) and part.id in method.cells]
            own = not {part.id for part in local} & {p.name for p in method.params}
            if own and any(bears_session(v) for part in local for v in flow.at(method).eval(part)):
                return True
    return False
