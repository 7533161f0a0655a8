"""Which functions are entry points, what kind of, and what they are injected with, framework by framework."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from textwrap import dedent

import pytest

from session_lint.facts import ProjectFacts
from session_lint.lowering import lower
from session_lint.program import LoweredFile, Program, entrypoints, frameworks, link
from session_lint.program.symbols import Function
from session_lint.program.values import Dependency, function_of
from session_lint.settings import Settings


def linked(source: str | Mapping[str, str]) -> Program:
    files = {"app.py": source} if isinstance(source, str) else source
    files = {**files, "models.py": "import sqlalchemy"}
    lowered = [LoweredFile(path, lower(dedent(text))) for path, text in files.items()]
    return link(lowered, Settings(), ProjectFacts(None, {}))


def found(source: str | Mapping[str, str]) -> dict[str, str]:
    """Kind and route of every entry point, by qualified name."""
    entries = linked(source).entries
    return {function.qualname: f"{entry.kind} {entry.route}".strip() for function, entry in entries.items()}


CASES: dict[str, tuple[str, dict[str, str]]] = {
    "fastapi": (
        """
        from contextlib import asynccontextmanager
        from fastapi import APIRouter, BackgroundTasks, FastAPI

        @asynccontextmanager
        async def lifespan(app):
            yield

        app = FastAPI(lifespan=lifespan)
        router = APIRouter(prefix="/birds")

        @router.get("/{bird_id}")
        async def read(bird_id: int, tasks: BackgroundTasks):
            tasks.add_task(count, bird_id)

        @app.api_route("/nests", methods=["GET", "POST"])
        def nests(): ...

        @app.websocket("/songs")
        async def songs(socket): ...

        @app.on_event("startup")
        async def warm(): ...

        @app.middleware("http")
        async def time_it(request, call_next): ...

        @app.exception_handler(KeyError)
        async def not_found(request, error): ...

        def count(bird_id): ...
        def listed(): ...
        def stop(): ...

        app.add_api_route("/eggs", listed, methods=["PUT"])
        app.add_event_handler("shutdown", stop)
        """,
        {
            "lifespan": "lifespan",
            "read": "endpoint GET /{bird_id}",
            "nests": "endpoint GET,POST /nests",
            "songs": "endpoint WEBSOCKET /songs",
            "warm": "event",
            "time_it": "middleware",
            "not_found": "event",
            "count": "background",
            "listed": "endpoint PUT /eggs",
            "stop": "event",
        },
    ),
    "fastapi router of another module, made by a subclass": (
        """
        from fastapi import APIRouter

        class Routes(APIRouter):
            pass

        routes = Routes()

        @routes.post("/birds")
        def add(): ...
        """,
        {"add": "endpoint POST /birds"},
    ),
    "fastapi app factory": (
        """
        from fastapi import FastAPI

        def create_app():
            app = FastAPI()

            @app.delete("/birds")
            def remove(): ...

            return app
        """,
        {"create_app.remove": "endpoint DELETE /birds"},
    ),
    "fastapi decorator applied by hand": (
        """
        from fastapi import APIRouter
        router = APIRouter()
        def read(): ...
        router.get("/birds")(read)
        """,
        {"read": "endpoint GET /birds"},
    ),
    "fastapi-utils cbv": (
        """
        from fastapi import APIRouter
        from fastapi_utils.cbv import cbv
        router = APIRouter()

        @cbv(router)
        class Birds:
            @router.get("/birds")
            def read(self): ...
            def helper(self): ...
        """,
        {"Birds.read": "endpoint GET /birds"},
    ),
    "starlette": (
        """
        from starlette.applications import Starlette
        from starlette.background import BackgroundTask
        from starlette.endpoints import HTTPEndpoint, WebSocketEndpoint
        from starlette.middleware import Middleware
        from starlette.middleware.base import BaseHTTPMiddleware
        from starlette.routing import Mount, Route, WebSocketRoute

        async def read(request):
            return BackgroundTask(count, 3)
        async def add(request): ...
        async def plain(request): ...
        async def songs(socket): ...
        async def warm(): ...
        async def stop(): ...
        async def missing(request, error): ...
        def count(number): ...

        class Nest(HTTPEndpoint):
            async def get(self, request): ...
            async def helper(self): ...

        class Chat(WebSocketEndpoint):
            async def on_receive(self, socket, data): ...

        class Timed(BaseHTTPMiddleware):
            async def dispatch(self, request, call_next): ...

        class Raw:
            def __init__(self, app): ...
            async def __call__(self, scope, receive, send): ...

        routes = [
            Route("/birds", read),
            Mount("/v1", routes=[Route("/birds", endpoint=add, methods=["POST"])]),
            Route("/nest", Nest),
            WebSocketRoute("/songs", songs),
        ]
        app = Starlette(
            routes=routes,
            on_startup=[warm],
            on_shutdown=[stop],
            middleware=[Middleware(Timed), Middleware(Raw)],
            exception_handlers={404: missing},
        )
        app.add_route("/plain", plain)
        """,
        {
            "read": "endpoint GET /birds",
            "add": "endpoint POST /birds",
            "plain": "endpoint GET /plain",
            "songs": "endpoint WEBSOCKET /songs",
            "warm": "event",
            "stop": "event",
            "missing": "event",
            "count": "background",
            "Nest.get": "endpoint GET",
            "Chat.on_receive": "endpoint WEBSOCKET",
            "Timed.dispatch": "middleware",
            "Raw.__call__": "middleware",
        },
    ),
    "litestar": (
        """
        from contextlib import asynccontextmanager
        from litestar import Controller, Litestar, get, post, websocket
        from litestar.handlers import delete

        @get("/birds")
        async def read() -> str: ...

        @delete(path="/birds")
        async def remove() -> None: ...

        @websocket("/songs")
        async def songs(socket) -> None: ...

        class Nests(Controller):
            path = "/nests"

            @post()
            async def add(self) -> str: ...

            def helper(self): ...

        @asynccontextmanager
        async def pool(app):
            yield

        async def warm(app): ...

        app = Litestar([read, remove, songs, Nests], lifespan=[pool], on_startup=[warm])
        """,
        {
            "read": "endpoint GET /birds",
            "remove": "endpoint DELETE /birds",
            "songs": "endpoint WEBSOCKET /songs",
            "Nests.add": "endpoint POST …",
            "pool": "lifespan",
            "warm": "event",
        },
    ),
    "flask": (
        """
        import click
        from flask import Blueprint, Flask
        from flask.cli import with_appcontext
        from flask.views import MethodView, View

        app = Flask(__name__)
        birds = Blueprint("birds", __name__)

        @birds.route("/birds", methods=["POST"])
        def add(): ...

        @app.get("/birds")
        def read(): ...

        @app.before_request
        def check(): ...

        @app.teardown_appcontext
        def tidy(error): ...

        @app.errorhandler(404)
        def missing(error): ...

        @app.cli.command("seed")
        def seed(): ...

        @click.command("purge")
        @with_appcontext
        def purge(): ...

        class Nests(MethodView):
            def post(self): ...
            def helper(self): ...

        class Page(View):
            def dispatch_request(self): ...

        def eggs(): ...
        app.add_url_rule("/eggs", view_func=eggs)
        app.add_url_rule("/nests", view_func=Nests.as_view("nests"))
        """,
        {
            "add": "endpoint POST /birds",
            "read": "endpoint GET /birds",
            "check": "event",
            "tidy": "event",
            "missing": "event",
            "seed": "command",
            "purge": "command",
            "Nests.post": "endpoint POST",
            "Page.dispatch_request": "endpoint",
            "eggs": "endpoint GET /eggs",
        },
    ),
    "quart": (
        """
        from quart import Blueprint, Quart

        app = Quart(__name__)
        birds = Blueprint("birds", __name__)

        @birds.route("/birds")
        async def read():
            app.add_background_task(count)

        @app.websocket("/songs")
        async def songs(): ...

        @app.before_serving
        async def warm(): ...

        async def count(): ...
        """,
        {
            "read": "endpoint GET /birds",
            "songs": "endpoint WEBSOCKET /songs",
            "warm": "event",
            "count": "background",
        },
    ),
    "aiohttp": (
        """
        from aiohttp import web

        routes = web.RouteTableDef()

        @routes.get("/birds")
        async def read(request): ...

        @routes.route("POST", "/birds")
        async def add(request): ...

        @routes.view("/nests")
        class Nests(web.View):
            async def get(self): ...

        @web.middleware
        async def timed(request, handler): ...

        async def eggs(request): ...
        async def feed(request): ...
        async def lay(request): ...
        async def fly(request): ...
        async def warm(app): ...
        async def tidy(app): ...
        async def pool(app):
            yield

        def set_up(app):
            app.router.add_get("/eggs", eggs)
            app.router.add_post("/feed", handler=feed)
            app.router.add_route("PUT", "/lay", lay)
            app.add_routes([web.get("/fly", fly), *routes])

        app = web.Application(middlewares=[timed])
        app.on_startup.append(warm)
        app.on_cleanup.append(tidy)
        app.cleanup_ctx.append(pool)
        set_up(app)
        """,
        {
            "read": "endpoint GET /birds",
            "add": "endpoint POST /birds",
            "Nests.get": "endpoint GET",
            "timed": "middleware",
            "eggs": "endpoint GET /eggs",
            "feed": "endpoint POST /feed",
            "lay": "endpoint PUT /lay",
            "fly": "endpoint GET /fly",
            "warm": "event",
            "tidy": "event",
            "pool": "lifespan",
        },
    ),
    "sanic": (
        """
        from sanic import Blueprint, Sanic
        from sanic.views import HTTPMethodView

        app = Sanic("birds")
        birds = Blueprint("birds")

        @birds.get("/birds")
        async def read(request): ...

        @app.websocket("/songs")
        async def songs(request, socket): ...

        @app.before_server_start
        async def warm(app, loop): ...

        @app.listener("after_server_stop")
        async def stop(app, loop): ...

        @app.on_request
        async def lend(request): ...

        class Nests(HTTPMethodView):
            async def put(self, request): ...

        async def eggs(request): ...
        async def count(app): ...
        app.add_route(eggs, "/eggs")
        app.add_task(count(app))
        """,
        {
            "read": "endpoint GET /birds",
            "songs": "endpoint WEBSOCKET /songs",
            "warm": "event",
            "stop": "event",
            "lend": "middleware",
            "Nests.put": "endpoint PUT",
            "eggs": "endpoint GET /eggs",
            "count": "background",
        },
    ),
    "strawberry": (
        """
        import strawberry

        def all_birds(info) -> list[str]: ...

        @strawberry.type
        class Query:
            birds: list[str] = strawberry.field(resolver=all_birds)

            @strawberry.field
            def nest(self, info) -> str: ...

            @strawberry.field(name="eggs")
            async def all_eggs(self) -> int: ...

            def helper(self): ...

        @strawberry.type
        class Mutation:
            @strawberry.mutation
            async def lay(self) -> int: ...
        """,
        {"all_birds": "resolver", "Query.nest": "resolver", "Query.all_eggs": "resolver", "Mutation.lay": "resolver"},
    ),
    "celery": (
        """
        from celery import Celery, Task, current_app, shared_task
        from celery.signals import worker_process_init

        app = Celery("birds")

        @app.task
        def count(): ...

        @app.task(bind=True, max_retries=3)
        def ring(self, bird_id): ...

        @shared_task(name="feed")
        def feed(): ...

        @current_app.task
        def late(): ...

        @app.on_after_configure.connect
        def schedule(sender, **kwargs): ...

        @worker_process_init.connect
        def fresh_pool(**kwargs): ...

        class Migrate(Task):
            def run(self): ...
        """,
        {
            "count": "task",
            "ring": "task",
            "feed": "task",
            "late": "task",
            "schedule": "event",
            "fresh_pool": "event",
            "Migrate.run": "task",
        },
    ),
    "dramatiq": (
        """
        import dramatiq

        @dramatiq.actor
        def count(): ...

        @dramatiq.actor(queue_name="slow")
        def ring(): ...
        """,
        {"count": "task", "ring": "task"},
    ),
    "arq": (
        """
        from arq import cron, func

        async def count(ctx): ...
        async def ring(ctx): ...
        async def nightly(ctx): ...
        async def warm(ctx): ...

        class WorkerSettings:
            functions = [count, func(ring, name="ring")]
            cron_jobs = [cron(nightly, hour=3)]
            on_startup = warm
        """,
        {"count": "task", "ring": "task", "nightly": "task", "warm": "event"},
    ),
    "taskiq": (
        """
        from taskiq import TaskiqEvents
        from taskiq_redis import ListQueueBroker

        broker = ListQueueBroker("redis://")

        @broker.task
        async def count(): ...

        @broker.task(schedule=[{"cron": "* * * * *"}])
        async def ring(): ...

        @broker.on_event(TaskiqEvents.WORKER_STARTUP)
        async def warm(state): ...
        """,
        {"count": "task", "ring": "task", "warm": "event"},
    ),
    "rq": (
        """
        from datetime import timedelta
        from redis import Redis
        from rq import Queue
        from rq.decorators import job

        queue = Queue(connection=Redis())

        @job("default")
        def count(): ...

        def ring(bird_id): ...
        def late(): ...

        def sign_up():
            queue.enqueue(ring, 3)
            queue.enqueue_in(timedelta(hours=1), late)
        """,
        {"count": "task", "ring": "task", "late": "task"},
    ),
    "huey": (
        """
        from huey import RedisHuey, crontab

        huey = RedisHuey()

        @huey.task()
        def count(): ...

        @huey.periodic_task(crontab(minute="0"))
        def ring(): ...
        """,
        {"count": "task", "ring": "task"},
    ),
    "apscheduler": (
        """
        from apscheduler.schedulers.asyncio import AsyncIOScheduler

        scheduler = AsyncIOScheduler()

        @scheduler.scheduled_job("interval", minutes=5)
        async def count(): ...

        def ring(): ...

        class Jobs:
            def nightly(self): ...

        scheduler.add_job(ring, "interval", minutes=5)
        scheduler.add_job(func=Jobs().nightly, trigger="cron")
        """,
        {"count": "task", "ring": "task", "Jobs.nightly": "task"},
    ),
    "jobs that are dicts": (
        """
        from datetime import timedelta
        from flask import Flask
        from flask_apscheduler import APScheduler

        def count(): ...
        def ring(): ...
        def late(): ...
        def helper(): ...
        def other(): ...

        class Config:
            JOBS = [
                {"id": "count", "func": "app:count", "trigger": "cron"},
                {"id": "gone", "func": "app:gone", "trigger": "interval"},
            ]

        def jobs(more: bool):
            found = [{"func": ring, "interval": timedelta(hours=1), "timeout": 60}]
            if more:
                found.append({"func": late, "interval": timedelta(days=1)})
            return found

        HELPERS = {"func": helper, "name": "helper"}
        OTHERS = [{"handler": other, "interval": 5}]
        """,
        {"count": "task", "ring": "task", "late": "task"},
    ),
    "asyncio and threads": (
        """
        import asyncio
        import threading

        async def count(): ...
        async def ring(): ...
        def feed(): ...

        class Poller:
            async def run(self): ...
            def start(self):
                self.job = asyncio.create_task(self.run())

        async def go():
            asyncio.create_task(count())
            asyncio.get_running_loop().create_task(ring())
            threading.Thread(target=feed).start()
        """,
        {"count": "background", "ring": "background", "feed": "background", "Poller.run": "background"},
    ),
    "click": (
        """
        import click

        @click.group()
        def cli(): ...

        @cli.command()
        @click.option("--times")
        def count(times): ...

        @click.command("ring")
        def ring(): ...

        @cli.group()
        def nests(): ...

        @nests.command("add")
        def add_nest(): ...
        """,
        {"cli": "command", "count": "command", "ring": "command", "nests": "command", "add_nest": "command"},
    ),
    "argparse": (
        """
        import argparse

        def count(arguments): ...

        def ring(arguments): ...

        def read_arguments():
            parser = argparse.ArgumentParser()
            commands = parser.add_subparsers()
            commands.add_parser("count").set_defaults(run=count, times=3)
            parser.set_defaults(run=ring)
            return parser.parse_args()
        """,
        {"count": "command", "ring": "command"},
    ),
    "typer": (
        """
        import typer

        app = typer.Typer()

        @app.command()
        def count(): ...

        @app.callback()
        def options(): ...

        def ring(): ...

        app.command("ring")(ring)
        """,
        {"count": "command", "options": "command", "ring": "command"},
    ),
    "script": (
        """
        import asyncio
        import sys

        def helper(): ...
        async def main():
            helper()
        def other(): ...

        if __name__ == "__main__":
            other()
            sys.exit(asyncio.run(main()))
        """,
        {"main": "main", "other": "main"},
    ),
    "script that lends its session": (
        """
        from sqlalchemy import create_engine
        from sqlalchemy.orm import Session

        def work(session): ...

        if __name__ == "__main__":
            with Session(create_engine("sqlite://")) as session:
                work(session)
            session = Session(create_engine("sqlite://"))
            work(session)
        """,
        {},
    ),
    "handlers of chat bots, resolvers of graphene, decorators made by partial": (
        """
        from functools import partial

        import graphene
        from aiogram import BaseMiddleware, Router
        from discord.ext import commands
        from fastmcp import FastMCP
        from rq.decorators import job as library_job
        from temporalio import activity
        from telegram.ext import Application, CommandHandler

        bot = commands.Bot("!")
        router = Router()
        job = partial(library_job, connection=None)
        mcp = FastMCP("words")

        @bot.command()
        async def chat(ctx): ...

        @router.message()
        async def greet(message): ...

        async def pressed(query): ...

        router.callback_query.register(pressed)

        async def start(update, context): ...

        Application.builder().build().add_handler(CommandHandler("start", start))

        class Counting(BaseMiddleware):
            async def __call__(self, handler, event, data): ...

        class Query(graphene.ObjectType):
            def resolve_name(self, info): ...

        class Rename(graphene.Mutation):
            def mutate(self, info): ...

        @job("default")
        def later(): ...

        @mcp.tool()
        async def look_up(word): ...

        @activity.defn
        async def send(order): ...
        """,
        {
            "chat": "event",
            "greet": "event",
            "pressed": "event",
            "start": "event",
            "Counting.__call__": "middleware",
            "Query.resolve_name": "resolver",
            "Rename.mutate": "resolver",
            "later": "task",
            "look_up": "task",
            "send": "task",
        },
    ),
    "objects that only look like frameworks": (
        """
        import httpx
        import responses
        from somewhere import Cache, registry

        cache = Cache()

        class Box:
            def get(self, key):
                return lambda f: f
            def command(self):
                return lambda f: f
            def task(self, f):
                return f

        box = Box()

        @box.get("/key")
        def boxed(): ...

        @box.command()
        def ordered(): ...

        @box.task
        def tasked(): ...

        @cache.get("/key")
        def cached(): ...

        @registry.get("key")
        def registered(): ...

        @registry.command
        def bare(): ...

        @responses.get("/birds")
        def stubbed(): ...

        @property
        def held(self): ...
        """,
        {},
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_entry_points(name: str) -> None:
    source, expected = CASES[name]
    assert found(source) == expected


ROWS = [
    *(
        ("fastapi", table, name)
        for table, name in (
            ("_WEB", "fastapi"),
            ("_REGISTRATIONS", "add_api_route"),
            ("_REGISTRATIONS", "add_event_handler"),
            ("_REGISTRATIONS", "add_task"),
            ("_EVENTS", "on_event"),
            ("_ROUTES", "websocket"),
            ("_REQUEST_HOOKS", "middleware"),
        )
    ),
    *(
        ("starlette", table, name)
        for table, name in (
            ("_VIEWS", "starlette.endpoints.HTTPEndpoint"),
            ("_SOCKET_VIEWS", "starlette.endpoints.WebSocketEndpoint"),
            ("_WEB", "starlette"),
            ("_REGISTRATIONS", "Route"),
            ("_REGISTRATIONS", "WebSocketRoute"),
            ("_REGISTRATIONS", "add_route"),
            ("_REGISTRATIONS", "Middleware"),
            ("_REGISTRATIONS", "BackgroundTask"),
        )
    ),
    ("litestar", "_DECORATORS", "litestar.get"),
    ("litestar", "_WEB", "litestar"),
    ("flask", "_WEB", "flask"),
    ("flask", "_VIEWS", "flask.views.MethodView"),
    ("flask", "_VIEWS", "flask.views.View"),
    ("flask", "_REGISTRATIONS", "add_url_rule"),
    ("flask", "_COMMAND_LINES", "flask"),
    ("quart", "_WEB", "quart"),
    ("quart", "_REGISTRATIONS", "add_background_task"),
    *(
        ("aiohttp", table, name)
        for table, name in (
            ("_WEB", "aiohttp"),
            ("_VIEWS", "aiohttp.web.View"),
            ("_REGISTRATIONS", "add_get"),
            ("_REGISTRATIONS", "add_route"),
            ("_REGISTRATIONS", "on_startup.append"),
            ("_REGISTRATIONS", "on_cleanup.append"),
            ("_REGISTRATIONS", "cleanup_ctx.append"),
            ("_AIOHTTP_ROUTES", "aiohttp.web.get"),
        )
    ),
    ("sanic", "_WEB", "sanic"),
    ("sanic", "_VIEWS", "sanic.views.HTTPMethodView"),
    ("sanic", "_EVENTS", "listener"),
    ("strawberry", "_DECORATORS", "strawberry.field"),
    ("strawberry", "_DECORATORS", "strawberry.mutation"),
    ("celery", "_QUEUES", "celery"),
    ("celery", "_TASKS", "shared_task"),
    ("celery", "_TASK_CLASSES", "celery.Task"),
    ("dramatiq", "_QUEUES", "dramatiq"),
    ("arq", "WORKER_LISTS", "functions"),
    ("arq", "WORKER_LISTS", "on_startup"),
    ("taskiq", "_QUEUES", "taskiq"),
    ("rq", "_QUEUES", "rq"),
    ("rq", "_REGISTRATIONS", "enqueue"),
    ("rq", "_REGISTRATIONS", "enqueue_in"),
    ("huey", "_QUEUES", "huey"),
    ("apscheduler", "_SCHEDULERS", "apscheduler"),
    ("apscheduler", "_REGISTRATIONS", "add_job"),
    ("jobs that are dicts", "JOB_TIMES", "interval"),
    ("jobs that are dicts", "JOB_TIMES", "trigger"),
    ("asyncio and threads", "_REGISTRATIONS", "create_task"),
    ("asyncio and threads", "_REGISTRATIONS", "Thread"),
    ("click", "_COMMAND_LINES", "click"),
    ("typer", "_COMMAND_LINES", "typer"),
]


@pytest.mark.parametrize(("name", "table", "row"), ROWS)
def test_without_its_row_a_framework_is_not_known(
    name: str, table: str, row: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = getattr(frameworks, table)
    assert row in rows
    kept: object = {key: rows[key] for key in rows if key != row} if isinstance(rows, dict) else set(rows) - {row}
    kept = tuple(kept) if isinstance(rows, tuple) and isinstance(kept, set) else kept
    for module in (frameworks, entrypoints):
        if hasattr(module, table):
            monkeypatch.setattr(module, table, kept)
    source, expected = CASES[name]
    frameworks.decorator_kind.cache_clear()
    try:
        assert found(source) != expected
    finally:
        frameworks.decorator_kind.cache_clear()


def test_a_script_is_known_by_its_main_block(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(entrypoints, "_main_blocks", lambda module: iter(()))
    source, expected = CASES["script"]
    assert found(source) != expected


@pytest.mark.parametrize("name", ["fastapi", "litestar", "arq", "strawberry", "starlette"])
def test_what_is_given_under_keywords_is_known(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Lifespans, hooks, resolvers."""
    monkeypatch.setattr(entrypoints, "keyword_kind", lambda called, keyword: None)
    source, expected = CASES[name]
    assert (found(source) != expected) == (name != "arq")


def test_a_router_is_known_through_imports() -> None:
    files = {
        "web/__init__.py": "from web.base import router as router",
        "web/base.py": "from fastapi import APIRouter\nrouter = APIRouter()",
        "web/birds.py": "from web import router\n@router.get('/birds')\ndef read(): ...",
    }
    assert found(files) == {"read": "endpoint GET /birds"}


DATABASE = """
from collections.abc import Iterator
from sqlalchemy import create_engine
from sqlalchemy.orm import Session, sessionmaker

factory = sessionmaker(create_engine("sqlite://"))

def get_db() -> Iterator[Session]:
    with factory() as session:
        yield session
"""


def tokens(files: Mapping[str, str], *, inside: str = "app.py") -> dict[str, int]:
    """Which session every method was called on, by the method, in one way of entering a file's functions."""
    events = linked({"db.py": DATABASE, **files}).events("add", "delete", "commit", "flush")
    return {event.kind: event.token for event in events if event.context.module.path == inside}


ENDPOINT = """
from fastapi import APIRouter, Depends
from sqlalchemy.orm import Session
from db import get_db

router = APIRouter()

@router.post("/birds")
def add(first: Session = Depends(get_db), second: Session = Depends(get_db{option})):
    first.add(object())
    second.commit()
"""


def test_the_same_dependency_gives_the_same_session() -> None:
    used = tokens({"app.py": ENDPOINT.format(option="")})
    assert used["add"] == used["commit"]


def test_without_use_cache_each_dependency_gives_its_own_session() -> None:
    used = tokens({"app.py": ENDPOINT.format(option=", use_cache=False")})
    assert used["add"] != used["commit"]


def test_a_sub_dependency_shares_the_session_of_the_request() -> None:
    source = """
    from typing import Annotated
    from fastapi import APIRouter, Depends
    from sqlalchemy.orm import Session
    from db import get_db

    class Birds:
        def __init__(self, session: Annotated[Session, Depends(get_db)]):
            self.session = session

    router = APIRouter()

    @router.post("/birds")
    def add(birds: Annotated[Birds, Depends()], session: Annotated[Session, Depends(get_db)]):
        birds.session.add(object())
        session.commit()
    """
    used = tokens({"app.py": source})
    assert used["add"] == used["commit"]


def test_a_class_based_view_shares_the_session_of_the_request() -> None:
    source = """
    from fastapi import APIRouter, Depends
    from fastapi_utils.cbv import cbv
    from sqlalchemy.orm import Session
    from db import get_db

    router = APIRouter()

    @cbv(router)
    class Birds:
        held: Session = Depends(get_db)

        @router.post("/birds")
        def add(self, session: Session = Depends(get_db)):
            self.held.add(object())
            session.commit()
    """
    used = tokens({"app.py": source})
    assert used["add"] == used["commit"]


def providers(dependency: Dependency) -> Iterator[Function]:
    return filter(None, map(function_of, dependency.provider))


def routed(files: Mapping[str, str]) -> dict[str, list[str]]:
    """The dependencies that run before each endpoint besides its parameters', by the provider's name."""
    entries = linked({"db.py": DATABASE, **files}).entries
    return {
        function.name: [p.name for d in entry.dependencies for p in providers(d)] for function, entry in entries.items()
    }


def test_dependencies_of_apps_and_routers_run_before_their_routes() -> None:
    files = {
        "birds.py": """
        from fastapi import APIRouter, Depends

        def of_router(): ...
        def of_route(): ...

        router = APIRouter(dependencies=[Depends(of_router)])

        @router.get("/birds", dependencies=[Depends(of_route)])
        def read(): ...
        """,
        "main.py": """
        from fastapi import Depends, FastAPI
        import birds

        def of_app(): ...
        def of_include(): ...

        app = FastAPI(dependencies=[Depends(of_app)])
        app.include_router(birds.router, dependencies=[Depends(of_include)])

        @app.get("/")
        def home(): ...
        """,
    }
    assert routed(files) == {"read": ["of_app", "of_include", "of_router", "of_route"], "home": ["of_app"]}


def test_litestar_injects_by_name_and_the_nearest_layer_wins() -> None:
    source = """
    from litestar import Controller, Litestar, Router, get
    from litestar.di import Provide

    def outer(): ...
    def inner(): ...
    def nearest(): ...

    class Birds(Controller):
        dependencies = {"session": Provide(inner)}

        @get("/birds")
        async def read(self, session) -> str: ...

        @get("/nests", dependencies={"session": Provide(nearest)})
        async def nests(self, session) -> str: ...

    @get("/eggs")
    async def eggs(session) -> str: ...

    @get("/feed")
    async def feed(session) -> str: ...

    api = Router("/api", route_handlers=[eggs], dependencies={"session": Provide(inner)})
    app = Litestar(route_handlers=[Birds, api, feed], dependencies={"session": Provide(outer)})
    """
    given = {
        function.name: [p.name for _, d in entry.named for p in providers(d)]
        for function, entry in linked(source).entries.items()
    }
    assert given == {"read": ["inner"], "nests": ["nearest"], "eggs": ["inner"], "feed": ["outer"]}


def test_a_litestar_handler_gets_its_session_from_the_named_provider() -> None:
    source = """
    from litestar import Litestar, post
    from litestar.di import Provide
    from sqlalchemy.orm import Session
    from db import get_db

    class Birds:
        def __init__(self, session):
            self.session = session

    def birds(session: Session) -> Birds:
        return Birds(session)

    @post("/birds")
    def add(session: Session, service: Birds) -> None:
        service.session.add(object())
        session.commit()

    app = Litestar([add], dependencies={"session": Provide(get_db), "service": Provide(birds)})
    """
    used = tokens({"app.py": source})
    assert used["add"] == used["commit"]
