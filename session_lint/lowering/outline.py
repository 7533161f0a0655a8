"""The outline of a file: which of its statements speak of sessions, and so are read by LibCST, and the text of each.

``ast`` has accepted the file and costs a tenth of LibCST. A statement whose rows mention nothing of what this tool is about is
lowered from its tree alone (``plain_statements``), which gives the same IR. Of a compound statement the headers count, and
what LibCST reads is its skeleton, in which ``pass`` stands for each suite.
"""

from __future__ import annotations

import ast
import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence

from session_lint.lowering.plain_statements import KINDS
from session_lint.lowering.spans import Tree, Walk
from session_lint.lowering.text import decorator_sign

_MENTIONS = re.compile(
    r"session|sqlalchemy|sqlmodel|engine|transaction|commit|rollback|begin|flush|add_task"
    # Python reads identifiers in their normal form, LibCST as they are written, which is what is shown.
    r"|[^\x00-\x7f]",
    re.IGNORECASE,
)


def mentioning(walk: Walk, trees: Sequence[Tree]) -> Iterator[Tree]:
    """The statements that LibCST is to read, in the order of the source."""
    rows = _mentioning_rows(walk)
    waiting = [*reversed(trees)]
    while waiting:
        tree = waiting.pop()
        suites = _suites(tree)
        if type(tree) not in KINDS or any(_has(rows, *part) for part in _headers(tree, suites)):
            yield tree
        for suite in reversed(suites):
            waiting.extend(reversed(suite))


def _mentioning_rows(walk: Walk) -> list[int]:
    rows: list[int] = []
    found = _MENTIONS.search(walk.text)
    while found is not None:
        rows.append(bisect_right(walk.offsets, found.start()))
        found = _MENTIONS.search(walk.text, walk.offsets[rows[-1]]) if walk.offsets[rows[-1]] < len(walk.text) else None
    return rows


def _has(rows: Sequence[int], first: int, last: int) -> bool:
    return bisect_left(rows, first) < bisect_right(rows, last)


def _headers(tree: Tree, suites: Sequence[Sequence[Tree]]) -> Iterator[tuple[int, int]]:
    """The rows, from and to, of a statement that are not in its suites; a row that has both counts."""
    row = _first_row(tree)
    for suite in suites:
        below = _first_row(suite[0])
        yield row, max(row, below - 1)
        row = suite[-1].end_lineno + 1
    if not suites:
        yield row, tree.end_lineno


def _first_row(tree: Tree) -> int:
    decorators = getattr(tree, "decorator_list", ())
    return int(decorators[0].lineno if decorators else tree.lineno)


def _suites(tree: Tree) -> list[Sequence[Tree]]:
    """The suites of a statement in the order of the source, those of an ``elif`` among them."""
    body = getattr(tree, "body", None)
    if body is None:
        return [case.body for case in tree.cases] if isinstance(tree, ast.Match) else []
    suites = [body, *(handler.body for handler in getattr(tree, "handlers", ()))]
    orelse = getattr(tree, "orelse", None)
    if orelse:
        suites += _suites(orelse[0]) if _is_elif(tree, orelse) else [orelse]
    if getattr(tree, "finalbody", None):
        suites.append(tree.finalbody)
    return suites


def _is_elif(tree: Tree, orelse: Sequence[Tree]) -> bool:
    """Whether what follows an ``if`` is an ``elif``, which alone stands where the ``if`` does, as no suite can."""
    return type(tree) is ast.If and type(orelse[0]) is ast.If and orelse[0].col_offset == tree.col_offset


def snippet(walk: Walk, tree: Tree) -> str:
    """What LibCST is given of a statement: one that stands at the left margin, and ends with a newline.

    Nothing is dedented, since that could change strings: ``if 1:`` goes before a compound statement that is indented.
    """
    suites = _suites(tree)
    start, end = _start(walk, tree), _end(walk, tree)
    if not suites:
        return f"{walk.text[start:end]}\n"
    margin = walk.text.rfind("\n", 0, start) + 1
    text = "if 1:\n" if margin < start else ""
    for suite in suites:
        text += f"{walk.text[margin : _start(walk, suite[0])]}pass"
        margin = _end(walk, suite[-1])
    return f"{text}\n"


def _start(walk: Walk, tree: Tree) -> int:
    decorators = getattr(tree, "decorator_list", ())
    if decorators:
        return decorator_sign(walk, decorators[0])
    span = walk.span(tree, tree)
    return walk.offset(span.row, span.column)


def _end(walk: Walk, tree: Tree) -> int:
    span = walk.span(tree, tree)
    return walk.offset(span.end_row, span.end_column)
