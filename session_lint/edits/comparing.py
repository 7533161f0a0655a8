"""Compares the IR of a file with what it was before an edit: what differs, and which row became which.

Rules look at rows as well: whether two calls stand on one, which comes first, in which column an argument begins. So what is
accepted of what stays is narrow: statements may move up and down as whole rows do, but no two rows become one, none becomes
two, none overtakes another, and every column stays. Then whatever compares places in the old file gives the same in the new
one. A docstring says nothing to any rule, unless it could name a database's driver.

What differs is told apart into functions whose bodies have changed, and statements at the top level that have come or gone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from itertools import pairwise
from typing import TypeGuard

import msgspec

from session_lint import ir
from session_lint.record import Record

Rows = Mapping[int, int]
"""Which row of a file became which: those on which a node begins or ends, inside of changed functions left out."""

Pairs = list[tuple[int, int]]

POSITIONS = {"place": "span", "name_place": "name_span"}
"""The fields of nodes that say where they stand, and what gives that."""

_TELLING = ("+", "://")
"""What the address of a database has: drivers are looked for in all texts of a program."""


class Changed(Record, frozen=True):
    """A function whose body has changed."""

    qualname: str
    old: ir.FunctionDef
    new: ir.FunctionDef


class Comparison(Record, frozen=True):
    """How a file differs from what it was.

    Args:
        rows: which row became which.
        functions: those whose bodies have changed.
        gone: the statements at its top level that are no more, in one place.
        come: those that stand there now.
        above: those above that place.
    """

    rows: Rows
    functions: tuple[Changed, ...]
    gone: Sequence[ir.Statement] = ()
    come: Sequence[ir.Statement] = ()
    above: Sequence[ir.Statement] = ()

    @property
    def is_change(self) -> bool:
        """Whether more differs than where things stand."""
        return bool(self.functions or self.gone or self.come)


class Differs(Exception):
    """Two files are not the same but for what is told apart."""


def compare(old: ir.Module, new: ir.Module) -> Comparison:
    """Compare a file with what it was.

    Raises:
        Differs: more has changed than what a Comparison tells of.
    """
    rows: dict[int, int] = {}
    functions: list[Changed] = []
    first, last = _bodies(old.body, new.body, "", rows, functions)
    ordered = sorted(rows.items())
    if not all(one[1] < other[1] for one, other in pairwise(ordered)):
        raise Differs
    gone, come = old.body[first : len(old.body) - last], new.body[first : len(new.body) - last]
    return Comparison(rows, tuple(functions), gone, come, old.body[:first])


def _bodies(
    old: Sequence[ir.Statement],
    new: Sequence[ir.Statement],
    prefix: str,
    rows: dict[int, int],
    functions: list[Changed],
) -> tuple[int, int]:
    """Compare the statements of a module or class from both ends; how many at either are the same."""
    least, first, last = min(len(old), len(new)), 0, 0
    while first < least and _statement(old[first], new[first], prefix, rows, functions):
        first += 1
    while last < least - first and _statement(old[-1 - last], new[-1 - last], prefix, rows, functions):
        last += 1
    return first, last


def _statement(
    old: ir.Statement, new: ir.Statement, prefix: str, rows: dict[int, int], functions: list[Changed]
) -> bool:
    """Whether a statement stayed, or is a definition in which something has changed."""
    pairs = _same(old, new)
    if pairs is not None:
        _note(rows, pairs)
        return True
    if not isinstance(old, (ir.FunctionDef, ir.ClassDef)) or type(old) is not type(new) or old.digest != new.digest:
        return False
    assert isinstance(new, (ir.FunctionDef, ir.ClassDef))
    names = [name for name in old.__struct_fields__ if name not in POSITIONS and name != "body"]
    pairs = _same(tuple(getattr(old, name) for name in names), tuple(getattr(new, name) for name in names))
    places = _stays(old.name_span, new.name_span)
    if pairs is None or places is None or old.span.column != new.span.column:
        return False
    _note(rows, [*pairs, *places, (old.span.row, new.span.row)])
    if old.span.end_column == new.span.end_column:
        _note(rows, [(old.span.end_row, new.span.end_row)])
    if isinstance(old, ir.FunctionDef):
        assert isinstance(new, ir.FunctionDef)
        functions.append(Changed(prefix + old.name, old, new))
    elif sum(_bodies(old.body, new.body, f"{prefix}{old.name}.", rows, functions)) != max(len(old.body), len(new.body)):
        raise Differs
    return True


def _note(rows: dict[int, int], pairs: Pairs) -> None:
    for old, new in pairs:
        if rows.setdefault(old, new) != new:
            raise Differs


def _same(old: object, new: object) -> Pairs | None:
    """The rows of a part that is the same but for these; None where it is not."""
    pairs: Pairs = []
    waiting = [(old, new)]
    while waiting:
        before, after = waiting.pop()
        if type(before) is not type(after):
            return None
        if isinstance(before, tuple):
            assert isinstance(after, tuple)
            if len(before) != len(after):
                return None
            waiting.extend(zip(before, after, strict=True))
        elif isinstance(before, msgspec.Struct):
            if is_remark(before) and is_remark(after):
                pairs.append((before.span.row, after.span.row))
                continue
            positions, others = _fields(type(before))
            for name in positions:
                places = _stays(getattr(before, name), getattr(after, name))
                if places is None:
                    return None
                pairs += places
            for name in others:
                waiting.append((getattr(before, name), getattr(after, name)))
        elif before != after:
            return None
    return pairs


def is_remark(node: object) -> TypeGuard[ir.ExprStatement]:
    """Whether a statement is a text that stands alone, as a docstring does, and nothing is to be read from."""
    return (
        isinstance(node, ir.ExprStatement)
        and isinstance(node.value, ir.Constant)
        and isinstance(node.value.value, str)
        and not any(sign in node.value.value for sign in _TELLING)
    )


def _stays(old: ir.Span, new: ir.Span) -> Pairs | None:
    """What the rows of a node became; None where its columns did not stay."""
    if old.column != new.column or old.end_column != new.end_column:
        return None
    return [(old.row, new.row), (old.end_row, new.end_row)]


@cache
def _fields(kind: type[msgspec.Struct]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The positions that a node has, and its other fields."""
    names = kind.__struct_fields__
    return tuple(POSITIONS[n] for n in names if n in POSITIONS), tuple(n for n in names if n not in POSITIONS)
