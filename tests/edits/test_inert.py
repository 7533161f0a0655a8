"""Edits of code that no session is in reach of are answered without linking, and all others are linked."""

from __future__ import annotations

import random
import shutil
from collections import Counter
from pathlib import Path

import pytest
from editing import code, layout
from fixture_cases import FIXTURES

from session_lint.edits import quiet, words
from session_lint.pipeline import find_files, run
from session_lint.program import frameworks, known_calls, layers, typed_providers, vocabulary
from session_lint.request import Request
from session_lint.result import Result
from session_lint.rules import background
from session_lint.rules import sl506_connection_state_behind_pooler as sl506
from session_lint.rules.registry import Selection

PROJECT = {
    "app/__init__.py": "",
    "app/database.py": """
from sqlalchemy import create_engine
from sqlalchemy.orm import Session, sessionmaker

engine = create_engine("sqlite://")
make_session = sessionmaker(engine)

def get_session():
    with make_session() as session:
        yield session
""",
    "app/routes.py": """
from fastapi import APIRouter, Depends
from app.database import get_session
from app.pricing import Price, price_of
from app.services import order

router = APIRouter()

@router.post("/orders")
def post_order(name: str, session=Depends(get_session)):
    with session.begin():
        return order(session, name, price_of(name))
""",
    "app/services.py": """
import json
import logging

logger = logging.getLogger(__name__)
LIMIT = 10

def order(session, name, price):
    session.add(name)
    session.commit()
    return describe(name, price)

def describe(name, price):
    logger.info("described")
    text = f"{name}: {price}"
    return text

def check(name):
    if len(name) > LIMIT:
        raise ValueError(name)
    count = 1
    count += len(name)
    note(count)

def note(count):
    print(count)
    print(json.dumps(count))
""",
    "app/pricing.py": """
class Price:
    def __init__(self, amount):
        self.amount = amount

    @property
    def rounded(self):
        return round(self.amount)

    def shown(self):
        amount = self.amount
        print("shown")
        return str(amount)

def price_of(name):
    price = Price(len(name))
    total = price.amount * 2
    return price
""",
}

UNSEEN = {
    "a log entry": (
        "services",
        '    logger.info("described")',
        '    logger.info("described %s", name)\n    logger.debug("more")',
    ),
    "no log entry": ("services", '    logger.info("described")\n', ""),
    "a condition": ("services", "len(name) > LIMIT", "len(name) >= LIMIT and name"),
    "another error": ("services", "raise ValueError(name)", 'raise TypeError(f"no {name}")'),
    "a block": (
        "services",
        "    print(count)\n",
        "    for one in range(count):\n        if one:\n            print(one)\n",
    ),
    "a text of the same kind": ("services", 'f"{name}: {price}"', 'f"{price} for {name}"'),
    "a harmless library": ("services", "print(json.dumps(count))", "print(json.dumps([count, 1]))"),
    "arithmetic": ("pricing", "price.amount * 2", "price.amount * 3 - 1"),
    "a constant that nobody asks for": ("services", "LIMIT = 10\n", "LIMIT = 10\nMOST_OF_ALL = 3\n"),
    "a function that nobody calls": ("services", "def note(", "def halved(count):\n    return count / 2\n\ndef note("),
    "a docstring": ("services", "def note(count):\n", 'def note(count):\n    """Say how many."""\n'),
}

SEEN = {
    "a session": ("services", "    session.commit()\n", ""),
    "a function that reaches one": ("services", "    session.add(name)\n", "    session.add(name)\n    print(name)\n"),
    "a result": ("services", "    return text", "    return None"),
    "what is returned": ("services", '    text = f"{name}: {price}"', '    text = [name, price]'),
    "a call of the project's": ("services", "    note(count)\n", ""),
    "another argument": ("services", "    note(count)\n", "    note(True)\n"),
    "an attribute": ("pricing", '        print("shown")', '        self.seen = True'),
    "a property": ("pricing", "    total = price.amount * 2", "    total = price.rounded"),
    "an object": ("pricing", "    total = price.amount * 2", "    total = Price(2)"),
    "a constant that is asked for": ("services", "LIMIT = 10", "LIMIT = 11"),
    "a name that others ask for": ("services", "LIMIT = 10\n", "LIMIT = 10\nlogging = 3\n"),
    "an address": ("services", '    logger.info("described")', '    logger.info("postgresql+asyncpg://db/x")'),
    "an import": ("services", "import json\n", "import json\nimport time\n"),
    "a wait": ("services", "    print(count)\n", "    time.sleep(count)\n"),
    "a decorator": ("services", "def note(", "@print\ndef note("),
    "another parameter": ("services", "def note(count)", "def note(count, session=None)"),
    "a generator": ("services", "    print(count)\n", "    yield count\n"),
    "a scope": ("services", "    print(count)\n", "    print(lambda: count)\n"),
    "a name that becomes a variable": ("services", "    print(count)\n", "    json = count\n"),
    "a function that only raises": ("services", "    print(count)\n    print(json.dumps(count))\n", "    raise ValueError(json.dumps(count))\n"),
    "a function with a session": ("services", "def note(", "def noted(session):\n    return 1\n\ndef note("),
    "a new endpoint": ("routes", "@router.post", '@router.get("/x")\ndef x():\n    return 1\n\n@router.post'),
}  # fmt: skip


def test_names_that_the_analysis_knows_are_not_called() -> None:
    registering = {name.rpartition(".")[2] for name in frameworks._REGISTRATIONS} - {"append"}
    known = {*registering, *background._METHODS, *background._TASK_STARTERS, *background._WAITERS, *sl506._RUNS}
    assert known - words.CALLEES == words.COLLECTORS
    assert {*layers._PREFIXES, "dependencies"} <= words.KEYWORDS
    assert typed_providers._CALLS <= words.CALLEES
    for name in vocabulary.NEVER_RETURN | set(known_calls.CALLS):
        last = name.rpartition(".")[2]
        assert not quiet.is_harmless(name) or last not in words.BUILTINS or last in HANDED_ON


HANDED_ON = {"dict", "list", "tuple"}
"""Builtins that give what they are given."""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    for name, text in PROJECT.items():
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text.lstrip("\n"))
    return tmp_path


def lint(root: Path, *, cache: bool = True) -> Result:
    request = Request(paths=(root,), root=root, cache=cache, selection=Selection("", ["ALL"]), preview=True)
    return run(request, find_files(request))


def said(result: Result) -> tuple[object, ...]:
    """All that is known, but for the size of the program as it was linked."""
    known = result.analysis
    return (
        result.findings,
        result.hidden,
        known.findings,
        known.remarks,
        known.counts,
        known.other_policy,
        known.defined,
    )


def edit(root: Path, name: str, old: str, new: str) -> None:
    path = root / "app" / f"{name}.py"
    text = path.read_text()
    assert text.count(old) == 1
    path.write_text(text.replace(old, new))


@pytest.mark.parametrize("what", UNSEEN)
def test_what_cannot_be_seen_is_not_linked(what: str, project: Path) -> None:
    assert lint(project).findings
    edit(project, *UNSEEN[what])
    answered = lint(project)
    assert answered.reasons == ()
    assert said(answered) == said(lint(project, cache=False))


@pytest.mark.parametrize("what", SEEN)
def test_what_may_be_seen_is_linked(what: str, project: Path) -> None:
    lint(project)
    edit(project, *SEEN[what])
    linked = lint(project)
    assert linked.reasons
    assert said(linked) == said(lint(project, cache=False))


IDLE = """import json
from app.pricing import price_of

def test_price():
    assert price_of("tea").amount == 3
"""

SPEAKING = """from app.services import order

def test_order(session):
    order(session, "tea", 3)
"""


@pytest.mark.parametrize(
    "new",
    [
        "import app.services\n\nclass Case:\n    def test_check(self):\n        self.done = app.services.check('tea')\n",
        "from tests.test_orders import *\n\nprice_of = test_order\n",
        "",
    ],
)
def test_an_idle_test_may_become_anything_that_does_not_speak_of_sessions(new: str, project: Path) -> None:
    write_tests(project)
    lint(project)
    (project / "tests/test_pricing.py").write_text(new)
    edit(project, *UNSEEN["arithmetic"])
    answered = lint(project)
    assert answered.reasons == ()
    assert said(answered) == said(lint(project, cache=False))


@pytest.mark.parametrize(
    ("name", "new"),
    [
        ("pricing", IDLE + "\ndef test_more(session):\n    session.add(price_of)\n"),
        ("pricing", IDLE + "# in one session\n"),
        ("pricing", IDLE + "def:\n"),
        ("orders", "from app.services import order\n\ndef test_order():\n    order(1, 2, 3)\n"),
        ("orders", SPEAKING + "import tests.test_pricing\n"),
    ],
)
def test_other_tests_are_linked(name: str, new: str, project: Path) -> None:
    write_tests(project)
    lint(project)
    (project / f"tests/test_{name}.py").write_text(new)
    linked = lint(project)
    assert linked.reasons
    assert said(linked) == said(lint(project, cache=False))


def test_a_project_may_begin_to_have_sessions(tmp_path: Path) -> None:
    first, second = tmp_path / "first.py", tmp_path / "second.py"
    first.write_text("def load(session):\n    return session.get('a')\n\n\nload(None)\n")
    second.write_text("def load():\n    return 1\n")
    assert not lint(tmp_path).analysis.findings
    second.write_text("import os\n\n\ndef load(session):\n    return os\n")
    assert lint(tmp_path).reasons
    second.write_text("import os\n\n\ndef load(session):\n    return os, session\n")
    assert lint(tmp_path).reasons == ()
    sessions = "import os\nfrom sqlalchemy.orm import Session\n\n\nsession = Session()\n"
    found = []
    for text in (sessions, "import os\n"):
        second.write_text(text)
        linked = lint(tmp_path)
        assert linked.reasons
        assert said(linked) == said(lint(tmp_path, cache=False))
        found.append(bool(linked.analysis.findings))
    assert found == [True, False]


def write_tests(project: Path) -> None:
    (project / "tests").mkdir()
    (project / "tests/__init__.py").write_text("")
    (project / "tests/test_pricing.py").write_text(IDLE)
    (project / "tests/test_orders.py").write_text(SPEAKING)


def test_the_last_two_uses_of_a_name_go_together(project: Path) -> None:
    used = "from app.limits import MOST\n\ndef one(x):\n    limit = MOST\n    print(x)\n\ndef two(x):\n    limit = MOST\n    print(x)\n"
    (project / "app/limits.py").write_text("MOST = 3\n\ndef nothing():\n    print()\n")
    users = project / "app/users.py"
    users.write_text(used)
    lint(project)
    users.write_text(used.replace("    limit = MOST\n", ""))
    assert lint(project).reasons
    users.write_text(used)
    lint(project)
    users.write_text(used.replace("    limit = MOST\n", "", 1))
    assert lint(project).reasons == ()


def test_edits_add_up(project: Path) -> None:
    lint(project)
    for what, change in UNSEEN.items():
        if what not in ("no log entry", "a harmless library"):
            edit(project, *change)
            assert lint(project).reasons == ()
    fresh = lint(project, cache=False)
    assert said(lint(project)) == said(fresh)
    edit(project, *SEEN["a session"])
    assert lint(project).reasons
    assert said(lint(project)) == said(lint(project, cache=False))


PROJECTS = (
    "batch_scraper/violating",
    "batch_scraper/compliant",
    "analysis/objects",
    "patterns/05c_many_services",
    "patterns/03c_decorator_objects",
)


def test_random_edits_are_answered_as_linking_does(tmp_path: Path) -> None:
    answers: Counter[bool] = Counter()
    for seed, name in enumerate(PROJECTS):
        chance = random.Random(seed)
        root = tmp_path / str(seed)
        shutil.copytree(FIXTURES / name, root, ignore=shutil.ignore_patterns("__pycache__"))
        lint(root)
        for _ in range(12):
            for path in chance.sample(sorted(root.rglob("*.py")), chance.randrange(1, 3)):
                edited = chance.choice((code, code, layout))(path.read_text(), chance)
                try:
                    compile(edited, "edited", "exec")
                except SyntaxError:
                    continue
                path.write_text(edited)
            result = lint(root)
            answers[not result.reasons] += 1
            assert said(result) == said(lint(root, cache=False))
    assert answers[True] > 10
    assert answers[False] > 10
