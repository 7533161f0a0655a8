"""Why the analysis thinks what it thinks at one line: the data behind ``session-lint explain``."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Literal

import msgspec

from session_lint import ir
from session_lint.conventions import Provider, provider_of, provider_uses
from session_lint.findings import ChainLink, Finding
from session_lint.program import states
from session_lint.program.contexts import lenders
from session_lint.program.entrypoints import dotted
from session_lint.program.observing import States, statement_at, states_before
from session_lint.program.remapping import bears_session
from session_lint.program.symbols import Function
from session_lint.traversal import own_expressions, subexpressions, walk

if TYPE_CHECKING:
    from session_lint.program import Program
    from session_lint.program.contexts import Context, How, Token
    from session_lint.program.symbols import Module, Unit

Evidence = Literal["type", "flow", "name"]
TransactionState = Literal["none", "autobegun", "in a begin block", "begun", "closed", "unknown"]

_STATES: tuple[tuple[int, TransactionState], ...] = (
    (states.NONE, "none"),
    (states.AUTOBEGUN, "autobegun"),
    (states.BLOCK, "in a begin block"),
    (states.BEGUN, "begun"),
    (states.CLOSED, "closed"),
    (states.UNKNOWN, "unknown"),
)
_LENT = ("param", "attr", "closure")


class FunctionFacts(msgspec.Struct, frozen=True):
    """The function that a line is in (``<module>`` at top level).

    ``entry`` is the kind of entry point that the function is or is nested in, ``provider`` its convention where it hands a
    session out. ``reached``: the analysis entered it, since it can reach a session.
    """

    symbol: str
    filename: str
    row: int
    is_async: bool
    role: str
    is_session_module: bool
    entry: str | None
    route: str
    provider: Provider | None
    reached: bool


class Owner(msgspec.Struct, frozen=True):
    """Who owns a session: the function that obtained it, or the class whose objects keep it."""

    symbol: str
    filename: str
    row: int


class Use(msgspec.Struct, frozen=True):
    """Something that the line does with a session, and the transaction states that are possible before it."""

    what: str
    states: tuple[TransactionState, ...]


class Way(msgspec.Struct, frozen=True):
    """One way in which the function comes to have a session.

    ``owner`` is None where nobody who obtained the session is known. ``made`` is the place of the call that made it, where
    that is in this function; ``chain`` leads from the owner to here. ``states`` are the transaction states that are possible
    before the line, empty where the session is not held there.
    """

    how: How
    owner: Owner | None
    provider: Provider | None
    made: ChainLink | None
    chain: tuple[ChainLink, ...]
    uses: tuple[Use, ...]
    states: tuple[TransactionState, ...]


class SessionFacts(msgspec.Struct, frozen=True):
    """A session seen on the line, or held there by a function that uses none on it.

    ``name`` is how the function writes it, empty where it has no name.
    """

    name: str
    evidence: Evidence
    is_async: bool
    ways: tuple[Way, ...]


class Unknown(msgspec.Struct, frozen=True):
    """A call on the line that the analysis cannot look into. ``external`` names code outside the project, where it is that.

    ``gets_session``: a session is among what it is called with.
    """

    call: str
    row: int
    column: int
    external: str | None
    gets_session: bool


class Explanation(msgspec.Struct, frozen=True):
    """All that is known at one line."""

    filename: str
    row: int
    function: FunctionFacts
    sessions: tuple[SessionFacts, ...]
    findings: tuple[Finding, ...]
    suppressed: tuple[Finding, ...]
    unknown: tuple[Unknown, ...]


def explain(
    program: Program, findings: Iterable[Finding], suppressed: Iterable[Finding], path: str, row: int
) -> Explanation | None:
    """What is known at a row of a file; None when the program does not hold the file.

    Args:
        program: the linked program.
        findings: findings of any place.
        suppressed: findings that comments or per-file ignores hide.
        path: the file, relative to the root, with forward slashes.
        row: the line, from 1.
    """
    module = next((one for one in (*program.modules, *program.idle) if one.path == path), None)
    if module is None:
        return None
    unit = _unit_at(module, row)
    units = [unit, *_lambdas_at(module, row)]
    contexts = [c for one in units for c in _contexts_of(program, one)]
    names = _names_at(unit, row)
    statement = statement_at(unit, row)
    before = states_before(program.analysis, contexts, statement) if statement is not None else {}
    return Explanation(
        path,
        row,
        _function_facts(program, unit, reached=bool(contexts)),
        tuple(_sessions(program, contexts, names, row, before)),
        tuple(f for f in findings if _is_at(f, path, row)),
        tuple(f for f in suppressed if _is_at(f, path, row)),
        tuple(unknown_calls(program, unit, contexts, outside_calls(program), row)),
    )


def _is_at(finding: Finding, path: str, row: int) -> bool:
    return finding.filename == path and _covers(finding.span, row)


def _covers(span: ir.Span, row: int) -> bool:
    return span.row <= row <= span.end_row


# Where the line is


def _unit_at(module: Module, row: int) -> Unit:
    around = [f for f in module.functions if isinstance(f.node, ir.FunctionDef) and _covers(f.node.span, row)]
    return max(around, key=lambda f: f.node.span.row, default=module)


def _lambdas_at(module: Module, row: int) -> list[Function]:
    return [f for f in module.functions if isinstance(f.node, ir.Lambda) and _covers(f.node.span, row)]


def _contexts_of(program: Program, unit: Unit) -> list[Context]:
    if isinstance(unit, Function):
        return list(program.analysis.by_function.get(unit, ()))
    return [c for c in program.analysis.all_contexts() if c.unit is unit and not c.is_synthetic]


def _function_facts(program: Program, unit: Unit, *, reached: bool) -> FunctionFacts:
    entry = program.entry_or_outer(unit)
    return FunctionFacts(
        unit.qualname,
        unit.module.path,
        unit.name_span.row if isinstance(unit, Function) else 1,
        isinstance(unit, Function) and unit.is_async,
        program.role(unit),
        program.is_session_module(unit.module),
        entry.kind if entry is not None else None,
        entry.full_route if entry is not None else "",
        provider_of(program, unit) if isinstance(unit, Function) and unit in provider_uses(program) else None,
        reached,
    )


def _expressions_at(unit: Unit, row: int | None) -> Iterator[ir.Expr]:
    """The expressions that a unit itself evaluates on a row, those that only go through it included; without one, all."""
    for statement in walk(unit.body):
        if row is None or _covers(statement.span, row):
            for expr in own_expressions(statement):
                yield from (node for node in subexpressions(expr) if row is None or _covers(node.span, row))


def _names_at(unit: Unit, row: int) -> set[str]:
    names = {dotted(node) for node in _expressions_at(unit, row) if isinstance(node, (ir.Name, ir.Attribute))}
    if isinstance(unit, Function):
        names |= {param.name for param in unit.params if _covers(param.span, row)}
    return names - {""}


# Sessions


def _sessions(
    program: Program, contexts: Sequence[Context], names: set[str], row: int, before: Mapping[int, States]
) -> Iterator[SessionFacts]:
    """The sessions on a row, each with the ways in which the contexts have it; alike ones count once.

    Where none is on the row, those that are held there.
    """
    groups: dict[tuple[str, bool], list[tuple[Token, Way]]] = {}
    held: dict[tuple[str, bool], list[tuple[Token, Way]]] = {}
    lent = _lent_on(program, contexts, row)
    for context in contexts:
        known = before.get(id(context), {})
        by_use: dict[tuple[str, bool], list[tuple[Token, Way]]] = {}
        by_name: dict[tuple[str, bool], list[tuple[Token, Way]]] = {}
        for number, token in enumerate(context.tokens):
            name = _name_of(context, number)
            uses = tuple(_uses(context, number, row, lent))
            said = known.get(number)
            if uses or _is_made_on(token, context, row):
                found = by_use
            elif name in names:
                found = by_name
            elif name and said is not None:
                found = held
            else:
                continue
            way = _way(program, context, number, uses, tuple(_words(said or 0)))
            found.setdefault((name, token.is_async), []).append((token, way))
        # A name can stand for several sessions in a function: those used on the row are meant.
        for key, seen in {**by_name, **by_use}.items():
            groups.setdefault(key, []).extend(seen)
    for (name, is_async), seen in sorted((groups or held).items(), key=lambda item: item[0]):
        evidence = next((e for e in ("type", "flow", "name") if any(t.evidence == e for t, _ in seen)), "flow")
        ways = sorted(dict.fromkeys(way for _, way in seen), key=_way_order)
        yield SessionFacts(name, evidence, is_async, tuple(ways))  # type: ignore[arg-type]


def _is_made_on(token: Token, context: Context, row: int) -> bool:
    return token.site is not None and token.site.module is context.module and _covers(token.site.span, row)


def _way_order(way: Way) -> tuple[int, list[tuple[str, int]], str, list[tuple[str, ...]]]:
    links = [(link.filename, link.row) for link in way.chain]
    return len(links), links, way.how, [(use.what, *use.states) for use in way.uses] or [way.states]


def _name_of(context: Context, number: int) -> str:
    """How the context writes a session: the name it is known by, else what its first method is called on."""
    token = context.tokens[number]
    if token.path:
        return token.path
    for event in context.events.values():
        if event.token == number and isinstance(event.node.func, ir.Attribute):
            written = dotted(event.node.func.value)
            if written:
                return written
    return ""


def _uses(context: Context, number: int, row: int, lent: Sequence[tuple[Context, int, Use]]) -> Iterator[Use]:
    found: dict[str, set[str]] = {}
    for event in context.events.values():
        if event.token == number and _covers(event.node.span, row):
            found.setdefault(f"{event.kind}()", set()).update(_words(event.bits))
    for lender, token, use in lent:
        if lender is context and token == number:
            found.setdefault(use.what, set()).update(use.states)
    for what, said in found.items():
        yield Use(what, tuple(word for _, word in _STATES if word in said))


def _lent_on(program: Program, contexts: Sequence[Context], row: int) -> list[tuple[Context, int, Use]]:
    """The calls on a row that lend sessions to functions of the project, by the lender and its session."""
    mine = {id(context) for context in contexts}
    found: list[tuple[Context, int, Use]] = []
    for context in program.analysis.all_contexts():
        for edge in context.callers:
            if edge.node is None or id(edge.caller) not in mine or not _covers(edge.node.span, row):
                continue
            bits = context.entry_bits
            unit = context.unit
            where = f"{unit.qualname} ({unit.module.path}:{unit.name_span.row if isinstance(unit, Function) else 1})"
            for theirs, number in edge.tokens.items():
                before = bits[theirs] if theirs < len(bits) else states.UNKNOWN
                found.append((edge.caller, number, Use(f"lending it to {where}", tuple(_words(before)))))
    return found


def _words(bits: int) -> Iterator[TransactionState]:
    return (word for bit, word in _STATES if bits & bit)


def _way(
    program: Program, context: Context, number: int, uses: tuple[Use, ...], before: tuple[TransactionState, ...]
) -> Way:
    token = context.tokens[number]
    steps = next(lenders(context, number), []) if token.how in (*_LENT, "injected") else []
    obtained = steps[0].context.tokens[steps[0].token] if steps else token
    links: list[ChainLink] = []
    down = [*(step.context for step in steps), context]
    for step, callee in zip(steps, down[1:], strict=True):
        if not step.context.is_synthetic and step.node is not None:
            note = f"lends its session to {callee.unit.qualname}"
            links.append(ChainLink(step.context.module.path, step.node.span.row, step.context.unit.qualname, note))
    provider = _provider(context, number)
    return Way(
        token.how,
        _owner(program, token, obtained, down),
        provider_of(program, provider) if provider is not None else None,
        _made(program, context, token),
        tuple(links),
        uses,
        before,
    )


def _owner(program: Program, token: Token, obtained: Token, down: Sequence[Context]) -> Owner | None:
    for one in (token, obtained):
        if one.holder is not None and program.owned_by_object(one):
            return Owner(one.holder.qualname, one.holder.module.path, one.holder.node.name_span.row)
    # A framework that injects owns nothing: the entry point below it does.
    owner = next(context for context in down if not context.is_synthetic)
    if obtained.how in (*_LENT, "unknown", "registry", "global", "state", "decorator") and owner.entry is None:
        return None
    unit = owner.unit
    return Owner(unit.qualname, unit.module.path, unit.name_span.row if isinstance(unit, Function) else 1)


def _provider(context: Context, number: int) -> Function | None:
    """The provider of a session, the nearest up the shortest chains that know one."""
    token = context.tokens[number]
    if token.provider is not None:
        return token.provider
    if token.how not in (*_LENT, "injected"):
        return None
    chains = (step.context.tokens[step.token].provider for steps in lenders(context, number) for step in steps)
    return next((provider for provider in chains if provider is not None), None)


def _made(program: Program, context: Context, token: Token) -> ChainLink | None:
    site = token.site
    if site is None:
        return None
    made = [c for k in ("session", "factory-session") for c in program.creations(k)]
    call = next((c for c in made if c.unit.module is site.module and c.node.span == site.span), None)
    written = dotted(call.node.func) if call is not None else ""
    symbol = call.unit.qualname if call is not None else context.unit.qualname
    return ChainLink(site.module.path, site.span.row, symbol, f"made by {written or 'a call'}()")


# What stays unknown


def outside_calls(program: Program) -> dict[int, str]:
    """Calls of what lies outside the project, by the identity of their node, and what each calls."""
    found: dict[int, str] = {}
    for call in program.external_calls():
        if call.subject is None:
            found.setdefault(id(call.node), call.name)
    return found


def unknown_calls(
    program: Program,
    unit: Unit,
    contexts: Sequence[Context],
    outside: Mapping[int, str],
    row: int | None = None,
) -> Iterator[Unknown]:
    """The calls of a unit, those on one row or all, that the analysis cannot look into.

    Args:
        contexts: the unit's, those of its lambdas included.
        outside: what `outside_calls` gives.
    """
    flow = program.flow
    nodes = list(_expressions_at(unit, row))
    # A comprehension's variables have no value outside it; that says nothing about the call.
    loose = {
        name.id
        for node in nodes
        if isinstance(node, ir.Comprehension)
        for clause in node.clauses
        for name in subexpressions(clause.target)
        if isinstance(name, ir.Name)
    }
    # What is a session by its name alone has methods for the interpreter, but no values in the flow.
    followed = {id(event.node) for context in contexts for event in context.events.values()}
    for node in nodes:
        if not isinstance(node, ir.Call) or id(node) in followed or dotted(node.func).partition(".")[0] in loose:
            continue
        gets = any(bears_session(v) for arg in node.args for v in flow.at(unit).eval(arg.value))
        if id(node) in outside:
            if gets:
                yield Unknown(_written(node), node.span.row, node.span.column, outside[id(node)], gets_session=True)
        elif not flow.at(unit).eval(node.func):
            yield Unknown(_written(node), node.span.row, node.span.column, None, gets)


def _written(node: ir.Call) -> str:
    return dotted(node.func) or (f"….{node.func.name}" if isinstance(node.func, ir.Attribute) else "…")
