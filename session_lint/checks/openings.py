"""Where sessions are opened, and how: in a ``with`` block, by injection, by a bare call."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Literal

from msgspec.structs import replace

from session_lint import ir
from session_lint.checks.facts import Facts
from session_lint.program import vocabulary
from session_lint.program.contexts import Token, origins
from session_lint.program.flow_facts import Creation
from session_lint.program.symbols import Function, Unit
from session_lint.program.values import (
    Container,
    ContextManager,
    Coroutine,
    Generator,
    Handle,
    Session,
    Site,
    Values,
    stable,
)
from session_lint.record import Record
from session_lint.traversal import expressions, subexpressions, walk

if TYPE_CHECKING:
    from session_lint.program import Program

Way = Literal["with", "loop", "injected", "call", "returned", "object"]


class Opening(Record, frozen=True):
    """A place that obtains a session.

    Args:
        way: by a ``with`` block, a loop over a provider, injection or a bare call; ``returned`` when the bare call's session
            goes to the caller, ``object`` when an object keeps it.
        provider: the project's function that hands the session out; None: it is made on the spot.
        closed: rows that close it, of a bare call.
        in_provider: by a provider, for the session that it hands out.
    """

    unit: Unit
    row: int
    way: Way
    provider: Function | None
    is_async: bool
    closed: tuple[int, ...] = ()
    in_provider: bool = False


def _collect(program: Program) -> Iterator[Opening]:
    creations = [c for kind in ("session", "factory-session") for c in program.creations(kind)]
    made: dict[Unit, list[Creation]] = {}
    for creation in creations:
        made.setdefault(creation.unit, []).append(creation)
    units = (*program.modules, *(f for m in program.modules for f in m.functions))
    for unit in units:
        if (unit in program.analysis.reaching or unit in made) and program.role(unit) != "test":
            for opening in _opened(program, unit, made.get(unit, [])):
                yield replace(opening, in_provider=program.is_provider(unit))
    yield from _injected(program)


OPENINGS = Facts(_collect)


def _opened(program: Program, unit: Unit, made: list[Creation]) -> Iterator[Opening]:
    spoken_for: set[int] = set()
    entered: set[Site] = set()
    for statement in walk(unit.body):
        if isinstance(statement, ir.With):
            for item in statement.items:
                yield from _by_block(program, unit, item.context, entered)
                spoken_for |= {id(node) for node in subexpressions(item.context)}
        elif isinstance(statement, ir.For):
            for value in _ordered(program, unit, statement.iterable):
                if isinstance(value, Generator) and (session := _session(value.items)):
                    yield Opening(unit, statement.span.row, "loop", value.function, session.is_async)
                    spoken_for |= {id(node) for node in subexpressions(statement.iterable)}
    for creation in made:
        if id(creation.node) not in spoken_for and isinstance(creation.value, Session):
            spoken_for.add(id(creation.node))
            yield _bare(program, unit, creation, creation.value, entered)
    for node in expressions(unit.body):
        if isinstance(node, ir.Call) and id(node) not in spoken_for:
            yield from _by_provider(program, unit, node)


def _by_block(program: Program, unit: Unit, context: ir.Expr, entered: set[Site]) -> Iterator[Opening]:
    for value in _ordered(program, unit, context):
        match value:
            case ContextManager(entered=values, function=function) if session := _session(values):
                yield Opening(unit, context.span.row, "with", function, session.is_async)
                return
            case Session(is_async=is_async, origin=origin) | Handle("factory-begin", Session(is_async, origin)):
                if isinstance(origin, Site) and not isinstance(context, ir.Call):
                    entered.add(origin)
                elif isinstance(context, ir.Call):
                    target = next(iter(_targets(program, context)), None)
                    yield Opening(unit, context.span.row, "with", target, is_async)
                return
            case _:
                pass


def _bare(program: Program, unit: Unit, creation: Creation, session: Session, entered: set[Site]) -> Opening:
    site = Site(unit.module, creation.node.span)
    row = creation.node.span.row
    if site in entered:
        return Opening(unit, row, "with", None, session.is_async)
    if isinstance(unit, Function):
        tokens = [t for c in program.analysis.by_function.get(unit, ()) for t in c.tokens if t.site == site]
        if any(t.how == "object" for t in tokens):
            return Opening(unit, row, "object", None, session.is_async)
        if any(isinstance(v, Session) and v.origin == site for v in _unwrapped(unit.returns.values)):
            return Opening(unit, row, "returned", None, session.is_async)
    closed = _closed(program, unit, lambda token: token.site == site)
    return Opening(unit, row, "call", None, session.is_async, closed)


def _by_provider(program: Program, unit: Unit, node: ir.Call) -> Iterator[Opening]:
    targets = _targets(program, node)
    if not targets:
        return
    session = _session(_unwrapped(program.flow.at(unit).eval(node)))
    if session is None:
        return
    inner = {id(e) for s in walk(unit.body) if isinstance(s, ir.Return) for e in subexpressions(s.value)}
    way: Way = "returned" if id(node) in inner else "call"
    closed = _closed(program, unit, lambda token: token.provider in targets)
    yield Opening(unit, node.span.row, way, targets[0], session.is_async, closed)


def _targets(program: Program, node: ir.Call) -> list[Function]:
    """The project functions that a call may run, those that hand out a session they obtained themselves."""
    found = program.flow.facts.call_targets.get(id(node), set())
    return sorted((f for f in found if _hands_out(program, f)), key=lambda f: (f.module.path, f.name_span.row))


def _hands_out(program: Program, function: Function) -> bool:
    if _session(_unwrapped(function.returns.values | function.yields.values)) is None:
        return False
    contexts = program.analysis.by_function.get(function, ())
    return any(t.how in ("created", "object") for c in contexts for t in c.tokens)


def _closed(program: Program, unit: Unit, is_it: Callable[[Token], bool]) -> tuple[int, ...]:
    if not isinstance(unit, Function):
        return ()
    events = [e for c in program.analysis.by_function.get(unit, ()) for e in c.events.values()]
    return tuple(sorted({e.node.span.row for e in events if e.kind in vocabulary.CLOSE_METHODS and is_it(e.session)}))


def _injected(program: Program) -> Iterator[Opening]:
    for function, entry in program.entries.items():
        if program.role(function) == "test":
            continue
        seen: set[str] = set()
        for context in program.analysis.by_function.get(function, ()):
            for number, token in enumerate(context.tokens):
                if context.entry is None or token.how != "injected" or token.path in seen:
                    continue
                providers = [t.provider for _, t in origins(context, number) if t.provider is not None]
                provider = next((p for p in providers if _hands_out(program, p)), next(iter(providers), None))
                if provider is None and not entry.is_endpoint:
                    continue
                seen.add(token.path)
                yield Opening(function, parameter_row(function, token.path), "injected", provider, token.is_async)


def parameter_row(function: Function, path: str) -> int:
    """The row of the parameter that a session came in by, or that the function's name stands on."""
    name = path.partition(".")[0]
    return next((p.span.row for p in function.params if p.name == name), function.name_span.row)


def _ordered(program: Program, unit: Unit, expr: ir.Expr) -> Iterable[object]:
    return sorted(program.flow.at(unit).eval(expr), key=stable)


def _session(values: Values) -> Session | None:
    """A session among values, or in a tuple of them."""
    for value in sorted(values, key=stable):
        match value:
            case Session():
                return value
            case Container(items=items):
                found = next(filter(None, map(_session, items)), None)
                if found is not None:
                    return found
            case _:
                pass
    return None


def _unwrapped(values: Values) -> Values:
    """The values, and what awaiting, iterating or entering them gives."""
    found = set(values)
    for value in values:
        match value:
            case Coroutine(result=inner) | Generator(items=inner) | ContextManager(entered=inner):
                found |= _unwrapped(inner)
            case _:
                pass
    return frozenset(found)
