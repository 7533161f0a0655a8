"""Which parameter, or field, of what is called gets which argument."""

from __future__ import annotations

from session_lint import ir
from session_lint.program.frameworks import registration
from session_lint.program.symbols import Class, Function
from session_lint.program.values import NOTHING, Container, DictValue, Value, Values
from session_lint.program.world import Arguments, members


def bind(function: Function, receiver: Value | None, args: Arguments) -> dict[str, Values]:
    """Which parameter gets which argument; arguments that fit nowhere are dropped."""
    params = list(function.params)
    bound: dict[str, Values] = {}
    if receiver is not None and function.takes_self and params:
        bound[params.pop(0).name] = frozenset({receiver})
    positional = [p for p in params if p.kind in ("positional-only", "positional")]
    by_name = {p.name: p for p in params if p.kind in ("positional", "keyword")}
    for param, values in zip(positional, args.positional, strict=False):
        bound[param.name] = values
    extra = members(args.positional[len(positional) :])
    spare = dict(args.keywords)
    for name in list(spare):
        if name in by_name:
            bound[name] = spare.pop(name)
    for param in params:
        if param.kind == "vararg" and extra:
            bound[param.name] = frozenset({Container((extra,), False)})
        elif param.kind == "kwarg" and spare:
            bound[param.name] = frozenset({DictValue(tuple(sorted(spare.items())))})
    return bound


def dataclass_fields(cls: Class, args: Arguments) -> dict[str, Values]:
    """What the generated constructor of a dataclass (or pydantic model) sets."""
    names = [
        statement.target.id
        for base in reversed(list(cls.lineage()))
        for statement in base.node.body
        if isinstance(statement, ir.AnnAssign) and isinstance(statement.target, ir.Name)
    ]
    fields = dict(zip(names, args.positional, strict=False))
    fields.update({name: values for name, values in args.keywords.items() if name in names})
    return fields


def left_to_others(name: str, args: Arguments) -> tuple[Values, Arguments] | None:
    """The work that a call leaves to a thread, a queue or a scheduler, and the arguments that it gets there.

    ``executor.submit(work, *args)``, ``Thread(target=work, args=args)``. None: the call leaves no work to others.
    """
    row = registration(name.removesuffix("()"))
    if row is None or row.kind not in ("background", "task"):
        return None
    positional = list(args.positional[row.handler + 1 :])
    keywords = dict(args.keywords)
    for value in keywords.pop("args", NOTHING):
        if isinstance(value, Container) and value.by_position:
            positional = list(value.items)
    for value in keywords.pop("kwargs", NOTHING):
        if isinstance(value, DictValue):
            keywords.update(value.items)
    return args.get(row.handler, row.keyword), Arguments(positional, keywords)
