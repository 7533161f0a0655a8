"""Edits that drop keywords from a call or keys from a dict, where its layout is plain: one item a row, or all on one row."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from session_lint import ir
from session_lint.findings import Edit
from session_lint.ir import Span


def without_keys(display: ir.Dict, keys: frozenset[str]) -> tuple[Edit, ...] | None:
    """Drop some of a dict's keys, not all; None where the layout is not plain."""
    items: list[Span] = []
    dropped: list[bool] = []
    for key, value in zip(display.keys, display.values, strict=True):
        if key is None:
            return None
        items.append(Span(key.span.row, key.span.column, value.span.end_row, value.span.end_column))
        dropped.append(isinstance(key, ir.Constant) and key.value in keys)
    return _without(items, dropped, display.span)


def without_arguments(call: ir.Call, keywords: frozenset[str]) -> tuple[Edit, ...] | None:
    """Drop some of a call's keyword arguments; None where the layout is not plain."""
    items: list[Span] = []
    for arg in call.args:
        span = arg.value.span
        prefix = arg.star if arg.keyword is None else len(arg.keyword) + 1
        items.append(Span(span.row, span.column - prefix, span.end_row, span.end_column))
    brackets = Span(*_end(call.func), call.span.end_row, call.span.end_column)
    return _without(items, [arg.keyword in keywords for arg in call.args], brackets)


def _end(node: ir.Expr) -> tuple[int, int]:
    return node.span.end_row, node.span.end_column


def _without(items: Sequence[Span], dropped: Sequence[bool], around: Span) -> tuple[Edit, ...] | None:
    edits: list[Edit] = []
    for first, last in _runs(dropped):
        edit = _row_edit(items, first, last, around) or _inline_edit(items, first, last)
        if edit is None:
            return None
        edits.append(edit)
    return tuple(edits) or None


def _runs(dropped: Sequence[bool]) -> Iterator[tuple[int, int]]:
    """First and last index of each run of what is dropped."""
    start = None
    for index, is_dropped in enumerate([*dropped, False]):
        if is_dropped and start is None:
            start = index
        elif not is_dropped and start is not None:
            yield start, index - 1
            start = None


def _row_edit(items: Sequence[Span], first: int, last: int, around: Span) -> Edit | None:
    """Drop whole rows, with the comments at their ends: the items stand on rows of their own."""
    before = items[first - 1].end_row if first else around.row
    after = items[last + 1].row if last + 1 < len(items) else around.end_row
    start, end = items[first], items[last]
    # An odd column: something else, as the bracket of the item before, stands on the row.
    if before < start.row and end.end_row < after and (start.column - 1) % 4 == 0:
        return Edit(Span(start.row, 1, end.end_row + 1, 1), "")
    return None


def _inline_edit(items: Sequence[Span], first: int, last: int) -> Edit | None:
    start, end = items[first], items[last]
    if start.row != end.end_row:
        before = items[first - 1] if first else None
        return _trailing(before, start, end) if last + 1 == len(items) else None
    if last + 1 < len(items):
        following = items[last + 1]
        same = following.row == end.end_row and following.column == end.end_column + 2
        return Edit(Span(start.row, start.column, following.row, following.column), "") if same else None
    return _trailing(items[first - 1] if first else None, start, end)


def _trailing(before: Span | None, start: Span, end: Span) -> Edit | None:
    """Drop the last items with the comma before them; another gap than ``, `` may hold brackets or comments."""
    if before is None or before.end_row != start.row or before.end_column + 2 != start.column:
        return None
    return Edit(Span(before.end_row, before.end_column, end.end_row, end.end_column), "")
