"""Errors of a session: on which paths one may be under way, which handlers swallow it, and who could still notice.

A failed statement leaves the transaction unusable until somebody rolls back. These functions keep the book of it in an
abstract state; when a marked session is used on, or committed, the swallowed error has done harm.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

from msgspec.structs import replace

from session_lint import ir
from session_lint.program import vocabulary
from session_lint.program.contexts import Context, Failure, Harm, Mark, Swallow, Via
from session_lint.program.states import State, join
from session_lint.traversal import bound_names, is_false, subexpressions

# Calls that send something to the database, and so can fail there.
STATEMENTS = (vocabulary.AUTOBEGIN_METHODS | {"commit", "begin_nested"}) - {"add", "add_all", "delete", "connection"}
# Reading a row again breaks no constraint.
_NEVER = {"refresh": frozenset({"IntegrityError"})}
# Calls after which the session is sound again, whatever became of them.
ENDINGS = frozenset(["rollback", "close", "aclose", "remove", "close_all", "reset", "invalidate"])

_NONE = frozenset[str]()
_LOCAL = -2
_RETURNED = -1
_LOST = Via()
_EVERYTHING = frozenset(["builtins.Exception", "builtins.BaseException"])
_EVERY_DATABASE_ERROR = frozenset(["SQLAlchemyError", "StatementError", "DBAPIError"])
_NO_FAILURE = frozenset(["NoResultFound", "MultipleResultsFound", "InvalidRequestError", "DetachedInstanceError"])
_LIBRARIES = ("sqlalchemy.", "sqlmodel.", "asyncpg.", "psycopg.", "psycopg2.")


def catches(names: Iterable[str], bare: bool) -> tuple[frozenset[str], bool]:
    """Which errors of databases a handler for these exceptions catches, by their last names, and whether that is all of them."""
    caught, every = set[str](), bare
    for name in names:
        last = name.rpartition(".")[2]
        if name in _EVERYTHING:
            every = True
        elif name.startswith(_LIBRARIES) and last not in _NO_FAILURE:
            caught.add(last)
            every |= last in _EVERY_DATABASE_ERROR
    return frozenset(caught), every


def of_call(token: int, name: str) -> frozenset[Failure]:
    """A statement on a session may fail."""
    return frozenset({(token, name, _NEVER.get(name, _NONE))})


def passed(failed: frozenset[Failure], caught: frozenset[str]) -> frozenset[Failure]:
    """What may still be under way behind a handler for these errors."""
    return frozenset((token, name, known | caught) for token, name, known in failed) if caught else failed


def fail(state: State, raising: State | None, failed: frozenset[Failure] = frozenset()) -> State | None:
    """The exceptional state, when in ``state`` something may fail, calls on these sessions among it.

    That an error was swallowed before does not make the new one an error of a session.
    """
    failing = state.copy()
    failing.failed |= failed
    failing.marks = frozenset()
    return join(raising, failing)


def clear(state: State, token: int) -> None:
    """The session is rolled back or closed."""
    if state.failed:
        state.failed = frozenset(f for f in state.failed if f[0] != token)
    if state.marks:
        state.marks = frozenset(m for m in state.marks if m.token != token)


def swallow(
    state: State, context: Context, place: ir.Span, caught: ir.Expr | None, unset: tuple[str, ...] = ()
) -> None:
    """The exception under way ends here; sessions that may have failed are marked.

    Args:
        unset: variables that are false because of it.
    """
    via = Via(unset, _LOCAL, falsy=True) if unset else Via(call=_LOCAL)
    for token in sorted({token for token, _, _ in state.failed}):
        methods = frozenset(name for failed, name, _ in state.failed if failed == token)
        known = context.swallows.setdefault((place.row, token), Swallow(context, token, place, caught, frozenset()))
        known.methods |= methods
        state.marks |= {Mark(token, known, via)}
    state.failed = frozenset()


def other(state: State, place: ir.Span) -> None:
    """What the handler at this place has caught is no error of a database."""
    state.marks = frozenset(m for m in state.marks if m.swallow.place != place)


def raised(state: State) -> None:
    """An exception is raised after all: whoever catches it decides about the sessions."""
    if state.marks:
        state.failed |= frozenset((mark.token, "raise", _NONE) for mark in state.marks)
        state.marks = frozenset()


def harm(state: State, token: int, done: Harm) -> None:
    """A marked session is used on or committed."""
    for mark in state.marks:
        if mark.token == token:
            mark.swallow.harms.append(done)
    if state.marks:
        state.marks = frozenset(m for m in state.marks if m.token != token)


def leave_savepoint(state: State, token: int) -> None:
    """A flush that failed inside a savepoint rolled back that savepoint alone."""
    state.marks = frozenset(m for m in state.marks if m.token != token or m.swallow.methods != {"flush"})


# What tells the caller: the result of the call


def called(mark: Mark, token: int, call: int) -> Mark:
    """A callee's mark as its caller sees it after the call."""
    told = mark.via.call == _RETURNED
    return Mark(token, mark.swallow, Via((), call, mark.via.falsy) if told else _LOST)


def stored(state: State, value: ir.Expr, targets: Iterable[ir.Expr], caught: Collection[str]) -> None:
    """The result of a call gets names, or variables get what tells of the error: ``failed = True``, ``user = None``.

    Args:
        caught: the names of exceptions in handlers.
    """
    call, names = _call_of(value), tuple(name.id for target in targets for name in bound_names(target))
    if any(m.via.call == _LOCAL for m in state.marks):
        tells = (isinstance(value, ir.Constant) and value.value is True) or _mentions(value, caught)
        state.marks = frozenset(
            replace(m, via=_named(m.via, names, is_false(value), tells)) if m.via.call == _LOCAL else m
            for m in state.marks
        )
    if call:
        state.marks = frozenset(
            replace(m, via=replace(m.via, names=names, call=0)) if m.via.call == call else m for m in state.marks
        )


def _named(via: Via, names: tuple[str, ...], falsy: bool, tells: bool) -> Via:
    """How the code after a handler can know of the error, once these variables got a value."""
    falses, flags = set(via.names) - set(names), set(via.flags) - set(names)
    if falsy:
        falses.update(names)
    elif tells:
        flags.update(names)
    return Via(tuple(sorted(falses)), _LOCAL, falsy=bool(falses), flags=tuple(sorted(flags)))


def _mentions(value: ir.Expr, names: Collection[str]) -> bool:
    return bool(names) and any(isinstance(part, ir.Name) and part.id in names for part in subexpressions(value))


def returned(state: State, value: ir.Expr | None, falsy: bool) -> None:
    """The function returns, perhaps with what tells of the error."""
    call = _call_of(value)
    name = value.id if isinstance(value, ir.Name) else ""

    def told(mark: Mark) -> Mark:
        via = mark.via
        if via.call == call != 0:
            return replace(mark, via=Via((), _RETURNED, via.falsy))
        if via.call == _LOCAL or name in via.names:
            return replace(mark, via=Via((), _RETURNED, falsy or (name in via.names and via.falsy)))
        return replace(mark, via=_LOST)

    state.marks = frozenset(map(told, state.marks))


def known_true(state: State, test: ir.Expr) -> None:
    """The result of a call is not None, False or empty: the error was not swallowed on this path."""
    call = _call_of(test)
    name = test.id if isinstance(test, ir.Name) else ""
    state.marks = frozenset(
        m for m in state.marks if not (m.via.falsy and ((name and name in m.via.names) or m.via.call == call != 0))
    )


def known_fine(state: State, test: ir.Expr) -> None:
    """The other branch of a condition raises: where it asks for the result of a call, it asked for the error."""
    call, names = _call_of(test), {node.id for node in subexpressions(test) if isinstance(node, ir.Name)}
    state.marks = frozenset(
        m for m in state.marks if names.isdisjoint(m.via.names + m.via.flags) and not m.via.call == call != 0
    )


def _call_of(value: ir.Expr | None) -> int:
    while isinstance(value, (ir.Await, ir.Unary, ir.Attribute, ir.Subscript, ir.Walrus)):
        value = value.value
    return id(value) if isinstance(value, ir.Call) else 0
