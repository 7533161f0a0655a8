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

from session_lint.ir import unpacked
from session_lint.lowering.spans import Tree, Walk
from session_lint.lowering.text import decorator_sign
from session_lint.lowering.words import SESSIONS

_MATCH = re.compile(r"^[ \t\f]*match\b", re.MULTILINE)
"""The one statement that LibCST alone is to read, whatever it speaks of."""


def mentioning(walk: Walk, trees: Sequence[Tree], *, plainly: bool = False) -> Iterator[Tree]:
    """The statements that LibCST is to read, in the order of the source; ``plainly``: those that it alone can read."""
    rows = sorted(unusual_rows(walk)) if plainly else mentioning_rows(walk)
    waiting = [*reversed(trees)] if rows else []
    while waiting:
        tree = waiting.pop()
        first = _first_row(tree)
        if not _has(rows, first, tree.end_lineno):
            continue
        suites = _suites(tree)
        if not suites or any(_has(rows, *part) for part in _headers(first, suites)):
            yield tree
        for suite in reversed(suites):
            waiting.extend(reversed(suite))


def mentioning_rows(walk: Walk) -> Sequence[int]:
    """The rows that mention what this tool is about, and the unusual ones."""
    rows = unusual_rows(walk)
    for word in SESSIONS:
        place = walk.text.find(word)
        while place >= 0:
            row = bisect_right(walk.offsets, place)
            rows.add(row)
            place = walk.text.find(word, walk.offsets[row])
    return sorted(rows)


def unusual_rows(walk: Walk) -> set[int]:
    """The rows of ``match`` statements, and those that hold a name that Python reads otherwise than it is written."""
    rows: set[int] = set()
    if "match" in walk.text:
        rows.update(bisect_right(walk.offsets, found.start()) for found in _MATCH.finditer(walk.text))
    if not walk.text.isascii():
        rows.update(row for row, line in enumerate(walk.text.split("\n"), 1) if not line.isascii())
    return rows


def _has(rows: Sequence[int], first: int, last: int) -> bool:
    return bisect_left(rows, first) < bisect_right(rows, last)


def _headers(row: int, suites: Sequence[Sequence[Tree]]) -> Iterator[tuple[int, int]]:
    """The rows, from and to, of a statement from ``row`` on that are not in its suites; a row that has both counts."""
    for suite in suites:
        below = _first_row(suite[0])
        yield row, max(row, below - 1)
        row = suite[-1].end_lineno + 1


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
    span = unpacked(walk.at(tree, tree))
    return walk.offset(span.row, span.column)


def _end(walk: Walk, tree: Tree) -> int:
    span = unpacked(walk.at(tree, tree))
    return walk.offset(span.end_row, span.end_column)
