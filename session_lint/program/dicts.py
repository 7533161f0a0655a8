"""What a dict that is handed to a call is known to hold."""

from __future__ import annotations

from collections.abc import Iterator

from session_lint import ir
from session_lint.program.symbols import Function, Unit
from session_lint.record import Record
from session_lint.traversal import expressions, walk

_CHANGES = frozenset({"update", "setdefault", "pop", "popitem", "clear"})


class Entry(Record, frozen=True):
    """A key's place, and its value where that is written out and never set again."""

    span: ir.Span
    value: ir.Expr | None


Entries = dict[str, Entry]


def entries(unit: Unit, expr: ir.Expr) -> Entries | None:
    """The keys and values of a dict, written on the spot or in a variable of the same function or module.

    None where they are not all known: another kind of expression, keys that are no constants, changes by methods.
    """
    if not isinstance(expr, ir.Name):
        return _written(expr)
    homes: list[Unit] = [unit] if isinstance(unit, Function) and expr.id in unit.cells else [unit.module]
    assigned = [s for home in homes for s in walk(home.body) if _assigns(s, expr.id)]
    value = assigned[0].value if len(assigned) == 1 and isinstance(assigned[0], (ir.Assign, ir.AnnAssign)) else None
    known = _written(value) if value is not None else None
    if known is None or any(_changes(e, expr.id) for home in homes for e in expressions(home.body)):
        return None
    for span, key in (k for home in homes for s in walk(home.body) for k in _keys_set(s, expr.id)):
        if key is None:
            return None
        known[key] = Entry(span, None)
    return known


def _written(expr: ir.Expr) -> Entries | None:
    match expr:
        case ir.Dict():
            return _display(expr)
        case ir.Call(func=ir.Name(id="dict"), args=args) if all(a.keyword is not None for a in args):
            return {a.keyword: Entry(a.value.span, a.value) for a in args if a.keyword is not None}
        case _:
            return None


def _display(expr: ir.Dict) -> Entries | None:
    found: Entries = {}
    for key, value in zip(expr.keys, expr.values, strict=True):
        if not isinstance(key, ir.Constant) or not isinstance(key.value, str):
            return None
        found[key.value] = Entry(key.span, value)
    return found


def _assigns(statement: ir.Statement, name: str) -> bool:
    match statement:
        case ir.Assign(targets=targets):
            return any(isinstance(t, ir.Name) and t.id == name for t in targets)
        case ir.AnnAssign(target=ir.Name(id=target)) | ir.AugAssign(target=ir.Name(id=target)):
            return target == name
        case _:
            return False


def _changes(expr: ir.Expr, name: str) -> bool:
    match expr:
        case ir.Call(func=ir.Attribute(value=ir.Name(id=changed), name=method)):
            return changed == name and method in _CHANGES
        case _:
            return False


def _keys_set(statement: ir.Statement, name: str) -> Iterator[tuple[ir.Span, str | None]]:
    """The keys that ``name[key] = …`` or ``del name[key]`` touch; None: not a constant."""
    targets: tuple[ir.Expr, ...] = ()
    if isinstance(statement, (ir.Assign, ir.Delete)):
        targets = statement.targets
    elif isinstance(statement, ir.AugAssign):
        targets = (statement.target,)
    for target in targets:
        if isinstance(target, ir.Subscript) and isinstance(target.value, ir.Name) and target.value.id == name:
            key = target.index[0] if len(target.index) == 1 else None
            is_key = isinstance(key, ir.Constant) and not isinstance(statement, ir.Delete)
            is_text = is_key and isinstance(key, ir.Constant) and isinstance(key.value, str)
            yield target.span, str(key.value) if is_text and isinstance(key, ir.Constant) else None
