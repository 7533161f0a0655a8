"""Settings: which file holds, what it may say, how a mistake is named."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from projects import lay_out

from session_lint.errors import UserError
from session_lint.findings import Severity
from session_lint.project import locate_project
from session_lint.settings import Settings, find_settings_file, load_settings, parse_settings


def test_every_key_is_read() -> None:
    settings = parse_settings(
        {
            "transaction-owner": "provider",
            "pooler": "transaction",
            "session-modules": ["app/db/*.py"],
            "providers": {"app.db.get_session": {"commits": True}},
            "session-names": ["s"],
            "roles": {"session-module": ["db.py"], "service": ["domain/**"]},
            "entry-point-decorators": ["job"],
            "database-parameter-names": ["pool_params"],
            "select": ["SL3"],
            "ignore": ["SL301"],
            "extend-select": ["SL902"],
            "per-file-ignores": {"scripts/*": ["SL1"]},
            "exclude": ["old"],
            "extend-exclude": ["generated"],
            "severity": {"SL302": "warning"},
            "max-file-size": 10,
        },
        "pyproject.toml",
    )
    assert settings.transaction_owner == "provider"
    assert settings.providers["app.db.get_session"].commits is True
    assert dict(settings.roles.items())["session-module"] == ("db.py",)
    assert settings.select == ("SL3",)
    assert settings.severity == {"SL302": Severity.WARNING}
    assert settings.max_file_size == 10


@pytest.mark.parametrize(
    ("table", "sentence"),
    [
        (
            {"transaction_owner": "any"},
            "x.toml: unknown setting `transaction_owner`; did you mean `transaction-owner`?",
        ),
        ({"roles": {"routers": []}}, "x.toml: unknown setting `roles.routers`; did you mean `router`?"),
        (
            {"providers": {"a.b": {"commit": True}}},
            'x.toml: unknown setting `providers."a.b".commit`; did you mean `commits`?',
        ),
        (
            {"transaction-owner": "rooter"},
            'x.toml: `transaction-owner` is "router", "provider", "service" or "any", not \'rooter\'.',
        ),
        ({"select": "SL302"}, "x.toml: `select`: expected `array`, got `string`."),
        ({"ignore": ["SL302", 3]}, "x.toml: `ignore` (in one of its items): expected `string`, got `integer`."),
        ({"severity": {"SL302": "fatal"}}, 'x.toml: `severity` is "error", "warning" or "info", not \'fatal\'.'),
        ({"roles": []}, "x.toml: `roles`: expected `table`, got `array`."),
        ({"max-file-size": 0}, "x.toml: `max-file-size`: expected `integer` >= 1."),
        ({"max-file-memory": 9}, "x.toml: `max-file-memory`: expected `integer` >= 200."),
    ],
)
def test_a_mistake_is_one_sentence(table: dict[str, Any], sentence: str) -> None:
    with pytest.raises(UserError) as raised:
        parse_settings(table, "x.toml")
    assert str(raised.value) == sentence


def test_an_unknown_key_far_from_all_lists_them() -> None:
    with pytest.raises(UserError, match=r"unknown setting `qqqq`; known are transaction-owner, pooler, "):
        parse_settings({"qqqq": 1}, "x.toml")


def test_the_nearest_file_with_settings_holds(tmp_path: Path) -> None:
    root = lay_out(
        tmp_path,
        {
            "pyproject.toml": "[tool.session-lint]\npooler = 'session'\n",
            "a/pyproject.toml": "[project]\nname = 'a'\n",
            "b/session-lint.toml": "pooler = 'transaction'\n",
            "b/pyproject.toml": "[tool.other]\n",
        },
    )
    assert find_settings_file(root / "a") == root / "pyproject.toml"
    assert find_settings_file(root / "b") == root / "b/session-lint.toml"
    assert load_settings(root / "b/session-lint.toml").pooler == "transaction"


def test_a_file_that_is_not_toml_is_named(tmp_path: Path) -> None:
    lay_out(tmp_path, {"pyproject.toml": "[tool"})
    with pytest.raises(UserError, match=r"pyproject\.toml is not valid TOML"):
        find_settings_file(tmp_path)


def test_a_byte_order_mark_does_not_hide_settings(tmp_path: Path) -> None:
    lay_out(tmp_path, {"session-lint.toml": b"\xef\xbb\xbfpooler = 'session'\n"})
    assert load_settings(tmp_path / "session-lint.toml").pooler == "session"


def test_the_root_is_the_settings_folder_then_the_marked_one_then_the_paths(tmp_path: Path) -> None:
    root = lay_out(
        tmp_path,
        {
            "one/session-lint.toml": "",
            "one/src/pyproject.toml": "",
            "two/.git/HEAD": "",
            "two/src/app/x.py": "",
        },
    )
    (root / "one/src/app").mkdir()
    assert locate_project([root / "one/src/app"]).root == root / "one"
    assert locate_project([root / "one/src/app"], isolated=True).root == root / "one/src"
    assert locate_project([root / "two/src/app/x.py"]).root == root / "two"
    assert locate_project([root / "two/src"], root=root).root == root


def test_a_named_settings_file_elsewhere_does_not_move_the_root(tmp_path: Path) -> None:
    root = lay_out(tmp_path, {"shared/lint.toml": "pooler = 'session'", "app/pyproject.toml": "", "app/x.py": ""})
    project = locate_project([root / "app"], config=root / "shared/lint.toml")
    assert project.root == root / "app"
    assert project.settings == Settings(pooler="session")


def test_a_root_that_is_no_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"gone is not a folder"):
        locate_project([tmp_path], root=tmp_path / "gone")
