"""SL403: while a sync session waits for the database, nothing else runs in the event loop."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable
from typing import Any

from harness import Database
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Session

# About half a second of counting in SQLite.
SLOW = """
WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < 3000000)
SELECT count(*) FROM numbers
"""


async def longest_pause(work: Awaitable[Any]) -> tuple[float, float]:
    """How long the work took, and how long at most the event loop stood still meanwhile."""
    longest = 0.0

    async def beat() -> None:
        nonlocal longest
        before = time.perf_counter()
        while True:
            await asyncio.sleep(0.005)
            now = time.perf_counter()
            longest, before = max(longest, now - before), now

    pulse = asyncio.create_task(beat())
    await asyncio.sleep(0.05)
    longest = 0.0
    start = time.perf_counter()
    await work
    took = time.perf_counter() - start
    await asyncio.sleep(0.02)
    pulse.cancel()
    return took, longest


def test_the_event_loop_stands_still(sqlite: Database) -> None:
    program = sqlite.load("SL403", "Example")

    async def scenario() -> tuple[float, float]:
        with Session(sqlite.engine()) as session:
            return await longest_pause(program.total(session, SLOW))

    took, pause = sqlite.run(scenario())
    assert pause > 0.8 * took


def test_an_async_session_lets_the_others_run(sqlite: Database) -> None:
    program = sqlite.load("SL403", "Use instead")

    async def scenario() -> tuple[float, float]:
        async with AsyncSession(sqlite.async_engine()) as session:
            return await longest_pause(program.total(session, SLOW))

    took, pause = sqlite.run(scenario())
    assert pause < 0.5 * took
