"""The engines that a project builds: where they connect to, and what their arguments say."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Literal

from session_lint import ir
from session_lint.program.dicts import Entries, entries
from session_lint.program.flow_facts import Creation
from session_lint.program.urls import Url, url_of
from session_lint.program.values import Symbol
from session_lint.program.vocabulary import engine_maker
from session_lint.record import Record

if TYPE_CHECKING:
    from session_lint.program import Program
    from session_lint.program.symbols import Unit

# Arguments that make connections in a way of their own.
_CREATORS = frozenset({"creator", "async_creator", "module", "pool", "plugins"})
_POOLERS = frozenset({6432, 6543})  # PgBouncer's own port, and the one of Supabase's pooler in transaction mode

Pool = Literal["null", "queue", "other"]


class BuiltEngine(Record, frozen=True):
    """An engine.

    Args:
        creation: the call that makes it.
        is_async: whether it is an async engine.
        url: what is known of its URL.
        url_node: its URL argument.
        connect_args: what is known of these; None: not known.
        pool: kind of its pool; None: not known.
        autocommit: whether its isolation level is AUTOCOMMIT; None: not known.
        is_open: further arguments may come by ``**``, or a function of the project makes the connections.
    """

    creation: Creation
    is_async: bool
    url: Url
    url_node: ir.Expr | None
    connect_args: Entries | None
    pool: Pool | None
    autocommit: bool | None
    is_open: bool

    @property
    def unit(self) -> Unit:
        return self.creation.unit

    @property
    def node(self) -> ir.Call:
        return self.creation.node

    def argument(self, name: str) -> ir.Expr | None:
        """A keyword argument."""
        return keyword(self.node, name)


def built_engines(program: Program) -> Iterator[BuiltEngine]:
    """Every engine that is made by a function of SQLAlchemy, tests left out."""
    for creation in program.creations("engine"):
        is_async = engine_maker(creation.name)
        if is_async is None or program.role(creation.unit) == "test":
            continue
        yield _built(program, creation, is_async)


def _built(program: Program, creation: Creation, is_async: bool) -> BuiltEngine:
    node, unit = creation.node, creation.unit
    is_open = any(arg.star for arg in node.args) or any(arg.keyword in _CREATORS for arg in node.args)
    url_node = _url_node(creation)
    written = keyword(node, "connect_args")
    known = {} if written is None and not is_open else entries(unit, written) if written is not None else None
    return BuiltEngine(
        creation,
        is_async,
        url_of(program.flow, unit, url_node) if url_node is not None else Url(),
        url_node,
        known,
        _pool(creation, is_open),
        _autocommit(creation, is_open),
        is_open,
    )


def keyword(node: ir.Call, name: str) -> ir.Expr | None:
    """The keyword argument of a call."""
    return next((arg.value for arg in node.args if arg.keyword == name), None)


def poolclass(creation: Creation) -> str | None:
    """Name of the pool's class, where it is given and known."""
    values = creation.args.keywords.get("poolclass", frozenset())
    names = [v.name.rsplit(".", 1)[-1] for v in values if isinstance(v, Symbol)]
    return names[0] if len(names) == 1 else None


def leads_to_pooler(url: Url) -> bool:
    """Whether a URL names a port that poolers in transaction mode use."""
    return url.port in _POOLERS


def is_session_pooler(url: Url) -> bool:
    """Whether a URL names a hosted pooler at the port of its session mode."""
    return url.host is not None and ".pooler." in f".{url.host}" and url.port == 5432


def _url_node(creation: Creation) -> ir.Expr | None:
    if "config" in creation.name.rsplit(".", 1)[-1]:
        return None
    first = creation.node.args[0] if creation.node.args else None
    if first is not None and first.star == 0 and first.keyword is None:
        return first.value
    return keyword(creation.node, "url")


def _pool(creation: Creation, is_open: bool) -> Pool | None:
    written = keyword(creation.node, "poolclass")
    if written is None or (isinstance(written, ir.Constant) and written.value is None):
        return None if is_open else "queue"
    name = poolclass(creation) if isinstance(written, (ir.Name, ir.Attribute)) else None
    if name is None:
        return None
    return "null" if name == "NullPool" else "queue" if name.endswith("QueuePool") else "other"


def _autocommit(creation: Creation, is_open: bool) -> bool | None:
    level = keyword(creation.node, "isolation_level")
    if level is None:
        options = keyword(creation.node, "execution_options")
        known = entries(creation.unit, options) if options is not None else {}
        if known is None:
            return None
        level = known["isolation_level"].value if "isolation_level" in known else None
        if level is None:
            return None if is_open or "isolation_level" in known else False
    return level.value == "AUTOCOMMIT" if isinstance(level, ir.Constant) else None
