"""The data of the audit report: what it says of the example application, and that each statement has its place."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import msgspec
import pytest
from fixture_cases import FIXTURES
from projects import lay_out

import session_lint
from session_lint.auditing import Report, audit_report
from session_lint.auditing.model import Detail, Subject
from session_lint.auditing.recommendations import CHANGES
from session_lint.checks import CHECKS
from session_lint.findings import Severity

APPLICATIONS = FIXTURES / "batch_scraper"


@cache
def reported(variant: str) -> Report:
    return audit_report(session_lint.check([APPLICATIONS / variant]))


def detail(report: Report, id_: str) -> Detail:
    return next(one for one in report.details if one.id == id_)


def subjects(detail: Detail) -> dict[str, Subject]:
    return {subject.place.symbol: subject for group in detail.groups for subject in group.subjects}


def places(data: Any) -> Iterator[tuple[str, int]]:
    if isinstance(data, dict):
        if data.get("filename") and data.get("row"):
            yield data["filename"], data["row"]
        for value in data.values():
            yield from places(value)
    elif isinstance(data, (list, tuple)):
        for value in data:
            yield from places(value)


@pytest.mark.parametrize("variant", ["compliant", "violating"])
def test_every_place_is_a_row_of_a_file(variant: str) -> None:
    found = set(places(msgspec.to_builtins(reported(variant))))
    assert len(found) > 20
    for filename, row in found:
        assert 1 <= row <= len((APPLICATIONS / variant / filename).read_text("utf-8").splitlines())


def test_each_finding_is_recommended_on_once_the_gravest_first() -> None:
    report = reported("violating")
    faults = [(f.code, f.place.filename, f.place.row) for one in report.recommendations for f in one.faults]
    result = session_lint.check([APPLICATIONS / "violating"])
    assert sorted(faults) == sorted((f.code, f.filename, f.span.row) for f in result.findings)
    grades = [list(Severity).index(Severity(one.severity)) for one in report.recommendations]
    assert grades == sorted(grades)


def test_every_rule_has_a_change_to_recommend() -> None:
    assert {code for check in CHECKS for code in check.rules} <= CHANGES.keys()


def test_nothing_is_recommended_where_all_is_fine() -> None:
    report = reported("compliant")
    assert report.recommendations == ()
    assert [step.command for step in report.next_steps if "check" in step.command] == ["session-lint check"]
    assert all(subject.fine for one in report.details for subject in subjects(one).values())


def test_a_task_says_where_it_has_its_session_from() -> None:
    task = subjects(detail(reported("compliant"), "background-tasks"))["process_batch_with_own_session"]
    assert task.points[0] == "is started in `create_batch_endpoint` (scraper/routers/batches.py:26)"
    assert any("of its own with `background_session` (scraper/database.py:" in point for point in task.points)


def test_a_service_function_says_who_lends_it_a_session_and_what_it_does_to_it() -> None:
    quiet = subjects(detail(reported("compliant"), "service-functions"))["create_batch"]
    assert not any("commits" in point for point in quiet.points)
    services = detail(reported("violating"), "service-functions")
    assert services.groups[0].text.endswith("on the transaction of a session that is lent")
    acting = services.groups[0].subjects[0]
    assert acting.place.filename == "scraper/services/batch/functions.py"
    assert acting.points[0] == "commits at line 12"
    assert acting.points[1].startswith("is lent it by `create_batch` (scraper/services/batch/processor.py:")


def test_an_endpoint_says_what_is_reported_in_it_and_below_it() -> None:
    endpoint = subjects(detail(reported("violating"), "routers"))["create_batch_endpoint"]
    assert endpoint.label == "POST /batches/"
    assert {(fault.code, fault.below) for fault in endpoint.faults} == {
        ("SL205", False),
        ("SL503", False),
        ("SL304", True),
        ("SL312", True),
    }
    assert any(point.startswith("lends its session to `create_batch` ") for point in endpoint.points)


def test_an_endpoint_over_a_function_that_opens_a_session_lends_it_none() -> None:
    endpoint = subjects(detail(reported("violating"), "routers"))["report_endpoint"]
    assert endpoint.points == (
        "reaches `pages_per_domain` (scraper/services/batch/reports.py:13), where a session is opened",
    )
    assert [(fault.code, fault.below) for fault in endpoint.faults] == [("SL101", True)]


def test_an_endpoint_says_that_it_runs_nothing_on_its_session(tmp_path: Path) -> None:
    app = """\
from fastapi import Depends, FastAPI
from sqlalchemy import create_engine, text
from sqlalchemy.orm import Session

app = FastAPI()
engine = create_engine("sqlite://")


def get_db():
    with Session(engine) as session:
        yield session


@app.get("/health")
def health(session: Session = Depends(get_db)) -> str:
    with session.begin():
        return "fine"


@app.get("/later")
def later(session: Session = Depends(get_db)) -> str:
    with session.begin():
        return run(lambda: session.scalar(text("SELECT 1")))


@app.get("/now")
def now(session: Session = Depends(get_db)) -> str:
    return session.scalar(text("SELECT 1"))
"""
    lay_out(tmp_path, {"pyproject.toml": "", "app.py": app})
    found = subjects(detail(audit_report(session_lint.check([tmp_path])), "routers"))
    idle = [name for name, one in found.items() if "runs no statement on its session" in one.points]
    assert idle == ["health"]


def test_an_engine_says_what_it_is_made_of() -> None:
    engines = detail(reported("violating"), "engines")
    assert engines.text == '2 engines; the settings say `pooler = "none"`, no code is written for a pooler'
    (own, direct) = engines.groups[0].subjects
    assert own.points[0] == "is made by `create_async_engine()`, async, with the driver `postgresql+asyncpg`"
    assert [fault.code for fault in direct.faults] == ["SL102"]


def test_what_cannot_be_decided_is_listed(tmp_path: Path) -> None:
    use = """\
import os

from fastapi import APIRouter
from sqlalchemy import create_engine
from sqlalchemy.orm import Session
from somewhere import archive

router = APIRouter()
engine = create_engine(os.environ["URL"])


@router.post("/")
def post(session: Session = archive.session()) -> None:
    archive.store(session)
"""
    lay_out(tmp_path, {"pyproject.toml": "", "app/use.py": use, "app/broken.py": "if\n"})
    said = [point for one in audit_report(session_lint.check([tmp_path])).undecided for point in one.points]
    assert (
        "`post` (app/use.py:14): hands a session to `archive.store()`, somewhere.archive.store outside the project"
        in said
    )
    assert "`post` (app/use.py:13): nothing says where `session` comes from" in said
    assert "app/use.py:9" in said
    assert any(point.startswith("app/broken.py:1: ") for point in said)


BEGINS_ON_DEMAND = """\
from contextlib import asynccontextmanager

from fastapi import APIRouter
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine

engine = create_async_engine("postgresql+asyncpg://localhost/app")
factory = async_sessionmaker(engine, expire_on_commit=False)
router = APIRouter()


@asynccontextmanager
async def transaction(session: AsyncSession):
    async with session.begin() as begun:
        yield begun


@asynccontextmanager
async def session_context(begin: bool = False):
    async with factory() as session:
        if begin:
            async with transaction(session):
                yield session
        else:
            yield session


@router.post("/notes")
async def add_note():
    async with session_context(begin=True) as session:
        await session.execute(text("INSERT INTO notes VALUES (1)"))


@router.get("/notes")
async def list_notes():
    async with session_context() as session:
        return await session.scalar(text("SELECT 1"))


@router.put("/notes")
async def replace_note():
    async with session_context() as session:
        await session.scalar(text("SELECT 1"))
    async with session_context(begin=True) as session:
        await session.execute(text("UPDATE notes SET id = 1"))


@router.patch("/notes")
async def change_note(whole: bool):
    async with session_context(whole) as session:
        await session.execute(text("UPDATE notes SET id = 1"))


@router.delete("/notes")
async def drop_note():
    async with session_context() as session:
        await session.execute(text("DELETE FROM notes"))
        await session.commit()
"""


def test_a_provider_begins_and_commits_where_it_is_asked_to(tmp_path: Path) -> None:
    lay_out(tmp_path, {"pyproject.toml": "", "app.py": BEGINS_ON_DEMAND})
    result = session_lint.check([tmp_path])
    assert not [finding.code for finding in result.findings if finding.code.startswith("SL3")]
    report = audit_report(result)
    bounds = {
        subject.place.symbol: group.text for group in detail(report, "routers").groups for subject in group.subjects
    }
    provider = "`session_context` (app.py:19)"
    assert bounds == {
        "add_note": f"1 bounded by the transaction that {provider} begins",
        "replace_note": f"2 bounded, where its arguments ask for it, by the transaction that {provider} begins",
        "change_note": f"2 bounded, where its arguments ask for it, by the transaction that {provider} begins",
        "drop_note": "1 committed by the endpoint itself",
        "list_notes": "1 only reading, with no `begin()` or `commit()` seen",
    }
    found = subjects(detail(report, "routers"))
    assert found["replace_note"].points == (
        f"opens 2 sessions with {provider} at lines 42, 44",
        f"{provider} begins the transaction of the session at line 44",
        "uses the session outside any `begin()` at line 43",
    )
    assert f"{provider} may begin the transaction of the session at line 50" in found["change_note"].points
    assert found["list_notes"].points == (f"opens 1 session with {provider} at line 36",)
    assert [one.convention for one in report.summary.providers] == [
        "async context manager; closes, begins in some calls, commits in some calls"
    ]


HARD_TO_REACH = """\
import asyncio

from fastapi import APIRouter, Depends, HTTPException
from sqlalchemy import create_engine, text
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Session

router = APIRouter()
engine = create_engine("sqlite://")


def get_db():
    with Session(engine) as session:
        yield session


class Mapper:
    def keys(self, payload):
        note = "not for this kind of mapper"
        raise NotImplementedError(note)

    def check(self, payload):
        raise HTTPException(422, "nothing fits")


class RowMapper(Mapper):
    def keys(self, payload):
        return [payload]

    def check(self, payload):
        return payload


mappers: dict[str, Mapper] = {}


def owner_of(session: Session, name: str):
    row = session.get(object, name)
    if row is None:
        return None
    return getattr(row, name, None)


@router.post("/owners")
def add_owner(name: str, session: Session = Depends(get_db)) -> None:
    if owner_of(session, name) is None:
        raise HTTPException(404)
    session.add(name)
    session.commit()


@router.post("/rows")
def add_rows(name: str, mapper: Mapper = Depends(), session: Session = Depends(get_db)) -> None:
    mapper.keys(name)
    mapper.check(name)
    session.commit()


def rename(session: Session, name: str, *, strictly: bool = False) -> None:
    session.execute(text("UPDATE names SET name = 1"))
    if strictly:
        session.rollback()


@router.put("/names")
def put_name(name: str, session: Session = Depends(get_db)) -> None:
    rename(session, name)


async def watch(session: AsyncSession) -> None:
    async def renew() -> None:
        await session.refresh(object())

    await asyncio.create_task(renew())
"""


def test_what_is_hard_to_reach_is_seen_all_the_same(tmp_path: Path) -> None:
    lay_out(tmp_path, {"pyproject.toml": "", "app.py": HARD_TO_REACH})
    report = audit_report(session_lint.check([tmp_path]))
    endpoints, services, tasks = (
        subjects(detail(report, id_)) for id_ in ("routers", "service-functions", "background-tasks")
    )
    assert "calls `commit()` at line 49" in endpoints["add_owner"].points
    assert "calls `commit()` at line 56" in endpoints["add_rows"].points
    assert services["rename"].points[0] == "rolls back at line 62"
    assert tasks["watch.renew"].points[1:] == (
        "uses `session` of the function around it",
        "calls neither `begin()` nor `commit()` itself",
    )
    group = next(group for group in detail(report, "background-tasks").groups if group.subjects)
    assert group.text == "1 uses a session of the function around it"


PASSED_ON = """\
import functools
import inspect

from fastapi import APIRouter, BackgroundTasks, Depends
from fastapi_utils.cbv import cbv
from sqlalchemy import create_engine
from sqlalchemy.orm import Session
from sqlalchemy.pool import NullPool

router = APIRouter()


def make_engine(*args, **options):
    return create_engine(*args, **options)


engine = make_engine("sqlite://", poolclass=NullPool, connect_args={"timeout": 3})


def get_db():
    with Session(engine) as session:
        yield session


def named(function):
    return inspect.getmodule(function).__name__ + functools.wraps(function)(function).__name__


def tidy() -> None:
    pass


@router.post("/tidy")
def start(tasks: BackgroundTasks) -> None:
    named(tidy)
    tasks.add_task(tidy)


@cbv(router)
class Names:
    session: Session = Depends(get_db)

    @router.get("/names")
    def look(self) -> None:
        self.session.get(object, 1)
"""


def test_what_is_only_passed_on_is_not_asserted(tmp_path: Path) -> None:
    lay_out(tmp_path, {"pyproject.toml": "", "app.py": PASSED_ON})
    report = audit_report(session_lint.check([tmp_path]))
    tasks, endpoints, engines = (subjects(detail(report, id_)) for id_ in ("background-tasks", "routers", "engines"))
    assert tasks["tidy"].points == ("is started in `start` (app.py:36)",)
    assert endpoints["Names.look"].points == ("has its session from `get_db` (app.py:20)",)
    assert engines["make_engine"].points[-1] == "has no connect_args and no poolclass, unless by `**`"


FROM_OUTSIDE = """\
import asyncio
from contextlib import asynccontextmanager

from fastapi import APIRouter, BackgroundTasks
from sqlalchemy.ext.asyncio import AsyncSession
from cache_client import open_session
from platform_db import scope, connect
from web_client import client

router = APIRouter()


@asynccontextmanager
async def own_scope():
    async with scope() as opened:
        yield opened


async def find(session: AsyncSession) -> None:
    await session.scalar("SELECT 1")


@router.get("/notes")
async def list_notes():
    async with scope() as session:
        return await session.scalars("SELECT 1")


@router.post("/notes")
async def add_note(tasks: BackgroundTasks):
    async with own_scope() as db:
        await db.execute("INSERT INTO notes VALUES (1)")
        await db.commit()
    async with own_scope() as db:
        await db.execute("INSERT INTO notes VALUES (2)")
    tasks.add_task(tidy)
    tasks.add_task(index)
    tasks.add_task(search)


@router.put("/notes")
async def lend():
    async with scope() as session:
        await find(session)


@router.get("/pages")
async def fetch():
    async with client() as session:
        return await session.get("https://example.org")


@router.delete("/pages")
async def forget():
    async with open_session() as session:
        await session.execute("x")
        await session.unlink("x")


@router.patch("/notes")
async def change():
    unit = connect()
    unit.add_all([object()])
    unit.commit()


@router.get("/names")
async def names():
    return await asyncio.wait_for(read_names(), 1)


async def read_names():
    async with scope() as session:
        return await session.scalars("SELECT 1")


async def purge(db=None) -> None:
    print(db)


async def tidy(db_session=None) -> None:
    await purge(db=db_session)


async def index() -> None:
    await asyncio.sleep(1)


async def search() -> None:
    await read_names()


async def lend_on(session=None) -> None:
    await find(session)


async def close(response, session=None) -> None:
    await release(response, session)


async def release(response, session) -> None:
    await session.close()
"""


def test_what_gives_a_session_may_be_unknown(tmp_path: Path) -> None:
    lay_out(tmp_path, {"pyproject.toml": "", "app.py": FROM_OUTSIDE})
    report = audit_report(session_lint.check([tmp_path]))
    tasks, endpoints = detail(report, "background-tasks"), detail(report, "routers")
    assert [(group.text, [s.place.symbol for s in group.subjects]) for group in endpoints.groups] == [
        ("4 in which it is not known what gives the session", ["list_notes", "add_note", "lend", "change"]),
        ("1 with no session itself, over functions in which it is not known what gives the session", ["names"]),
        ("2 in which no session is seen", ["fetch", "forget"]),
    ]
    said = subjects(endpoints)
    assert said["list_notes"].points == (
        "`session` comes from `scope()` (`platform_db.scope`), which is not in the project (line 25)",
    )
    assert said["add_note"].points == (
        "`db` comes from `own_scope()`, which has it from `platform_db.scope`, outside the project (lines 31, 34)",
    )
    assert [(group.text, [s.place.symbol for s in group.subjects]) for group in tasks.groups] == [
        ("2 in which, or under which, it is not known what gives the session", ["tidy", "search"]),
        ("in 1 no session is seen", ["index"]),
    ]
    assert subjects(tasks)["tidy"].points[-1] == (
        "takes `db_session` and passes it on to `purge()`; nobody is seen to give it one (line 81)"
    )
    over = "reaches functions in which it is not known what gives the session: `read_names` (app.py:72)"
    assert over in said["names"].points
    assert over in subjects(tasks)["search"].points
    undecided = next(one for one in report.undecided if "named and used like a session" in one.text)
    assert undecided.points == (
        "`list_notes` (app.py:25): `session` comes from `scope()` (`platform_db.scope`), which is not in the project",
        "`add_note` (app.py:31): `db` comes from `own_scope()`, which has it from `platform_db.scope`, outside the project",
        "`add_note` (app.py:34): `db` comes from `own_scope()`, which has it from `platform_db.scope`, outside the project",
        "`lend` (app.py:43): `session` comes from `scope()` (`platform_db.scope`), which is not in the project",
        "`change` (app.py:62): `unit` comes from `connect()` (`platform_db.connect`), which is not in the project",
        "`read_names` (app.py:73): `session` comes from `scope()` (`platform_db.scope`), which is not in the project",
        "`tidy` (app.py:81): takes `db_session` and passes it on to `purge()`; nobody is seen to give it one",
        "`lend_on` (app.py:93): takes `session` and passes it on to `find()`; nobody is seen to give it one",
    )
