"""Versions from lock files, requirements and pyproject.toml."""

from __future__ import annotations

from pathlib import Path

from projects import lay_out

from session_lint.facts import ProjectFacts, read_facts


def test_nothing_known(tmp_path: Path) -> None:
    assert read_facts(tmp_path) == ProjectFacts(None, {})


def test_lock_files_come_before_requirements_and_these_before_pyproject(tmp_path: Path) -> None:
    lay_out(
        tmp_path,
        {
            "uv.lock": '[[package]]\nname = "SQLAlchemy"\nversion = "2.0.40"\n',
            "requirements.txt": "sqlalchemy==1.4.0\nasyncpg==0.30.0 \\\n    --hash=sha256:00\nfastapi[all] == 0.115.1 ; python_version > '3'\nhttpx>=1\n",
            "pyproject.toml": '[project]\nrequires-python = ">=3.11,<4"\ndependencies = ["asyncpg==0.1", "psycopg[binary]==3.2.1"]\n',
        },
    )
    facts = read_facts(tmp_path)
    assert facts.python == "3.11"
    assert facts.versions == {"sqlalchemy": "2.0.40", "asyncpg": "0.30.0", "fastapi": "0.115.1", "psycopg": "3.2.1"}


def test_poetry_and_pipenv(tmp_path: Path) -> None:
    lay_out(
        tmp_path,
        {
            "poetry.lock": '[[package]]\nname = "flask_sqlalchemy"\nversion = "3.1.1"\n',
            "Pipfile.lock": '{"default": {"sqlmodel": {"version": "==0.0.22"}, "local": {"path": "."}}}',
            "pyproject.toml": '[tool.poetry.dependencies]\npython = "^3.10"\nstarlette = "0.40.0"\nhttpx = "^1.0.0"\n',
        },
    )
    facts = read_facts(tmp_path)
    assert facts.python == "3.10"
    assert facts.versions == {"flask-sqlalchemy": "3.1.1", "sqlmodel": "0.0.22", "starlette": "0.40.0"}


def test_what_two_files_pin_differently_is_unknown(tmp_path: Path) -> None:
    lay_out(tmp_path, {"requirements.txt": "sqlalchemy==2.0.1\n", "requirements/dev.txt": "SQLAlchemy==1.4.1\n"})
    assert read_facts(tmp_path).versions == {}


def test_a_workspace_keeps_its_lock_at_the_top_of_the_repository(tmp_path: Path) -> None:
    lay_out(
        tmp_path,
        {
            "uv.lock": '[[package]]\nname = "a"\nversion = "1"\n',
            "repo/.git/HEAD": "",
            "repo/uv.lock": '[[package]]\nname = "asyncpg"\nversion = "0.31.0"\n',
            "repo/app/pyproject.toml": "[project]\n",
        },
    )
    assert read_facts(tmp_path / "repo/app").versions == {"asyncpg": "0.31.0"}


def test_broken_files_leave_versions_unknown(tmp_path: Path) -> None:
    lay_out(
        tmp_path, {"uv.lock": "[[", "Pipfile.lock": "[", "pyproject.toml": "project = 3", "poetry.lock": "package = 3"}
    )
    assert read_facts(tmp_path) == ProjectFacts(None, {})
