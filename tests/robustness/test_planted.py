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
    for name in ("analyses", "files", "modules-00", "trees"):
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


def run(root: Path, *arguments: str, path: str | None = None) -> subprocess.CompletedProcess[str]:
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    if path is not None:
        env["PATH"] = path
    return subprocess.run(
        [sys.executable, "-m", "session_lint", *arguments],
        cwd=root,
        env=env,
        capture_output=True,
        text=True,
        check=False,
    )


def git(root: Path, *arguments: str) -> str:
    identity = ("-c", "user.name=x", "-c", "user.email=x@example.com")
    return subprocess.run(
        ["git", *identity, *arguments], cwd=root, check=True, capture_output=True, text=True
    ).stdout.strip()


@pytest.mark.skipif(sys.platform == "win32", reason="the planted programs are shell scripts")
def test_nothing_that_a_repository_names_is_run(tmp_path: Path) -> None:
    """Reading a revision: neither hooks, filters and helpers of its settings, nor what would fetch what it lacks."""
    root = lay_out(
        tmp_path / "tree", {"a.py": FAULTY, "b.py": "x = 1\n", ".gitattributes": "* filter=evil diff=evil\n"}
    )
    git(root, "init", "--quiet")
    git(root, "add", "--all")
    git(root, "commit", "--quiet", "-m", "all")
    evil = tmp_path / "evil"
    evil.write_text(f"#!/bin/sh\ntouch '{tmp_path / 'ran'}'\nexit 1\n")
    evil.chmod(0o755)
    for name in ("git", "git.exe", "less", "sh"):
        (root / name).symlink_to(evil)
    (root / ".git" / "hooks").mkdir(exist_ok=True)
    for name in ("post-checkout", "post-index-change", "reference-transaction", "pre-auto-gc", "fsmonitor-watchman"):
        (root / ".git" / "hooks" / name).symlink_to(evil)
    for name in (
        "core.fsmonitor", "core.pager", "core.editor", "core.sshCommand", "core.gitProxy", "core.askPass", "credential.helper",
        "filter.evil.clean", "filter.evil.smudge", "filter.evil.process", "diff.evil.textconv", "diff.evil.command", "diff.external",
        "gpg.program", "remote.origin.uploadpack", "uploadpack.packObjectsHook", "alias.rev-parse", "pager.cat-file",
    ):  # fmt: skip
        git(root, "config", name, str(evil))
    for name, value in {
        "core.repositoryformatversion": "1", "extensions.partialClone": "origin", "remote.origin.promisor": "true",
        "remote.origin.url": str(tmp_path / "origin"), "protocol.allow": "always", "protocol.file.allow": "always",
    }.items():  # fmt: skip
        git(root, "config", name, value)
    (tmp_path / "ran").unlink(missing_ok=True)  # that the commands above may have left
    relative = os.pathsep.join([".", "", os.environ["PATH"]])
    new = run(root, "check", ".", "--diff-base", "HEAD", path=relative)
    assert (new.returncode, new.stderr) == (0, ""), new.stderr

    lost = git(root, "rev-parse", "HEAD:b.py")
    (root / ".git" / "objects" / lost[:2] / lost[2:]).unlink()
    (tmp_path / "ran").unlink(missing_ok=True)
    partial = run(root, "check", ".", "--diff-base", "HEAD", path=relative)
    assert partial.returncode == 2
    assert "git lacks the content of b.py" in partial.stderr
    assert not (tmp_path / "ran").exists()
    subprocess.run(["git", "cat-file", "-p", lost], cwd=root, env={**os.environ, "GIT_NO_LAZY_FETCH": "0"}, check=False)
    assert (tmp_path / "ran").exists()  # as it does when git is left to itself


@pytest.mark.skipif(sys.platform == "win32", reason="links take a privilege there")
def test_nothing_is_written_where_the_tree_points(tmp_path: Path) -> None:
    (tmp_path / "home").mkdir()
    outside = tmp_path / "home" / "profile"
    root = lay_out(
        tmp_path / "tree", {"a.py": FAULTY, "pyproject.toml": "[tool.session-lint]\nbaseline = '../home/profile'\n"}
    )
    written = run(root, "baseline")
    assert written.returncode == 2
    assert "lies outside the project, so it is not written: name it with --baseline." in written.stderr
    lay_out(root, {"pyproject.toml": "[tool.session-lint]\nbaseline = 'link'\n"})
    (root / "link").symlink_to(outside)
    assert run(root, "baseline").returncode == 2
    (root / "pyproject.toml").unlink()
    (root / "session-lint.toml").symlink_to(outside)
    started = run(root, "init")
    assert started.returncode == 2
    assert "so it is not written: put a file in the place of the link." in started.stderr
    assert not outside.exists()
    assert run(root, "baseline", "--baseline", str(outside)).returncode == 0
    assert outside.exists()
