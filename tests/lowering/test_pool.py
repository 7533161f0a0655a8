"""Many files: the same outcome by whomever they are lowered, and a file that ends its process costs itself alone."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from pathlib import Path

import pytest

from session_lint.lowering import pool
from session_lint.lowering.outcome import Refusal, decode_outcome, encode_outcome, lower_batch, outcome_of
from session_lint.lowering.pool import lower_all

FILES = [
    b"import a\n",
    b"",
    b"def f(:\n",
    b"x = '\xe4'\n",
    b"# coding: latin-1\nx = '\xe4'\n",
    b"class A:\n    b = 1\n" * 50,
    b"x = 1\n",
    b"\xef\xbb\xbfx = 1\n",
]
EXPECTED = {index: encode_outcome(outcome_of(data)) for index, data in enumerate(FILES)}

LETHAL = """
import os, sys, time
sys.path[:] = sys.argv[2:]
from session_lint.lowering import outcome
lower = outcome.outcome_of
def lethal(data):
    if b"die" in data:
        os._exit(3)
    if b"print" in data:
        print("noise")
    while b"sleep" in data:
        time.sleep(1)
    return lower(data)
outcome.outcome_of = lethal
from session_lint.lowering.worker import serve
serve(int(sys.argv[1]))
"""


def refusal(data: bytes) -> Refusal:
    outcome = decode_outcome(data)
    assert outcome.refusal is not None
    return outcome.refusal


@pytest.mark.parametrize("jobs", [1, 2, 5])
def test_outcomes_do_not_depend_on_the_number_of_processes(jobs: int) -> None:
    assert dict(lower_all(FILES, jobs=jobs)) == EXPECTED


@pytest.mark.parametrize("jobs", [1, 2])
def test_a_file_may_be_let_go_of_once_it_is_lowered(jobs: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pool, "SMALL", 10)
    files = [b"a = 1\n", b"large = 'file'\n", b"b = 2\n"]
    lowered = []
    for index, encoded in lower_all(files, jobs=jobs):
        lowered.append((index, encoded == encode_outcome(outcome_of(files[index]))))
        files[index] = b""
    assert sorted(lowered) == [(0, True), (1, True), (2, True)]


def test_outcomes_tell_what_is_wrong() -> None:
    assert refusal(EXPECTED[2]).row == 1
    assert "utf-8" in refusal(EXPECTED[3]).message


@pytest.mark.parametrize("kind", [ThreadPoolExecutor, ProcessPoolExecutor])
def test_an_executor_gives_the_same(kind: type[Executor], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pool, "_BATCH", 20)
    options = {"mp_context": __import__("multiprocessing").get_context("spawn")} if kind is ProcessPoolExecutor else {}
    with kind(2, **options) as executor:  # type: ignore[call-arg]
        assert dict(lower_all(FILES, executor=executor)) == EXPECTED


class Broken(Executor):
    """An executor that refuses every other batch, and fails on the rest."""

    def __init__(self) -> None:
        self.submitted = 0

    def submit(self, *_: object, **__: object) -> Future[list[bytes]]:  # type: ignore[override]
        self.submitted += 1
        if self.submitted % 2:
            raise RuntimeError("cannot schedule new futures after shutdown")
        future: Future[list[bytes]] = Future()
        future.set_exception(ValueError("lost"))
        return future


def test_what_an_executor_fails_on_is_done_here(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pool, "_BATCH", 20)
    assert dict(lower_all(FILES, executor=Broken())) == EXPECTED


def test_a_batch_is_what_an_executor_gets() -> None:
    assert lower_batch(FILES) == [EXPECTED[index] for index in range(len(FILES))]


def test_a_process_that_dies_costs_its_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pool, "_BOOT", LETHAL)
    files = [b"die = 1", *FILES, b"die = 2", b"print = 1"]
    outcomes = dict(lower_all(files, jobs=2))
    assert len(outcomes) == len(files)
    assert refusal(outcomes[0]) == Refusal("the process that parsed it died (exit code 3)", passing=True)
    assert refusal(outcomes[len(FILES) + 1]).passing
    assert {index - 1: outcomes[index] for index in range(1, len(FILES) + 1)} == EXPECTED
    assert decode_outcome(outcomes[len(FILES) + 2]).module is not None


def test_a_file_that_takes_too_long_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pool, "_BOOT", LETHAL)
    outcomes = dict(lower_all([b"sleep", b"x = 1\n"], jobs=2, seconds=5))
    assert refusal(outcomes[0]).message == "parsing it takes longer than max-file-seconds (5)"
    assert outcomes[1] == EXPECTED[6]


@pytest.mark.skipif(sys.platform == "win32", reason="no limit of memory there")
@pytest.mark.parametrize("jobs", [1, 2])
def test_a_file_that_takes_too_much_memory_is_given_up(jobs: int) -> None:
    files = [b"session = [" + b"1," * 200_000 + b"]\n", b"x = 1\n"]
    outcomes = dict(lower_all(files, jobs=jobs, memory=250))
    assert "max-file-memory" in refusal(outcomes[0]).message
    assert refusal(outcomes[0]).passing
    assert outcomes[1] == EXPECTED[6]


@pytest.mark.parametrize("boot", ["", "import nothing_of_the_kind", "print('hello')", "print('h' * 8, 'i' * 3000)"])
def test_where_no_process_can_be_started_the_work_is_done_here(boot: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pool, "_BOOT", boot)
    assert dict(lower_all(FILES, jobs=2)) == EXPECTED


def test_where_there_is_no_interpreter_the_work_is_done_here(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    assert dict(lower_all(FILES, jobs=2)) == EXPECTED


@pytest.mark.parametrize("had", [0, 1])
def test_where_threads_run_out_the_work_is_done(had: int, monkeypatch: pytest.MonkeyPatch) -> None:
    start, left = threading.Thread.start, iter(range(had))

    def scarce(thread: threading.Thread) -> None:
        if next(left, None) is None:
            raise RuntimeError("can't start new thread")
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", scarce)
    assert dict(lower_all(FILES, jobs=2)) == EXPECTED


def test_giving_up_ends_the_processes(monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[subprocess.Popen[bytes]] = []
    popen = subprocess.Popen

    def record(*arguments: object, **options: object) -> object:
        started.append(popen(*arguments, **options))  # type: ignore[call-overload]
        return started[-1]

    monkeypatch.setattr(pool, "_BOOT", LETHAL)
    monkeypatch.setattr(subprocess, "Popen", record)
    since = time.monotonic()
    results = lower_all([b"sleep", *FILES], jobs=2)
    next(results)
    results.close()  # type: ignore[attr-defined]
    assert time.monotonic() - since < 20
    assert all(process.returncode is not None for process in started)


def test_planted_modules_are_not_imported(tmp_path: Path) -> None:
    """The folder that a run starts in is no place that its processes import from."""
    for name in ("session_lint", "libcst", "msgspec", "signal", "ast", "sitecustomize", "usercustomize"):
        (tmp_path / f"{name}.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')\n")
    code = (
        "import sys; sys.path[:] = sys.argv[1:]\nfrom session_lint.lowering.pool import lower_all\n"
        "print(len(dict(lower_all([b'x = 1', b'y = 2'], jobs=2))))"
    )
    paths = [path for path in sys.path if path and Path(path).is_dir()]
    ran = subprocess.run(
        [sys.executable, "-I", "-c", code, str(Path(pool.__file__).parents[2]), *paths],
        cwd=tmp_path,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert ran.stdout == "2\n"
    assert not (tmp_path / "ran").exists()
