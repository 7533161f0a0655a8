"""Names resolve across modules: what a call makes is told by where its name comes from, not by how it looks."""

from __future__ import annotations

import pytest

from session_lint.facts import ProjectFacts
from session_lint.lowering import lower
from session_lint.program import LoweredFile, Program, link
from session_lint.settings import Settings


def program(files: dict[str, str]) -> Program:
    lowered = [LoweredFile(path, lower(text)) for path, text in files.items()]
    return link(lowered, Settings(), ProjectFacts(None, {}))


def sessions_made_in(files: dict[str, str], path: str) -> int:
    """How many sessions are made from their class in a file."""
    return sum(creation.unit.module.path == path for creation in program(files).creations("session"))


USE = "def read(engine):\n    with {name}(engine) as session:\n        return session.info\n"


@pytest.mark.parametrize(
    ("imports", "name"),
    [
        ("from sqlalchemy.orm import Session", "Session"),
        ("from sqlalchemy.orm import Session as Unit", "Unit"),
        ("import sqlalchemy.orm", "sqlalchemy.orm.Session"),
        ("import sqlalchemy.orm as orm", "orm.Session"),
        ("from sqlalchemy import orm", "orm.Session"),
        ("from sqlalchemy.orm import *", "Session"),
        ("from sqlmodel import Session", "Session"),
        ("from app.database import Session", "Session"),
        ("from app.database import Base as Unit", "Unit"),
        ("from .database import Session", "Session"),
        ("from . import database", "database.Session"),
        ("from app.database import *", "Session"),
        ("import app.database", "app.database.Session"),
        ("from app import Session", "Session"),
        ("try:\n    from sqlmodel import Session\nexcept ImportError:\n    Session = None", "Session"),
    ],
)
def test_a_session_class_is_known_by_its_import(imports: str, name: str) -> None:
    files = {
        "app/__init__.py": "from .database import Session\n",
        "app/database.py": "from sqlalchemy.orm import Session\nBase = Session\n",
        "app/use.py": f"{imports}\n\n{USE.format(name=name)}",
    }
    assert sessions_made_in(files, "app/use.py") == 1


def test_an_import_inside_the_function_counts() -> None:
    text = "def read(engine):\n    from sqlalchemy.orm import Session\n    return Session(engine).info\n"
    assert sessions_made_in({"use.py": text}, "use.py") == 1


@pytest.mark.parametrize(
    "imports",
    [
        "from aiohttp import ClientSession as Session",
        "from requests import Session",
        "from boto3 import Session",
        "from app.models import Session",
        "class Session: ...",
    ],
)
def test_other_sessions_are_not_ours(imports: str) -> None:
    files = {"app/models.py": "class Session:\n    pass\n", "app/use.py": f"{imports}\n\n{USE.format(name='Session')}"}
    assert sessions_made_in(files, "app/use.py") == 0


@pytest.mark.parametrize("root", ["", "src/", "backend/", "services/orders/"])
def test_source_roots_are_found(root: str) -> None:
    files = {
        f"{root}shop/__init__.py": "",
        f"{root}shop/database.py": "from sqlalchemy.orm import Session\n",
        f"{root}shop/use.py": f"from shop.database import Session\n\n{USE.format(name='Session')}",
    }
    assert sessions_made_in(files, f"{root}shop/use.py") == 1


def test_a_folder_named_like_a_library_does_not_hide_it() -> None:
    files = {
        "app/__init__.py": "",
        "app/sqlalchemy/__init__.py": "",
        "app/sqlalchemy/orm.py": "class Session:\n    pass\n",
        "app/use.py": f"from sqlalchemy.orm import Session\n\n{USE.format(name='Session')}",
    }
    assert sessions_made_in(files, "app/use.py") == 1


def test_import_cycles_end() -> None:
    files = {
        "a.py": "from b import Session\nfrom b import other\n",
        "b.py": f"from sqlalchemy.orm import Session\nfrom a import other\n\n{USE.format(name='Session')}",
    }
    assert sessions_made_in(files, "b.py") == 1


ROOTED = {
    "backend/__init__.py": "",
    "backend/app/__init__.py": "",
    "backend/app/db/__init__.py": "",
    "backend/app/db/base.py": "from sqlalchemy.orm import Session\n",
    "backend/app/use.py": f"from app.db.base import Session\n\n{USE.format(name='Session')}",
}


def test_a_package_is_a_source_root_where_the_imports_in_it_count_from_it() -> None:
    """An `__init__.py` that nobody needs stands in the folder that the program is started in."""
    assert sessions_made_in(ROOTED, "backend/app/use.py") == 1


SERVICE = {
    "orders-service/api/__init__.py": "",
    "orders-service/api/db/__init__.py": "",
    "orders-service/api/db/base.py": "from sqlalchemy.orm import Session\n",
    "orders-service/api/core/__init__.py": "",
    "orders-service/api/core/names.py": "NAME = 'orders'\n",
    "orders-service/api/use.py": f"from core.names import NAME\nfrom db.base import Session\n\n{USE.format(name='Session')}",
}


def test_so_is_one_of_which_several_packages_are_imported_so() -> None:
    """None of them imports from itself, yet they vouch for one another; each of two services has its own."""
    other = {path.replace("orders", "users"): text for path, text in SERVICE.items()}
    assert sessions_made_in({**SERVICE, **other}, "orders-service/api/use.py") == 1
    assert sessions_made_in({**SERVICE, **other}, "users-service/api/use.py") == 1
    alone = {path: text.replace("from core.names import NAME\n", "") for path, text in SERVICE.items()}
    assert sessions_made_in(alone, "orders-service/api/use.py") == 0


def test_a_script_beside_such_a_package_finds_what_is_in_it() -> None:
    seed = {"seed.py": f"from app.db.base import Session\n\n{USE.format(name='Session')}"}
    assert sessions_made_in({**ROOTED, **seed}, "seed.py") == 1


def test_a_package_is_no_source_root_where_it_lacks_what_the_imports_ask_for() -> None:
    """`app/sqlalchemy` is not SQLAlchemy."""
    files = {
        "app/__init__.py": "",
        "app/sqlalchemy/__init__.py": "",
        "app/sqlalchemy/orm.py": "class Session: ...\n",
        "app/types.py": "from sqlalchemy.dialects.postgresql import JSONB\n",
        "app/use.py": f"from sqlalchemy.orm import Session\n\n{USE.format(name='Session')}",
    }
    assert sessions_made_in(files, "app/use.py") == 1
