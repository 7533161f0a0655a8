"""What a run is asked to do, and the files that it is asked about."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from session_lint.discovery import Discovery
from session_lint.findings import Confidence
from session_lint.project import Project
from session_lint.rules.registry import Selection
from session_lint.source import Sources

if TYPE_CHECKING:
    from concurrent.futures import Executor

    from session_lint.loading import Progress
    from session_lint.past import Past
    from session_lint.revision import Snapshot


class Request(msgspec.Struct, frozen=True):
    """What a run is asked to do; each field is the command line option of its name.

    Args:
        paths: files and folders to report on.
        stdin: content that stands for the file at ``stdin_filename``, which then is the one file reported on.
        selection: the command line's choice of rules.
        past: what was found before; what was, is not reported again.
        everything: run all rules that the settings and the selection do not ignore.
        cache: keep results for the next run, and use those of the last one.
        cache_dir: where; None: ``.session_lint_cache`` in the project's root.
        jobs: how many processes parse files; None: what fits the machine and the work.
        executor: parses files in place of processes of our own.
        progress: told, now and then, which stage the run is at, and how much of how much of it is done.
    """

    paths: tuple[Path, ...] = (Path(),)
    root: Path | None = None
    config: Path | None = None
    isolated: bool = False
    exclude: tuple[str, ...] | None = None
    extend_exclude: tuple[str, ...] = ()
    force_exclude: bool = False
    stdin: bytes | None = None
    stdin_filename: Path | None = None
    per_file_ignores: Mapping[str, tuple[str, ...]] | None = None
    selection: Selection = Selection("command line")
    everything: bool = False
    preview: bool = False
    past: Past | None = None
    min_confidence: Confidence = Confidence.LOW
    cache: bool = False
    cache_dir: Path | None = None
    jobs: int | None = None
    executor: Executor | None = None
    progress: Progress | None = None

    @property
    def is_one_project(self) -> bool:
        """Whether folders with settings of their own are no projects of their own, since it is said what holds for all."""
        return self.root is not None or self.config is not None or self.isolated


class Files(msgspec.Struct, frozen=True):
    """The files of a run, where they are, and what holds for them; ``snapshot`` has their contents at an earlier revision."""

    project: Project
    discovery: Discovery
    sources: Sources
    snapshot: Snapshot | None = None

    @property
    def has_any(self) -> bool:
        """Whether there is something to report on, or to say why there is not."""
        return bool(self.discovery.reported or self.discovery.excluded or self.discovery.unreadable)

    @property
    def whole(self) -> bool:
        """Whether all files of the project are reported on."""
        looked_at = {*self.discovery.reported, *(folder for folder, _ in self.discovery.unreadable)}
        return looked_at >= set(self.discovery.known)
