"""Files to their IR: from the cache where their content was lowered before, else lowered now, in parallel."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import Executor

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
    lowered: Mapping[bytes, bytes] | None = None,
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
        lowered: outcomes that are known already, by the digests of contents.
    """
    stored = read_modules(store)
    known: dict[bytes, bytes | msgspec.Raw] = {}
    files: list[LoweredFile] = []
    outcomes: dict[str, Outcome] = {}
    missing: dict[bytes, str] = {}
    for path in paths:
        raw = stored.get(tree.digests[path]) if path not in tree.refused else None
        if raw is not None:
            try:
                outcomes[path] = decode_outcome(memoryview(raw))
            except ValueError:
                pass
            else:
                known[tree.digests[path]] = raw
                continue
        content = tree.content(path, sources)
        if content is not None:
            missing.setdefault(tree.digests[path], path)
    reused = len(outcomes)
    known |= {name: encoded for name, encoded in (lowered or {}).items() if name in missing}
    todo = [(name, tree.contents[path]) for name, path in missing.items() if name not in known]
    contents = [content for _, content in todo]
    passing: set[bytes] = set()
    lowering = lower_all(contents, jobs=jobs, seconds=seconds, memory=memory, executor=executor)
    for done, (index, encoded) in enumerate(lowering):
        known[todo[index][0]] = encoded
        if progress is not None:
            progress("Parsing", done + 1, len(todo))
    findings: list[Finding] = []
    faults: list[Fault] = []
    by_libcst = 0
    for path in paths:
        refused = tree.refused.get(path)
        if refused is not None:
            findings.append(unreadable(path, refused.message, refused.row))
            continue
        outcome = outcomes.get(path)
        if outcome is None:
            # Each path has nodes of its own, be its content that of another: nodes are told apart by identity.
            outcome = decode_outcome(memoryview(known[tree.digests[path]]))
            by_libcst += outcome.parsed if missing.get(tree.digests[path]) == path else 0
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
        keep_modules(store, {name: raw for name, raw in known.items() if name not in passing}, missing)
    return Loaded(
        tuple(files),
        tuple(findings),
        bool(passing),
        reused,
        sum(len(tree.contents[path]) for path in missing.values()),
        by_libcst,
        {name: form_of(memoryview(raw)) for name, raw in known.items()},
        tuple(faults),
    )
