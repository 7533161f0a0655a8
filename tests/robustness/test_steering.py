"""What a tree is called and says steers neither the terminal nor the CI job that a report is printed in, whatever the command."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from projects import lay_out

from session_lint.cli import main
from session_lint.report.style import without_commands

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="no such names there")

SAID = r"\x1b[31m\x07\u202e <script>alert(1)</script> ``` ` | --> ]]> %0A \n::error file=x::y\n##[error]z\r![i](http://e) @team #1 {{7*7}}"
"""As it stands in the text of a literal."""

HOSTILE = f'''\
"""
::error file=a,line=1::from the source
##[error]likewise \x1b[31m \u202e
"""
from fastapi import APIRouter, BackgroundTasks, Depends
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine
engine = create_async_engine("postgresql+asyncpg://h:6432/{SAID}", connect_args={{"{SAID}": 1}}, execution_options={{"{SAID}": 2}})
SessionLocal = async_sessionmaker(engine)
router = APIRouter(prefix="/{SAID}")
async def get_db():
    async with SessionLocal() as session:
        yield session
        await session.commit()
@router.get("/{SAID}", name="{SAID}")
async def endpoint(tasks: BackgroundTasks, db: AsyncSession = Depends(get_db)):
    await db.execute(text("{SAID}"), execution_options={{"{SAID}": 1, "no_prepare": 1}})
    tasks.add_task(work, db)
    await work(db)  # session-lint: ignore[SL999] -- \u202e ::error::
async def work(db: AsyncSession):
    await db.commit(); "##[warning]\x07"
    db.commit()
'''

NAMES = (
    "::error file=x::pwn.py", "##[error]x.py", "new\n::error::line.py", "esc\x1b[31m.py", "bell\x07\u202e.py", "`x`|y<b>]]>.py",
    "folder\n::error::\x1b]0;t\x07/routers.py", os.fsdecode(b"not\xfftext.py"),
)  # fmt: skip

COMMANDS = (
    *(("check", "--select", "ALL", "--preview", "--output-format", form) for form in (
        "full", "concise", "grouped", "json", "json-lines", "sarif", "github", "gitlab", "junit", "markdown",
    )),
    *(("audit", "--output-format", form) for form in ("terminal", "markdown", "html", "json")),
    *(("trace", *named, "--output-format", form)
      for form in ("tree", "markdown", "mermaid", "dot", "json") for named in ((), ("GET*",))),
    *(("explain", f"{name}:18", "--output-format", form) for name in NAMES[:2] for form in ("text", "json")),
    ("check", "--statistics"), ("check", "--show-files"), ("check", "--unsafe-fixes", "--diff"), ("check", "--verbose"),
    ("init", "--dry-run"), ("baseline", "--baseline", "b\x1b[1m\n::error::x.jsonl"), ("clean", "--cache-dir", "\n::error::x"),
    ("check", "not\x1b[31m\n::error::there"), ("check", "::error::x.py", "--exclude", "*.py", "--force-exclude"),
    ("check", "--config", "\x1b[31m\n::error::x"), ("check", "--select", "\x1b[31m\n::error::x"), ("rule", "\x1b[31m\n::error::x"),
    ("trace", "\x1b[31m\n::error::x"), ("explain", "\x1b[31m\n::error::x:1"),
)  # fmt: skip


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    hostile = dict.fromkeys(NAMES, HOSTILE)
    return lay_out(tmp_path_factory.mktemp("tree"), {**hostile, "\x1b[31mbroken\n::error::.py": "def f(:\n"})


def run(tree: Path, monkeypatch: pytest.MonkeyPatch, *arguments: str) -> Result:
    monkeypatch.chdir(tree)
    ran = CliRunner().invoke(main, arguments)
    assert "internal error" not in ran.stderr
    return ran


def assert_steers_nothing(text: str) -> None:
    assert not {char for char in text if not char.isprintable()} - {"\n"}
    assert not re.search(r"##\w*\[", text)
    commands = [line for line in text.splitlines() if re.match(r"\s*::[^:]*::", line)]
    assert all(re.match(r"::(error|warning|notice) title=session-lint SL\d+ [\w-]+,file=", line) for line in commands)


@pytest.mark.parametrize("arguments", COMMANDS, ids=lambda arguments: ascii(" ".join(arguments)))
def test_no_command_passes_on_what_steers(
    arguments: tuple[str, ...], tree: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ran = run(tree, monkeypatch, *arguments)
    assert ran.stdout or ran.stderr
    assert_steers_nothing(ran.stdout)
    assert_steers_nothing(ran.stderr)


@pytest.mark.parametrize("command", ["check", "audit", "trace"])
def test_data_means_what_the_tree_says(command: str, tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is spelled otherwise in JSON is the same text when it is read."""
    text = json.dumps(json.loads(run(tree, monkeypatch, command, "--output-format", "json").stdout), ensure_ascii=False)
    assert "##[error]x.py" in text
    assert "::error file=x::pwn.py" in text


def test_a_diff_to_a_file_fits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where nobody looks at it, a patch holds what the source holds, and the names as git spells them."""
    root = lay_out(tmp_path, dict.fromkeys(NAMES, HOSTILE))
    subprocess.run(["git", "init", "--quiet"], cwd=root, check=True)
    ran = run(root, monkeypatch, "check", "--unsafe-fixes", "--diff", "--output-file", "a.patch")
    assert ran.exit_code == 1
    subprocess.run(["git", "apply", "-p0", "a.patch"], cwd=root, check=True)
    assert all("db.commit()\n" not in (root / name).read_text("utf-8") for name in NAMES)
    assert run(root, monkeypatch, "check", "--unsafe-fixes", "--diff").stdout == ""


@pytest.mark.parametrize(
    ("form", "text", "expected"),
    [
        ("text", "a\n  ::error::b ##[c]", "a\n  \\x3a:error::b #\\x23[c]"),
        ("text", "x[\n    ::step\n] = a[::2]; b::c", "x[\n    ::step\n] = a[::2]; b::c"),
        ("json", '"::error:: ##vso[x]"', '"::error:: #\\u0023vso[x]"'),
        ("xml", "<a>\n::error::b ##[c]</a>", "<a>\n&#58;:error::b #&#35;[c]</a>"),
        ("commands", "::error::a", "::error::a"),
    ],
)
def test_commands_are_taken_out_of_each_syntax(form: str, text: str, expected: str) -> None:
    assert without_commands(text, form) == expected
