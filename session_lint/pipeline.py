"""The one place that runs the stages in order: files, texts, IR, program, rules, findings."""

from __future__ import annotations

import gc
import sys
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from session_lint.discovery import Discovery, discover
from session_lint.errors import UserError
from session_lint.facts import read_facts
from session_lint.filtering import Sieve
from session_lint.findings import Confidence, Finding
from session_lint.lowering import LoweringError, lower
from session_lint.models import load_models
from session_lint.program import LoweredFile, Program, link
from session_lint.project import Project, locate_project
from session_lint.rules.registry import Selection, load_rules, select_rules
from session_lint.rules.sl902_unreadable_file import unreadable
from session_lint.source import SourceError, Sources

_RANK = {Confidence.LOW: 0, Confidence.MEDIUM: 1, Confidence.HIGH: 2}


@dataclass(frozen=True, slots=True)
class Request:
    """What a run is asked to do; each field is the command line option of its name.

    Args:
        paths: files and folders to report on.
        stdin: content that stands for the file at ``stdin_filename``, which then is the one file reported on.
        selection: the command line's choice of rules.
        everything: run all rules that the settings and the selection do not ignore.
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
    selection: Selection = field(default_factory=lambda: Selection("command line"))
    everything: bool = False
    preview: bool = False
    min_confidence: Confidence = Confidence.LOW


@dataclass(frozen=True, slots=True)
class Files:
    """The files of a run, where they are, and what holds for them."""

    project: Project
    discovery: Discovery
    sources: Sources


@dataclass(frozen=True, slots=True)
class Result:
    """What a run found.

    Args:
        files: the files it knew and reported on.
        program: what it knows of them.
        findings: in report order, without suppressed ones.
        hidden: findings that comments or per-file ignores suppress.
        rules_run: codes of the rules that ran.
        rules_known: codes of all rules there are.
        seconds: how long each stage took.
    """

    files: Files
    program: Program
    findings: tuple[Finding, ...]
    hidden: tuple[Finding, ...]
    rules_run: frozenset[str]
    rules_known: frozenset[str]
    seconds: Mapping[str, float]

    @property
    def root(self) -> Path:
        return self.files.project.root

    @property
    def reported(self) -> tuple[str, ...]:
        return self.files.discovery.reported


def check(paths: Sequence[str | Path] = (".",), *, root: Path | None = None, config: Path | None = None) -> Result:
    """Lint files and folders, knowing the whole project around them.

    Args:
        paths: what to report on.
        root: the project's root, where it is not the folder of the settings, ``pyproject.toml`` or ``.git`` above ``paths``.
        config: the settings file, where it is not the nearest one.

    Raises:
        UserError: a path does not exist, there is no Python file, or the settings are not valid.
    """
    request = Request(paths=tuple(Path(path) for path in paths), root=root, config=config)
    return run(request, find_files(request))


def find_files(request: Request) -> Files:
    """The project, and the files in it that the request means.

    Raises:
        UserError: a path does not exist, there is no Python file to report on, or the settings are not valid.
    """
    paths = [_resolved(path) for path in request.paths]
    if request.stdin is not None:
        paths = [_resolved(request.stdin_filename or Path("stdin.py"))]
    project = locate_project(paths, root=request.root, config=request.config, isolated=request.isolated)
    settings = project.settings
    exclude = [
        *(settings.exclude if request.exclude is None else request.exclude),
        *settings.extend_exclude,
        *request.extend_exclude,
    ]
    overlay: dict[str, bytes] = {}
    if request.stdin is not None:
        overlay = {_inside(project.root, paths[0]): request.stdin}
    discovery = discover(project.root, paths, exclude, force_exclude=request.force_exclude, virtual=tuple(overlay))
    if not discovery.reported and not discovery.excluded and not discovery.unreadable:
        where = ", ".join(str(path) for path in request.paths)
        raise UserError(f"No Python file found under {where}; name a folder that holds some, or look at `exclude`.")
    return Files(project, discovery, Sources(project.root, settings.max_file_size, overlay))


def run(request: Request, files: Files) -> Result:
    """Run the stages on files that are found.

    Raises:
        UserError: the settings or the request name a rule that does not exist, or a model in the settings is not valid.
    """
    settings, root = files.project.settings, files.project.root
    source = str(files.project.settings_file)
    rules = load_rules()
    layers = [Selection(source, settings.select, settings.ignore, settings.extend_select), request.selection]
    if request.everything:
        layers.insert(0, Selection("audit", ["ALL"]))
    selected = select_rules(rules, layers, preview=request.preview)
    codes = frozenset(rule.code for rule in selected)
    sieve = Sieve(rules, codes, settings, source)

    clock = _Clock()
    loaded, found = _load(files)
    clock.lap("reading and lowering")
    facts, models = read_facts(root), load_models(root, settings.models)
    with _set_up_for_linking():
        program = link(loaded, settings, facts, models)
    clock.lap("linking")
    for rule in selected:
        found.extend(rule(program))
    clock.lap("rules")

    reported = set(files.discovery.reported) | {folder for folder, _ in files.discovery.unreadable}
    whole = reported >= set(files.discovery.known)
    sifted = sieve.sift(
        (finding for finding in found if finding.filename in reported),
        (file for file in loaded if file.path in reported),
        files.sources,
        whole=whole,
    )
    kept = list(sifted.kept)
    if whole and files.project.settings_file is not None:
        kept += sieve.stale_settings(program, files.discovery.known, files.project.settings_file, root)
    return Result(
        files,
        program,
        _sure(kept, request.min_confidence),
        _sure(sifted.hidden, request.min_confidence),
        codes,
        frozenset(rule.code for rule in rules),
        clock.laps,
    )


def _sure(findings: Iterable[Finding], least: Confidence) -> tuple[Finding, ...]:
    """Findings at least so sure, in report order."""
    return tuple(sorted((one for one in findings if _RANK[one.confidence] >= _RANK[least]), key=_sort_key))


_RECURSION_LIMIT = 3_000


@contextmanager
def _set_up_for_linking() -> Iterator[None]:
    """Let calls be followed deeper than Python's default, and leave garbage alone meanwhile.

    Linking makes many small values and little garbage: collecting while they grow costs a fifth of its time.
    """
    limit, collecting = sys.getrecursionlimit(), gc.isenabled()
    sys.setrecursionlimit(max(limit, _RECURSION_LIMIT))
    gc.disable()
    try:
        yield
    finally:
        sys.setrecursionlimit(limit)
        if collecting:
            gc.enable()


def _load(files: Files) -> tuple[list[LoweredFile], list[Finding]]:
    loaded: list[LoweredFile] = []
    found = [unreadable(path, f"the folder cannot be listed ({why})") for path, why in files.discovery.unreadable]
    for path in files.discovery.known:
        try:
            loaded.append(LoweredFile(path, lower(files.sources.text(path))))
        except SourceError as error:
            found.append(unreadable(path, error.message, error.row))
        except LoweringError as error:
            found.append(unreadable(path, error.message, error.row, error.column))
    return loaded, found


class _Clock:
    def __init__(self) -> None:
        self.laps: dict[str, float] = {}
        self._last = time.perf_counter()

    def lap(self, name: str) -> None:
        now = time.perf_counter()
        self.laps[name] = now - self._last
        self._last = now


def _sort_key(finding: Finding) -> tuple[str, int, int, str, str]:
    return finding.sort_key


def _resolved(path: Path) -> Path:
    """The path with links resolved, but for a file that is one: its name is what the user asked about."""
    absolute = Path.cwd() / path
    return absolute.resolve() if absolute.is_dir() else absolute.parent.resolve() / absolute.name


def _inside(root: Path, path: Path) -> str:
    if not path.is_relative_to(root):
        raise UserError(f"{path} lies outside the project root {root}; name a common folder with --root.")
    return path.relative_to(root).as_posix()
