"""The one place that runs the stages in order: files, texts, IR, program, rules, findings.

A run on a tree that has not changed since the last one ends after the second stage, so whatever the later ones need is
imported only when they run.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec.structs import replace

from session_lint.analysis import Analysis, rule_of
from session_lint.cache.analyses import find_analysis, keep_analysis, keep_quiet
from session_lint.cache.forms import form_of, keep_forms, read_forms
from session_lint.cache.keys import inputs, release
from session_lint.cache.seal import user_key
from session_lint.cache.store import CACHE_FOLDER, Store, open_store
from session_lint.cache.tree import Tree, look_at, look_at_snapshot
from session_lint.discovery import Discovery, discover, finder
from session_lint.errors import Failed, UserError, shortened
from session_lint.faults import Noted
from session_lint.filtering import Sieve
from session_lint.findings import Confidence, Counts, Finding
from session_lint.project import locate_project
from session_lint.request import Files, Request
from session_lint.result import Result
from session_lint.rules.registry import Rule, Selection, load_rules, select_rules
from session_lint.rules.sl902_unreadable_file import unreadable
from session_lint.source import Sources

if TYPE_CHECKING:
    from session_lint.loading import Loaded
    from session_lint.program import Program
    from session_lint.settings import Settings

_RANK = {Confidence.LOW: 0, Confidence.MEDIUM: 1, Confidence.HIGH: 2}


def find_files(request: Request) -> Files:
    """The one project that the request's paths are in, and the files in it that it means.

    Raises:
        UserError: a path does not exist, there is no Python file to report on, or the settings are not valid.
    """
    files = look_for_files(request)
    if not files.has_any:
        raise UserError(no_files([files], request))
    return files


def look_for_files(request: Request) -> Files:
    """The same, though there may be no file to report on.

    Raises:
        UserError: a path does not exist, or the settings are not valid.
    """
    paths = [resolved(path) for path in request.paths]
    if request.stdin is not None:
        paths = [resolved(request.stdin_filename or Path("stdin.py"))]
    project = locate_project(paths, root=request.root, config=request.config, isolated=request.isolated)
    settings = project.settings
    overlay: dict[str, bytes] = {}
    if request.stdin is not None:
        overlay = {_inside(project.root, paths[0]): request.stdin}
    exclude = _exclude(request, settings)
    discovery = discover(
        project.root,
        paths,
        exclude,
        force_exclude=request.force_exclude,
        virtual=tuple(overlay),
        nested=request.is_one_project,
    )
    return Files(project, discovery, Sources(project.root, settings.max_file_size, overlay))


def no_files(projects: Sequence[Files], request: Request) -> str:
    """Why there is nothing to report on, and what to do."""
    where = ", ".join(shortened(path) for path in request.paths)
    inner = sorted({str(files.project.root / folder) for files in projects for folder in files.discovery.inner})
    if inner:
        named = ", ".join(inner[:3]) + (", …" if len(inner) > 3 else "")
        return f"{where} has projects with settings of their own ({named}); name one, or take all for one with --root."
    if any(files.discovery.notebooks for files in projects):
        where += " (notebooks are not read)"
    return f"No Python file found under {where}; name a folder that holds some, or look at `exclude`."


def files_of_revision(request: Request, files: Files, commit: str) -> Files:
    """The files of a project at a git commit, under the settings of now, all of them to report on.

    Raises:
        UserError: git cannot read them.
    """
    from session_lint.revision import files_at

    project, given = files.project, frozenset(files.discovery.reported)
    is_found = finder(project.root, _exclude(request, project.settings), nested=request.is_one_project)
    contents = files_at(project.root, commit, lambda path: path in given or is_found(path))
    known = tuple(sorted(contents))
    sources = Sources(project.root, project.settings.max_file_size, contents)
    return Files(project, Discovery(known, known, (), ()), sources, snapshot=contents)


def _exclude(request: Request, settings: Settings) -> list[str]:
    return [
        *(settings.exclude if request.exclude is None else request.exclude),
        *settings.extend_exclude,
        *request.extend_exclude,
    ]


def nothing(files: Files) -> Result:
    """The result of a run that has nothing to report on."""

    def no_program() -> Program:
        raise RuntimeError("nothing was linked")

    analysis = Analysis((), (), Counts(0, 0, 0, 0), None, frozenset(), (), {})
    return Result(files, analysis, (), (), (), frozenset(), frozenset(), [], {}, {}, no_program)


def run(request: Request, files: Files) -> Result:
    """Run the stages on files that are found.

    Raises:
        UserError: the settings or the request name a rule that does not exist, or a model in the settings is not valid.
    """
    settings, root = files.project.settings, files.project.root
    clock = _Clock()
    store = _store(request, files)
    known, sources = files.discovery.known, files.sources
    if files.snapshot is not None:
        tree = look_at_snapshot(known, sources, files.snapshot, store)
    else:
        tree = look_at(known, sources, store)
    clock.lap("reading")
    stages = _Stages(request, files, store, tree, clock)
    analysis = stages.found()
    from_cache = analysis is not None

    rules = load_rules() if analysis is None else tuple(rule_of(card) for card in analysis.cards)
    selected = _selected(request, files, rules)
    codes = frozenset(rule.code for rule in selected)
    all_codes = frozenset(rule.code for rule in rules)
    source = str(files.project.settings_file)
    sieve = Sieve(rules, settings, source, request.per_file_ignores)

    if analysis is None:
        analysis = stages.analysis(rules if store.folder is not None else selected, rules)
    # A rule that failed has not said anything; what another one failed at is none of this run's business.
    faults = [fault for fault in analysis.faults if fault.rule in codes or fault.rule not in all_codes]
    codes -= {fault.rule for fault in faults}

    reported = set(files.discovery.reported) | {folder for folder, _ in files.discovery.unreadable}
    whole = files.whole
    scope = reported
    if request.past is not None and request.past.elsewhere:
        scope = reported | set(files.discovery.known)
    if files.snapshot is not None:
        files.snapshot.fetch(remarks.path for remarks in analysis.remarks if remarks.suppressions)
    sifted = sieve.sift(
        (finding for finding in analysis.findings if finding.filename in scope and finding.code in codes),
        (remarks for remarks in analysis.remarks if remarks.path in scope),
        files.sources,
        codes,
        faults,
        whole=whole,
    )
    kept = list(sifted.kept)
    if whole and files.project.settings_file is not None:
        paths = files.discovery.known
        with Noted(faults, f"SL905 at {files.project.settings_file.name}"):
            kept += sieve.stale_settings(settings, analysis.defined, paths, files.project.settings_file, root, codes)
    codes -= {fault.rule for fault in faults}
    kept.sort(key=_sort_key)
    old: list[Finding] = []
    if request.past is not None:
        found = kept
        kept, old = request.past.part(found, reported)
        if whole and request.past.baseline is not None:
            with Noted(faults, f"SL905 at {request.past.baseline.file.name}"):
                rows = request.past.stale(found, codes, all_codes)
                kept += sieve.stale_baseline(request.past.baseline.file, rows, root, codes)
    clock.lap("choosing")
    return Result(
        files,
        analysis,
        _sure(kept, request.min_confidence),
        _sure((one for one in sifted.hidden if one.filename in reported), request.min_confidence),
        _sure((one for one in old if one.filename in reported), request.min_confidence),
        codes - {fault.rule for fault in faults},
        all_codes,
        faults,
        clock.laps,
        {**stages.work, **analysis.size, "bytes read": tree.read, "analysis from the cache": int(from_cache)},
        stages.program,
        () if from_cache else (stages.reason,),
    )


def _store(request: Request, files: Files) -> Store:
    if not request.cache:
        return Store(None)
    folder = request.cache_dir or files.project.root / CACHE_FOLDER
    name = release()
    if request.cache_dir is not None:
        # Several projects may share the folder.
        name += f"-{hashlib.sha256(str(files.project.root).encode(errors='surrogatepass')).hexdigest()[:8]}"
    # Beside the linted code anybody may have put a cache; a folder that the user names is the user's word.
    key = user_key() if request.cache_dir is None else b""
    return open_store(folder, name, read_only=bool(files.sources.overlay) and files.snapshot is None, key=key)


def _selected(request: Request, files: Files, rules: Sequence[Rule]) -> tuple[Rule, ...]:
    settings = files.project.settings
    own = Selection(str(files.project.settings_file), settings.select, settings.ignore, settings.extend_select)
    layers = [own, request.selection]
    if request.everything:
        layers.insert(0, Selection("audit", ["ALL"]))
    return select_rules(rules, layers, preview=request.preview)


class _Stages:
    """The stages behind the cache, each run once, when its result is asked for."""

    def __init__(self, request: Request, files: Files, store: Store, tree: Tree, clock: _Clock) -> None:
        self._request, self._files, self._store, self._tree, self._clock = request, files, store, tree, clock
        self.work: dict[str, int] = {}
        self.reason = "no cache is used"
        self.loaded = cache(self._load)
        self.program = cache(self._link)

    def found(self) -> Analysis | None:
        """What the rules said of this tree before, or of one of which this is known to differ in nothing that matters."""
        if self._store.folder is None:
            return None
        forms = read_forms(self._store)
        self.reason = "nothing is kept of this project and these settings"
        name = self._name({})
        found = find_analysis(self._store, forms[name]) if name in forms else None
        self._clock.lap("looking up")
        if found is None and forms:
            found = self._found_after_edits(name, forms)
        return found

    def _found_after_edits(self, name: bytes, forms: dict[bytes, bytes]) -> Analysis | None:
        from session_lint.lowering.few import MOST, lower_few

        tree = self._tree
        paths = {c: path for path, c in tree.digests.items() if c not in forms and path not in tree.refused}
        if len(paths) > MOST or any(path not in tree.contents for path in paths.values()):
            self.reason = f"more than {MOST} files are new"
            return None
        encoded = lower_few([tree.contents[path] for path in paths.values()])
        self._clock.lap("lowering what is new")
        if encoded is None:
            self.reason = "a new file is large, or cannot be read every time"
            return None
        lowered = dict(zip(paths, encoded, strict=True))
        new = {content: form_of(encoded) for content, encoded in lowered.items()}
        name_by_forms = self._name(forms | new)
        found = find_analysis(self._store, name_by_forms)
        if found is None:
            found = self._moved(name_by_forms, forms, lowered)
        if found is not None:
            keep_forms(self._store, {**new, name: name_by_forms}, forms)
        self._clock.lap("looking up by form")
        return found

    def _moved(self, name: bytes, forms: Mapping[bytes, bytes], lowered: Mapping[bytes, bytes]) -> Analysis | None:
        """The analysis of the tree before an edit, moved to where everything stands now; kept for the next edit."""
        from session_lint.cache.modules import add_modules
        from session_lint.edits.answering import Edited, answer

        def name_of(contents: Mapping[str, bytes]) -> bytes:
            return self._name_of({path: forms.get(content, content) for path, content in contents.items()})

        contents = self._tree.digests
        found = answer(self._store, Edited(contents, lowered, name_of))
        self.reason = found.reason
        if found.analysis is not None:
            keep_analysis(self._store, name, found.analysis, contents, found.root)
            add_modules(self._store, lowered)
        return found.analysis

    def analysis(self, rules: Sequence[Rule], known: Sequence[Rule]) -> Analysis:
        """What the rules say, kept for the next run."""
        from session_lint.edits.surveying import survey
        from session_lint.judging import judge, room_for_linking

        program, loaded = self.program(), self.loaded()
        found = judge(program, loaded, rules, known, self._clock.lap, self._request.progress)
        if not (loaded.passing or found.faults) and self._store.folder is not None:
            name = self._name(loaded.forms)
            keep_analysis(self._store, name, found, self._tree.digests, name)
            with room_for_linking():
                quiet = survey(program)
            keep_quiet(self._store, name, quiet)
            self._clock.lap("surveying")
            keep_forms(self._store, {**loaded.forms, self._name({}): name}, read_forms(self._store))
        return found

    def _name(self, forms: Mapping[bytes, bytes]) -> bytes:
        """A name for all that the analysis depends on, by the forms of contents where these are given."""
        return self._name_of({path: forms.get(content, content) for path, content in self._tree.digests.items()})

    def _name_of(self, tree: Mapping[str, bytes]) -> bytes:
        files = self._files
        return inputs(files.project.settings, files.project.root, tree, files.discovery.unreadable)

    def _load(self) -> Loaded:
        from session_lint.judging import room_for_linking
        from session_lint.loading import load

        discovery, request = self._files.discovery, self._request
        settings = self._files.project.settings
        if self._files.snapshot is not None:
            self._files.snapshot.fetch(self._files.snapshot)
        with room_for_linking():
            loaded = load(
                discovery.known,
                self._tree,
                self._files.sources,
                # The modules of an earlier revision are not worth the place of those that are there now.
                replace(self._store, read_only=self._store.read_only or self._files.snapshot is not None),
                jobs=request.jobs,
                seconds=settings.max_file_seconds,
                memory=settings.max_file_memory,
                executor=request.executor,
                progress=request.progress,
            )
        folders = [unreadable(path, f"the folder cannot be listed ({why})") for path, why in discovery.unreadable]
        self.work |= {
            "files from the cache": loaded.reused,
            "bytes parsed": loaded.parsed,
            "bytes parsed by LibCST": loaded.by_libcst,
        }
        self._clock.lap("lowering")
        return replace(loaded, findings=(*folders, *loaded.findings))

    def _link(self) -> Program:
        from session_lint.judging import link_files

        loaded = self.loaded()
        if self._request.progress is not None:
            self._request.progress("Linking", 0, 0)
        try:
            program = link_files(loaded, self._files.project.settings, self._files.project.root)
        except UserError:
            raise
        except Exception as error:
            raise Failed(f"linking the program: {type(error).__name__}: {error}") from error
        self._clock.lap("linking")
        return program


def _sure(findings: Iterable[Finding], least: Confidence) -> tuple[Finding, ...]:
    """Findings at least so sure, in report order."""
    return tuple(sorted((one for one in findings if _RANK[one.confidence] >= _RANK[least]), key=_sort_key))


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


def resolved(path: Path) -> Path:
    """The path with links resolved, but for a file that is one: its name is what the user asked about."""
    absolute = Path.cwd() / path
    try:
        return absolute.resolve() if absolute.is_dir() else absolute.parent.resolve() / absolute.name
    except (OSError, RuntimeError) as error:  # the latter for links in a circle, before Python 3.13
        why = error.strerror if isinstance(error, OSError) else "its links lead in a circle"
        raise UserError(f"{shortened(path)} cannot be read: {why}.") from error


def _inside(root: Path, path: Path) -> str:
    if not path.is_relative_to(root):
        raise UserError(f"{shortened(path)} lies outside the project root {root}; name a common folder with --root.")
    return path.relative_to(root).as_posix()
