"""Transaction maps as rows for a diagram: beside each step, rails say which sessions and which transactions are open.

Rails follow the source from top to bottom, so branches and handlers stand one after the other. A session's rail begins where
it is opened and ends with the block or the provider that ends it. It is thick while a transaction is open on it: from
``begin()``, or from the first use where nothing began one, to the commit, the rollback or the end of the block.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from session_lint.tracing import BEGINS, COMMITS

if TYPE_CHECKING:
    from session_lint.tracing import Kind, Step, Trace

NONE, OPEN, TRANSACTION = 0, 1, 2
MAX_RAILS = 4

_WORKS = ("read", "write", "use", "flush")
_USES = (*_WORKS, "savepoint", "begin", "commit", "rollback", "close")


class Row(NamedTuple):
    """One row of a diagram.

    ``before`` and ``after`` hold the state of every rail above and below the row's middle, ``node`` is the rail that
    something happens on, -1 where nothing does. ``kind`` is that of the step, or ``closed`` for the end of a block.
    """

    depth: int
    kind: Kind | str
    text: str
    filename: str
    row: int
    codes: tuple[str, ...]
    repeated: bool
    before: tuple[int, ...]
    after: tuple[int, ...]
    node: int


@dataclass(slots=True)
class _Rail:
    """A session: who opened it, what is open, and whether a block ends it."""

    name: str
    state: int
    scoped: bool = True


@dataclass(slots=True)
class _Drawing:
    rails: list[_Rail] = field(default_factory=list)
    rows: list[Row] = field(default_factory=list)

    def states(self) -> tuple[int, ...]:
        """States by rail; what exceeds the width shares the last."""
        states = [rail.state for rail in self.rails]
        return tuple(states[: MAX_RAILS - 1] + states[-1:]) if len(states) > MAX_RAILS else tuple(states)

    def node(self, rail: _Rail | None) -> int:
        if rail is None:
            return -1
        return min(next(n for n, one in enumerate(self.rails) if one is rail), MAX_RAILS - 1)

    def current(self) -> _Rail | None:
        """The session opened last that is not closed."""
        return next((rail for rail in reversed(self.rails) if rail.state), self.rails[-1] if self.rails else None)

    def add(self, step: Step, depth: int, before: tuple[int, ...], rail: _Rail | None) -> None:
        row = (depth, step.kind, step.text, step.filename, step.row, step.codes, step.repeated)
        self.rows.append(Row(*row, before[:MAX_RAILS], self.states(), self.node(rail)))

    def end_block(self, text: str, step: Step, depth: int, before: tuple[int, ...], rail: _Rail) -> None:
        place = (step.filename, step.row)
        self.rows.append(Row(depth, "closed", text, *place, (), False, before, self.states(), self.node(rail)))


def draw(trace: Trace) -> tuple[Row, ...]:
    """The rows of a transaction map."""
    drawing = _Drawing()
    if _lent(trace.steps):
        drawing.rails.append(_Rail("", OPEN, scoped=False))
    for step in trace.steps:
        _draw(drawing, step, 0)
    width = max((len(states) for row in drawing.rows for states in (row.before, row.after)), default=0)
    return tuple(
        row._replace(before=_padded(row.before, width), after=_padded(row.after, width)) for row in drawing.rows
    )


def _padded(states: tuple[int, ...], width: int) -> tuple[int, ...]:
    return states + (NONE,) * (width - len(states))


def _lent(steps: Sequence[Step]) -> bool:
    """Whether a session is used before any is opened: it was lent from outside of the map."""
    first = next((s.kind for s in _inner(steps) if s.kind in _USES or s.kind in ("provider", "session")), None)
    return first in _USES


def _inner(steps: Sequence[Step]) -> Iterator[Step]:
    for step in steps:
        yield step
        yield from _inner(step.steps)


def _draw(drawing: _Drawing, step: Step, depth: int) -> None:
    match step.kind:
        case "provider":
            _open(drawing, step, depth)
        case "session":
            _session(drawing, step, depth)
        case "begin" | "savepoint":
            _block(drawing, step, depth)
        case "end":
            _end(drawing, step, depth)
        case "call" | "dependency":
            drawing.add(step, depth, drawing.states(), None)
            for inner in step.steps:
                _draw(drawing, inner, depth + 1)
        case _:
            _use(drawing, step, depth)


def _open(drawing: _Drawing, step: Step, depth: int, *, scoped: bool = True) -> _Rail:
    before = drawing.states()
    name = step.text.partition(":")[0]
    rail = _Rail(name, TRANSACTION if BEGINS in step.text else OPEN, scoped)
    drawing.rails.append(rail)
    drawing.add(step, depth, (*before, NONE), rail)
    return rail


def _session(drawing: _Drawing, step: Step, depth: int) -> None:
    rail = _open(drawing, step, depth, scoped=bool(step.steps))
    if not step.steps:
        return
    for inner in step.steps:
        _draw(drawing, inner, depth + 1)
    before = drawing.states()
    commits = step.text.endswith(COMMITS)
    rail.state = NONE
    who = f"end of the block of {rail.name}" if ":" in step.text else "end of the session's block"
    drawing.end_block(f"{who}{': commits' if commits else ''}", step, depth, before, rail)
    # What was opened inside and never closed goes on; a rail that is done frees its place only at the end of the stack.
    while drawing.rails and not drawing.rails[-1].state:
        drawing.rails.pop()


def _block(drawing: _Drawing, step: Step, depth: int) -> None:
    rail = drawing.current()
    before = drawing.states()
    if rail is not None:
        rail.state = TRANSACTION
    drawing.add(step, depth, before, rail)
    for inner in step.steps:
        _draw(drawing, inner, depth + 1)
    if not step.steps or rail is None or rail not in drawing.rails:
        return
    before = drawing.states()
    if step.kind == "begin":
        rail.state = OPEN
        text = "end of the begin block: commits, or rolls back after an error"
    else:
        text = "end of the savepoint: released, or rolled back after an error"
    drawing.end_block(text, step, depth, before, rail)


def _end(drawing: _Drawing, step: Step, depth: int) -> None:
    """The end of a provider, who is named first."""
    name = step.text.partition(" ")[0]
    rail = next((one for one in reversed(drawing.rails) if one.name == name), drawing.current())
    before = drawing.states()
    if rail is not None:
        rail.state = NONE if "closes" in step.text else OPEN
    drawing.add(step, depth, before, rail)


def _use(drawing: _Drawing, step: Step, depth: int) -> None:
    rail = drawing.current()
    before = drawing.states()
    if rail is not None:
        if step.kind in _WORKS:
            rail.state = TRANSACTION
        elif step.kind == "close":
            rail.state = OPEN if rail.scoped else NONE
        else:
            rail.state = OPEN
    drawing.add(step, depth, before, rail)
