"""Nothing that lies in a tree is ever imported or run, wherever a run is started."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from projects import lay_out

FAULTY = "from sqlalchemy.orm import Session\n\n\ndef work(db: Session):\n    db.commit()\n"

STDLIB = (
    "ast", "json", "logging", "signal", "socket", "sqlite3", "string", "subprocess", "tempfile", "tokenize", "token",
    "tomllib", "traceback", "zlib",
)  # fmt: skip
LIBRARIES = ("click", "libcst", "msgspec", "pathspec", "rich", "tomlkit", "sqlalchemy", "fastapi", "pluggy")
STARTED_BY_TOOLS = (
    "conftest",
    "sitecustomize",
    "usercustomize",
    "setup",
    "noxfile",
    "_virtualenv",
    "__main__",
    "__init__",
)

HOSTILE_SETTINGS = """
[build-system]
requires = []
build-backend = "conftest"
backend-path = ["."]
[tool.session-lint]
models = ["model.toml"]
providers = { "conftest.provider" = { commits = true } }
session-modules = ["conftest.py", "__import__('conftest')"]
entry-point-decorators = ["conftest.decorator"]
session-names = ["__import__('conftest')"]
[tool.session-lint.per-file-ignores]
"__import__('conftest')" = ["SL3"]
"""


def plant(root: Path, marks: Path) -> None:
    """A tree in which everything that Python or a tool might run leaves a mark."""
    files = {}
    for name in (*STDLIB, *LIBRARIES, *STARTED_BY_TOOLS):
        files[f"{name}.py"] = f"open({str(marks / name)!r}, 'w').close()\n" + FAULTY
    for folder in ("libcst", "site-packages", "lib/python3/site-packages"):
        files[f"{folder}/__init__.py"] = f"open({str(marks / 'package')!r}, 'w').close()\n"
        files[f"{folder}/planted.pth"] = f"import os; open({str(marks / 'pth')!r}, 'w').close()\n"
    files["planted.pth"] = files["libcst/planted.pth"]
    files["pyproject.toml"] = HOSTILE_SETTINGS
    files["model.toml"] = 'name = "conftest"\n[sessions]\n"conftest.Session" = false\n'
    pickled = f"cposix\nsystem\n(S'touch {marks / 'pickle'}'\ntR."
    for name in ("analyses", "files", "modules"):
        files[f".session_lint_cache/0.1.0/{name}"] = pickled
    files[".session_lint_cache/CACHEDIR.TAG"] = "Signature: 8a477f597d28d172789f06886806bc55\n"
    lay_out(root, files)


SCRIPT = "import sys\nfrom session_lint.cli import main\nsys.exit(main())\n"


@pytest.mark.parametrize("start", ["script", "module"])
@pytest.mark.parametrize("command", ["check", "audit", "explain", "trace", "init"])
def test_planted_code_is_not_run(command: str, start: str, tmp_path: Path) -> None:
    marks = tmp_path / "marks"
    marks.mkdir()
    plant(tmp_path / "tree", marks)
    script = tmp_path / "session-lint"
    script.write_text(SCRIPT)
    if start == "script":  # Python's own `-m` imports this one from the current folder before it knows what to run.
        lay_out(tmp_path / "tree", {"warnings.py": f"open({str(marks / 'warnings')!r}, 'w').close()\n"})
    arguments = {
        "check": ["check", ".", "--jobs", "2", "--fix", "--unsafe-fixes"],
        "audit": ["audit", ".", "--jobs", "2"],
        "explain": ["explain", "conftest.py:6"],
        "trace": ["trace"],
        "init": ["init", "--dry-run"],
    }[command]
    env = {name: value for name, value in os.environ.items() if name != "SESSION_LINT_NO_CACHE"}
    env["PYTHONPATH"] = os.pathsep.join(path for path in sys.path if path)
    ran = subprocess.run(
        [sys.executable, *([str(script)] if start == "script" else ["-m", "session_lint"]), *arguments],
        cwd=tmp_path / "tree",
        env=env,
        capture_output=True,
        text=True,
        check=False,
    )
    assert "internal error" not in ran.stderr
    assert "Traceback" not in ran.stderr
    assert ran.stdout or command == "trace"  # which has no entry point to show
    assert not list(marks.iterdir())


def test_the_mark_is_left_when_the_code_runs(tmp_path: Path) -> None:
    """That the test above would see it."""
    marks = tmp_path / "marks"
    marks.mkdir()
    plant(tmp_path / "tree", marks)
    subprocess.run([sys.executable, "-c", "import libcst"], cwd=tmp_path / "tree", env={}, check=False)
    assert list(marks.iterdir())
