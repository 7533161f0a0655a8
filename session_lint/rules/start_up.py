"""What runs before there is anybody to wait: code at start-up may block the event loop, and is alone with its sessions."""

from __future__ import annotations

from session_lint import ir
from session_lint.program import Program
from session_lint.program.entrypoints import EntryPoint, dotted
from session_lint.program.symbols import Function, Unit

_AT_START_UP = frozenset({"lifespan", "main", "command"})
_START_UP_HOOKS = frozenset(
    {"on_event", "on_startup", "on_shutdown", "before_serving", "after_serving", "while_serving"}
)


def runs_at_start_up(program: Program, function: Function) -> bool:
    """Whether everybody who calls the function, at the far end, runs before there is anything to block."""
    callers = program.flow.facts.callers
    seen: set[Unit] = {function}
    queue: list[Unit] = [function]
    starts = False
    while queue:
        unit = queue.pop()
        entry = program.entry(unit)
        above = callers.get(unit, set()) if isinstance(unit, Function) else set()
        if program.role(unit) == "script" or (entry is not None and _is_start_up(entry)):
            starts = True
        elif entry is not None or not above:
            return False
        else:
            ahead = {caller for caller in above if program.role(caller) != "test"} - seen
            seen |= ahead
            queue.extend(ahead)
    return starts


def _is_start_up(entry: EntryPoint) -> bool:
    if entry.kind == "event":
        decorators = (d.func if isinstance(d, ir.Call) else d for d in entry.function.decorators)
        names = {dotted(decorator).rsplit(".", 1)[-1] for decorator in decorators}
        return not names or bool(names & _START_UP_HOOKS)
    return entry.kind in _AT_START_UP
