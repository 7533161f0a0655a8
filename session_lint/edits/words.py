"""Names and texts that mean something to rules or to the value flow wherever they stand, and those that mean nothing anywhere."""

from __future__ import annotations

import re

SPEAKING = re.compile(r"session|sqlalchemy|sqlmodel|engine|transaction|commit|rollback|begin|flush|pg_", re.IGNORECASE)


UNREADABLE = frozenset({"state", "dependency_overrides", "query"})


KEYS = re.compile(r"func|raw_sql|\w*prepare\w*|statement_cache\w*|isolation_level|AUTOCOMMIT")


ADDRESS = ("+", "://")


CALLEES = frozenset(
    [
        "APIRoute",
        "APIWebSocketRoute",
        "BackgroundTask",
        "CallbackQueryHandler",
        "CommandHandler",
        "DDL",
        "Fire",
        "MessageHandler",
        "Middleware",
        "Process",
        "Route",
        "Thread",
        "Timer",
        "WebSocketRoute",
        "__anext__",
        "__call__",
        "__next__",
        "add_api_route",
        "add_api_websocket_route",
        "add_background_task",
        "add_delete",
        "add_done_callback",
        "add_event_handler",
        "add_exception_handler",
        "add_get",
        "add_head",
        "add_job",
        "add_middleware",
        "add_options",
        "add_patch",
        "add_post",
        "add_put",
        "add_route",
        "add_schedule",
        "add_task",
        "add_trace",
        "add_url_rule",
        "add_websocket_route",
        "alias",
        "anext",
        "apply_async",
        "as_completed",
        "asend",
        "callback",
        "create_task",
        "cron",
        "defer",
        "delay",
        "do",
        "enqueue",
        "enqueue_at",
        "enqueue_call",
        "enqueue_in",
        "enqueue_job",
        "ensure_future",
        "enter_async_context",
        "enter_context",
        "exec_driver_sql",
        "execute",
        "fetch",
        "fetchrow",
        "fetchval",
        "func",
        "gather",
        "invoke",
        "kiq",
        "next",
        "open",
        "original",
        "provide",
        "provide_all",
        "push",
        "push_async_exit",
        "register",
        "register_error_handler",
        "register_listener",
        "register_middleware",
        "register_task",
        "remote",
        "run",
        "run_async",
        "run_coroutine_threadsafe",
        "run_in_executor",
        "run_until_complete",
        "scalar",
        "scalars",
        "schedule",
        "send",
        "send_task",
        "shield",
        "spawn",
        "start_background_task",
        "start_soon",
        "submit",
        "system",
        "text",
        "wait",
        "wait_for",
    ]
)
"""Methods and functions that rules or the value flow know by their name alone."""


BUILTINS = frozenset(
    [
        "abs",
        "all",
        "any",
        "ascii",
        "bin",
        "bool",
        "bytearray",
        "bytes",
        "callable",
        "chr",
        "complex",
        "dict",
        "divmod",
        "enumerate",
        "filter",
        "float",
        "format",
        "frozenset",
        "hasattr",
        "hash",
        "hex",
        "id",
        "int",
        "isinstance",
        "issubclass",
        "len",
        "list",
        "map",
        "max",
        "min",
        "oct",
        "ord",
        "pow",
        "print",
        "range",
        "repr",
        "reversed",
        "round",
        "set",
        "slice",
        "sorted",
        "str",
        "sum",
        "tuple",
        "zip",
        "object",
    ]
)


EXCEPTION = re.compile(r"[A-Z]\w*(Error|Exception|Warning|Iteration|Interrupt|Exit)$")


SCOPES = frozenset({"locals", "globals", "vars", "eval", "exec", "getattr", "setattr", "delattr", "super"})


KEYWORDS = frozenset(
    [
        "after_request",
        "after_response",
        "before_request",
        "cron_jobs",
        "dependencies",
        "dispatch",
        "exception_handlers",
        "functions",
        "lifespan",
        "middlewares",
        "on_app_init",
        "on_shutdown",
        "on_startup",
        "prefix",
        "resolver",
        "route_handlers",
        "url_prefix",
    ]
)
"""Arguments that rules or the value flow know by their name alone."""


STARTERS = frozenset({"create_task", "ensure_future", "run_coroutine_threadsafe", "run_in_executor"})


COLLECTORS = frozenset({"append", "result"})
"""Known for what is done with started tasks, where there are any."""


def says(value: object) -> bool:
    """Whether a constant is a text that rules look for."""
    return isinstance(value, str) and (
        KEYS.fullmatch(value) is not None
        or any(sign in value for sign in ADDRESS)
        or SPEAKING.search(value) is not None
    )
