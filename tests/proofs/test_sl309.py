"""SL309: what a session holds while the code waits for something else."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from harness import Database
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from test_idle_in_transaction import states

Seen = list[Any]


def seen_meanwhile(database: Database, title: str, look: Callable[[], Any], requests: int = 1) -> tuple[Any, Seen]:
    """What ``look`` gives once every request waits or has failed; and how each ended when the wait is over."""
    program = database.load("SL309", title)
    waiting: list[float] = []

    async def scenario() -> tuple[Any, Seen]:
        over = asyncio.Event()

        async def sleep(seconds: float) -> None:
            waiting.append(seconds)
            await over.wait()

        program.asyncio = SimpleNamespace(sleep=sleep)
        engine = database.async_engine(pool_size=2, max_overflow=0, pool_timeout=2)
        tasks = [asyncio.create_task(program.deliver(engine, 1)) for _ in range(requests)]
        while len(waiting) + sum(task.done() for task in tasks) < requests:
            await asyncio.sleep(0.01)
        seen = look()
        over.set()
        return seen, await asyncio.gather(*tasks, return_exceptions=True)

    return database.run(scenario())


@pytest.fixture
def hooks(sqlite: Database) -> Database:
    sqlite.execute("CREATE TABLE hooks (url TEXT)")
    return sqlite


@pytest.mark.parametrize(("title", "held"), [("Example", 1), ("Use instead", 0)])
def test_the_connection_is_held(hooks: Database, title: str, held: int) -> None:
    assert seen_meanwhile(hooks, title, hooks.checked_out) == (held, [None])


@pytest.mark.parametrize(("title", "expected"), [("Example", ["idle in transaction"]), ("Use instead", ["idle"])])
def test_what_the_server_says_of_it(postgres: Database, title: str, expected: list[str]) -> None:
    postgres.execute("CREATE TABLE hooks (url TEXT)")
    assert seen_meanwhile(postgres, title, lambda: states(postgres)) == (expected, [None])


@pytest.mark.parametrize(("title", "failures"), [("Example", 4), ("Use instead", 0)])
def test_six_requests_and_two_connections(hooks: Database, title: str, failures: int) -> None:
    _, ends = seen_meanwhile(hooks, title, hooks.checked_out, requests=6)
    assert [type(end) for end in ends if end is not None] == [PoolTimeoutError] * failures
