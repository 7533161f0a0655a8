"""What SL404 and SL406 share: which factories and sessions expire their objects when they commit."""

from __future__ import annotations

from weakref import WeakKeyDictionary

from session_lint import ir
from session_lint.program import Program, vocabulary
from session_lint.program.flow_facts import Creation
from session_lint.program.symbols import Unit
from session_lint.program.values import ClassValue, Const, Factory, Session, Site, Symbol, Value, Values

OPTION = "expire_on_commit"

_sites: WeakKeyDictionary[object, dict[tuple[str, ir.Span], Creation]] = WeakKeyDictionary()
_configured: WeakKeyDictionary[object, Values] = WeakKeyDictionary()


def expires(program: Program, creation: Creation) -> bool:
    """Whether an async factory or session is made with the option at its default, or on; not where that cannot be read."""
    made = creation.value
    if not isinstance(made, (Factory, Session)) or not made.is_async:
        return False
    if isinstance(made, Factory) and (made.is_registry or made in _configured_later(program)):
        return False
    if creation.args.has_rest or _has_own_defaults(program, creation):
        return False
    if not any(arg.keyword == OPTION for arg in creation.node.args):
        return OPTION not in creation.args.keywords
    return creation.args.keywords.get(OPTION) == frozenset({Const(True)})


def holds_expiring(program: Program, unit: Unit, expr: ir.Expr) -> bool:
    """Whether an expression is an async session, and every place that is known to make it lets it expire what it commits."""
    values = program.flow.at(unit).eval(expr)
    origins = {v.origin for v in values if isinstance(v, Session) and v.is_async and isinstance(v.origin, Site)}
    all_async = all(isinstance(v, Session) and v.is_async for v in values)
    return all_async and bool(origins) and all(_made_expiring(program, site) for site in origins)


def _made_expiring(program: Program, site: Site) -> bool:
    made = _sites_of(program).get((site.module.path, site.span))
    if made is None:
        return False
    if made.kind == "session":
        return expires(program, made)
    if any(arg.keyword == OPTION or arg.star for arg in made.node.args):
        return False
    callee = made.node.func
    if isinstance(callee, ir.Attribute) and callee.name == "begin":
        callee = callee.value
    factories = program.flow.at(made.unit).eval(callee)
    makers = [
        _sites_of(program).get((v.origin.module.path, v.origin.span)) if isinstance(v, Factory) and v.origin else None
        for v in factories
    ]
    return bool(makers) and all(maker is not None and expires(program, maker) for maker in makers)


def _sites_of(program: Program) -> dict[tuple[str, ir.Span], Creation]:
    known = _sites.get(program.analysis)
    if known is None:
        made = [c for kind in ("session", "factory-session", "factory") for c in program.creations(kind)]
        known = _sites[program.analysis] = {(c.unit.module.path, c.node.span): c for c in made}
    return known


def _has_own_defaults(program: Program, creation: Creation) -> bool:
    """Whether the session's class is not SQLAlchemy's or SQLModel's own, and may set options itself."""
    classes: Values = frozenset()
    for keyword in ("class_", "sync_session_class"):
        given = creation.args.keywords.get(keyword, frozenset())
        if not given and any(arg.keyword == keyword for arg in creation.node.args):
            return True
        classes |= given
    if creation.kind == "session":
        classes |= program.flow.at(creation.unit).eval(creation.node.func)
    return not all(_has_usual_defaults(value) for value in classes)


def _has_usual_defaults(cls: Value) -> bool:
    match cls:
        case Symbol(name=name):
            return vocabulary.session_class(name) is not None
        case ClassValue(cls=own):
            bases = own.external_lineage()
            return own.method("__init__") is None and all(vocabulary.session_class(b) is not None for b in bases)
        case _:
            return False


def _configured_later(program: Program) -> Values:
    """The factories that ``configure(expire_on_commit=...)`` was called on."""
    known = _configured.get(program.analysis)
    if known is None:
        known = _configured[program.analysis] = frozenset(
            call.subject
            for call in program.external_calls()
            if isinstance(call.subject, Factory)
            and call.name.endswith(".configure")
            and (call.args.has_rest or any(arg.keyword == OPTION for arg in call.node.args))
        )
    return known
