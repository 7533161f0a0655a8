"""The tests of a project see its application, which does not see them."""

from __future__ import annotations

from pathlib import Path

import pytest
from projects import lay_out

import session_lint
from session_lint.ir import Module
from session_lint.lowering import lower
from session_lint.program.apart import idle, set_apart
from session_lint.program.apart import test_paths as file_is_test
from session_lint.program.building import ModuleIndex, build_module
from session_lint.program.symbols import Module as ProgramModule
from session_lint.program.vocabulary import DRIVER_CONNECTS
from session_lint.settings import ProviderSettings, RoleGlobs, Settings

APPLICATION = {
    "app/database.py": """
from sqlalchemy import create_engine
from sqlalchemy.orm import sessionmaker

make_session = sessionmaker(create_engine("sqlite://"))


def get_session():
    with make_session() as session:
        yield session
""",
    "app/registry.py": """
class Registry:
    services = None


registry = Registry()
""",
    "app/services.py": """

class Orders:
    def __init__(self, session):
        self.session = session

    def save(self, order):
        self.session.add(order)
        self.session.commit()
""",
    "app/wiring.py": """
from app.registry import registry
from app.services import Orders

registry.services = Orders
""",
    "app/zones/routes.py": """
from fastapi import APIRouter, Depends

from app.database import get_session
from app.registry import registry

router = APIRouter()


@router.post("/orders")
def create_order(session=Depends(get_session)):
    registry.services(session).save(object())
""",
}

CROWD = "from app.registry import registry\n" + "\n".join(
    f"\n\nclass Fake{number}:\n    pass\n\n\nregistry.services = Fake{number}" for number in range(80)
)
"""More classes in one attribute than are told apart."""


def findings(root: Path) -> list[tuple[str, str, int]]:
    result = session_lint.check([root], root=root)
    return [(one.code, one.filename, one.span.row) for one in result.findings]


def test_what_tests_pass_to_the_application_hides_nothing_in_it(tmp_path: Path) -> None:
    root = lay_out(tmp_path, APPLICATION)
    alone = findings(root)
    assert ("SL302", "app/services.py", 9) in alone
    lay_out(root, {"app/tests/test_registry.py": CROWD})
    assert findings(root) == alone
    lay_out(root, {"app/samples.py": CROWD})
    assert findings(root) != alone  # as code of the application the same crowd does hide it


def test_what_is_wrong_in_a_test_is_reported_there(tmp_path: Path) -> None:
    case = """
from sqlalchemy.ext.asyncio import AsyncSession


async def test_commit(session: AsyncSession):
    session.commit()
"""
    root = lay_out(tmp_path, {**APPLICATION, "tests/test_orders.py": case})
    assert ("SL401", "tests/test_orders.py", 6) in findings(root)


@pytest.mark.parametrize(
    ("settings", "apart"),
    [
        (Settings(), {"tests/test_orders.py", "tests/fakes.py"}),
        (Settings(roles=RoleGlobs(service=("tests/fakes.py",))), {"tests/test_orders.py"}),
        (
            Settings(roles=RoleGlobs(test=("app/samples.py",))),
            {"tests/test_orders.py", "tests/fakes.py", "app/samples.py"},
        ),
    ],
)
def test_a_test_is_apart_unless_the_application_imports_it(settings: Settings, apart: set[str]) -> None:
    texts = {
        "app/main.py": "from tests import shared\n",
        "app/samples.py": "import app.main\n",
        "tests/__init__.py": "",
        "tests/shared.py": "def helper():\n    from tests.deeper import thing\n",
        "tests/deeper.py": "thing = 1\n",
        "tests/fakes.py": "",
        "tests/test_orders.py": "import app.main\nfrom tests import fakes\n",
    }
    modules, _ = built(texts, settings)
    assert {module.path for module in modules if module.is_apart} == apart


def built(texts: dict[str, str], settings: Settings) -> tuple[list[ProgramModule], ModuleIndex]:
    modules = [build_module(path, lower(text) if text else Module((), ())) for path, text in texts.items()]
    index = ModuleIndex(modules)
    set_apart(modules, index, file_is_test(settings))
    return modules, index


QUIET_TESTS = {
    "app/main.py": "import sqlalchemy\n",
    "app/test/spoken.py": "import app.main\n",
    "tests/__init__.py": "",
    "tests/conftest.py": "from tests import making\n",
    "tests/making.py": "",
    "tests/helping.py": "from tests import deeper\n",
    "tests/deeper.py": "import app.main\n",
    "tests/test_names.py": "from tests import alone\nimport app.main\n",
    "tests/alone.py": "",
    "tests/test_orders.py": "from tests.helping import order\n\ndef test_order(session): ...\n",
}


@pytest.mark.parametrize(
    ("settings", "found"),
    [
        (Settings(), {"app/test/spoken.py", "tests/test_names.py", "tests/alone.py"}),
        (
            Settings(providers={"tests.alone.Pool.get": ProviderSettings()}),
            {"app/test/spoken.py", "tests/test_names.py"},
        ),
        (Settings(roles=RoleGlobs(service=("tests/test_names.py",))), {"app/test/spoken.py"}),
        (Settings(models=("models/ours.toml",)), set()),
    ],
)
def test_a_test_is_idle_unless_it_or_what_imports_it_speaks_of_sessions(settings: Settings, found: set[str]) -> None:
    modules, index = built(QUIET_TESTS, settings)
    assert {module.path for module in idle(modules, index, settings)} == found


@pytest.mark.parametrize(
    ("settings", "is_idle"),
    [
        (Settings(), True),
        (Settings(session_names=("conn",)), False),
        (Settings(providers={"app.main.get": ProviderSettings()}), False),
        (Settings(models=("models/ours.toml",)), False),
    ],
)
def test_a_project_that_uses_no_database_is_idle(settings: Settings, is_idle: bool) -> None:
    texts = {"app/main.py": "def load(session):\n    session.get('http://a')\n", "app/other.py": "import requests\n"}
    modules, index = built(texts, settings)
    assert (idle(modules, index, settings) == {*modules}) is is_idle
    for more in (
        "from sqlmodel import SQLModel\n",
        "import os, asyncpg\n",
        "def save(session):\n    session.commit()\n",
    ):
        modules, index = built({**texts, "app/models.py": more}, settings)
        assert not idle(modules, index, settings)


@pytest.mark.parametrize("name", DRIVER_CONNECTS)
def test_a_test_that_connects_is_not_idle(name: str) -> None:
    texts = {"tests/test_tables.py": f"import {name.rpartition('.')[0]}\n\n{name}()\n"}
    modules, index = built(texts, Settings())
    assert not idle(modules, index, Settings())


def test_nothing_is_lost_with_idle_tests(tmp_path: Path) -> None:
    case = """
from app.orders import orders
from tests.helping import both


async def test_orders():
    for one in both():
        one.commit()  # a session by what `both` returns


def test_more(session): ...
"""
    texts = {
        **APPLICATION,
        "app/orders.py": "from sqlalchemy.ext.asyncio import AsyncSession\n\norders = AsyncSession()\n",
        "tests/helping.py": "from app.orders import orders\n\n\ndef both():\n    return [orders]\n",
        "tests/test_orders.py": case,
        "tests/test_names.py": "def test_name():\n    assert 1\n",
    }
    root = lay_out(tmp_path, texts)
    result = session_lint.check([root], root=root)
    assert ("SL401", "tests/test_orders.py", 8) in findings(root)
    assert [module.path for module in result.program.idle] == ["tests/test_names.py"]
    assert result.program.roles["tests/test_names.py"] == "test"
