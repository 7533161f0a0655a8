"""A message says who lent the session, and through whom: the shortest way from the one who owns it."""

from __future__ import annotations

from pathlib import Path

import pytest
from projects import lay_out

import session_lint
from session_lint.program import Program

FILES = {
    "pyproject.toml": "[tool.session-lint]\n",
    "database.py": (
        "from sqlalchemy import create_engine\n"
        "from sqlalchemy.orm import sessionmaker\n"
        "factory = sessionmaker(create_engine('sqlite://'))\n"
        "def get_session():\n"
        "    with factory() as session:\n"
        "        yield session\n"
    ),
    "routers/users.py": (
        "from database import get_session\n"
        "from fastapi import APIRouter, Depends\n"
        "from services.users import UserService\n"
        "router = APIRouter()\n"
        "@router.post('/users')\n"
        "def register(name: str, db=Depends(get_session)):\n"
        "    UserService(db).register(name)\n"
        "@router.post('/users/long')\n"
        "def register_slowly(name: str, db=Depends(get_session)):\n"
        "    UserService(db).register_all([name])\n"
    ),
    "services/users.py": (
        "from repositories.users import create_user\n"
        "class UserService:\n"
        "    def __init__(self, db):\n"
        "        self.db = db\n"
        "    def register_all(self, names):\n"
        "        for name in names:\n"
        "            self.register(name)\n"
        "    def register(self, name):\n"
        "        return create_user(self.db, name)\n"
    ),
    "repositories/users.py": "def create_user(db, name):\n    db.add(name)\n    db.commit()\n",
}
LENT = "lent by register (routers/users.py:7) through UserService.register (services/users.py:9)"


def message(root: Path) -> str:
    (finding,) = (f for f in session_lint.check([root]).findings if f.code == "SL302")
    assert (finding.filename, finding.span.row) == ("repositories/users.py", 3)
    return finding.message


def test_the_message_carries_the_shortest_chain(tmp_path: Path) -> None:
    lay_out(tmp_path, FILES)
    assert message(tmp_path).startswith(f"create_user commits `db` {LENT}: ")
    (finding,) = (f for f in session_lint.check([tmp_path]).findings if f.code == "SL302")
    assert [(link.filename, link.row, link.symbol) for link in finding.chain] == [
        ("routers/users.py", 7, "register"),
        ("services/users.py", 9, "UserService.register"),
        ("repositories/users.py", 3, "create_user"),
    ]


def test_without_the_chain_it_says_less(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Program, "chain_to", lambda *arguments: ())
    lay_out(tmp_path, FILES)
    assert "lent by" not in message(tmp_path)
