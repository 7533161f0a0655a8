"""A progress bar on stderr, for runs that take a while."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

PATIENCE = 1.0
"""Seconds that a run may take before it has a bar."""


class Bar:
    """Told what a run is at; draws nothing before the run has taken its time, and nothing stays when it has ended."""

    def __init__(self) -> None:
        self._now: tuple[str, int, int] = ("Reading", 0, 0)
        self._shown: tuple[Progress, TaskID] | None = None
        self._lock = threading.Lock()
        self._ended = False
        self._timer = threading.Timer(PATIENCE, self._show)
        self._timer.daemon = True

    def start(self) -> None:
        self._timer.start()

    def stop(self) -> None:
        self._timer.cancel()
        with self._lock:
            self._ended = True
            if self._shown is not None:
                self._shown[0].stop()

    def __call__(self, stage: str, done: int, total: int) -> None:
        """Say how much of a stage is done; without a total it is not known."""
        with self._lock:
            self._now = (stage, done, total)
            self._draw()

    def _show(self) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

        columns = (TextColumn("{task.description:<8}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
        with self._lock:
            if self._ended:
                return
            bar = Progress(*columns, console=Console(stderr=True), transient=True)
            self._shown = (bar, bar.add_task("", total=None))
            self._draw()
            bar.start()

    def _draw(self) -> None:
        if self._shown is not None:
            bar, task = self._shown
            stage, done, total = self._now
            bar.update(task, description=stage, completed=done, total=total or None)


@contextmanager
def progress_bar() -> Iterator[Bar]:
    """A bar while the block runs."""
    bar = Bar()
    bar.start()
    try:
        yield bar
    finally:
        bar.stop()
