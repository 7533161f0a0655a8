"""Files to their IR: from the cache where their content was lowered before, else lowered now, in parallel."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Executor
from contextlib import suppress

import msgspec

from session_lint.cache.forms import form_of
from session_lint.cache.modules import keep_modules, read_modules
from session_lint.cache.store import Store
from session_lint.cache.tree import Tree
from session_lint.faults import Fault
from session_lint.findings import Finding
from session_lint.lowering.outcome import Outcome, decode_outcome
from session_lint.lowering.pool import lower_all
from session_lint.program import LoweredFile
from session_lint.rules.sl902_unreadable_file import unreadable
from session_lint.source import Sources

Progress = Callable[[str, int, int], None]
"""Told the stage, how much of it is done, and of how much (0: not known)."""


class Loaded(msgspec.Struct, frozen=True):
    """The lowered files, and findings on those that are not.

    Args:
        files: those that could be lowered.
        findings: on the others.
        passing: a file could not be lowered for a reason that may be gone next time.
        reused: how many files were in the cache.
        parsed: how many bytes were parsed.
        by_libcst: how many of them by LibCST.
        forms: a name for the IR of each content, by its digest.
        faults: errors of ours in files.
    """

    files: tuple[LoweredFile, ...]
    findings: tuple[Finding, ...]
    passing: bool
    reused: int
    parsed: int
    by_libcst: int
    forms: Mapping[bytes, bytes]
    faults: tuple[Fault, ...] = ()


def load(
    paths: tuple[str, ...],
    tree: Tree,
    sources: Sources,
    store: Store,
    *,
    jobs: int | None = None,
    seconds: float = 60,
    memory: int = 4000,
    executor: Executor | None = None,
    progress: Progress | None = None,
) -> Loaded:
    """Lower the files of a tree.

    Args:
        paths: the files.
        tree: what is known of their contents.
        sources: where to read what is not known yet.
        store: the cache.
        jobs: how many processes share the work; None: what fits the machine and the work.
        seconds: how long one file may take.
        memory: how many megabytes.
        executor: does the work in place of own processes.
        progress: told how many files are lowered.
    """
    forms: dict[bytes, bytes] = {}
    outcomes = _stored(paths, tree, store, forms)
    reused = len(outcomes)
    missing: dict[bytes, list[str]] = {}
    for path in paths:
        if path not in outcomes and tree.content(path, sources) is not None:
            missing.setdefault(tree.digests[path], []).append(path)
    parsed = sum(len(tree.contents[path]) for group in missing.values() for path in group[:1])
    by_libcst = 0
    lowering = _lowered(tree, missing, jobs=jobs, seconds=seconds, memory=memory, executor=executor)
    for done, (content, encoded) in enumerate(lowering):
        forms[content] = form_of(encoded)
        for path in missing[content]:
            # Each path has nodes of its own, be its content that of another: nodes are told apart by identity.
            outcomes[path] = decode_outcome(encoded)
        by_libcst += outcomes[missing[content][0]].parsed
        if progress is not None:
            progress("Parsing", done + 1, len(missing))
    files: list[LoweredFile] = []
    findings: list[Finding] = []
    faults: list[Fault] = []
    passing: set[bytes] = set()
    for path in paths:
        refused = tree.refused.get(path)
        if refused is not None:
            findings.append(unreadable(path, refused.message, refused.row))
            continue
        outcome = outcomes[path]
        if outcome.module is not None:
            files.append(LoweredFile(path, outcome.module))
        elif outcome.refusal is not None:
            refusal = outcome.refusal
            if refusal.trace:
                faults.append(Fault(path, refusal.message, refusal.trace))
            if refusal.passing:
                passing.add(tree.digests[path])
            findings.append(unreadable(path, refusal.message, refusal.row, refusal.column))
    if missing:
        kept = {tree.digests[path]: outcome for path, outcome in outcomes.items() if tree.digests[path] not in passing}
        keep_modules(store, kept, missing)
    return Loaded(
        tuple(files),
        tuple(findings),
        bool(passing),
        reused,
        parsed,
        by_libcst,
        forms,
        tuple(faults),
    )


def _stored(paths: tuple[str, ...], tree: Tree, store: Store, forms: dict[bytes, bytes]) -> dict[str, Outcome]:
    """The outcomes of those files whose content was lowered before; ``forms`` gets their forms."""
    wanted: dict[bytes, list[str]] = {}
    for path in paths:
        if path not in tree.refused:
            wanted.setdefault(tree.digests[path], []).append(path)
    outcomes: dict[str, Outcome] = {}
    for content, raw in read_modules(store):
        for path in wanted.get(content, ()):
            with suppress(ValueError):
                outcomes[path] = decode_outcome(raw)
                forms[content] = form_of(raw)
    return outcomes


def _lowered(
    tree: Tree,
    missing: Mapping[bytes, Sequence[str]],
    *,
    jobs: int | None,
    seconds: float,
    memory: int,
    executor: Executor | None,
) -> Iterator[tuple[bytes, bytes]]:
    """The encoded outcomes of contents, each of which is let go of once it is lowered."""
    todo = list(missing)
    contents = [tree.contents[missing[content][0]] for content in todo]
    tree.contents.clear()
    lowering = lower_all(contents, jobs=jobs, seconds=seconds, memory=memory, executor=executor)
    for index, encoded in lowering:
        contents[index] = b""
        yield todo[index], encoded
