"""What SL301 to SL304 share: who may begin and end a transaction, and which sites a more specific rule takes."""

from __future__ import annotations

from collections.abc import Iterator
from weakref import WeakKeyDictionary

from session_lint import ir
from session_lint.findings import ChainLink, Edit, Finding, Fix
from session_lint.program import Program, states
from session_lint.program.contexts import Context, Event, Token
from session_lint.program.entrypoints import dotted
from session_lint.program.symbols import Class, Function, Unit
from session_lint.record import Record
from session_lint.rules.beginning import ineffective_begins, nested_begins
from session_lint.rules.creation import EXEMPT_ROLES
from session_lint.rules.loops import loop_commits
from session_lint.rules.registry import Rule

_ENDPOINT_KINDS = ("endpoint", "resolver")
_SHOWN = 3
_POLICIES = {
    "router": "entry points own the transaction; {remedy}",
    "provider": 'the provider owns the transaction (transaction-owner = "provider"); {remedy}',
    "service": 'services own the transaction (transaction-owner = "service"); {remedy}',
}
_REMEDIES = {
    "begin": "leave out begin(), or use begin_nested() for a savepoint",
    "commit": "flush instead",
    "rollback": "raise instead, or use begin_nested() around what may fail",
}


class DoubleEnd(Record, frozen=True):
    """A transaction ended by two: ``in_block`` where a ``begin()`` block is the other, else a self-committing provider."""

    event: Event
    in_block: bool


_cache: WeakKeyDictionary[object, dict[int, DoubleEnd]] = WeakKeyDictionary()


def location_of(event: Event) -> tuple[str, str]:
    """File and symbol of an event."""
    return event.context.module.path, event.context.unit.qualname


def double_ends(program: Program) -> dict[int, DoubleEnd]:
    """Commits and rollbacks that another owner makes superfluous or harmful, by call site."""
    known = _cache.get(program.analysis)
    if known is None:
        known = _cache[program.analysis] = _double_ends(program)
    return known


def _double_ends(program: Program) -> dict[int, DoubleEnd]:
    found: dict[int, DoubleEnd] = {}
    for event in program.events("commit", "rollback"):
        if program.role(event.context.unit) in ("test", "migration"):
            continue
        if program.owned_by_object(event.session) and (event.forwarded or event.session.how != "object"):
            continue
        site = id(event.node)
        if event.bits == states.BLOCK and (event.kind == "commit" or event.swallowed):
            if site not in found or not found[site].in_block or _shorter(program, event, found[site].event):
                found[site] = DoubleEnd(event, in_block=True)
        elif event.kind == "commit" and not event.bits & states.CLOSED and _under_committing_with(program, event):
            found.setdefault(site, DoubleEnd(event, in_block=False))
    return found


def _under_committing_with(program: Program, event: Event) -> bool:
    """Whether every owner up the call chain got the session from a ``with`` around a provider that commits by itself."""
    owners = _owners(program, event)
    return bool(owners) and all(
        token.how == "created" and not context.is_synthetic and program.commits(token) for context, token in owners
    )


def _owners(program: Program, event: Event) -> list[tuple[Context, Token]]:
    """The session as those have it that nobody lent it to."""
    return [(c, t) for c, t in program.origins(event) if t.how not in ("param", "attr", "closure", "decorator")]


def _shorter(program: Program, left: Event, right: Event) -> bool:
    mine, theirs = program.chain(left), program.chain(right)
    return (len(mine), [c.filename for c in mine]) < (len(theirs), [c.filename for c in theirs])


def forbidden(program: Program, rule: Rule, kind: str, verb: str) -> Iterator[Finding]:
    """The calls of a kind that the policy forbids, one finding a call site."""
    policy = program.settings.transaction_owner
    if policy == "any":
        return
    taken = double_ends(program).keys() | (_special_begins(program) if kind == "begin" else _stream_breakers(program))
    best: dict[int, Event] = {}
    allowed: set[int] = set()
    for event in program.events(kind):
        site = id(event.node)
        if site in taken or (kind == "rollback" and not event.swallowed):
            continue
        if not _is_forbidden(program, event, policy):
            allowed.add(site)
            continue
        if site not in best or len(program.chain(event)) > 0 == len(program.chain(best[site])):
            best[site] = event
    for site, event in best.items():
        if site in allowed and event.session.evidence == "name":
            continue
        path, symbol = location_of(event)
        chain = program.chain(event)
        yield rule.finding(
            path,
            event.node.span,
            _message(event, symbol, verb, policy, kind, chain),
            symbol=symbol,
            confidence=program.confidence(event.session),
            chain=chain,
            fix=flush_instead(event),
            digest=program.digest(event.context.module, event.node.span),
        )


def flush_instead(event: Event) -> Fix | None:
    """Let a commit be a flush; unsafe, since now another must commit. None where the call is no session's own ``commit()``."""
    function = event.node.func
    if event.forwarded or not isinstance(function, ir.Attribute) or function.name != "commit":
        return None
    row, end = function.span.end_row, function.span.end_column
    edit = Edit(ir.Span(row, end - len(function.name), row, end), "flush")
    return Fix("Flush instead", safe=False, edits=(edit,))


def _special_begins(program: Program) -> set[int]:
    return {*nested_begins(program), *(id(event.node) for event in ineffective_begins(program))}


def _stream_breakers(program: Program) -> set[int]:
    return {site for site, found in loop_commits(program).items() if found.breaks_stream}


def is_forbidden(program: Program, event: Event) -> bool:
    """Whether the policy forbids a begin, commit or rollback."""
    policy = program.settings.transaction_owner
    return policy != "any" and _is_forbidden(program, event, policy)


def _message(event: Event, symbol: str, verb: str, policy: str, kind: str, chain: tuple[ChainLink, ...]) -> str:
    lent = ""
    links = chain[:-1]
    name = f"`{event.session.path}`" if event.session.path else "the session"
    if event.session.how in ("param", "attr") and links:
        first, *rest = links
        lent = f" lent by {first.symbol} ({first.filename}:{first.row})"
        if rest:
            more = f" and {len(rest) - _SHOWN} more" if len(rest) > _SHOWN else ""
            lent += " through " + ", ".join(f"{c.symbol} ({c.filename}:{c.row})" for c in rest[:_SHOWN]) + more
    elif event.session.how in ("param", "attr", "registry", "state"):
        lent = ", which it borrows"
    guard = f" (when `{event.guard}` is set)" if event.guard and kind == "commit" else ""
    return f"{symbol} {verb} {name}{lent}{guard}: {_POLICIES[policy].format(remedy=_REMEDIES[kind])}"


def _closes_over_borrowed(program: Program, unit: Unit, name: str) -> bool:
    """Whether a nested function uses a session that was lent to the function around it."""
    outer = unit.parent if isinstance(unit, Function) else None
    while isinstance(outer, (Function, Class)):
        if isinstance(outer, Function) and name in outer.cells:
            lent = any(p.name == name for p in outer.params)
            return (
                lent
                and program.entry(outer) is None
                and not program.is_wrapper(outer)
                and not program.is_provider(outer)
            )
        outer = outer.parent
    return False


def _is_transaction_context(unit: Unit) -> bool:
    """Whether a function is a context manager of the project: whoever enters it has the transaction that it bounds."""
    return (
        isinstance(unit, Function)
        and unit.is_generator
        and any(dotted(decorator).endswith("contextmanager") for decorator in unit.decorators)
    )


def _ends_own_scope(program: Program, unit: Unit, token: Token) -> bool:
    """Whether a class's ``__exit__`` ends what its ``__enter__`` opened, or put into a context variable."""
    return unit.name in ("__exit__", "__aexit__") and (token.how == "registry" or program.owned_by_object(token))


def _is_of_unit_itself(program: Program, event: Event) -> bool:
    """Whether a unit of work calls a method of its own (``self._commit()``) on a session that it opened for all who called it."""
    unit, func = event.context.unit, event.node.func
    return (
        isinstance(unit, Function)
        and unit.takes_self
        and isinstance(func, ir.Attribute)
        and isinstance(func.value, ir.Name)
        and func.value.id == unit.params[0].name
        and all(token.how == "object" for _, token in _owners(program, event))
    )


def _is_for_unseen_callers(program: Program, event: Event) -> bool:
    """Whether a method only passes on, under the same name, what somebody else decides: ``commit`` of a unit of work."""
    token, unit = event.session, event.context.unit
    return token.how == "attr" and unit.name == event.kind and len(program.chain(event)) <= 1


def _is_forbidden(program: Program, event: Event, policy: str) -> bool:
    context, token = event.context, event.session
    unit = context.unit
    if program.role(unit) in EXEMPT_ROLES or token.how == "object":
        return False
    if program.owned_by_object(token) and (not event.forwarded or _is_of_unit_itself(program, event)):
        return False
    if (
        program.is_of_middleware(unit)
        or program.is_wrapper(unit)
        or program.is_provider(unit)
        or _is_transaction_context(unit)
        or _ends_own_scope(program, unit, token)
        or _is_for_unseen_callers(program, event)
        or event.guard == "in_transaction()"
    ):
        return False
    entry = program.entry(unit)
    if policy == "service":
        return entry is not None and entry.kind in _ENDPOINT_KINDS and token.how in ("injected", "created", "registry")
    if token.how == "closure":
        return policy == "router" and _closes_over_borrowed(program, unit, token.path)
    borrowed = (
        token.how == "param"
        or (token.how == "attr" and entry is None)
        or (token.how in ("registry", "state") and program.entry_or_outer(unit) is None)
    )
    if policy == "router":
        return borrowed and (entry is None or token.how == "param")
    if token.how == "created":
        return token.provider is not None and program.is_provider(token.provider)
    return borrowed or token.how in {"injected", "registry"}
