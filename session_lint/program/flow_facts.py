"""What the value flow saw on its way, for the stages after it."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field

from session_lint import ir
from session_lint.program.symbols import Class, Function, Module, Unit
from session_lint.program.values import Value
from session_lint.program.world import Arguments
from session_lint.record import Record


class Creation(Record, frozen=True):
    """A session, factory or engine made at a place: ``kind`` is session, factory-session, factory or engine."""

    kind: str
    name: str
    value: Value
    unit: Unit
    node: ir.Call
    args: Arguments


class ExternalCall(Record, frozen=True):
    """A call of something outside the project, or of a method of an engine or connection."""

    name: str
    unit: Unit
    node: ir.Call
    subject: Value | None
    args: Arguments


@dataclass(slots=True)
class FlowFacts:
    """What the flow saw on its way, for the stages after it.

    ``placed`` are attributes whose cell is of one class or another by what was looked up before.
    """

    creations: dict[tuple[int, str], Creation] = field(default_factory=dict)
    externals: dict[int | tuple[int, str], ExternalCall] = field(default_factory=dict)
    callers: dict[Function, set[Unit]] = field(default_factory=dict)
    call_targets: dict[int, Collection[Function]] = field(default_factory=dict)
    receivers: dict[int, set[Value]] = field(default_factory=dict)
    injected: set[Function] = field(default_factory=set)
    contained: set[Function] = field(default_factory=set)
    touching: set[Unit] = field(default_factory=set)
    used: dict[tuple[str, str], set[Module]] = field(default_factory=dict)
    owning: dict[tuple[Class, str], bool] = field(default_factory=dict)
    placed: set[str] = field(default_factory=set)
    steps: int = 0
    evaluations: int = 0
