"""Commits inside loops, on a session that was opened outside: which of them are once an item, and which break a stream."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from weakref import WeakKeyDictionary

from session_lint import ir
from session_lint.program import Program
from session_lint.program.contexts import Event
from session_lint.record import Record
from session_lint.traversal import blocks, bound_names, expressions, subexpressions, walk

_STREAMS = frozenset({"stream", "stream_scalars"})
_STREAMING = frozenset({"yield_per", "stream_results"})
_BUFFERED = frozenset({"all", "fetchall", "fetchmany", "first", "one", "freeze", "unique"})
# One iteration is not one item: a batch of them, a message of an endless source, another try of the same.
_NOT_ITEMS = (
    "batch",
    "chunk",
    "page",
    "slice",
    "partition",
    "attempt",
    "retr",
    "tries",
    "message",
    "consum",
    "listen",
    "poll",
    "queue",
    "subscri",
    "event",
    "window",
    "shard",
)
_cache: WeakKeyDictionary[object, dict[int, LoopCommit]] = WeakKeyDictionary()


class LoopCommit(Record, frozen=True):
    """A commit in a loop; ``breaks_stream`` where the loop iterates over results that the commit makes unreadable."""

    event: Event
    loop: ir.For | ir.While
    breaks_stream: bool


class _Level(Record, frozen=True):
    """A statement around a place: with the block of it that holds the place, and what follows the place in that block."""

    statement: ir.Statement
    block: tuple[ir.Statement, ...]
    after: tuple[ir.Statement, ...]


def loop_commits(program: Program) -> dict[int, LoopCommit]:
    """The commits in loops that are worth a report, by site."""
    known = _cache.get(program.analysis)
    if known is None:
        known = _cache[program.analysis] = {}
        for event in program.events("commit"):
            if not event.forwarded and id(event.node) not in known:
                found = _in_loop(event)
                if found is not None:
                    known[id(event.node)] = found
    return known


def _in_loop(event: Event) -> LoopCommit | None:
    body = event.context.unit.body
    levels = list(_levels(body, event.node))
    name = _root(event.node.func)
    within: list[_Level] = []  # between the loop and the commit, the innermost first
    for level in reversed(levels):
        loop = level.statement
        if isinstance(loop, (ir.For, ir.While)) and level.block is loop.body:
            if name in _bound_in(loop) or _leaves([*within, level]):
                return None
            if isinstance(loop, ir.For) and _streams(loop, event, body):
                return LoopCommit(event, loop, breaks_stream=True)
            if _is_by_item(loop) and not any(_is_deliberate(inner) for inner in within):
                return LoopCommit(event, loop, breaks_stream=False)
            return None
        within.append(level)
    return None


def _levels(body: Sequence[ir.Statement], node: ir.Expr) -> Iterator[_Level]:
    """The compound statements around an expression, the outermost first."""
    for statement in body:
        if not _contains(statement.span, node.span):
            continue
        for block in blocks(statement):
            for position, inner in enumerate(block):
                if _contains(inner.span, node.span):
                    yield _Level(statement, block, block[position + 1 :])
                    yield from _levels((inner,), node)
                    return


def _contains(outer: ir.Span, inner: ir.Span) -> bool:
    start, end = (outer.row, outer.column), (outer.end_row, outer.end_column)
    return start <= (inner.row, inner.column) and (inner.end_row, inner.end_column) <= end


def _root(expr: ir.Expr) -> str:
    while isinstance(expr, (ir.Attribute, ir.Call)):
        expr = expr.value if isinstance(expr, ir.Attribute) else expr.func
    return expr.id if isinstance(expr, ir.Name) else ""


def _bound_in(loop: ir.For | ir.While) -> set[str]:
    """The names that each iteration binds anew: a session among them is opened inside."""
    targets: list[ir.Expr | None] = [loop.target] if isinstance(loop, ir.For) else []
    for statement in walk(loop.body):
        if isinstance(statement, ir.Assign):
            targets += statement.targets
        elif isinstance(statement, (ir.AnnAssign, ir.For)):
            targets.append(statement.target)
        elif isinstance(statement, ir.With):
            targets += [item.target for item in statement.items]
    names = {name.id for target in targets if target is not None for name in bound_names(target)}
    return names | {p.target.id for p in expressions(loop.body) if isinstance(p, ir.Walrus)}


def _leaves(levels: Sequence[_Level]) -> bool:
    """Whether the commit is followed by the end of the loop on its own path."""
    for level in levels:
        following = level.after
        if isinstance(level.statement, ir.Try) and level.block is level.statement.body:
            following = (*following, *level.statement.orelse)
        for statement in following:
            if isinstance(statement, (ir.Return, ir.Raise)):
                return True
            if isinstance(statement, ir.Jump):
                return statement.kind == "break"
    return False


def _streams(loop: ir.For, event: Event, body: Sequence[ir.Statement]) -> bool:
    """Whether the loop reads results from the database as it goes, on the session of the commit."""
    parts = list(subexpressions(loop.iterable))
    named = {part.id for part in parts if isinstance(part, ir.Name)}
    for statement in walk(body):
        if isinstance(statement, ir.Assign) and statement.span.row < loop.span.row:
            targets = {name.id for target in statement.targets for name in bound_names(target)}
            if targets & named:
                parts += subexpressions(statement.value)
    attributes = {part.name for part in parts if isinstance(part, ir.Attribute)}
    if attributes & _BUFFERED:
        return False
    nodes = {id(part) for part in parts}
    mine = {e.kind for e in event.context.events.values() if e.token == event.token and id(e.node) in nodes}
    if mine & _STREAMS:
        return True
    keywords = {arg.keyword for part in parts if isinstance(part, ir.Call) for arg in part.args}
    return bool(mine) and bool((attributes | keywords) & _STREAMING)


def _is_by_item(loop: ir.For | ir.While) -> bool:
    """Whether an iteration plainly stands for one item of several that are at hand."""
    if isinstance(loop, ir.While):
        # ``while items: item = items.pop()``
        return isinstance(loop.test, ir.Name) and any(
            isinstance(part, ir.Call)
            and isinstance(part.func, ir.Attribute)
            and part.func.name in ("pop", "popleft")
            and _root(part.func) == loop.test.id
            for part in expressions(loop.body)
        )
    words = [_word(part) for part in (*subexpressions(loop.iterable), *subexpressions(loop.target))]
    if loop.is_async or any(kind in word for word in words for kind in _NOT_ITEMS):
        return False
    targets = {name.id for name in bound_names(loop.target)}
    inner = [s.iterable for s in walk(loop.body) if isinstance(s, ir.For)]
    return not _is_count(loop.iterable) and not any(
        _word(p) in targets for iterable in inner for p in subexpressions(iterable)
    )


def _is_count(iterable: ir.Expr) -> bool:
    """Whether a loop counts, by steps or attempts: ``range(len(items))`` goes through the items."""
    if not isinstance(iterable, ir.Call) or _root(iterable) != "range":
        return False
    args = [arg.value for arg in iterable.args]
    return not (len(args) == 1 and isinstance(args[0], ir.Call) and _root(args[0]) == "len")


def _word(part: ir.Expr) -> str:
    if isinstance(part, ir.Name):
        return part.id.lower()
    return part.name.lower() if isinstance(part, ir.Attribute) else ""


def _is_deliberate(level: _Level) -> bool:
    """Whether what is around the commit says that it is a checkpoint: a count, a failure noted, each item by itself."""
    match level.statement:
        case ir.If(test=test):
            return any(
                (isinstance(part, ir.Compare) and any(op in ("<", "<=", ">", ">=") for op in part.ops))
                or (isinstance(part, ir.Binary) and part.op == "%")
                for part in subexpressions(test)
            )
        case ir.Try() as attempt:
            if level.block is not attempt.body:
                return True
            return any(not _raises(handler.body) for handler in attempt.handlers)
        case ir.Match():
            return False
        case _:
            return False


def _raises(body: Sequence[ir.Statement]) -> bool:
    return bool(body) and isinstance(body[-1], (ir.Raise, ir.Return))
