"""How frameworks, queues, schedulers and command lines come to call functions of the project. Data, and look-ups on it."""

from __future__ import annotations

from functools import cache
from typing import Literal

from session_lint.record import Record

Kind = Literal["endpoint", "lifespan", "event", "middleware", "task", "background", "command", "main", "resolver"]

_WEB = ("fastapi", "starlette", "litestar", "starlite", "flask", "quart", "sanic", "aiohttp", "apiflask", "ninja")
_MORE_WEB = ("slack_bolt", "blacksheep", "esmerald", "robyn", "bottle", "falcon")
_SOCKETS = ("flask_socketio", "socketio")
_QUEUES = ("celery", "dramatiq", "huey", "rq", "django_rq", "taskiq", "arq", "saq", "streaq", "procrastinate")
_SCHEDULERS = ("apscheduler", "flask_apscheduler", "rocketry", "prefect", "airflow", "faststream", "flask_rq2")
_BOTS = ("aiogram", "discord", "disnake", "nextcord", "pyrogram", "telebot", "telethon", "vkbottle")
_COMMAND_LINES = ("click", "asyncclick", "rich_click", "typer", "async_typer", "cloup", "cyclopts", "flask", "quart")

VERBS = frozenset({"get", "post", "put", "patch", "delete", "head", "options", "trace"})
_ROUTES = VERBS | {"route", "api_route", "websocket", "websocket_route", "api_websocket_route", "websocket_listener"}
_REQUEST_HOOKS = frozenset({"middleware", "http_middleware", "on_request", "on_response", "websocket_middleware"})
_EVENTS = frozenset(
    {"on_event", "before_request", "after_request", "teardown_request", "teardown_appcontext", "before_first_request"}
    | {"errorhandler", "app_errorhandler", "exception_handler", "exception", "error_handler", "listener", "signal"}
    | {"before_app_request", "after_app_request", "teardown_app_request", "before_websocket", "after_websocket"}
    | {"before_serving", "after_serving", "while_serving", "before_server_start", "after_server_start"}
    | {"before_server_stop", "after_server_stop", "main_process_start", "main_process_stop", "on_startup"}
    | {"on_shutdown", "context_processor", "before_app_serving", "after_app_serving"}
)
_TASKS = frozenset(
    {"task", "actor", "periodic_task", "cron", "crontab", "scheduled_job", "db_task", "db_periodic_task", "job"}
    | {"shared_task", "flow", "subscriber", "context_task"}
)

# Decorators that are known by their whole name.
_DECORATORS: dict[str, Kind] = {
    **{
        f"{module}.{verb}": "endpoint"
        for module in ("litestar", "litestar.handlers", "litestar.handlers.http_handlers", "starlite")
        for verb in (*VERBS, "route", "websocket", "websocket_listener", "websocket_stream", "asgi")
    },
    "aiohttp.web.middleware": "middleware",
    "strawberry.field": "resolver",
    "strawberry.mutation": "resolver",
    "strawberry.subscription": "resolver",
    "strawberry_django.field": "resolver",
    "strawberry_django.mutation": "resolver",
    "fastapi_utils.tasks.repeat_every": "task",
    "fastapi_restful.tasks.repeat_every": "task",
    "aiocron.crontab": "task",
    "invoke.task": "command",
}


def _of(name: str, libraries: tuple[str, ...]) -> bool:
    """Whether a qualified name belongs to one of the libraries, or to an extension called like it (``flask_restx``)."""
    top = name.split(".", 1)[0]
    return top in libraries or ("_" in top and any(top.startswith(f"{library}_") for library in libraries))


@cache
def decorator_kind(name: str) -> Kind | None:
    """What a decorator makes of its function, by the decorator's qualified name; None: it is no entry point."""
    name = name.removesuffix("()")
    if name in _DECORATORS:
        return _DECORATORS[name]
    base, _, method = name.rpartition(".")
    if not base:
        return None
    if method in ("command", "group", "callback", "default") and _of(name, _COMMAND_LINES):
        return "command"
    if _of(name, _WEB + _MORE_WEB) and "." in base:
        if method in _ROUTES:
            return "endpoint"
        if method in _REQUEST_HOOKS:
            return "middleware"
        if method in _EVENTS:
            return "event"
    if _of(name, _SOCKETS) and method in ("on", "event") and "." in base:
        return "endpoint"
    if _of(name, _QUEUES + _SCHEDULERS):
        if method in _TASKS:
            return "task"
        return "event" if method in ("on_event", "on_startup", "on_shutdown", "connect") else None
    if _of(name, ("ariadne",)) and method in ("field", "source"):
        return "resolver"
    if _of(name, _BOTS):
        return "event"
    if _of(name, ("fastmcp", "mcp")) and method in ("tool", "resource", "prompt"):
        return "task"
    if _of(name, ("temporalio",)) and method == "defn":
        return "task"
    return None


_ROUTER_NAMES = ("app", "router", "api", "bp", "blueprint", "routes", "route", "application")
_QUEUE_NAMES = ("celery", "celery_app", "broker", "huey", "app", "scheduler", "queue")


def kind_by_look(receiver: str, method: str, path: str | None, *, is_known: bool) -> Kind | None:
    """What a decorator whose object is unknown looks like: ``@<receiver>.<method>("<path>")``.

    Args:
        receiver: the last name before the method, as written.
        method: the decorator's own name.
        path: its first argument, when that is a constant text.
        is_known: whether the object is known to come from some other library; then only its name can speak for it.
    """
    words = receiver.lower().split("_")
    if method in _ROUTES and path is not None:
        named = any(word in _ROUTER_NAMES for word in words) or receiver.lower().endswith(("router", "app", "api"))
        if path.startswith("/") and (named or not is_known):
            return "endpoint"
        return "endpoint" if named and path == "" else None
    if is_known and receiver not in ("celery", "celery_app", "huey"):
        return None
    if method == "task" and receiver in _QUEUE_NAMES:
        return "task"
    return "command" if method == "command" and receiver in ("app", "cli", "typer_app", "cli_app") else None


class Registration(Record, frozen=True):
    """A call that registers functions: where the function, its path and the HTTP verb stand among the arguments."""

    kind: Kind
    handler: int
    keyword: str = ""
    path: int | None = None
    verb: str = ""
    verb_at: int | None = None
    libraries: tuple[str, ...] = ()


_STARLETTE = ("starlette", "fastapi")
_REGISTRATIONS: dict[str, tuple[Registration, ...]] = {
    "add_api_route": (Registration("endpoint", 1, "endpoint", 0),),
    "add_api_websocket_route": (Registration("endpoint", 1, "endpoint", 0, "WEBSOCKET"),),
    "add_websocket_route": (
        Registration("endpoint", 0, "handler", 1, "WEBSOCKET", libraries=("sanic",)),
        Registration("endpoint", 1, "route", 0, "WEBSOCKET"),
    ),
    "add_url_rule": (Registration("endpoint", 2, "view_func", 0),),
    "add_route": (
        Registration("endpoint", 2, "handler", 1, verb_at=0, libraries=("aiohttp",)),
        Registration("endpoint", 0, "handler", 1, libraries=("sanic",)),
        Registration("endpoint", 1, "route", 0),
    ),
    **{
        f"add_{verb}": (Registration("endpoint", 1, "handler", 0, verb.upper(), libraries=("aiohttp",)),)
        for verb in VERBS
    },
    "Route": (Registration("endpoint", 1, "endpoint", 0, libraries=_STARLETTE),),
    "APIRoute": (Registration("endpoint", 1, "endpoint", 0, libraries=_STARLETTE),),
    "WebSocketRoute": (Registration("endpoint", 1, "endpoint", 0, "WEBSOCKET", libraries=_STARLETTE),),
    "APIWebSocketRoute": (Registration("endpoint", 1, "endpoint", 0, "WEBSOCKET", libraries=_STARLETTE),),
    "add_event_handler": (Registration("event", 1, "func"),),
    "add_exception_handler": (Registration("event", 1, "handler"),),
    "register_error_handler": (Registration("event", 1, "f"),),
    "register_listener": (Registration("event", 0, "listener", libraries=("sanic",)),),
    "add_middleware": (Registration("middleware", 0, "middleware_class"),),
    "Middleware": (Registration("middleware", 0, "cls"),),
    "register_middleware": (Registration("middleware", 0, "middleware", libraries=("sanic",)),),
    "add_job": (Registration("task", 0, "func"),),
    "add_schedule": (Registration("task", 0, "func_or_task_id", libraries=("apscheduler",)),),
    "enqueue": (Registration("task", 0, "f"),),
    "enqueue_call": (Registration("task", 0, "func"),),
    "enqueue_in": (Registration("task", 1, "func"),),
    "enqueue_at": (Registration("task", 1, "f"),),
    "do": (Registration("task", 0, "job_func", libraries=("schedule",)),),
    "schedule": (Registration("task", 1, "func", libraries=("rq",)),),
    "register_task": (Registration("task", 0, "func", libraries=_QUEUES),),
    "cron": (
        Registration("task", 0, "coroutine", libraries=("arq",)),
        Registration("task", 1, "func", libraries=("rq",)),
    ),
    "func": (Registration("task", 0, "coroutine", libraries=("arq",)),),
    "add_task": (Registration("background", 0, "func"),),
    "add_background_task": (Registration("background", 0, "func"),),
    "start_background_task": (Registration("background", 0, "target"),),
    "BackgroundTask": (
        Registration("background", 0, "func", libraries=_STARLETTE),
        Registration("background", 0, "fn"),
    ),
    "create_task": (Registration("background", 0, "coro"),),
    "ensure_future": (Registration("background", 0, "coro_or_future"),),
    "run_coroutine_threadsafe": (Registration("background", 0, "coro"),),
    "start_soon": (Registration("background", 0, "func", libraries=("anyio", "trio")),),
    "submit": (Registration("background", 0, "fn"),),
    "Thread": (Registration("background", 1, "target", libraries=("threading",)),),
    "Timer": (Registration("background", 1, "function", libraries=("threading",)),),
    "Process": (Registration("background", 1, "target", libraries=("multiprocessing",)),),
    "run": (Registration("command", 0, "function", libraries=("typer", "cyclopts")),),
    "Fire": (Registration("command", 0, "component", libraries=("fire",)),),
    "register": (Registration("event", 0, "callback", libraries=("aiogram",)),),
    "CommandHandler": (Registration("event", 1, "callback", libraries=("telegram",)),),
    "MessageHandler": (Registration("event", 1, "callback", libraries=("telegram",)),),
    "CallbackQueryHandler": (Registration("event", 0, "callback", libraries=("telegram",)),),
    "on_startup.append": (Registration("event", 0),),
    "on_shutdown.append": (Registration("event", 0),),
    "on_cleanup.append": (Registration("event", 0),),
    "cleanup_ctx.append": (Registration("lifespan", 0),),
    "middlewares.append": (Registration("middleware", 0),),
}
_AIOHTTP_ROUTES: dict[str, Registration] = {
    **{f"aiohttp.web.{verb}": Registration("endpoint", 1, "handler", 0, verb.upper()) for verb in VERBS},
    "aiohttp.web.route": Registration("endpoint", 2, "handler", 1, verb_at=0),
}


def registration(name: str) -> Registration | None:
    """How a call registers functions as entry points, by the qualified name of what is called."""
    if name in _AIOHTTP_ROUTES:
        return _AIOHTTP_ROUTES[name]
    parts = name.rsplit(".", 2)
    rows = _REGISTRATIONS.get(parts[-1]) or _REGISTRATIONS.get(".".join(parts[-2:]), ())
    return next((row for row in rows if not row.libraries or _of(name, row.libraries)), None)


def keyword_kind(name: str, keyword: str) -> Kind | None:
    """What the functions given under a keyword of a call are (``FastAPI(lifespan=...)``, ``Starlette(on_startup=[...])``)."""
    if keyword == "lifespan":
        return "lifespan"
    if keyword == "resolver" and _of(name, ("strawberry",)):
        return "resolver"
    if name.rpartition(".")[2].startswith("set_defaults") and _of(name, ("argparse",)):
        return "command"
    if keyword in ("dispatch", "middlewares") and _of(name, _WEB):
        return "middleware"
    if keyword in ("functions", "cron_jobs") and _of(name, ("arq",)):
        return "task"
    hooks = ("on_startup", "on_shutdown", "on_app_init", "exception_handlers", "before_request", "after_request")
    return "event" if keyword in (*hooks, "after_response") and _of(name, (*_WEB, "arq")) else None


_VIEWS = frozenset(
    {"flask.views.MethodView", "flask.views.View", "quart.views.MethodView", "quart.views.View", "aiohttp.web.View"}
    | {"aiohttp.web_urldispatcher.View", "starlette.endpoints.HTTPEndpoint", "flask_restful.Resource"}
    | {"flask_restx.Resource", "sanic.views.HTTPMethodView", "fastapi_utils.Resource", "fastapi_restful.Resource"}
    | {"flask_smorest.MethodView", "apiflask.views.MethodView", "tornado.web.RequestHandler"}
)
_SOCKET_VIEWS = frozenset({"starlette.endpoints.WebSocketEndpoint", "litestar.handlers.WebsocketListener"})
_TASK_CLASSES = frozenset({"celery.Task", "celery.app.task.Task", "dramatiq.GenericActor"})
_MIDDLEWARES = frozenset(
    {"starlette.middleware.base.BaseHTTPMiddleware", "fastapi.middleware.base.BaseHTTPMiddleware"}
    | {"litestar.middleware.AbstractMiddleware", "litestar.middleware.ASGIMiddleware"}
    | {"aiogram.BaseMiddleware", "aiogram.dispatcher.middlewares.base.BaseMiddleware"}
)
_RESOLVERS = frozenset({"graphene.ObjectType", "graphene.Mutation", "graphene.relay.ClientIDMutation"})


def method_kind(bases: set[str], method: str) -> tuple[Kind, str] | None:
    """What a method is by the bases of its class, and the HTTP verb that it answers."""
    if bases & _VIEWS and (method in VERBS or method == "dispatch_request"):
        return "endpoint", method.upper() if method in VERBS else ""
    if bases & _SOCKET_VIEWS and method in ("on_connect", "on_receive", "on_disconnect", "on_accept"):
        return "endpoint", "WEBSOCKET"
    if bases & _TASK_CLASSES and method in ("run", "perform"):
        return "task", ""
    if bases & _RESOLVERS and (method.startswith("resolve_") or method in ("mutate", "mutate_and_get_payload")):
        return "resolver", ""
    if bases & _MIDDLEWARES and method in ("dispatch", "__call__", "handle"):
        return "middleware", ""
    return None


JOB_TIMES = frozenset({"trigger", "interval", "cron", "schedule", "seconds", "minutes", "hours", "days", "run_date"})
"""The keys by which a dict with a function under ``func`` says when that runs."""

WORKER_LISTS: dict[str, Kind] = {
    "functions": "task",
    "cron_jobs": "task",
    "on_startup": "event",
    "on_shutdown": "event",
    "on_job_start": "event",
    "on_job_end": "event",
}
"""What stands in the attributes of arq's ``WorkerSettings``."""
