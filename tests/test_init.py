"""``session-lint init``: what it infers, why, and what it writes; and the line in the summary that names it."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from fixture_cases import FIXTURES, Case
from projects import lay_out

from session_lint.api import check
from session_lint.cli import main
from session_lint.inference import Inference, infer, section
from session_lint.settings import load_settings
from session_lint.settings_schema import SCHEMA_URL

DATABASE = """\
from collections.abc import Iterator
from sqlalchemy import create_engine
from sqlalchemy.orm import Session, sessionmaker

engine = create_engine("postgresql+psycopg://localhost/shop")
factory = sessionmaker(engine)


def get_db() -> Iterator[Session]:
    with factory() as db:
        yield db
"""
COMMITTING = DATABASE + "        db.commit()\n"
API = """\
from fastapi import APIRouter, Depends
from sqlalchemy.orm import Session
from shop.db import get_db
from shop import services

router = APIRouter()
"""
SERVICES = "from sqlalchemy.orm import Session\n"


def invoke(*arguments: str) -> Result:
    return CliRunner(env={"COLUMNS": "100"}).invoke(main, list(arguments), catch_exceptions=False)


def services(number: int, last: str) -> str:
    return SERVICES + "".join(
        f"\n\ndef rename_{i}(db: Session, name: str) -> None:\n    db.add(name)\n    {last}\n" for i in range(number)
    )


def endpoints(number: int, last: str = "pass") -> str:
    return API + "".join(
        f'\n\n@router.put("/{i}")\ndef put_{i}(db: Session = Depends(get_db)) -> None:\n'
        f'    services.rename_{i}(db, "x")\n    {last}\n'
        for i in range(number)
    )


def project(folder: Path, *, database: str = DATABASE, commits: str = "services", number: int = 11) -> Path:
    in_services = "db.commit()" if commits == "services" else "pass"
    in_endpoints = "db.commit()" if commits == "endpoints" else "pass"
    files = {
        "pyproject.toml": '[project]\nname = "shop"  # the shop\n',
        "shop/db.py": database,
        "shop/services.py": services(number, in_services),
        "shop/api.py": endpoints(number, in_endpoints),
    }
    return lay_out(folder / "project", files)


def inferred(root: Path) -> Inference:
    return infer(check([root], root=root).program)


def totals(inference: Inference) -> dict[str, int]:
    return {count.kind: count.total for count in inference.owners if count.total}


def test_services_that_commit(tmp_path: Path) -> None:
    inference = inferred(project(tmp_path))
    assert totals(inference) == {"service": 11}
    assert section(inference) == {"transaction-owner": "service", "session-modules": ["shop/db.py"]}
    place = next(count for count in inference.owners if count.total).places[0]
    assert (place.filename, place.row, place.symbol) == ("shop/services.py", 6, "rename_0")


def test_entry_points_that_commit(tmp_path: Path) -> None:
    inference = inferred(project(tmp_path, commits="endpoints"))
    assert totals(inference) == {"router": 11}
    assert section(inference)["transaction-owner"] == "router"


def test_a_provider_that_commits_for_those_that_write(tmp_path: Path) -> None:
    inference = inferred(project(tmp_path, database=COMMITTING, commits="nobody"))
    assert totals(inference) == {"provider": 12}  # its commit, and eleven endpoints that leave theirs to it
    assert section(inference)["transaction-owner"] == "provider"
    (use,) = inference.providers
    assert (use.provider.symbol, use.provider.shape, use.uses) == ("get_db", "generator", 11)
    assert use.provider.commits
    assert use.provider.closes


def test_nothing_commits(tmp_path: Path) -> None:
    inference = inferred(project(tmp_path, commits="nobody"))
    assert inference.leading is None
    assert section(inference)["transaction-owner"] == "router"


def test_units_of_work_speak_for_no_policy(tmp_path: Path) -> None:
    inference = inferred(Case(FIXTURES / "patterns/13_unit_of_work").lay_out(tmp_path))
    assert totals(inference) == {"router": 1, "service": 1, "object": 1}


def test_a_mixed_code_base(tmp_path: Path) -> None:
    root = Case(FIXTURES / "batch_scraper/violating").lay_out(tmp_path)
    inference = inferred(root)
    assert totals(inference) == {"router": 4, "provider": 2, "service": 3}
    assert {(engine.place.filename, engine.is_async) for engine in inference.engines} == {
        ("scraper/database.py", True),
        ("scraper/services/batch/reports.py", False),
    }
    assert "though the code is mixed" in invoke("init", "--dry-run", str(root)).stdout.replace("\n", " ")


@pytest.mark.parametrize(
    ("argument", "pooler"),
    [
        ('"postgresql+asyncpg://u:p@db.example:6543/shop"', "transaction"),
        ('"postgresql+asyncpg://u:p@db.example:6432/shop?x=1"', "transaction"),
        ('URL, connect_args={"statement_cache_size": 0}', "transaction"),
        ('URL, connect_args={"prepare_threshold": None}', "transaction"),
        ("URL, connect_args=dict(prepared_statement_name_func=name)", "transaction"),
        ('"postgresql+asyncpg://u:p@aws-0.pooler.example.com:5432/shop"', "session"),
        ("URL, poolclass=NullPool", "none"),
        ('URL, connect_args={"statement_cache_size": 100}', "none"),
        ('"postgresql+asyncpg://u:p@db.example:65432/shop"', "none"),
        ('"postgresql+asyncpg://u:p@db.example:5432/shop"', "none"),
    ],
)
def test_pooler(tmp_path: Path, argument: str, pooler: str) -> None:
    text = f"from sqlalchemy.ext.asyncio import create_async_engine\nfrom sqlalchemy.pool import NullPool\nengine = create_async_engine({argument})\n"
    inference = inferred(lay_out(tmp_path, {"pyproject.toml": "", "db.py": text}))
    assert inference.pooler == pooler
    assert section(inference).get("pooler", "none") == pooler
    assert section(inference)["session-modules"] == ["/db.py"]


def test_a_port_in_the_settings_is_a_hint_and_no_secret_is_shown(tmp_path: Path) -> None:
    files = {
        "pyproject.toml": "",
        "db.py": "import sqlalchemy\n",
        "conf.py": 'class Settings:\n    port: int = 6543\n    url = "postgresql://u:hunter2@h:6432/x"\n',
    }
    root = lay_out(tmp_path, files)
    assert [hint.text for hint in inferred(root).hints] == ["port 6543", "port 6432"]
    assert "hunter2" not in invoke("init", "--dry-run", str(root)).stdout


def test_dry_run_shows_and_writes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = project(tmp_path)
    monkeypatch.chdir(root)
    before = (root / "pyproject.toml").read_bytes()
    result = invoke("init", "--dry-run")
    assert result.exit_code == 0
    for words in (
        "11 of 11 transactions are ended by services (borrowers): `service`.",
        "shop/services.py:6 rename_0",
        "create_engine (line 5)",
        "sync generator; closes",
        "Would write to pyproject.toml:",
        '[tool.session-lint]\ntransaction-owner = "service"\nsession-modules = ["shop/db.py"]\n',
    ):
        assert words in result.stdout
    assert (root / "pyproject.toml").read_bytes() == before
    assert not (root / "session-lint.toml").exists()


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
@pytest.mark.parametrize("end", ["", "\n"])
def test_writing_leaves_the_rest_untouched(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, newline: str, end: str
) -> None:
    root = project(tmp_path)
    monkeypatch.chdir(root)
    before = f"[tool.black]\nx=1 # odd   spacing\n\n[project]\nname  =  'shop'{end}".replace("\n", newline).encode()
    (root / "pyproject.toml").write_bytes(before)
    assert invoke("init").exit_code == 0
    after = (root / "pyproject.toml").read_bytes()
    assert after.startswith(before)
    assert after.count(b"\r\n") == (after.count(b"\n") if newline == "\r\n" else 0)
    settings = load_settings(root / "pyproject.toml")
    assert (settings.transaction_owner, settings.session_modules) == ("service", ("shop/db.py",))


def test_without_a_pyproject_it_writes_a_file_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = project(tmp_path)
    (root / "pyproject.toml").unlink()
    monkeypatch.chdir(root)
    assert invoke("init", "--root", ".").exit_code == 0
    assert load_settings(root / "session-lint.toml").transaction_owner == "service"
    assert (root / "session-lint.toml").read_text("utf-8").startswith(f"#:schema {SCHEMA_URL}\n\ntransaction-owner")


@pytest.mark.parametrize(
    ("name", "text"),
    [("pyproject.toml", "[tool.session-lint]\n"), ("session-lint.toml", 'pooler = "none"\n')],
)
def test_an_existing_section_is_not_overwritten(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, text: str
) -> None:
    root = project(tmp_path)
    lay_out(root, {name: text})
    monkeypatch.chdir(root)
    result = invoke("init")
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.count("\n") == 1
    assert f"{name} holds settings for session-lint already" in result.stderr
    assert (root / name).read_text("utf-8") == text
    assert "holds settings already" in invoke("init", "--dry-run").stdout


def test_a_file_that_takes_no_table_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = project(tmp_path)
    lay_out(root, {"pyproject.toml": "tool = {black = {x = 1}}\n"})
    monkeypatch.chdir(root)
    result = invoke("init")
    assert (result.exit_code, result.stdout) == (2, "")
    assert "takes no [tool.session-lint] table" in result.stderr


@pytest.mark.parametrize("number", [9, 10])
def test_a_few_commits_say_nothing(tmp_path: Path, number: int) -> None:
    output = invoke("check", "--exit-zero", str(project(tmp_path, number=number))).stdout
    assert ("session-lint init" in output) == (number >= 10)


@pytest.mark.parametrize(
    ("setup", "library"),
    [
        (
            "from advanced_alchemy.extensions.litestar import SQLAlchemyAsyncConfig as C\nC(before_send_handler='autocommit')",
            "advanced-alchemy",
        ),
        (
            "from litestar.plugins.sqlalchemy import SQLAlchemySyncConfig as C, sync_autocommit_before_send_handler as h\nC(before_send_handler=h)",
            "advanced-alchemy",
        ),
        (
            "from advanced_alchemy.extensions.fastapi import SQLAlchemySyncConfig as C\nC(commit_mode='autocommit')",
            "advanced-alchemy",
        ),
        ("from advanced_alchemy.extensions.fastapi import SQLAlchemySyncConfig as C\nC(commit_mode='manual')", ""),
        ("import fastapi_sqla, fastapi\nfastapi_sqla.setup(fastapi.FastAPI())", "fastapi-sqla"),
        (
            "import fastapi\nfrom fastapi_async_sqlalchemy import SQLAlchemyMiddleware as M\nfastapi.FastAPI().add_middleware(M, commit_on_exit=True)",
            "fastapi-async-sqlalchemy",
        ),
        (
            "import fastapi\nfrom fastapi_async_sqlalchemy import SQLAlchemyMiddleware as M\nfastapi.FastAPI().add_middleware(M)",
            "",
        ),
        (
            "import fastapi\nfrom fastapi_sqlalchemy import DBSessionMiddleware as M\nfastapi.FastAPI().add_middleware(M, commit_on_exit=True)",
            "fastapi-sqlalchemy",
        ),
    ],
)
def test_a_library_that_commits_each_session_is_the_owner(tmp_path: Path, setup: str, library: str) -> None:
    root = project(tmp_path, commits="services", number=2)
    lay_out(root, {"shop/setup.py": setup + "\n"})
    inference = inferred(root)
    assert [place.symbol for place in inference.libraries] == ([library] if library else [])
    assert inference.owner == ("provider" if library else "service")
    said = " ".join(invoke("init", "--dry-run", str(root)).stdout.split())
    assert ("each request's session is committed by" in said) == bool(library)
