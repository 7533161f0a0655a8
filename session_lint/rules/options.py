"""What SL502 and SL504 share: which execution options a call sets, and which of them nothing reads."""

from __future__ import annotations

from collections.abc import Iterator
from weakref import WeakKeyDictionary

from session_lint import ir
from session_lint.program import Program
from session_lint.program.flow_facts import ExternalCall
from session_lint.program.symbols import Unit
from session_lint.program.values import Connection, DictValue, Engine, Factory, Session
from session_lint.program.vocabulary import engine_maker
from session_lint.traversal import expressions

# Names of drivers' and poolers' arguments. As execution options SQLAlchemy keeps them and does nothing with them.
_IGNORED = frozenset(
    {"raw_sql", "no_prepare", "prepare", "prepared", "statement_cache_size", "prepared_statement_cache_size"}
    | {"prepared_statement_name_func", "prepare_threshold"}
)
_READERS = frozenset({"get_execution_options", "execution_options", "_execution_options"})
_STATEMENTS = ("select()", "text()", "insert()", "update()", "delete()")

_read: WeakKeyDictionary[object, frozenset[str]] = WeakKeyDictionary()


def options_set(call: ExternalCall) -> frozenset[str]:
    """The names of the execution options that a call of SQLAlchemy sets."""
    if call.subject is None and call.name.partition(".")[0] not in ("sqlalchemy", "sqlmodel"):
        return frozenset()
    if call.subject is not None and not isinstance(call.subject, (Session, Factory, Engine, Connection)):
        return frozenset()
    if method_of(call) in ("execution_options", "update_execution_options"):
        return frozenset(call.args.keywords)
    options = call.args.keywords.get("execution_options", frozenset())
    return frozenset(name for v in options if isinstance(v, DictValue) for name, _ in v.items)


def method_of(call: ExternalCall) -> str:
    """The last part of what is called."""
    return call.name.rsplit(".", 1)[-1].removesuffix("()")


def ignored_options(program: Program, call: ExternalCall) -> frozenset[str]:
    """The options of a call that have no effect: SQLAlchemy knows them not, or not there, and the program reads them nowhere."""
    names = options_set(call)
    ignored = names & _IGNORED
    if ignored:
        ignored -= _read_options(program)
    if "isolation_level" in names and (_executes(call) or refuses_isolation_level(call)):
        ignored |= {"isolation_level"}
    return ignored


def refuses_isolation_level(call: ExternalCall) -> bool:
    """Whether the options are a statement's own, which take no isolation level."""
    return call.subject is None and method_of(call) == "execution_options" and any(s in call.name for s in _STATEMENTS)


def _executes(call: ExternalCall) -> bool:
    method = method_of(call)
    return isinstance(call.subject, (Session, Factory, Connection)) and method not in (
        "connection",
        "execution_options",
    )


def _read_options(program: Program) -> frozenset[str]:
    """The options of these names that the program looks up itself, in an event handler say."""
    known = _read.get(program.analysis)
    if known is None:
        units: list[Unit] = [*program.modules, *(f for m in program.modules for f in m.functions)]
        known = _read[program.analysis] = frozenset(name for unit in units for name in _looked_up(unit))
    return known


def _looked_up(unit: Unit) -> Iterator[str]:
    found: set[str] = set()
    reads_options = False
    for node in expressions(unit.body):
        match node:
            case ir.Attribute(name=name) if name in _READERS:
                reads_options = True
            case ir.Call(
                func=ir.Attribute(name="get" | "pop"), args=(ir.Argument(value=ir.Constant(value=str(key))), *_)
            ):
                found.add(key)
            case ir.Subscript(index=(ir.Constant(value=str(key)),)) | ir.Compare(left=ir.Constant(value=str(key))):
                found.add(key)
            case _:
                pass
    if reads_options:
        yield from found & _IGNORED


def makes_engine(call: ExternalCall) -> bool:
    """Whether the call makes an engine."""
    return call.subject is None and engine_maker(call.name) is not None
