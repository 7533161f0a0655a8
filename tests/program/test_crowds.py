"""What a large project has much of is told apart all the same."""

from __future__ import annotations

from pathlib import Path

from projects import lay_out

import session_lint

PROVIDING = """
from contextlib import contextmanager
from functools import wraps

from sqlalchemy import create_engine
from sqlalchemy.orm import sessionmaker

make_session = sessionmaker(create_engine("sqlite://"))


@contextmanager
def create_session():
    session = make_session()
    try:
        yield session
        session.commit()
    except Exception:
        session.rollback()
        raise
    finally:
        session.close()


def provide_session(func):
    @wraps(func)
    def wrapper(*args, **kwargs):
        with create_session() as session:
            return func(*args, session=session, **kwargs)

    return wrapper
"""

COMMANDS = "from app.providing import provide_session\n" + "\n".join(
    f"\n\n@provide_session\ndef command_{number}(name, session):\n    session.add(name)\n    session.commit()"
    for number in range(100)
)


def test_all_functions_behind_one_decorator_get_its_session(tmp_path: Path) -> None:
    root = lay_out(tmp_path, {"app/providing.py": PROVIDING, "app/commands.py": COMMANDS})
    found = session_lint.check([root], root=root).findings
    assert sum(finding.code == "SL304" for finding in found) == 100
