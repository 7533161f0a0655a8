"""Parts of the IR: what stayed of a body, which names stand in it and which it binds."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import msgspec

from session_lint import ir
from session_lint.edits.comparing import POSITIONS
from session_lint.traversal import blocks, bound_names, own_expressions, subexpressions, walk


@dataclass(slots=True)
class Parts:
    """What stayed of a body (a statement with its blocks, or without), what is gone and what has come."""

    kept: list[tuple[ir.Statement, bool]] = field(default_factory=list)
    gone: list[ir.Statement] = field(default_factory=list)
    come: list[ir.Statement] = field(default_factory=list)

    def compare(self, old: Sequence[ir.Statement], new: Sequence[ir.Statement]) -> None:
        least, first, last = min(len(old), len(new)), 0, 0
        while first < least and alike(old[first], new[first]):
            first += 1
        while last < least - first and alike(old[-1 - last], new[-1 - last]):
            last += 1
        self.kept += [(statement, True) for statement in (*old[:first], *old[len(old) - last :])]
        before, after = old[first : len(old) - last], new[first : len(new) - last]
        if len(before) == len(after) == 1 and _same_header(before[0], after[0]):
            self.kept.append((before[0], False))
            for one, other in zip(blocks(before[0]), blocks(after[0]), strict=True):
                self.compare(one, other)
        else:
            self.gone += before
            self.come += after


def _same_header(old: ir.Statement, new: ir.Statement) -> bool:
    if type(old) is not type(new) or not isinstance(old, (ir.If, ir.While, ir.For, ir.Try, ir.With)):
        return False
    return len(blocks(old)) == len(blocks(new)) and alike(tuple(header(old)), tuple(header(new)))


def header(statement: ir.Statement) -> Iterator[object]:
    """The parts of a compound statement that are not its blocks."""
    for name in statement.__struct_fields__:
        part = getattr(statement, name)
        if name == "handlers":
            for handler in part:
                yield (handler.type, handler.name)
        elif name not in POSITIONS and name not in ("digest", "body", "orelse", "final", "cases"):
            yield part


def alike(old: object, new: object) -> bool:
    """Whether two parts of the IR are the same, wherever they stand."""
    waiting = [(old, new)]
    while waiting:
        before, after = waiting.pop()
        if type(before) is not type(after):
            return False
        if isinstance(before, tuple) and isinstance(after, tuple):
            if len(before) != len(after):
                return False
            waiting.extend(zip(before, after, strict=True))
        elif isinstance(before, msgspec.Struct):
            names = [name for name in before.__struct_fields__ if name not in POSITIONS]
            waiting.extend((getattr(before, name), getattr(after, name)) for name in names)
        elif before != after:
            return False
    return True


def parts_of(node: object) -> Iterator[object]:
    """A part of the IR and all that stands in it, positions left out."""
    waiting = [node]
    while waiting:
        part = waiting.pop()
        if isinstance(part, tuple):
            waiting.extend(part)
            continue
        yield part
        if isinstance(part, msgspec.Struct):
            waiting.extend(getattr(part, name) for name in part.__struct_fields__ if name not in POSITIONS)


def names_in(node: object) -> Iterator[str]:
    """Every name that stands in a part of the IR: of variables, attributes, arguments, parameters, in imports and texts."""
    return (part for part in parts_of(node) if isinstance(part, str))


def deep(statement: ir.Statement) -> Iterator[ir.Statement]:
    """A statement and all in its blocks, definitions' bodies left out."""
    yield statement
    for block in blocks(statement):
        for inner in block:
            yield from deep(inner)


def bound_by(body: Sequence[ir.Statement]) -> set[str]:
    """The names that statements bind in their scope."""
    names: set[str] = set()
    for statement in walk(body):
        match statement:
            case ir.Assign(targets=targets):
                names.update(bound.id for target in targets for bound in bound_names(target))
            case ir.AnnAssign(target=target) | ir.AugAssign(target=target) | ir.For(target=target):
                names.update(bound.id for bound in bound_names(target))
            case ir.With(items=items):
                targets = tuple(item.target for item in items if item.target is not None)
                names.update(bound.id for target in targets for bound in bound_names(target))
            case ir.Try(handlers=handlers):
                names.update(handler.name for handler in handlers if handler.name)
            case ir.FunctionDef(name=name) | ir.ClassDef(name=name) | ir.TypeAlias(name=name):
                names.add(name)
            case ir.Import(names=aliases):
                names.update((alias.asname or alias.name).split(".")[0] for alias in aliases)
            case ir.ImportFrom(names=aliases):
                names.update(alias.asname or alias.name for alias in aliases)
            case ir.Match():
                names.update(name.id for case in statement.cases for name in case.bindings)
            case _:
                pass
        for expr in own_expressions(statement):
            names.update(node.target.id for node in subexpressions(expr) if isinstance(node, ir.Walrus))
    return names
