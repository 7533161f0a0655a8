"""Models of libraries: what those of the package say, and what users add."""

from __future__ import annotations

from pathlib import Path

import pytest
from projects import lay_out

import session_lint
from session_lint.errors import UserError
from session_lint.models import load_models

SETTINGS = '[tool.session-lint]\nmodels = ["lint/kit.toml"]\n'
CODE = """\
from kit.ledgers import Ledger
from sqlalchemy.orm import Session


def book(session: Session) -> None:
    Ledger(session).post(1)


def draft(session: Session) -> None:
    ledger = Ledger(session)
    ledger.post(1, save=False)
"""
MODEL = 'name = "kit"\n[[commits]]\nmethods = ["kit.Ledger.post"]\nunless = "save"\n'


def test_a_model_of_the_user_is_read_relative_to_the_root(tmp_path: Path) -> None:
    lay_out(tmp_path, {"pyproject.toml": SETTINGS, "lint/kit.toml": MODEL, "app/books.py": CODE})
    found = session_lint.check([tmp_path / "app"]).findings
    assert [(f.filename, f.span.row, f.code) for f in found] == [("app/books.py", 6, "SL302")]


def test_without_the_model_nothing_is_known_of_the_library(tmp_path: Path) -> None:
    lay_out(tmp_path, {"pyproject.toml": "[tool.session-lint]\n", "app/books.py": CODE})
    assert session_lint.check([tmp_path]).findings == ()


def test_models_of_the_user_do_not_stay_for_the_next_run(tmp_path: Path) -> None:
    lay_out(tmp_path, {"kit.toml": MODEL})
    assert load_models(tmp_path, ["kit.toml"]).commit_rule("kit.Ledger.post")
    assert load_models().commit_rule("kit.Ledger.post") is None


def test_a_model_of_the_user_overrules_that_of_the_package(tmp_path: Path) -> None:
    lay_out(tmp_path, {"own.toml": 'name = "fastcrud"\n[[commits]]\nmethods = ["fastcrud.FastCRUD.create"]\n'})
    rule = load_models(tmp_path, ["own.toml"]).commit_rule("fastcrud.crud.FastCRUD.create")
    assert rule is not None
    assert not rule.unless


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (None, "cannot be read: No such file or directory; name a file, relative to the project's root."),
        ("name = ", "is not valid TOML: "),
        ('name = "kit"\ncommit = []', "is no model of a library: unknown key `commit`."),
        ('[registries]\n"kit.db" = true', "is no model of a library: missing key `name`."),
        ('name = "kit"\n[[commits]]\nwhen = "x"', "is no model of a library: missing key `methods` in `commits`."),
        (
            'name = "kit"\n[sessions]\n"kit.Session" = "async"',
            "is no model of a library: expected true or false, got a string in `sessions`.",
        ),
    ],
)
def test_a_bad_model_is_named_in_one_sentence(tmp_path: Path, text: str | None, sentence: str) -> None:
    if text is not None:
        lay_out(tmp_path, {"kit.toml": text})
    with pytest.raises(UserError) as error:
        load_models(tmp_path, ["kit.toml"])
    message = str(error.value)
    assert message.startswith(f"models: kit.toml {sentence}")
    assert message.endswith(".")
    assert "\n" not in message


def test_the_format_is_the_one_that_the_documentation_shows(tmp_path: Path) -> None:
    text = (Path(__file__).parents[1] / "docs" / "models.md").read_text("utf-8")
    example = text.split("```toml\n")[2].split("```")[0]
    lay_out(tmp_path, {"kit.toml": example})
    models = load_models(tmp_path, ["kit.toml"])
    assert models.sessions["storekit.fastapi.RequestSession"] is True
    assert models.providers["storekit.open_store"] is True
    assert models.made("storekit.settings.Config.session_factory") == (True, None)
    assert models.keeps_session("storekit.books.Ledger")
    assert models.holds_session("storekit.books.Ledger", "session") is True
    assert [name for name, _ in models.ending("storekit.StoreMiddleware")] == ["storekit"]
