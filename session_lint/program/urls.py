"""What a database URL says, as far as it is written in the program."""

from __future__ import annotations

import re
from collections.abc import Mapping

from session_lint import ir
from session_lint.program.dicts import entries
from session_lint.program.flow import Flow
from session_lint.program.symbols import Unit
from session_lint.program.texts import HOLE, definition, known_text
from session_lint.record import Record

_URL = re.compile(
    r"(?P<scheme>[^:/]+)://(?:(?P<user>[^/]*)@)?(?P<host>\[[^/\]]*\]|[^:/?]*)(?::(?P<port>[^/?]*))?(?:/(?P<name>[^?]*))?"
    r"(?:\?(?P<query>.*))?$",
    re.DOTALL,
)
_DEFAULT_PORT = 5432


class Url(Record, frozen=True):
    """A database URL; what is None is not known.

    Args:
        dialect: ``postgresql``.
        driver: ``asyncpg``; empty: the dialect's default.
        host: the host's name.
        port: the port, PostgreSQL's own where the URL has none.
        query: the parameters that are written, with their values.
    """

    dialect: str | None = None
    driver: str | None = None
    host: str | None = None
    port: int | None = None
    query: Mapping[str, str | None] = {}


def url_of(flow: Flow, unit: Unit, expr: ir.Expr) -> Url:
    """What the URL argument of an engine says."""
    home, made = unit, expr
    if isinstance(expr, ir.Name):
        home, made = definition(flow, unit, expr.id) or (unit, expr)
    if isinstance(made, ir.Call) and isinstance(made.func, ir.Attribute) and made.func.name == "create":
        return _created(flow, home, made)
    return parsed(known_text(flow, unit, expr))


def parsed(text: str) -> Url:
    """What a URL says whose unknown parts are holes."""
    found = _URL.match(text)
    if found is None:
        return Url()
    dialect, driver = _scheme(found["scheme"])
    host = _known(found["host"])
    port = _port(found["port"], host)
    query: dict[str, str | None] = {}
    for pair in (found["query"] or "").split("&"):
        key, _, value = pair.partition("=")
        if key and HOLE not in key:
            query[key] = _known(value)
    return Url(dialect, driver, host, port, query)


def _scheme(text: str) -> tuple[str | None, str | None]:
    dialect, _, driver = text.partition("+")
    return _known(dialect), None if HOLE in text else driver


def _known(text: str) -> str | None:
    return None if HOLE in text else text


def _port(text: str | None, host: str | None) -> int | None:
    if text is None:
        return _DEFAULT_PORT if host else None
    return int(text) if text.isdecimal() else None


def _created(flow: Flow, unit: Unit, call: ir.Call) -> Url:
    """``URL.create(drivername, …, host=…, port=…, query={…})``."""
    names = ("drivername", "username", "password", "host", "port", "database", "query")
    if any(arg.star for arg in call.args):
        return Url()
    given = {arg.keyword or names[min(place, 6)]: arg.value for place, arg in enumerate(call.args)}
    dialect, driver = _scheme(known_text(flow, unit, given["drivername"])) if "drivername" in given else (None, None)
    host = _known(known_text(flow, unit, given["host"])) if "host" in given else None
    port = _port(known_text(flow, unit, given["port"]) if "port" in given else None, host)
    query = entries(unit, given["query"]) if "query" in given else None
    written = {key: _value(flow, unit, entry.value) for key, entry in (query or {}).items()}
    return Url(dialect, driver, host, port, written)


def _value(flow: Flow, unit: Unit, expr: ir.Expr | None) -> str | None:
    return None if expr is None else _known(known_text(flow, unit, expr))
