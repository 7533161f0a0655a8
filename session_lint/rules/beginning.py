"""Which ``begin()`` calls find a transaction open already, and what opened it (SL305, and SL301 which leaves them to it)."""

from __future__ import annotations

from collections.abc import Iterator
from weakref import WeakKeyDictionary

from session_lint import ir
from session_lint.findings import ChainLink
from session_lint.program import Program, states, vocabulary
from session_lint.program.contexts import Context, Edge, Event, lenders
from session_lint.traversal import expressions, subexpressions, walk

_OPEN = states.AUTOBEGUN | states.BLOCK | states.BEGUN
# Whoever asks one of these knows that a transaction may be open; what follows from the answer is not followed.
_QUESTIONS = frozenset(
    {"in_transaction", "in_nested_transaction", "get_transaction", "get_nested_transaction", "is_active"}
)
_cache: WeakKeyDictionary[object, dict[int, Event]] = WeakKeyDictionary()


def nested_begins(program: Program) -> dict[int, Event]:
    """The calls of ``begin()`` on a session that surely is in a transaction, by site: the shortest way there."""
    known = _cache.get(program.analysis)
    if known is None:
        known = _cache[program.analysis] = _nested_begins(program)
    return known


def _nested_begins(program: Program) -> dict[int, Event]:
    found: dict[int, Event] = {}
    implicit = _begins_implicitly(program)
    for event in program.events("begin"):
        if not event.bits or event.bits & ~_OPEN or event.forwarded or (event.dropped and event.session.is_async):
            continue
        if (event.bits & states.AUTOBEGUN and not implicit) or event.node.args or _is_prepared(event):
            continue
        site = id(event.node)
        if site not in found or len(program.chain(event)) < len(program.chain(found[site])):
            found[site] = event
    return found


def _begins_implicitly(program: Program) -> bool:
    """Whether statements begin a transaction: not on the ``autocommit=True`` sessions of SQLAlchemy 1."""
    return not any(
        arg.keyword == "autocommit" and isinstance(arg.value, ir.Constant) and arg.value.value is True
        for kind in ("session", "factory")
        for creation in program.creations(kind)
        for arg in creation.node.args
    )


def _is_prepared(event: Event) -> bool:
    """Whether the function asks for the state of the transaction, or catches the error."""
    body = event.context.unit.body
    if any(isinstance(part, ir.Attribute) and part.name in _QUESTIONS for part in expressions(body)):
        return True
    return any(
        isinstance(part, ir.Name | ir.Attribute) and _last(part) == "InvalidRequestError"
        for statement in walk(body)
        if isinstance(statement, ir.Try)
        for handler in statement.handlers
        for part in subexpressions(handler.type)
    )


def _last(part: ir.Name | ir.Attribute) -> str:
    return part.id if isinstance(part, ir.Name) else part.name


def opener(program: Program, event: Event) -> ChainLink | None:
    """What opened the transaction that a ``begin()`` finds: in the function itself, in a caller, or in what that called."""
    ways: list[tuple[Context, int, ir.Call | None]] = [(event.context, event.token, event.node)]
    for steps in lenders(event.context, event.token):
        ways += [(step.context, step.token, step.node) for step in reversed(steps)]
        break
    below = _callees(program)
    for context, token, before in ways:
        found = _opened_in(context, token, before, below, set())
        if found is not None:
            return found
    return None


def _opened_in(
    context: Context, token: int, before: ir.Call | None, below: dict[int, list[tuple[Context, Edge]]], seen: set[int]
) -> ChainLink | None:
    """The last call before a place, in a context or in what it calls, that opened a transaction on a session."""
    if id(context) in seen:
        return None
    seen.add(id(context))
    limit = before.span.row if before is not None else None
    calls = [
        e
        for e in context.events.values()
        if e.token == token
        and e.node is not before
        and (limit is None or e.node.span.row < limit)
        and (e.kind in vocabulary.AUTOBEGIN_METHODS or e.kind == "begin")
        and not e.bits & _OPEN
    ]
    if calls:
        last = max(calls, key=lambda e: e.node.span.row)
        return ChainLink(
            context.module.path, last.node.span.row, context.unit.qualname, f"opens the transaction by {last.kind}()"
        )
    for callee, edge in below.get(id(context), ()):
        if edge.node is not None and edge.node is before:
            continue
        if edge.node is not None and limit is not None and edge.node.span.row >= limit:
            continue
        for theirs, mine in edge.tokens.items():
            if mine == token:
                found = _opened_in(callee, theirs, None, below, seen)
                if found is not None:
                    return found
    return None


def _callees(program: Program) -> dict[int, list[tuple[Context, Edge]]]:
    below: dict[int, list[tuple[Context, Edge]]] = {}
    for context, edge in _edges(program):
        below.setdefault(id(edge.caller), []).append((context, edge))
    return below


def _edges(program: Program) -> Iterator[tuple[Context, Edge]]:
    return ((context, edge) for context in program.analysis.all_contexts() for edge in context.callers)


def ineffective_begins(program: Program) -> list[Event]:
    """The calls of ``begin()`` and ``begin_nested()`` on async sessions that nobody awaits or enters, one a site."""
    sites = {
        id(event.node): event
        for event in program.events("begin", "begin_nested")
        if event.dropped and not event.forwarded and event.session.is_async and event.session.evidence != "name"
    }
    return list(sites.values())
