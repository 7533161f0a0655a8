"""What text an expression is known to be: the literal parts, with a hole for each part that only run time tells."""

from __future__ import annotations

from collections.abc import Iterator

from session_lint import ir
from session_lint.program.flow import Flow
from session_lint.program.symbols import Function, Module, Unit
from session_lint.program.values import ModuleValue
from session_lint.traversal import bound_names, walk

HOLE = "\0"
_MAX_DEPTH = 8
_TRANSPARENT = frozenset({"str", "make_url", "text", "dedent"})


def known_text(flow: Flow, unit: Unit, expr: ir.Expr, depth: int = 0) -> str:
    """The text of an expression in a unit; variables are followed where they are assigned once."""
    if depth > _MAX_DEPTH:
        return HOLE
    match expr:
        case ir.Constant(value=str() | int() as value):
            return str(value)
        case ir.FString(parts=parts):
            return "".join(known_text(flow, unit, part, depth + 1) for part in parts)
        case ir.Binary(op="+", left=left, right=right):
            return known_text(flow, unit, left, depth + 1) + known_text(flow, unit, right, depth + 1)
        case ir.Name(id=name):
            found = definition(flow, unit, name)
        case ir.Attribute(value=ir.Name() as owner, name=name):
            found = _of_module(flow, unit, owner, name)
        case ir.Call(func=ir.Name(id=name) | ir.Attribute(name=name), args=(ir.Argument(value=inner, star=0),)) if (
            name in _TRANSPARENT
        ):
            return known_text(flow, unit, inner, depth + 1)
        case ir.Call(
            func=ir.Attribute(name="replace"), args=(_, ir.Argument(value=ir.Constant(value=str(scheme))), *_)
        ):
            return scheme + HOLE if scheme.endswith("://") else HOLE
        case _:
            return HOLE
    return HOLE if found is None else known_text(flow, *found, depth + 1)


def definition(flow: Flow, unit: Unit, name: str) -> tuple[Unit, ir.Expr] | None:
    """The one expression that a variable is assigned, and where; None for parameters and what is assigned more than once."""
    if isinstance(unit, Function) and (name in unit.cells or name in unit.links):
        return _assigned(unit, name)
    module = unit.module
    if name in module.cells:
        return _assigned(module, name)
    for link in module.links.get(name, ()):
        target = flow.world.index.resolve(link.module, module)
        other = flow.world.index.by_name.get(target) if target is not None else None
        if other is not None and link.name is not None and link.name in other.cells:
            return _assigned(other, link.name)
    return None


def _of_module(flow: Flow, unit: Unit, owner: ir.Name, name: str) -> tuple[Unit, ir.Expr] | None:
    values = flow.at(unit).eval(owner)
    for value in values:
        module = flow.world.index.by_name.get(value.name) if isinstance(value, ModuleValue) else None
        if module is not None and len(values) == 1 and name in module.cells:
            return _assigned(module, name)
    return None


def _assigned(unit: Unit, name: str) -> tuple[Unit, ir.Expr] | None:
    if isinstance(unit, Function) and any(p.name == name for p in unit.params):
        return None
    values = list(_values(unit, name))
    return (unit, values[0]) if len(values) == 1 and values[0] is not None else None


def _values(unit: Module | Function, name: str) -> Iterator[ir.Expr | None]:
    """What is assigned to a name; None: something that is no plain assignment."""
    for statement in walk(unit.body):
        match statement:
            case ir.Assign(targets=targets, value=value):
                for target in targets:
                    if any(bound.id == name for bound in bound_names(target)):
                        yield value if isinstance(target, ir.Name) else None
            case ir.AnnAssign(target=ir.Name(id=bound), value=value) if bound == name and value is not None:
                yield value
            case ir.AugAssign(target=ir.Name(id=bound)) if bound == name:
                yield None
            case ir.For(target=target) if any(bound.id == name for bound in bound_names(target)):
                yield None
            case ir.With(items=items) if any(
                bound.id == name for item in items if item.target is not None for bound in bound_names(item.target)
            ):
                yield None
            case _:
                pass
