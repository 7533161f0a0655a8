"""What names outside the project mean: SQLAlchemy's classes and methods, drivers, frameworks. Data, and look-ups on it."""

from __future__ import annotations

from functools import cache

_ORM = ("sqlalchemy", "sqlmodel", "flask_sqlalchemy", "flask_sqlalchemy_lite", "sqlalchemy_utils")
_SESSION_CLASSES = {"Session": False, "AsyncSession": True, "SignallingSession": False}
_REGISTRY_CLASSES = {"scoped_session": False, "async_scoped_session": True}
_FACTORY_CLASSES = {"sessionmaker": False, "async_sessionmaker": True}
_ENGINE_CLASSES = {"Engine": False, "AsyncEngine": True}
_CONNECTION_CLASSES = {"Connection": False, "AsyncConnection": True}
_ENGINE_MAKERS = {
    "create_engine": False,
    "create_async_engine": True,
    "engine_from_config": False,
    "async_engine_from_config": True,
    "create_pool_from_url": False,
    "create_mock_engine": False,
}

# Objects on which any code may keep things under names of its own, and the classes that have one as their `state`.
STATE_HOLDERS = ("request.state", "app.state")
WORKER_CONTEXT = "worker.ctx"
"""The mapping that arq and SAQ hand to every job, and that the worker's start-up fills."""
REQUESTS = ("Request", "WebSocket", "HTTPConnection", "ASGIConnection")
APPS = ("FastAPI", "Starlette", "Litestar", "app")

DRIVER_CONNECTS = {
    f"{module}.{name}"
    for module, names in {
        "psycopg2": ("connect", "pool.SimpleConnectionPool", "pool.ThreadedConnectionPool"),
        "psycopg": ("connect", "Connection.connect", "AsyncConnection.connect"),
        "psycopg_pool": ("ConnectionPool", "AsyncConnectionPool", "NullConnectionPool", "AsyncNullConnectionPool"),
        "asyncpg": ("connect", "create_pool"),
        "aiosqlite": ("connect",),
        "pymysql": ("connect", "Connect", "connections.Connection"),
        "MySQLdb": ("connect", "Connect"),
        "mysql.connector": ("connect", "pooling.MySQLConnectionPool"),
        "aiomysql": ("connect", "create_pool"),
        "asyncmy": ("connect", "create_pool"),
        "oracledb": ("connect", "connect_async", "create_pool", "create_pool_async"),
        "cx_Oracle": ("connect", "SessionPool"),
        "pyodbc": ("connect",),
        "aioodbc": ("connect", "create_pool"),
        "pymssql": ("connect",),
        "pg8000": ("connect", "dbapi.connect", "native.Connection"),
    }.items()
    for name in names
}

AUTOBEGIN_METHODS = frozenset(
    [
        "execute",
        "scalar",
        "scalars",
        "get",
        "get_one",
        "add",
        "add_all",
        "delete",
        "merge",
        "refresh",
        "flush",
        "query",
        "stream",
        "stream_scalars",
        "exec",
        "connection",
        "bulk_save_objects",
        "bulk_insert_mappings",
        "bulk_update_mappings",
        "run_sync",
        "exec_driver_sql",
        "enable_relationship_loading",
    ]
)
WRITE_METHODS = frozenset(
    ["add", "add_all", "delete", "merge", "flush", "bulk_save_objects", "bulk_insert_mappings", "bulk_update_mappings"]
)
CLOSE_METHODS = frozenset({"close", "aclose", "remove", "close_all"})
# What gives out a session's transaction or connection, on which whoever has it can commit.
TRANSACTION_ACCESS = frozenset(
    {"connection", "get_transaction", "get_nested_transaction", "invalidate", "reset", "prepare"}
)
# Libraries whose functions do not end the transaction of a session that they are given.
HARMLESS_LIBRARIES = frozenset(
    [
        "asyncio",
        "builtins",
        "contextlib",
        "copy",
        "functools",
        "inspect",
        "logging",
        "loguru",
        "sqlalchemy",
        "structlog",
        "typing",
        "typing_extensions",
    ]
)
# Functions that always raise.
NEVER_RETURN = frozenset(
    {"sys.exit", "os._exit", "builtins.exit", "builtins.quit", "flask.abort", "flask.helpers.abort", "quart.abort"}
    | {"flask_restx.abort", "flask_restful.abort", "flask_smorest.abort", "apiflask.abort", "sanic.exceptions.abort"}
    | {"werkzeug.exceptions.abort"}
)
COROUTINE_METHODS = frozenset(
    [
        "commit",
        "rollback",
        "flush",
        "close",
        "aclose",
        "delete",
        "execute",
        "scalar",
        "scalars",
        "get",
        "get_one",
        "merge",
        "refresh",
        "stream",
        "stream_scalars",
        "run_sync",
        "invalidate",
        "reset",
        "connection",
        "close_all",
        "exec",
        "remove",
    ]
)
DEPENDS = frozenset(
    {"fastapi.Depends", "fastapi.Security", "fastapi.param_functions.Depends", "fastapi.param_functions.Security"}
    | {"fastapi.params.Depends", "litestar.di.Provide", "taskiq.TaskiqDepends", "taskiq_dependencies.Depends"}
    | {"faststream.Depends", "fast_depends.Depends"}
)
# Containers that call the functions they are given, and hand on what these make.
CONTAINERS = frozenset(
    {
        "dependency_injector",
        "dishka",
        "that_depends",
        "injector",
        "modern_di",
        "svcs",
        "punq",
        "lagom",
        "wireup",
        "kink",
    }
)


def is_container(name: str) -> bool:
    """Whether a qualified name belongs to a library that injects."""
    return name.split(".", 1)[0] in CONTAINERS


def _look_up(name: str, table: dict[str, bool]) -> bool | None:
    last = _name_in_orm(name)
    return None if last is None else table.get(last)


@cache
def _name_in_orm(name: str) -> str | None:
    """The last part of a name of one of the ORM's packages; None: it is of none."""
    top, _, last = name.rpartition(".")
    return last if top.split(".")[0] in _ORM else None


def session_class(name: str) -> bool | None:
    """Whether the class is an async session; None: it is not a session class. ``name`` is qualified."""
    return _look_up(name, _SESSION_CLASSES)


def registry_class(name: str) -> bool | None:
    """Likewise for ``scoped_session`` and ``async_scoped_session``."""
    return _look_up(name, _REGISTRY_CLASSES)


def factory_class(name: str) -> bool | None:
    """Likewise for ``sessionmaker`` and ``async_sessionmaker``."""
    return _look_up(name, _FACTORY_CLASSES)


def engine_class(name: str) -> bool | None:
    """Likewise for ``Engine`` and ``AsyncEngine``."""
    return _look_up(name, _ENGINE_CLASSES)


def connection_class(name: str) -> bool | None:
    """Likewise for ``Connection`` and ``AsyncConnection``."""
    return _look_up(name, _CONNECTION_CLASSES)


def engine_maker(name: str) -> bool | None:
    """Whether the function creates an async engine; None: it creates none."""
    return _look_up(name, _ENGINE_MAKERS)
