"""What is named and used like a session, where it is not known what gives it: a library that the project does not hold, or nobody."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from session_lint import ir
from session_lint.checks.evidence import Scope
from session_lint.checks.facts import Facts
from session_lint.checks.wording import lines, listed
from session_lint.program import vocabulary
from session_lint.program.entrypoints import dotted
from session_lint.program.remapping import bear_session
from session_lint.program.symbols import Function
from session_lint.program.values import External, Symbol, function_of
from session_lint.record import Record
from session_lint.traversal import expressions, walk

if TYPE_CHECKING:
    from session_lint.program import Program
    from session_lint.program.symbols import Unit

_OUTSIDE = ("test", "migration")
_STARTED = ("background", "task")
"""Entry points that run apart from what calls them."""
_TELLING = frozenset(
    [
        "execute",
        "exec",
        "scalar",
        "scalars",
        "add",
        "add_all",
        "merge",
        "refresh",
        "flush",
        "commit",
        "rollback",
        "query",
    ]
)
"""Methods that sessions have, and HTTP clients have not."""
_OF_HTTP_TOO = "session"
"""What HTTP clients are called as well: a parameter of that name alone says nothing."""
_ORM_ONLY = frozenset(["add_all", "merge", "refresh", "flush"])
_ATTRIBUTES = (
    vocabulary.AUTOBEGIN_METHODS
    | vocabulary.CLOSE_METHODS
    | {"begin", "begin_nested", "commit", "rollback", "expire", "expire_all", "expunge", "expunge_all", "invalidate"}
    | {"get_bind", "get_transaction", "in_transaction", "in_nested_transaction", "is_active", "is_modified", "bind"}
    | {"new", "dirty", "deleted", "info", "autoflush", "no_autoflush", "identity_map", "sync_session"}
)


class UnknownSession(Record, frozen=True):
    """A name that a function uses as a session.

    Args:
        row: where it gets its value. ``name``: how it is written.
        source: the call that gives it, as it is written; empty for a parameter, which nobody is seen to give one.
        external: the name of what is called, where that is outside the project; ``through`` a function of the project, which calls it.
        passed_to: of a parameter, the calls that it is passed on to.
    """

    unit: Unit
    row: int
    name: str
    source: str
    external: str = ""
    through: bool = False
    passed_to: tuple[str, ...] = ()


def _collect(program: Program) -> Iterator[UnknownSession]:
    modules = [module for module in program.modules if program.roles[module.path] not in _OUTSIDE]
    functions = [function for module in modules for function in module.functions]
    units: list[Unit] = [*modules, *functions]
    named = [found for unit in units for found in _named(program, unit)]
    # What gives a session in one place gives one in those that only lend it.
    giving = {found.external for found, is_used in named if is_used and found.external}
    yield from (found for found, is_used in named if is_used or found.external in giving)
    for function in functions:
        yield from _passed_on(program, function)


UNKNOWN_SESSIONS = Facts(_collect)


def unknown_in(program: Program, unit: Unit) -> tuple[UnknownSession, ...]:
    """Those of one function."""
    here = Scope(program, frozenset({unit.module.path}))
    return tuple(found for found in UNKNOWN_SESSIONS.within(here) if found.unit is unit)


def unknown_below(program: Program, function: Function) -> tuple[Function, ...]:
    """The functions that one calls, directly or not, other than in the background, and that use what is named and used like a session."""
    using, callees = _calls_of(program)
    stack: list[Unit] = [function]
    seen: set[Unit] = {function}
    while stack:
        for callee in callees.get(stack.pop(), ()):
            entry = program.entry(callee)
            if callee not in seen and (entry is None or entry.kind not in _STARTED):
                seen.add(callee)
                stack.append(callee)
    found = [unit for unit in (seen & using) - {function} if isinstance(unit, Function)]
    return tuple(sorted(found, key=lambda f: (f.module.path, f.name_span.row)))


_known: WeakKeyDictionary[object, tuple[set[Unit], dict[Unit, list[Function]]]] = WeakKeyDictionary()


def _calls_of(program: Program) -> tuple[set[Unit], dict[Unit, list[Function]]]:
    """The functions that use such a name, and which functions each function of the project calls."""
    known = _known.get(program.analysis)
    if known is None:
        using = {found.unit for found in UNKNOWN_SESSIONS.everywhere(program) if found.source}
        callees: dict[Unit, list[Function]] = {}
        for callee, callers in program.flow.facts.callers.items():
            for caller in callers if using else ():
                callees.setdefault(caller, []).append(callee)
        known = _known[program.analysis] = (using, callees)
    return known


def said_in(unknown: Sequence[UnknownSession]) -> list[str]:
    """What is said of those of one function, with the lines: the same is said once."""
    rows: dict[str, list[int]] = {}
    for found in unknown:
        rows.setdefault(said_of(found), []).append(found.row)
    return [f"{said} ({lines(at)})" for said, at in rows.items()]


def said_of(found: UnknownSession) -> str:
    """``comes from `session_scope()`, which is not in the project``."""
    if not found.source:
        return f"takes `{found.name}` and passes it on to {listed(found.passed_to, 3)}; nobody is seen to give it one"
    if not found.external:
        return f"`{found.name}` comes from `{found.source}()`, of which it is not known what it is"
    if found.through:
        return (
            f"`{found.name}` comes from `{found.source}()`, which has it from `{found.external}`, outside the project"
        )
    known_as = "" if found.external == found.source else f" (`{found.external}`)"
    return f"`{found.name}` comes from `{found.source}()`{known_as}, which is not in the project"


def _named(program: Program, unit: Unit) -> Iterator[tuple[UnknownSession, bool]]:
    """The names that may be sessions by what is done with them, and whether that is a session's alone."""
    bound = list(_bindings(unit.body))
    if not bound:
        return
    known = _known_names(program, unit)
    handed_out = list(_handed_out(unit))
    nodes = list(expressions(unit.body))
    for name, call in bound:
        used = _used(name, nodes)
        is_named = name in program.settings.session_names
        if name in known or not used <= _ATTRIBUTES:
            continue
        is_used = bool(used & _TELLING) if is_named else "commit" in used and bool(used & _ORM_ONLY)
        if not is_used and (not is_named or call in handed_out):
            continue  # what it is handed out to uses it
        source = _source(program, unit, call)
        if source is not None:
            external, through = source
            yield UnknownSession(unit, call.span.row, name, dotted(call.func), external, through), is_used


def _passed_on(program: Program, function: Function) -> Iterator[UnknownSession]:
    """The parameters named like a session that may be left out and are only passed on, of which nobody is seen to give a session."""
    for param in function.params:
        if (
            param.name not in program.settings.session_names
            or param.annotation is not None
            or not (isinstance(param.default, ir.Constant) and param.default.value is None)
            or bear_session(function.cells[param.name].values if param.name in function.cells else frozenset())
            or param.name in _known_names(program, function)
        ):
            continue
        nodes = list(expressions(function.body))
        calls = _calls_with(param.name, nodes)
        named = [call for call in calls if dotted(call.func) and not _is_builtin(program, function, call)]
        if param.name == _OF_HTTP_TOO and not any(_lends(program, function, call) for call in named):
            continue
        written = tuple(dict.fromkeys(f"`{dotted(call.func)}()`" for call in named))
        if written and len(calls) == sum(isinstance(node, ir.Name) and node.id == param.name for node in nodes):
            yield UnknownSession(function, param.span.row, param.name, "", passed_to=written)


def _is_builtin(program: Program, unit: Unit, call: ir.Call) -> bool:
    called = program.flow.at(unit).eval(call.func)
    return any(isinstance(value, Symbol) and value.name.startswith("builtins.") for value in called)


def _lends(program: Program, unit: Unit, call: ir.Call) -> bool:
    """Whether a call calls a function of the project that is known to take a session."""
    called = filter(None, map(function_of, program.flow.at(unit).eval(call.func)))
    cells = (function.cells.get(param.name) for function in called for param in function.params)
    return any(cell is not None and bear_session(cell.values) for cell in cells)


def _known_names(program: Program, unit: Unit) -> set[str]:
    contexts = program.analysis.by_function.get(unit, ()) if isinstance(unit, Function) else ()
    return {token.path for context in contexts for token in context.tokens}


def _bindings(body: Sequence[ir.Statement]) -> Iterator[tuple[str, ir.Call]]:
    """The names that a body gives the result of a call to: by ``with``, by assignment, or by a loop over a generator."""
    for statement in walk(body):
        pairs: list[tuple[ir.Expr | None, ir.Expr | None]] = []
        if isinstance(statement, ir.With):
            pairs = [(item.target, item.context) for item in statement.items]
        elif isinstance(statement, ir.Assign):
            pairs = [(target, statement.value) for target in statement.targets]
        elif isinstance(statement, ir.For):
            pairs = [(statement.target, statement.iterable)]
        for target, value in pairs:
            call = value.value if isinstance(value, ir.Await) else value
            if isinstance(target, ir.Name) and isinstance(call, ir.Call) and dotted(call.func):
                yield target.id, call


def _source(program: Program, unit: Unit, call: ir.Call, depth: int = 3) -> tuple[str, bool] | None:
    """What a call has its result from outside the project, and whether through a function of the project.

    The name is empty where nothing is known of what is called. None where something is, or where it is no session.
    """
    if bear_session(program.flow.at(unit).eval(call)):
        return None
    called = program.flow.at(unit).eval(call.func)
    names = sorted(value.name for value in called if isinstance(value, (External, Symbol)))
    if any(name in vocabulary.DRIVER_CONNECTS or name.startswith("builtins.") for name in names):
        return None
    if len(names) == len(called):
        return names[0] if names and "(" not in names[0] else "", False
    givers = {function_of(value) for value in called}
    giver = givers.pop()
    if givers or giver is None or not depth:
        return None
    for handed in _handed_out(giver):
        source = _source(program, giver, handed, depth - 1)
        if source is not None and source[0]:
            return source[0], True
    return None


def _handed_out(function: Unit) -> Iterator[ir.Call]:
    """The calls whose results a function returns or yields, as a name or as they are."""
    bound: dict[str, ir.Call] = dict(_bindings(function.body))
    given = [node.value for node in expressions(function.body) if isinstance(node, ir.Yield)]
    given += [statement.value for statement in walk(function.body) if isinstance(statement, ir.Return)]
    for value in given:
        call = bound.get(value.id) if isinstance(value, ir.Name) else value
        if isinstance(call, ir.Call) and dotted(call.func):
            yield call


def _used(name: str, nodes: Sequence[ir.Expr]) -> set[str]:
    """The attributes of a name that are looked up."""
    return {
        node.name
        for node in nodes
        if isinstance(node, ir.Attribute) and isinstance(node.value, ir.Name) and node.value.id == name
    }


def _calls_with(name: str, nodes: Sequence[ir.Expr]) -> list[ir.Call]:
    """The calls that a name is an argument of."""
    return [
        node
        for node in nodes
        if isinstance(node, ir.Call)
        and any(isinstance(arg.value, ir.Name) and arg.value.id == name for arg in node.args)
    ]
