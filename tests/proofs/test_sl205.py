"""SL205: a background task opens a request's closed session again, and nobody closes it a second time."""

from __future__ import annotations

import gc

import pytest
from harness import Database, application, caught_warnings, client

LEAK = "The garbage collector is trying to clean up non-checked-in connection"


@pytest.fixture
def mail(sqlite: Database) -> Database:
    """An empty mail box."""
    sqlite.execute("CREATE TABLE mails (folder TEXT)", "CREATE TABLE recounts (folder TEXT)")
    return sqlite


def leaks(database: Database, title: str, counted: list[object]) -> bool:
    """Whether a request and its task leave a connection to the garbage collector."""
    program = database.load("SL205", title, print=lambda *line: counted.extend(line))

    async def scenario() -> None:
        async with client(application(program.router)) as http:
            assert (await http.post("/folders/inbox")).status_code == 200
        gc.collect()

    with caught_warnings() as warned:
        database.run(scenario())
    return any(message.startswith(LEAK) for message in warned)


def test_the_request_s_session_leaks_its_connection_after_the_task(mail: Database) -> None:
    counted: list[object] = []
    assert leaks(mail, "Example", counted)
    assert counted == ["inbox", 0], "the task raises nothing"


def test_a_session_of_the_task_s_own_does_not(mail: Database) -> None:
    counted: list[object] = []
    assert not leaks(mail, "Use instead", counted)
    assert counted == ["inbox", 0]
