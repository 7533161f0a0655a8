"""What the drivers' ``connect`` functions take."""

from __future__ import annotations

# Newest and older versions together, with what SQLAlchemy's dialect takes out itself.
_ASYNCPG = frozenset(
    {"dsn", "host", "port", "user", "password", "passfile", "service", "servicefile", "database", "loop", "timeout"}
    | {
        "statement_cache_size",
        "max_cached_statement_lifetime",
        "max_cacheable_statement_size",
        "command_timeout",
        "ssl",
    }
    | {
        "direct_tls",
        "connection_class",
        "record_class",
        "server_settings",
        "target_session_attrs",
        "krbsrvname",
        "gsslib",
    }
    | {"prepared_statement_cache_size", "prepared_statement_name_func", "async_fallback", "async_creator_fn"}
)
_SQLITE = frozenset(
    {"database", "timeout", "detect_types", "isolation_level", "check_same_thread", "factory", "cached_statements"}
    | {"uri", "autocommit"}
)
_TAKEN = {
    "postgresql+asyncpg": _ASYNCPG,
    "sqlite+pysqlite": _SQLITE,
    "sqlite+aiosqlite": _SQLITE | {"iter_chunk_size", "loop", "async_creator_fn"},
}
# psycopg hands what it does not know to libpq, which learns new options with every version: what other drivers take is not among them.
_FOREIGN_TO_LIBPQ = frozenset(
    {
        "statement_cache_size",
        "max_cached_statement_lifetime",
        "max_cacheable_statement_size",
        "command_timeout",
        "timeout",
    }
    | {"prepared_statement_cache_size", "prepared_statement_name_func", "server_settings", "ssl", "direct_tls"}
    | {"raw_sql", "no_prepare", "pgbouncer", "prepared_statements", "pool_mode", "connection_limit", "schema"}
    | {"check_same_thread", "charset"}
)
# Arguments that are numbers; a URL only brings text.
_NUMBERS = {
    "postgresql+asyncpg": frozenset(
        {"statement_cache_size", "max_cached_statement_lifetime", "max_cacheable_statement_size", "timeout"}
    ),
    "postgresql+psycopg": frozenset({"prepare_threshold"}),
}


def is_refused(driver: str, argument: str) -> bool:
    """Whether a driver's ``connect`` fails on an argument of this name; ``driver`` as in URLs, with the dialect."""
    taken = _TAKEN.get(driver)
    if taken is not None:
        return argument not in taken
    if driver in ("postgresql+psycopg", "postgresql+psycopg2", "postgresql+"):
        foreign = _FOREIGN_TO_LIBPQ | {"prepare_threshold"} if driver.endswith("2") else _FOREIGN_TO_LIBPQ
        return argument in foreign
    return False


def is_number(driver: str, argument: str) -> bool:
    """Whether a driver needs a number for this argument, and fails on text."""
    return argument in _NUMBERS.get(driver, ())


def instead(driver: str, argument: str) -> str:
    """What to do about an argument that a driver does not take."""
    if driver == "postgresql+asyncpg":
        if argument == "sslmode":
            return "its name there is `ssl`"
        if argument == "connect_timeout":
            return "its name there is `timeout`"
        if argument in ("application_name", "search_path", "options", "statement_timeout", "jit"):
            return 'put server settings into `connect_args={"server_settings": {...}}`'
        if argument in ("no_prepare", "pgbouncer", "prepare_threshold", "prepared_statements"):
            return "prepared statements are switched off by the integer 0 for `statement_cache_size` in connect_args"
    return "take it out"
