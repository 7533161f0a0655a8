"""The fix of SL501 adds what is missing to the driver's arguments; with it the engine is no longer reported. What SL506 advises."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner
from fixture_cases import FIXTURES, Case
from test_dropping import applied

from session_lint import check
from session_lint.cli import main
from session_lint.findings import Finding

HEAD = '"""Engines."""\n\nfrom sqlalchemy.ext.asyncio import create_async_engine\n\nURL = "postgresql+asyncpg://db:6432/app"\n'
ALL = '"statement_cache_size": 0, "prepared_statement_cache_size": 0, "prepared_statement_name_func": lambda: f"__asyncpg_{uuid4()}__"'


def findings(source: str, folder: Path) -> list[Finding]:
    (folder / "app.py").write_text(source)
    return [f for f in check([folder], root=folder).findings if f.code == "SL501"]


@pytest.mark.parametrize(
    ("before", "after", "version"),
    [
        ("create_async_engine(URL)", f"create_async_engine(URL, connect_args={{{ALL}}})", ""),
        ("create_async_engine(URL)", 'create_async_engine(URL, connect_args={"statement_cache_size": 0})', "0.31.0"),
        (
            'create_async_engine(URL, connect_args={"statement_cache_size": 9}, echo=True)',
            'create_async_engine(URL, connect_args={"statement_cache_size": 0}, echo=True)',
            "0.32.0",
        ),
        ("create_async_engine(URL, connect_args={})", f"create_async_engine(URL, connect_args={{{ALL}}})", "0.30.0"),
        (
            'create_async_engine(\n    URL,\n    connect_args={\n        "timeout": 5,\n    },\n)',
            'create_async_engine(\n    URL,\n    connect_args={\n        "statement_cache_size": 0,\n        "timeout": 5,\n    },\n)',
            "0.31.0",
        ),
    ],
)
def test_fix(before: str, after: str, version: str, tmp_path: Path) -> None:
    if version:
        (tmp_path / "requirements.txt").write_text(f"asyncpg=={version}\n")
    source = f"{HEAD}engine = {before}\n"
    (finding,) = findings(source, tmp_path)
    assert finding.fix is not None
    assert not finding.fix.safe
    fixed = applied(source, finding.fix)
    assert f"engine = {after}\n" in fixed
    assert ("from uuid import uuid4\nfrom sqlalchemy" in fixed) is ("uuid4" in after)
    assert not findings(fixed, tmp_path)


@pytest.mark.parametrize(
    ("name", "symbol", "remedy"),
    [
        ("bad_state.py", "of_tenant", "use SET LOCAL"),
        ("bad_new_connections.py", "set_time_zone", "set it for the role (ALTER ROLE ... SET), or in each transaction"),
    ],
)
def test_what_to_do_instead_of_setting_it_for_the_connection(
    tmp_path: Path, name: str, symbol: str, remedy: str
) -> None:
    root = Case(FIXTURES / "rules" / "SL506" / name).lay_out(tmp_path)
    arguments = ["check", "--root", str(root), "--select", "SL506", "--output-format", "json", "--exit-zero", str(root)]
    found = json.loads(CliRunner().invoke(main, arguments, catch_exceptions=False).stdout)
    assert next(item["message"].rpartition("; ")[2] for item in found if item["symbol"] == symbol) == remedy
