"""Compares the IR of a file with what it was before an edit: whether nothing but rows differ, and which row became which.

Rules look at rows as well: whether two calls stand on one, which comes first, in which column an argument begins. So what is
accepted is narrow: statements may move up and down as whole rows do, by blank lines and comments between them, but no two
rows become one, none becomes two, none overtakes another, and every column stays. Then whatever compares places in the old
file gives the same in the new one. A docstring says nothing to any rule, unless it could name a database's driver.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from itertools import pairwise
from typing import TypeGuard

import msgspec

from session_lint import ir

Rows = Mapping[int, int]
"""Which row of a file became which: those on which a node begins or ends."""

_POSITIONS = {"place": "span", "name_place": "name_span"}
"""The fields of nodes that say where they stand, and what gives that."""

_TELLING = ("+", "://")
"""What the address of a database has: drivers are looked for in all texts of a program."""


def moved_rows(old: ir.Module, new: ir.Module) -> Rows | None:
    """The rows of a file that says what it said before; None where it does not, or stands otherwise on its rows."""
    rows: dict[int, int] = {}
    waiting: list[tuple[object, object]] = [(old.body, new.body)]
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
            assert isinstance(after, msgspec.Struct)
            if is_remark(before) and is_remark(after):
                if not _pair(rows, before.span.row, after.span.row):
                    return None
                continue
            positions, others = _fields(type(before))
            for name in positions:
                if not _stays(rows, getattr(before, name), getattr(after, name)):
                    return None
            for name in others:
                waiting.append((getattr(before, name), getattr(after, name)))
        elif before != after:
            return None
    ordered = sorted(rows.items())
    return rows if all(one[1] < other[1] for one, other in pairwise(ordered)) else None


def is_remark(node: object) -> TypeGuard[ir.ExprStatement]:
    """Whether a statement is a text that stands alone, as a docstring does, and nothing is to be read from."""
    return (
        isinstance(node, ir.ExprStatement)
        and isinstance(node.value, ir.Constant)
        and isinstance(node.value.value, str)
        and not any(sign in node.value.value for sign in _TELLING)
    )


def _stays(rows: dict[int, int], old: ir.Span, new: ir.Span) -> bool:
    """Whether a node keeps its columns, and each of its rows becomes the one that it became for others."""
    return (
        old.column == new.column
        and old.end_column == new.end_column
        and _pair(rows, old.row, new.row)
        and _pair(rows, old.end_row, new.end_row)
    )


def _pair(rows: dict[int, int], old: int, new: int) -> bool:
    return rows.setdefault(old, new) == new


@cache
def _fields(kind: type[msgspec.Struct]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The positions that a node has, and its other fields."""
    names = kind.__struct_fields__
    return tuple(_POSITIONS[n] for n in names if n in _POSITIONS), tuple(n for n in names if n not in _POSITIONS)
