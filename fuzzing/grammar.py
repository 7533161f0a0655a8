"""Programs that handle sessions, made by chance: settings of a database, providers, services, repositories, routers, tasks.

They are valid Python and mostly senseless, right and wrong in ways that nobody thought of. A program is a function of its
``Random`` alone.
"""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from textwrap import indent

SESSIONS = ("session", "db", "s", "self.session", "request.state.db", "uow", "Session()", "ctx['db']")
METHODS = (
    "commit",
    "rollback",
    "flush",
    "close",
    "begin",
    "begin_nested",
    "refresh",
    "expunge_all",
    "in_transaction",
    "aclose",
)
ERRORS = ("Exception", "SQLAlchemyError", "IntegrityError", "(ValueError, OSError)", "BaseException", "")
DECORATORS = (
    "@router.get('/')", "@router.post('/{item}')", "@app.on_event('startup')", "@contextmanager", "@asynccontextmanager",
    "@staticmethod", "@transactional", "@task", "@celery.task", "@lru_cache", "@wraps(work)", "@event.listens_for(A, 'x')",
)  # fmt: skip

IMPORTS = """\
import asyncio
import contextlib
from contextlib import asynccontextmanager, contextmanager
from functools import lru_cache, partial, wraps
from typing import Annotated, Any, NewType

from fastapi import APIRouter, BackgroundTasks, Depends, FastAPI, Request
from sqlalchemy import create_engine, select, text
from sqlalchemy.exc import IntegrityError, SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.orm import Session, scoped_session, sessionmaker

"""


class Program:
    """A program in the making: the names it has so far, and chance."""

    def __init__(self, chance: Random) -> None:
        self.chance = chance
        self.functions = ["work", "save", "get_db"]
        self.modules = ["db"]
        self.is_async = False

    def files(self) -> dict[str, str]:
        """The program's modules by path."""
        number = self.chance.randint(1, 3)
        names = self.chance.sample(["db", "services", "repositories", "routers", "tasks", "tests/test_it"], number)
        files = {}
        for name in names:
            files[f"app/{name}.py"] = self.module()
            self.modules.append(name.replace("/", "."))
        return files

    def module(self) -> str:
        """The text of a module."""
        pieces = [IMPORTS]
        for module in self.modules:
            if self.chance.random() < 0.5:
                names = ", ".join(sorted(set(self.chance.choices(self.functions, k=2))))
                pieces.append(
                    self.chance.choice(
                        [
                            f"from app.{module} import {names}\n",
                            f"from . import {module.partition('.')[0]}\n",
                            f"from app.{module} import *\n",
                        ]
                    )
                )
        pieces += [self.setting() for _ in range(self.chance.randint(0, 3))]
        pieces += [self.definition() for _ in range(self.chance.randint(1, 4))]
        return "".join(pieces)

    def setting(self) -> str:
        return self.chance.choice([
            "engine = create_engine('postgresql+psycopg://x/y', pool_size=5)\n",
            "engine = create_async_engine('postgresql+asyncpg://x:6432/y', connect_args={'statement_cache_size': 0})\n",
            "SessionLocal = sessionmaker(bind=engine, expire_on_commit=False)\n",
            "SessionLocal = async_sessionmaker(engine)\n",
            "Session = scoped_session(SessionLocal)\n",
            "db = SessionLocal()\n",
            "SessionDep = Annotated[AsyncSession, Depends(get_db)]\n",
            "Db = NewType('Db', AsyncSession)\n",
            "router = APIRouter(dependencies=[Depends(get_db)])\n",
            "app = FastAPI()\n",
            "app.dependency_overrides[get_db] = work\n",
            "get_shared = get_db\n",
            "WORKERS = {'a': work, 'b': partial(save, SessionLocal())}\n",
            "if True:\n    engine = create_engine('sqlite://')\nelse:\n    engine = None\n",
            "try:\n    import uvloop\nexcept ImportError:\n    uvloop = None\n",
        ])  # fmt: skip

    def definition(self) -> str:
        if self.chance.random() < 0.25:
            name = f"Service{self.chance.randint(0, 3)}"
            base = self.chance.choice(["", "(Base)", "(Session)", "(Service0)", "(Generic[T])"])
            self.functions.append(name)
            methods = [self.function(method=True) for _ in range(self.chance.randint(1, 3))]
            init = self.chance.choice([
                "    def __init__(self, session: AsyncSession):\n        self.session = session\n",
                "    def __init__(self, factory):\n        self.session = factory()\n",
                "    session: Session\n",
                "    def __enter__(self):\n        self.session = SessionLocal()\n        return self\n",
            ])  # fmt: skip
            return f"\n\nclass {name}{base}:\n{init}" + "".join(
                indent(method.lstrip("\n"), "    ") for method in methods
            )
        return "\n\n" + self.function(method=False)

    def function(self, *, method: bool) -> str:
        name = self.chance.choice([f"work{self.chance.randint(0, 9)}", "get_db", "save", "main", "__call__", "réglé"])
        self.functions.append(name)
        parameters = self.chance.sample([
            "session: AsyncSession", "db: Session = Depends(get_db)", "s", "request: Request", "tasks: BackgroundTasks",
            "uow=None", "item: int = 0", "ctx={}", "commit: bool = True", "dep: SessionDep",
        ], self.chance.randint(0, 3))  # fmt: skip
        parameters.sort(key=lambda parameter: "=" in parameter)
        if method:
            parameters.insert(0, "self")
        if self.chance.random() < 0.1:
            parameters.append("**options")
        outer, self.is_async = self.is_async, self.chance.random() < 0.6
        body = self.block(3)
        head = f"{'async ' if self.is_async else ''}def {name}({', '.join(parameters)}):\n"
        self.is_async = outer
        decorators = "".join(f"{one}\n" for one in self.chance.choices(DECORATORS, k=self.chance.choice([0, 0, 1, 2])))
        return f"{decorators}{head}{indent(body, '    ')}"

    def block(self, depth: int) -> str:
        return "".join(self.statement(depth) for _ in range(self.chance.randint(1, 3)))

    def statement(self, depth: int) -> str:
        simple: list[Callable[[], str]] = [self.call] * 5 + [self.small]
        compound: list[Callable[[int], str]] = [self.with_, self.try_, self.loop, self.if_, self.nested, self.match]
        if depth and self.chance.random() < 0.45:
            return self.chance.choice(compound)(depth - 1)
        return self.chance.choice(simple)()

    def session(self) -> str:
        return self.chance.choice(SESSIONS)

    def awaited(self, call: str) -> str:
        return f"await {call}" if self.is_async and self.chance.random() < 0.8 else call

    def call(self) -> str:
        chance, session = self.chance, self.session()
        made = chance.choice([
            f"{session}.{chance.choice(METHODS)}()",
            f"{session}.add({chance.choice(['row', 'Row(a=1)', 'rows[0]'])})",
            f"{session}.execute(select(A).where(A.x == {chance.randint(0, 9)}), execution_options={{'no_prepare': True}})",
            f"{session}.execute(text('select 1'))",
            f"{chance.choice(self.functions)}({chance.choice(['', session, f'db={session}', f'{session}, commit=False', '**locals()', 'lambda: ' + session])})",
            f"self.{chance.choice(self.functions)}({session})",
            f"asyncio.gather({chance.choice(self.functions)}({session}), {session}.execute(1))",
            f"asyncio.create_task(work({session}))",
            f"tasks.add_task(work, {session})",
            f"{session}.run_sync(work)",
            f"stack.enter_async_context({session}.begin())",
            "next(get_db())",
            "engine.connect()",
        ])  # fmt: skip
        target = chance.choice(
            ["", "", "", "row = ", "session = ", "rows: list = ", "self.session = ", "a, *b = ", "ctx['db'] = "]
        )
        return f"{target}{self.awaited(made)}\n"

    def small(self) -> str:
        session = self.session()
        return self.chance.choice([
            "pass\n", "return\n", f"return {session}\n", "raise\n", "raise ValueError('x') from None\n", f"yield {session}\n",
            f"session = {self.session()}\n", f"print(f'{{{session}!r:>{{width}}}}')\n", f"if (found := {session}.get(A, 1)): pass\n",
            "'''A string.\n\n  Of some lines. é\n'''\n", f"x = [{session}.get(A, i) for i in range(3) if i]\n", "global db\n",
            f"del {session}\n" if session.isidentifier() else "...\n", f"assert {session}, 'x'; {session}.close()\n",
            f"{session}.add(\n    row,\n)  # a comment\n", "return (yield)\n" if not self.is_async else "yield\n",
        ])  # fmt: skip

    def with_(self, depth: int) -> str:
        session = self.session()
        prefix = "async " if self.is_async and self.chance.random() < 0.8 else ""
        manager = self.chance.choice([
            f"{session}.begin()", f"{session}.begin_nested() as nested", f"{session}", "SessionLocal() as session", "get_db() as db",
            "SessionLocal.begin() as s", f"({session}.begin())", "contextlib.suppress(Exception)", "engine.begin() as connection",
            "SessionLocal() as session, session.begin()", "(\n    SessionLocal() as db,\n    db.begin(),\n)", "AsyncExitStack() as stack",
        ])  # fmt: skip
        return f"{prefix}with {manager}:\n{indent(self.block(depth), '    ')}"

    def try_(self, depth: int) -> str:
        error = self.chance.choice(ERRORS)
        named = " as error" if error and self.chance.random() < 0.5 else ""
        text = f"try:\n{indent(self.block(depth), '    ')}except {error}{named}:\n{indent(self.block(depth), '    ')}"
        text = text.replace("except :", "except:")
        if self.chance.random() < 0.3:
            text += f"else:\n{indent(self.block(0), '    ')}"
        if self.chance.random() < 0.3:
            text += f"finally:\n{indent(self.block(0), '    ')}"
        return text

    def loop(self, depth: int) -> str:
        head = self.chance.choice(
            ["for row in rows", "while True", f"for row in {self.session()}.scalars(q)", "for db in get_db()"]
        )
        if self.is_async and self.chance.random() < 0.3:
            head = "async for row in stream"
        end = self.chance.choice(["", "    break\n", "    continue\n", "else:\n    pass\n"])
        return f"{head}:\n{indent(self.block(depth), '    ')}{end}"

    def if_(self, depth: int) -> str:
        test = self.chance.choice(
            ["commit", "item > 3", f"not {self.session()}.in_transaction()", f"{self.session()} is None", "True", "own"]
        )
        text = f"if {test}:\n{indent(self.block(depth), '    ')}"
        if self.chance.random() < 0.4:
            text += f"elif x:\n{indent(self.block(depth), '    ')}"
        return text + (f"else:\n{indent(self.block(depth), '    ')}" if self.chance.random() < 0.4 else "")

    def nested(self, depth: int) -> str:
        del depth
        return self.function(method=False)

    def match(self, depth: int) -> str:
        return f"match item:\n    case {{'a': [1, *_]}} if x:\n{indent(self.block(depth), ' ' * 8)}    case _:\n{indent(self.block(0), ' ' * 8)}"


def program(chance: Random) -> dict[str, str]:
    """A program by the paths of its modules."""
    return Program(chance).files()
