"""How the command ends its process: at once, with nothing lost, and in the ordinary way for those who look on."""

from __future__ import annotations

import os
import pstats
import subprocess
import sys
from pathlib import Path

import pytest
from projects import lay_out

from session_lint import __version__

FAULTY = "from sqlalchemy.orm import Session\n\n\ndef work(db: Session):\n    db.commit()\n"

START = """
import atexit
import os
import sys


class Left:
    def __del__(self, write=os.write):
        write(1, b"taken apart\\n")


left = Left()
atexit.register(print, "told")
from session_lint.__main__ import start
%s
start()
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return lay_out(tmp_path, {"a.py": FAULTY})


def python(
    project: Path, *arguments: str, stdout: int | None = subprocess.PIPE, **extra: str
) -> subprocess.CompletedProcess[str]:
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path), **extra}
    command = [sys.executable, *arguments]
    return subprocess.run(
        command, cwd=project, env=env, stdout=stdout, stderr=subprocess.PIPE, text=True, encoding="utf-8", check=False
    )


def start(
    project: Path, *arguments: str, before: str = "", stdout: int | None = subprocess.PIPE
) -> tuple[int, str, str]:
    ran = python(project, "-c", START % before, *arguments, stdout=stdout)
    return ran.returncode, ran.stdout, ran.stderr


def test_what_is_left_is_not_taken_apart(project: Path) -> None:
    code, out, err = start(project, "check", "--no-cache", "--output-format", "concise")
    assert (code, err) == (1, "")
    lines = out.splitlines()
    assert lines[0].startswith("a.py:5:5: error SL302 ")
    assert lines[-1] == "told"


def test_every_exit_code_is_kept(project: Path) -> None:
    assert start(project, "check", "--no-cache", "--exit-zero", "--quiet", "--select", "SL101") == (0, "told\n", "")
    code, out, err = start(project, "check", "nothing")
    assert (code, out) == (2, "told\n")
    assert err.endswith("nothing does not exist.\n")
    interrupt = "import session_lint.cli; session_lint.cli.main = lambda: exec('raise KeyboardInterrupt')"
    assert start(project, before=interrupt) == (130, "told\n", "session-lint: interrupted.\n")
    code, out, err = start(
        project, before="import session_lint.cli; session_lint.cli.main = lambda: sys.exit('a text')"
    )
    assert (code, out, err) == (1, "told\ntaken apart\n", "a text\n")


@pytest.mark.parametrize(
    "before",
    ["sys.setprofile(lambda *event: None)", "sys.settrace(lambda *event: None)"]
    + (["sys.monitoring.use_tool_id(2, 'profiler')"] if sys.version_info >= (3, 12) else []),
)
def test_who_looks_on_sees_an_ordinary_end(project: Path, before: str) -> None:
    assert start(project, "--version", before=before) == (0, f"session-lint {__version__}\ntold\ntaken apart\n", "")


def test_a_profile_is_written(project: Path) -> None:
    ran = python(project, "-m", "cProfile", "-o", "profile", "-m", "session_lint", "check", "--no-cache")
    assert ran.returncode in {0, 1}, ran.stderr  # the profiler's own, which differs from release to release
    assert "SL302" in ran.stdout
    assert pstats.Stats(str(project / "profile")).total_calls > 0  # type: ignore[attr-defined]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device that is always full")
def test_what_cannot_be_written_at_the_end_is_told(project: Path) -> None:
    with Path("/dev/full").open("wb") as full:
        code, _, err = start(project, "--version", before="atexit.register(print, 'lost')", stdout=full.fileno())
    assert code != 0
    assert "No space left on device" in err


def test_a_long_report_arrives_whole(project: Path) -> None:
    lay_out(
        project, {"long.py": FAULTY + "".join(f"\n\ndef work{n}(db: Session):\n    db.commit()\n" for n in range(2000))}
    )
    code, out, _ = start(project, "check", "--no-cache", "--output-format", "concise")
    assert code == 1
    assert out.count(" SL302 ") == 2002
    assert out.endswith("told\n")
