"""The engines that a project builds, with what their arguments say."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from session_lint import ir
from session_lint.checks.facts import Facts
from session_lint.program.dicts import entries
from session_lint.program.engines import BuiltEngine, built_engines, keyword, poolclass
from session_lint.program.flow_facts import Creation
from session_lint.record import Record

if TYPE_CHECKING:
    from session_lint.program import Program
    from session_lint.program.symbols import Unit


# Only a queue pool takes these.
_QUEUE_ARGUMENTS = ("pool_size", "max_overflow", "pool_timeout", "pool_use_lifo")
_POSTGRESQL_ARGUMENTS = (
    "statement_cache_size",
    "prepared_statement_cache_size",
    "prepared_statement_name_func",
    "prepare_threshold",
    "server_settings",
)


class EngineMade(Record, frozen=True):
    """An engine.

    Args:
        maker: the function that makes it.
        role: of the file it is made in.
        connect_args: each key, with its value where that is a constant; None when there are none or they are not known.
        says_connect_args: whether there is a ``connect_args`` argument.
        poolclass: name of the pool class, where it is given and known.
        default_pool: name of the pool class that SQLAlchemy takes where none is given, where that is known.
        has_rest: arguments come by ``**`` as well.
    """

    unit: Unit
    row: int
    end_row: int
    maker: str
    role: str
    connect_args: tuple[str, ...] | None
    says_connect_args: bool
    poolclass: str | None
    default_pool: str | None
    has_rest: bool


def _collect(program: Program) -> Iterator[EngineMade]:
    built = {id(engine.node): engine for engine in built_engines(program)}
    for creation in program.creations("engine"):
        maker = creation.name.rsplit(".", 1)[-1]
        role = "session-module" if program.is_session_module(creation.unit.module) else program.role(creation.unit)
        yield EngineMade(
            creation.unit,
            creation.node.span.row,
            creation.node.span.end_row,
            maker,
            role,
            _connect_args(creation),
            # What comes by ``**`` may be meant for another call.
            keyword(creation.node, "connect_args") is not None,
            poolclass(creation) if keyword(creation.node, "poolclass") is not None else None,
            _default_pool(built.get(id(creation.node))),
            any(arg.star for arg in creation.node.args),
        )


ENGINES = Facts(_collect)


def _default_pool(engine: BuiltEngine | None) -> str | None:
    """The queue pool that an engine has for want of another; SQLite's engines have theirs by version and kind of file."""
    if engine is None or engine.pool != "queue" or keyword(engine.node, "poolclass") is not None:
        return None
    sized = any(keyword(engine.node, name) is not None for name in _QUEUE_ARGUMENTS)
    spoken = engine.connect_args is not None and any(name in engine.connect_args for name in _POSTGRESQL_ARGUMENTS)
    if not sized and not spoken and engine.url.dialect in (None, "sqlite"):
        return None
    return "AsyncAdaptedQueuePool" if engine.is_async else "QueuePool"


def _connect_args(creation: Creation) -> tuple[str, ...] | None:
    written = next((a.value for a in creation.node.args if a.keyword == "connect_args"), None)
    known = entries(creation.unit, written) if written is not None else None
    return tuple(_pair(key, entry.value) for key, entry in known.items()) if known is not None else None


def _pair(key: str, value: ir.Expr | None) -> str:
    return f"{key}={value.value!r}" if isinstance(value, ir.Constant) else key
