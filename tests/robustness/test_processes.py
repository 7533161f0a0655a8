"""The processes that parse: they end with the run, and one that the system kills costs its file alone."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from projects import lay_out

FAULTY = "from sqlalchemy.orm import Session\n\n\ndef work(db: Session):\n    db.commit()\n"
SLOW = (
    FAULTY + "\n\ndef slow(db: Session):\n" + "    db.execute(session, [f(session) for session in sessions])\n" * 14_000
)
"""Takes seconds to parse."""

pytestmark = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="no /proc to find the processes in")


@contextmanager
def started(root: Path, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    command = [sys.executable, "-m", "session_lint", "check", ".", "--output-format", "json", *arguments]
    run = subprocess.Popen(
        command, cwd=root, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    try:
        yield run
    finally:
        run.kill()
        run.communicate()


def parent_and_state(process: int) -> tuple[int, str]:
    try:
        state, parent = Path(f"/proc/{process}/stat").read_text().rpartition(") ")[2].split()[:2]
    except (FileNotFoundError, ProcessLookupError):
        return 0, "Z"
    return int(parent), state


def children(process: int) -> list[int]:
    everybody = [int(path.name) for path in Path("/proc").iterdir() if path.name.isdigit()]
    return [one for one in everybody if parent_and_state(one)[0] == process]


def until(found: Callable[[], list[int]], run: subprocess.Popen[str]) -> list[int]:
    """What is found as soon as something is, while the run goes on."""
    since = time.monotonic()
    while not (result := found()):
        assert run.poll() is None
        assert time.monotonic() - since < 60
        time.sleep(0.02)
    return result


def is_at_work(process: int) -> bool:
    """Whether a process has started and parses the slow file, which fills its memory."""
    return int(Path(f"/proc/{process}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") > 100_000_000


def is_gone(process: int) -> bool:
    return parent_and_state(process)[1] == "Z"


def test_an_interrupt_ends_everything(tmp_path: Path) -> None:
    lay_out(tmp_path, {f"{name}.py": f"{SLOW}# {name}\n" for name in "ab"})
    with started(tmp_path, "--jobs", "2", "--no-cache") as run:
        workers = until(lambda: found if len(found := children(run.pid)) == 2 else [], run)
        os.killpg(run.pid, signal.SIGINT)
        out, err = run.communicate(timeout=30)
    assert (run.returncode, out, err.strip()) == (130, "", "session-lint: interrupted.")
    assert all(map(is_gone, workers))


@pytest.mark.parametrize("wait", [0.05, 0.1, 0.2, 0.4])
def test_an_interrupt_at_the_start_leaves_no_trace(wait: float, tmp_path: Path) -> None:
    lay_out(tmp_path, {"a.py": SLOW})
    code = "from session_lint.__main__ import start; print('here', flush=True); start()"
    command = [sys.executable, "-c", code, "check", "--no-cache"]
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    with subprocess.Popen(
        command, cwd=tmp_path, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as run:
        assert run.stdout is not None
        assert run.stdout.readline() == "here\n"
        time.sleep(wait)
        run.send_signal(signal.SIGINT)
        _, err = run.communicate(timeout=60)
    assert (run.returncode, err.strip()) == (130, "session-lint: interrupted.")


INTERRUPTING = """
import sys

class Interrupting:
    def find_spec(self, name, path=None, target=None):
        if self.interrupted:
            print("imported after the interrupt:", name, file=sys.stderr)
        elif name == NAME:
            self.interrupted = True
            raise KeyboardInterrupt

    interrupted = False

sys.meta_path.insert(0, Interrupting())
from session_lint.__main__ import start
start()
"""


@pytest.mark.parametrize("name", ["session_lint.cli.check", "msgspec", "_decimal", "session_lint.report.style"])
def test_an_interrupt_imports_no_more(name: str, tmp_path: Path) -> None:
    """What was interrupted on the way in may not stand being imported again: ``_decimal`` of Python 3.11 warns of it."""
    lay_out(tmp_path, {"a.py": FAULTY})
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    command = [sys.executable, "-c", INTERRUPTING.replace("NAME", repr(name)), "check", "--no-cache"]
    run = subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True, timeout=60, check=False)
    assert (run.returncode, run.stderr.strip()) == (130, "session-lint: interrupted.")


def test_a_killed_process_costs_its_file(tmp_path: Path) -> None:
    lay_out(tmp_path, {"a.py": SLOW, "b.py": FAULTY, "c.py": FAULTY + "x = 1\n"})
    with started(tmp_path, "--jobs", "1", "--no-cache") as run:
        (worker,) = until(lambda: list(filter(is_at_work, children(run.pid))), run)
        os.kill(worker, signal.SIGKILL)
        out, err = run.communicate(timeout=60)
    assert (run.returncode, err) == (1, "")
    found = {finding["filename"]: finding for finding in json.loads(out)}
    assert {name: finding["code"] for name, finding in found.items()} == {
        "a.py": "SL902",
        "b.py": "SL302",
        "c.py": "SL302",
    }
    assert "the process that parsed it died (exit code -9, most likely of want of memory" in found["a.py"]["message"]


def test_processes_end_with_a_run_that_is_killed(tmp_path: Path) -> None:
    lay_out(tmp_path, {f"{name}.py": f"{SLOW}# {name}\n" for name in "ab"})
    with started(tmp_path, "--jobs", "2", "--no-cache") as run:
        workers = until(lambda: found if len(found := children(run.pid)) == 2 else [], run)
        run.kill()
        run.wait()
    since = time.monotonic()
    while not all(map(is_gone, workers)):
        assert time.monotonic() - since < 60
        time.sleep(0.1)


def test_neither_fork_nor_semaphores_are_needed(tmp_path: Path) -> None:
    lay_out(tmp_path, {"a.py": FAULTY, "b.py": FAULTY + "x = 1\n"})
    code = (
        "import os, sys\nsys.modules['multiprocessing'] = sys.modules['_multiprocessing'] = None\n"
        "del os.fork\nfrom session_lint.__main__ import start\nstart()"
    )
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    command = [sys.executable, "-c", code, "check", ".", "--jobs", "2", "--no-cache", "--output-format", "json"]
    ran = subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True, check=False)
    assert (ran.returncode, ran.stderr) == (1, "")
    assert len(json.loads(ran.stdout)) == 2
