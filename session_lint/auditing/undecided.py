"""What could not be decided: sessions, calls, engines and files that the analysis does not know enough of."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from session_lint.auditing.model import NOT_WORKED_OUT, Place, Undecided
from session_lint.auditing.view import plain
from session_lint.checks import CHECKS
from session_lint.checks.descent import entered
from session_lint.checks.evidence_background import STARTS
from session_lint.checks.unknown_sessions import UNKNOWN_SESSIONS, said_of
from session_lint.explanation import Unknown, outside_calls, unknown_calls
from session_lint.faults import Noted
from session_lint.program.actions import HOLD_NOTHING
from session_lint.program.contexts import origins
from session_lint.program.symbols import Function

if TYPE_CHECKING:
    from collections.abc import Sequence

    from session_lint.auditing.view import View
    from session_lint.program.contexts import Context
    from session_lint.program.symbols import Unit

Points = list[tuple[str, Place]]

_OUTSIDE = ("test", "migration")


def undecided_of(view: View) -> tuple[Undecided, ...]:
    """All of it, each kind once."""
    kinds: tuple[tuple[str, Callable[[View], Points]], ...] = (
        ("Entry points whose session is of unknown origin, so that who ends its transaction is not known", _origins),
        ("Functions that use what is named and used like a session, of which it is not known what gives it", _unknown),
        ("Calls that are handed a session and are not known: what they do to it is not looked into", _calls),
        ("Functions in which a session is known by its name alone, so that findings are of low confidence", _names),
        ("Engines whose URL is not written down, so that driver and port are not known", _urls),
        ("Files that could not be read", _unread),
        ("Rules that did not run", _rules),
    )
    found = []
    for text, look in kinds:
        points: Points = [(NOT_WORKED_OUT, Place("", 0, ""))]
        with Noted(view.faults, f"the audit's {look.__name__.strip('_')} that are not decided"):
            points = look(view)
        if points:
            places = tuple(place for _, place in points if place.row)
            found.append(Undecided(text, tuple(point for point, _ in points), places))
    return tuple(found)


def _units(view: View) -> Iterator[Unit]:
    for module in sorted(view.program.modules, key=lambda m: m.path):
        if module.path in view.scope.paths and view.program.roles[module.path] not in _OUTSIDE:
            yield module
            yield from module.functions


def _point(view: View, unit: Unit, row: int, said: str) -> tuple[str, Place]:
    place = view.place(unit, row)
    return f"{_spelled(unit.qualname, f'{view.spell(unit.module.path)}:{place.row}')}: {said}", place


def _spelled(symbol: str, place: str) -> str:
    return place if symbol == "<module>" else f"`{symbol}` ({place})"


def _origins(view: View) -> Points:
    found: Points = []
    started = {start.task for start in STARTS.everywhere(view.program)}
    entries = sorted(view.program.entries, key=lambda f: (f.module.path, f.name_span.row))
    for function in entries:
        if function.module.path not in view.scope.paths or view.program.role(function) in _OUTSIDE:
            continue
        if function in started:
            continue  # what starts it hands it the session, which is reported
        names = {
            token.path
            for context in entered(view.program, function)
            for number, token in enumerate(context.tokens)
            if token.how in ("injected", "unknown", "param") and not _has_origin(context, number)
        }
        if names:
            said = f"nothing says where {', '.join(f'`{name}`' for name in sorted(names))} comes from"
            found.append(_point(view, function, 0, said))
    return found


def _has_origin(context: Context, number: int) -> bool:
    return any(t.provider is not None or t.site is not None for _, t in origins(context, number))


def _unknown(view: View) -> Points:
    return [_point(view, found.unit, found.row, said_of(found)) for found in UNKNOWN_SESSIONS.within(view.scope)]


def _calls(view: View) -> Points:
    contexts: dict[Unit, list[Context]] = {}
    for context in view.program.contexts():
        contexts.setdefault(context.unit, []).append(context)
    outside_project = outside_calls(view.program)
    starts = {(start.unit, start.row) for start in STARTS.everywhere(view.program)}
    found: Points = []
    for unit in _units(view):
        for unknown in unknown_calls(view.program, unit, contexts.get(unit, []), outside_project):
            if unknown.gets_session and not _is_harmless(unknown) and (unit, unknown.row) not in starts:
                name = (unknown.external or "").removesuffix("()")
                outside = f", {name} outside the project" if name and "(" not in name else ""
                found.append(
                    _point(view, unit, unknown.row, f"hands a session to `{plain(unknown.call)}()`{plain(outside)}")
                )
    return found


def _is_harmless(call: Unknown) -> bool:
    """Whether a call outside the project is known to leave sessions alone: built-ins, and what makes SQL statements."""
    name = call.external or ""
    makes_sql = name.startswith("sqlalchemy.") and "(" not in name
    return name in HOLD_NOTHING or name.startswith("builtins.") or makes_sql


def _names(view: View) -> Points:
    found: Points = []
    for unit in _units(view):
        contexts = view.program.analysis.by_function.get(unit, ()) if isinstance(unit, Function) else ()
        names = {t.path for c in contexts if not c.is_test for t in c.tokens if t.evidence == "name" and t.path}
        if names:
            found.append(_point(view, unit, 0, ", ".join(f"`{name}`" for name in sorted(names))))
    return found


def _urls(view: View) -> Points:
    engines = [e for e in view.inference.engines if not e.driver]
    here = [e for e in engines if e.place.filename in view.scope.paths]
    return [
        (
            _spelled(e.place.symbol, f"{view.spell(e.place.filename)}:{e.place.row}"),
            view.place_at(e.place.filename, e.place.row, e.place.symbol),
        )
        for e in here
    ]


def _unread(view: View) -> Points:
    return [
        (f"{view.spell(f.filename)}:{f.span.row}: {plain(f.message)}", view.fault(f).place)
        for f in view.result.findings
        if f.code == "SL902"
    ]


def _rules(view: View) -> Points:
    codes: Sequence[str] = [code for check in CHECKS for code in check.rules if code not in view.result.rules_run]
    known = view.result.rules_known
    failed = {fault.rule for fault in view.result.faults} & known
    missing = sorted(failed), sorted(set(codes) & known - failed), sorted(set(codes) - known)
    reasons = (
        "failed, an error of session-lint itself",
        "not selected, or preview rules that `--preview` lets run",
        "not available in this version",
    )
    return [
        (f"{', '.join(found)}: {why}", Place("", 0, "")) for found, why in zip(missing, reasons, strict=True) if found
    ]
