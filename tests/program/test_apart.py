"""The tests of a project see its application, which does not see them."""

from __future__ import annotations

from pathlib import Path

import pytest
from projects import lay_out

import session_lint
from session_lint.ir import Module
from session_lint.lowering import lower
from session_lint.program.apart import set_apart
from session_lint.program.apart import test_paths as file_is_test
from session_lint.program.building import ModuleIndex, build_module
from session_lint.settings import RoleGlobs, Settings

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
    modules = [build_module(path, lower(text) if text else Module((), ())) for path, text in texts.items()]
    set_apart(modules, ModuleIndex(modules), file_is_test(settings))
    assert {module.path for module in modules if module.is_apart} == apart
