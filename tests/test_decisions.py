"""The lines of the summary that gather what one decision explains: said where nothing is decided yet, and never again."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from projects import lay_out
from test_init import COMMITTING, DATABASE, SERVICES, invoke, project

OWNER = (
    "11 of 11 findings (SL302) say that services (borrowers) begin, commit or roll back; 11 of 11 transactions are ended there:"
    ' if that is your convention, set `transaction-owner = "service"`; `session-lint init --dry-run` shows where.'
)


def last(root: Path, *arguments: str) -> str:
    return invoke("check", "--exit-zero", *arguments, str(root)).stdout.splitlines()[-1]


def test_what_services_do_is_one_decision(tmp_path: Path) -> None:
    root = project(tmp_path)
    assert last(root) == OWNER
    assert "session-lint init" not in invoke("check", "--exit-zero", "--quiet", str(root)).stdout
    assert "session-lint init" not in last(root, "--output-format", "json")


@pytest.mark.parametrize("owner", ["router", "provider", "service", "any"])
def test_what_is_decided_is_not_asked_again(tmp_path: Path, owner: str) -> None:
    root = project(tmp_path)
    lay_out(root, {"pyproject.toml": f'[tool.session-lint]\ntransaction-owner = "{owner}"\n'})
    assert "session-lint init" not in invoke("check", "--exit-zero", str(root)).stdout


def test_what_providers_do_is_said_without_findings(tmp_path: Path) -> None:
    root = project(tmp_path, database=COMMITTING, commits="nobody")
    said = invoke("check", "--exit-zero", str(root)).stdout
    assert (
        '12 of 12 transactions are ended by providers, while transaction-owner is "router";'
        " `session-lint init --dry-run` shows where."
    ) in said.splitlines()


def test_a_baseline_takes_the_findings_out_of_the_count(tmp_path: Path) -> None:
    root = project(tmp_path)
    invoke("baseline", str(root))
    said = invoke("check", str(root)).stdout
    assert "findings (SL302)" not in said
    assert "New here?" not in said


def test_modules_that_make_sessions_are_one_decision(tmp_path: Path) -> None:
    jobs = {
        f"shop/job_{number}.py": "from sqlalchemy.orm import Session\nfrom shop.db import engine\n\n\n"
        "def work() -> None:\n    with Session(engine) as session:\n        session.get(int, 1)\n"
        for number in range(10)
    }
    root = lay_out(tmp_path / "shop", {"pyproject.toml": "", "shop/db.py": DATABASE, **jobs})
    line = (
        "10 of 10 findings (SL101) say that 10 modules beside the session modules make engines or sessions: if they may, list"
        " them in `session-modules`, with those that `session-lint init --dry-run` shows."
    )
    assert last(root) == line
    lay_out(root, {"pyproject.toml": "[tool.session-lint]\nsession-modules = ['shop/db.py']\n"})
    assert "session-modules" not in last(root)


def test_the_first_contact_names_the_first_steps(tmp_path: Path) -> None:
    root = project(tmp_path, number=20)
    assert last(root).startswith(
        "New here? `session-lint init` fits the settings to the code, and `session-lint baseline` "
    )
    lay_out(root, {"pyproject.toml": '[tool.session-lint]\npooler = "none"\n'})
    assert "New here?" not in last(root)


def test_few_findings_of_many_are_no_decision(tmp_path: Path) -> None:
    code = SERVICES + "".join(f"\n\ndef a{n}(db: Session) -> None:\n    db.commit()\n" for n in range(9))
    root = lay_out(tmp_path / "few", {"pyproject.toml": "", "shop/services.py": code})
    assert len(json.loads(invoke("check", "--output-format", "json", str(root)).stdout)) == 9
    assert last(root).startswith("9 fixable")
