"""Looks among the kept analyses for that of a tree from which the one at hand differs in a few edited files."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from functools import cache

from session_lint import ir
from session_lint.analysis import Analysis, Remarks
from session_lint.cache.analyses import Kept, find_analysis, find_quiet, kept_trees
from session_lint.cache.modules import find_modules
from session_lint.cache.store import Store
from session_lint.edits.comparing import Comparison, Differs, Rows, compare
from session_lint.edits.contained import Around, Seen
from session_lint.edits.inert import check
from session_lint.edits.moving import NoPlace, move
from session_lint.edits.quiet import Quiet
from session_lint.findings import Finding
from session_lint.lowering.few import MOST
from session_lint.lowering.outcome import decode_outcome
from session_lint.record import Record
from session_lint.suppressions import suppressions_of


class Edited(Record, frozen=True):
    """A tree, and what is known of the contents in it.

    Args:
        contents: the digests of its files' contents, by path, in the order of the files.
        outcomes: what lowering made of those that no kept tree may have.
        name: the key of the analysis of a tree of other contents, in the same project.
    """

    contents: Mapping[str, bytes]
    outcomes: Mapping[bytes, bytes]
    name: Callable[[Mapping[str, bytes]], bytes]


class Answer(Record, frozen=True):
    """The analysis of an edited tree, without linking; or why it is to be linked.

    ``root`` is the key of the linked tree that all of it goes back to.
    """

    analysis: Analysis | None
    reason: str
    root: bytes = b""


def answer(store: Store, tree: Edited) -> Answer:
    """The analysis of a tree that differs from one of a kept analysis in nothing that is found."""
    reasons = []
    for kept in kept_trees(store):
        if kept.contents.keys() != tree.contents.keys():
            continue
        paths = [path for path, content in tree.contents.items() if kept.contents[path] != content]
        if 0 < len(paths) <= MOST and tree.name(kept.contents) == kept.key:
            found = _answer(store, tree, kept, paths)
            if found.analysis is not None:
                return found
            reasons.append(found.reason)
    return Answer(None, reasons[0] if reasons else "no analysis is kept of a tree like this")


def _answer(store: Store, tree: Edited, kept: Kept, paths: Sequence[str]) -> Answer:
    before = _modules(store, {}, [kept.contents[path] for path in paths])
    after = _modules(store, tree.outcomes, [tree.contents[path] for path in paths])
    if before is None or after is None:
        return Answer(None, "what an edited file was before is not kept, or either has no syntax tree")
    quiet = cache(lambda: find_quiet(store, kept.root))
    moves: dict[str, Rows] = {}
    changes: list[tuple[str, Comparison]] = []
    for path, old, new in zip(paths, before, after, strict=True):
        if any(_is_taken_for(other, path) for other in kept.contents):
            return Answer(None, f"{path} may be named where another file is")
        try:
            comparison = _comparison(path, old, new, quiet)
        except Seen as seen:
            return Answer(None, str(seen))
        moves[path] = comparison.rows
        if comparison.is_change:
            changes.append((path, comparison))
    analysis = find_analysis(store, kept.key)
    if analysis is None:
        return Answer(None, "the analysis of the tree before the edit is not kept")
    if any(_is_about(finding, path, comparison) for path, comparison in changes for finding in analysis.findings):
        return Answer(None, "something is found in what has changed")
    try:
        moved = move(analysis, moves, _remarks(analysis, tree.contents, dict(zip(paths, after, strict=True))))
    except NoPlace:
        return Answer(None, "it is not known where all that was found is now")
    return Answer(moved, "", kept.root)


def _comparison(path: str, old: ir.Module, new: ir.Module, quiet: Callable[[], Quiet | None]) -> Comparison:
    """How a file differs from what it was.

    Raises:
        Seen: what is found may differ as well.
    """
    comparison = None
    with suppress(Differs):
        comparison = compare(old, new)
    if old.uses_database != new.uses_database:
        raise Seen(f"{path} begins to use a database, or ceases to")
    if comparison is not None and not comparison.is_change and old.speaks == new.speaks:
        return comparison
    whole = quiet()
    if whole is None:
        raise Seen("it is not kept where the program is quiet")
    file = whole.file(path)
    if file is None:
        raise Seen(f"nothing is known of {path}")
    if old.speaks != new.speaks and (file.is_apart or file.is_idle):
        raise Seen(f"{path} begins to speak of sessions, or ceases to")
    if file.is_idle:
        return Comparison({}, ())
    if comparison is None:
        raise Seen(f"{path} differs in more than the bodies of functions")
    try:
        check(Around(file, whole, old, new), comparison)
    except Seen as seen:
        raise Seen(f"{path}: {seen}") from None
    return comparison


def _is_about(finding: Finding, path: str, comparison: Comparison) -> bool:
    """Whether a finding, or a link of its chain, stands in what has changed."""
    rows = {finding.span.row} if finding.filename == path else set()
    rows |= {link.row for link in finding.chain if link.filename == path}
    spans = [*(changed.old.span for changed in comparison.functions), *(gone.span for gone in comparison.gone)]
    return any(span.row <= row <= span.end_row for span in spans for row in rows)


def _modules(store: Store, outcomes: Mapping[bytes, bytes], contents: Sequence[bytes]) -> list[ir.Module] | None:
    """The IR of contents; None where that of one is not known."""
    stored = find_modules(store, [content for content in contents if content not in outcomes])
    found: list[ir.Module] = []
    for content in contents:
        raw = outcomes.get(content) or stored.get(content)
        try:
            module = decode_outcome(memoryview(raw)).module if raw is not None else None
        except ValueError:
            module = None
        if module is None:
            return None
        found.append(module)
    return found


def _remarks(analysis: Analysis, paths: Mapping[str, bytes], edited: Mapping[str, ir.Module]) -> list[Remarks]:
    remarks = {one.path: one for one in analysis.remarks if one.path not in edited}
    for path, module in edited.items():
        if module.comments:
            remarks[path] = Remarks(path, module.comments, suppressions_of(module))
    return [remarks[path] for path in paths if path in remarks]


def _is_taken_for(other: str, path: str) -> bool:
    """Whether a path ends in another, and a message that names it could be read as naming that one."""
    return other.endswith(path) and other != path and not re.match(r"[\w./-]", other[-len(path) - 1])
