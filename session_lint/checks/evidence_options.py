"""Execution options: those of the ORM, and all others, by name."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from session_lint import ir
from session_lint.checks.evidence import Evidence, Scope
from session_lint.checks.facts import Facts
from session_lint.checks.wording import listed, together
from session_lint.program.dicts import entries
from session_lint.program.vocabulary import engine_maker
from session_lint.record import Record
from session_lint.traversal import expressions

if TYPE_CHECKING:
    from session_lint.program import Program
    from session_lint.program.symbols import Unit

_ORM = frozenset(
    {"synchronize_session", "populate_existing", "autoflush", "yield_per", "identity_token", "dml_strategy"}
    | {"render_nulls", "is_delete_using", "is_update_from"}
)


class Options(Record, frozen=True):
    """A call that sets execution options; ``keys`` None: not known. ``on_engine``: set where an engine is made."""

    unit: Unit
    row: int
    keys: tuple[str, ...] | None
    on_engine: bool


def _collect(program: Program) -> Iterator[Options]:
    makers = {id(c.node) for c in program.creations("engine") if engine_maker(c.name) is not None}
    units: list[Unit] = [*program.modules, *(f for m in program.modules for f in m.functions)]
    for unit in units:
        if program.role(unit) == "test":
            continue
        for node in expressions(unit.body):
            if not isinstance(node, ir.Call):
                continue
            if isinstance(node.func, ir.Attribute) and node.func.name in (
                "execution_options",
                "update_execution_options",
            ):
                keys = tuple(a.keyword for a in node.args if a.keyword is not None)
                yield Options(unit, node.span.row, keys if len(keys) == len(node.args) else None, on_engine=False)
            for arg in node.args:
                if arg.keyword == "execution_options":
                    yield Options(unit, node.span.row, _keys(unit, arg.value), id(node) in makers)


OPTIONS = Facts(_collect)


def _keys(unit: Unit, value: ir.Expr) -> tuple[str, ...] | None:
    known = entries(unit, value)
    return tuple(known) if known is not None else None


def evidence(scope: Scope) -> Evidence:
    """The options that the files set: on engines, of the ORM, others, unknown ones."""
    options = OPTIONS.within(scope)
    unclear = [o for o in options if o.keys is None]
    engine = [o for o in options if o.keys is not None and o.on_engine]
    calls = [o for o in options if o.keys is not None and not o.on_engine]
    orm = [o for o in calls if _ORM.issuperset(o.keys or ())]
    groups = {
        "ORM options": orm,
        "other options": [o for o in calls if o not in orm],
        "set where the engine is made": engine,
        "set with keys that are not known here": unclear,
    }
    return Evidence(len(options), tuple(f"{what}: {_places(scope, group)}" for what, group in groups.items() if group))


def _places(scope: Scope, options: Sequence[Options]) -> str:
    alike: dict[tuple[str, ...] | None, list[Options]] = {}
    for one in options:
        alike.setdefault(one.keys, []).append(one)
    return "; ".join(f"{_names(keys)}{listed(together(scope, found), 3)}" for keys, found in alike.items())


def _names(keys: tuple[str, ...] | None) -> str:
    return f"{', '.join(f'`{key}`' for key in keys)} in " if keys else ""
