"""Fixes over a whole project: pass after pass until nothing changes, each result parsed and judged before it counts.

Nothing is written here: files are changed in memory, and the analysis sees them as it sees an unsaved editor buffer.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from msgspec.structs import replace

from session_lint.faults import Fault, Noted
from session_lint.findings import Finding
from session_lint.fixing import Fixed, Lines, apply_fixes, place_of
from session_lint.lowering import LoweringError, lower
from session_lint.pipeline import run
from session_lint.record import Record
from session_lint.request import Files, Request
from session_lint.result import Result
from session_lint.rewriting import encode

_PASSES = 10
_RUNS = 25

_Place = tuple[str, str, int]
"""File, rule code, offset."""


class Mended(Record, frozen=True):
    """A project after its fixes.

    Args:
        result: what is found in it now.
        before: contents of the files that changed, as they are on disk.
        after: contents that they would have.
        fixed: the findings that are gone.
        dropped: those whose fix was undone, as its result did not parse or the finding stayed.
    """

    result: Result
    before: Mapping[str, bytes]
    after: Mapping[str, bytes]
    fixed: tuple[Finding, ...]
    dropped: tuple[Finding, ...]


@dataclass(slots=True)
class _State:
    """Where the passes have come: the last analysis, the texts that changed, and what is given up."""

    result: Result
    texts: dict[str, str] = field(default_factory=dict)
    refused: set[_Place] = field(default_factory=set)
    fixed: list[Finding] = field(default_factory=list)
    dropped: list[Finding] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)

    def costs(self, after: Result) -> bool:
        """Whether something failed on what the fixes give that did not on what was there: its findings are not gone."""
        new = [fault for fault in after.faults if fault not in self.result.faults]
        self.faults += new
        return bool(new)

    def text(self, path: str) -> str:
        return self.texts[path] if path in self.texts else self.result.files.sources.text(path)

    def refuse(self, finding: Finding, lines: Lines) -> None:
        self.refused.add((finding.filename, finding.code, place_of(lines, finding.span)))
        self.dropped.append(finding)


def is_applicable(finding: Finding, *, unsafe: bool) -> bool:
    """Whether the finding has a fix that is safe, or that may be unsafe."""
    return finding.fix is not None and bool(finding.fix.edits) and (finding.fix.safe or unsafe)


def mend(request: Request, files: Files, *, unsafe: bool) -> Mended:
    """Check a project and make its fixes, in memory.

    Args:
        request: what to check.
        files: the files, on disk.
        unsafe: make unsafe fixes too.

    Raises:
        UserError: as ``run`` does.
    """
    state = _State(run(request, files))
    passes = runs = 0
    while passes < _PASSES and runs < _RUNS:
        made = _make(state, unsafe=unsafe)
        if not made:
            break
        texts = {**state.texts, **{path: fixed.text for path, fixed in made.items()}}
        runs += 1
        after: Result | None = None
        with Noted(state.faults, f"the program with the fixes of {', '.join(made)}"):
            after = run(request, _with_texts(files, texts))
        if after is None or state.costs(after):
            break  # what could not be judged again is not written
        if not _give_up_what_stays(state, made, after):
            passes += 1
            _accept(state, made, texts, after)
    before = {path: files.sources.read(path) for path in state.texts}
    contents = {path: encode(text, before[path]) for path, text in state.texts.items()}
    state.result.faults.extend(fault for fault in state.faults if fault not in state.result.faults)
    return Mended(state.result, before, contents, tuple(state.fixed), tuple(state.dropped))


def _make(state: _State, *, unsafe: bool) -> dict[str, Fixed]:
    """The texts after one pass, by file; only those that parse."""
    wanted: dict[str, list[Finding]] = defaultdict(list)
    for finding in state.result.findings:
        if is_applicable(finding, unsafe=unsafe):
            wanted[finding.filename].append(finding)
    made = {}
    for path, findings in wanted.items():
        with Noted(state.faults, f"the fixes of {path}"):
            fixed = _fixed(state, path, findings)
            if fixed.text != state.text(path):
                made[path] = fixed
    return made


def _fixed(state: _State, path: str, findings: Sequence[Finding]) -> Fixed:
    """The text of a file after one pass; unchanged where nothing of it parses."""
    text = state.text(path)
    lines = Lines(text)
    open_ = [f for f in findings if (path, f.code, place_of(lines, f.span)) not in state.refused]
    fixed = apply_fixes(text, open_)
    if not fixed.applied or _is_sound(fixed.text, path, state):
        return fixed
    bad = [f for f in fixed.applied if not _is_sound(apply_fixes(text, [f]).text, path, state)]
    for finding in bad or fixed.applied:
        state.refuse(finding, lines)
    fixed = apply_fixes(text, [f for f in open_ if bad and f not in bad])
    if not fixed.applied or _is_sound(fixed.text, path, state):
        return fixed
    for finding in fixed.applied:
        state.refuse(finding, lines)
    return Fixed(text, (), ())


def _is_sound(text: str, path: str, state: _State) -> bool:
    """Whether a text is Python, and can be written in its file's encoding."""
    try:
        lower(text)
        encode(text, state.result.files.sources.read(path))
    except (LoweringError, UnicodeEncodeError):
        return False
    return True


def _with_texts(files: Files, texts: Mapping[str, str]) -> Files:
    contents = {path: encode(text, files.sources.read(path)) for path, text in texts.items()}
    return replace(files, sources=replace(files.sources, overlay={**files.sources.overlay, **contents}))


def _give_up_what_stays(state: _State, made: Mapping[str, Fixed], after: Result) -> bool:
    """Refuse the fixes of a pass whose findings are still there; whether there are any."""
    were = Counter((f.filename, f.code) for f in state.result.findings)
    now = Counter((f.filename, f.code) for f in after.findings)
    stayed = False
    for path, fixed in made.items():
        applied = Counter(f.code for f in fixed.applied)
        lines, new = Lines(state.text(path)), Lines(fixed.text)
        left = {(f.code, place_of(new, f.span)) for f in after.findings if f.filename == path}
        for finding in fixed.applied:
            if now[path, finding.code] <= were[path, finding.code] - applied[finding.code]:
                continue
            first, last = fixed.moved(place_of(lines, finding.span))
            if any(code == finding.code and first <= place <= last for code, place in left):
                state.refuse(finding, lines)
                stayed = True
    return stayed


def _accept(state: _State, made: Mapping[str, Fixed], texts: dict[str, str], after: Result) -> None:
    state.refused = {
        (path, code, made[path].moved(place)[0] if path in made else place) for path, code, place in state.refused
    }
    state.fixed += [finding for fixed in made.values() for finding in fixed.applied]
    state.texts = texts
    state.result = after
