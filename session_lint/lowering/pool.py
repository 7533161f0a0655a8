"""Lowering many files: here, in processes of our own, or by an executor that the caller brings.

The processes are plain child processes that talk through pipes. That works the same on every system, whatever threads the
caller has, and needs no guarded ``__main__``; and which file a process was at is known, so that one that dies or takes too
long costs that file alone.
"""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Generator, Iterator, Sequence
from concurrent.futures import Executor, Future, as_completed
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import IO

from session_lint.lowering.outcome import Outcome, Refusal, encode_outcome, lower_batch, outcome_of
from session_lint.lowering.worker import READY, receive, send

SMALL = 256 * 1024
"""Bytes below which a process of its own costs more than it brings."""

_BATCH = 256 * 1024
_TICK = 0.2
_START = 60
"""Seconds that a process may take to start: more than any machine needs, however little time a file is given."""

_STARVED = frozenset({-6, -9})
"""Exit codes of a process that could allocate no more and gave up, and of one that the system killed."""

_HERE = str(Path(__file__).parents[2])
"""Where this package is, which need not be among what is imported from."""

_BOOT = (
    "import sys; sys.path[:] = sys.argv[2:]; from session_lint.lowering.worker import serve; serve(int(sys.argv[1]))"
)


def lower_all(
    files: Sequence[bytes],
    *,
    jobs: int | None = None,
    seconds: float = 60,
    memory: int = 4000,
    executor: Executor | None = None,
) -> Iterator[tuple[int, bytes]]:
    """Lower files, in any order.

    Args:
        files: their bytes; the caller may put others in their place once their outcome is there.
        jobs: how many processes share the work; None: as many as there are processors, and none for little work.
        seconds: how long a process may take for one file.
        memory: megabytes that a process may take.
        executor: does the work in place of own processes.

    Yields:
        The index of a file, and its encoded outcome.
    """
    order = sorted(range(len(files)), key=lambda index: -len(files[index]))
    if executor is not None:
        failed = yield from _by_executor(files, order, executor)
        # A broken executor does not say which file broke it; a process of our own does.
        yield from _by_processes(files, failed, 1, seconds, memory)
        return
    total = sum(len(data) for data in files)
    wanted = jobs or min(processors(), 1 + total // SMALL)
    if wanted <= 1:
        # Only the parsing of a large file takes so long or so much memory that a process of its own has to bound it.
        large = [index for index in order if len(files[index]) > SMALL]
        yield from _by_processes(files, large, 1, seconds, memory)
        yield from _here(files, order[len(large) :])
    else:
        yield from _by_processes(files, order, min(wanted, len(files)), seconds, memory)


def processors() -> int:
    """How many processors this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _here(files: Sequence[bytes], order: Sequence[int]) -> Iterator[tuple[int, bytes]]:
    for index in order:
        yield index, encode_outcome(outcome_of(files[index]))


def _by_executor(
    files: Sequence[bytes], order: Sequence[int], executor: Executor
) -> Generator[tuple[int, bytes], None, list[int]]:
    """Hand batches to the executor; returns the files of those that failed."""
    failed: list[int] = []
    pending: dict[Future[list[bytes]], list[int]] = {}
    for batch in _batches(files, order):
        try:
            pending[executor.submit(lower_batch, [files[index] for index in batch])] = batch
        except RuntimeError:  # broken, or shut down
            failed += batch
    try:
        for future in as_completed(pending):
            batch = pending[future]
            try:
                results = future.result()
            except Exception:  # noqa: BLE001  (whatever became of it there, it is done again here)
                failed += batch
            else:
                yield from zip(batch, results, strict=True)
    finally:
        for future in pending:
            future.cancel()
    return failed


def _batches(files: Sequence[bytes], order: Sequence[int]) -> Iterator[list[int]]:
    batch: list[int] = []
    size = 0
    for index in order:
        batch.append(index)
        size += len(files[index])
        if size >= _BATCH:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


@dataclass(slots=True)
class _Worker:
    """One child process after another, and what the present one is at."""

    process: subprocess.Popen[bytes] | None = None
    since: float | None = None
    starting: bool = False
    overdue: bool = False

    def start(self, memory: int) -> bool:
        """Start a process that may take so many megabytes; False where that does not work here."""
        self.since, self.starting, self.overdue = time.monotonic(), True, False
        try:
            self.process = subprocess.Popen(  # noqa: S603  (our own interpreter)
                [sys.executable, "-I", "-c", _BOOT, str(memory), *sys.path, _HERE],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
            )
            return receive(self._pipes(self.process)[1]) == READY
        except OSError:
            return False
        finally:
            self.since = None

    def lower(self, data: bytes) -> bytes | None:
        """The encoded outcome; None where the process did not live to give it."""
        assert self.process is not None
        outgoing, incoming = self._pipes(self.process)
        self.since, self.starting, self.overdue = time.monotonic(), False, False
        try:
            send(outgoing, data)
            return receive(incoming)
        except OSError:
            return None
        finally:
            self.since = None

    @staticmethod
    def _pipes(process: subprocess.Popen[bytes]) -> tuple[IO[bytes], IO[bytes]]:
        assert process.stdin is not None
        assert process.stdout is not None
        return process.stdin, process.stdout

    def kill(self) -> None:
        if self.process is not None:
            self.process.kill()

    def end(self) -> int:
        """Kill the process and wait for it; its exit code."""
        if self.process is None:
            return 0
        self.process.kill()
        code = self.process.wait()
        for pipe in self._pipes(self.process):
            with suppress(OSError):  # what was not sent yet is of no use any more
                pipe.close()
        self.process = None
        return code


@dataclass(slots=True)
class _Crew:
    """Threads that each tend one worker, and what they share."""

    files: Sequence[bytes]
    waiting: deque[int]
    seconds: float
    memory: int
    workers: list[_Worker]
    done: SimpleQueue[tuple[int, bytes] | None] = field(default_factory=SimpleQueue)
    stopped: bool = False

    def tend(self, worker: _Worker) -> None:
        """Feed one worker; puts None when it ends, be it that no process can be started."""
        try:
            running = False
            while self.waiting and not self.stopped:
                if not running and not (running := worker.start(self.memory)):
                    return
                try:
                    index = self.waiting.popleft()
                except IndexError:
                    return
                result = worker.lower(self.files[index])
                if result is None:
                    running = False
                    code = worker.end()
                    result = encode_outcome(Outcome(None, self._death(worker, code)))
                self.done.put((index, result))
        finally:
            worker.end()
            self.done.put(None)

    def _death(self, worker: _Worker, code: int) -> Refusal:
        if worker.overdue:
            return Refusal(f"parsing it takes longer than max-file-seconds ({self.seconds:g})", passing=True)
        if code in _STARVED:
            why = f"most likely of want of memory; max-file-memory is {self.memory:,} MB"
            return Refusal(f"the process that parsed it died (exit code {code}, {why})", passing=True)
        return Refusal(f"the process that parsed it died (exit code {code})", passing=True)

    def watch(self) -> None:
        """Kill what takes too long."""
        now = time.monotonic()
        for worker in self.workers:
            since = worker.since
            if since is not None and now - since > (_START if worker.starting else self.seconds):
                worker.overdue = True
                worker.kill()


def _by_processes(
    files: Sequence[bytes], order: Sequence[int], number: int, seconds: float, memory: int
) -> Iterator[tuple[int, bytes]]:
    if not order:
        return
    crew = _Crew(files, deque(order), seconds, memory, [_Worker() for _ in range(number)])
    threads: list[threading.Thread] = []
    done: set[int] = set()
    try:
        with suppress(RuntimeError):  # there may be no more threads to be had; without any, the work is done here
            for worker in crew.workers:
                thread = threading.Thread(target=crew.tend, args=(worker,), daemon=True)
                thread.start()
                threads.append(thread)
        running = len(threads)
        while running:
            crew.watch()
            try:
                item = crew.done.get(timeout=_TICK)
            except Empty:
                continue
            if item is None:
                running -= 1
            else:
                done.add(item[0])
                yield item
    finally:
        crew.stopped = True
        for worker in crew.workers:
            worker.kill()
        for thread in threads:
            thread.join(timeout=5)
    # Only where no process could be started is there anything left.
    yield from _here(files, [index for index in order if index not in done])
