"""What the interpreter has found so far, and what it needs to know of the whole program."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import msgspec

from session_lint.faults import note
from session_lint.program.contexts import Context
from session_lint.program.flow import Flow
from session_lint.program.symbols import Function, Module, Unit
from session_lint.program.typed_providers import TypedProviders
from session_lint.program.values import Dependency
from session_lint.program.waiting import Waiting


@dataclass(eq=False, repr=False)
class Analysis:
    """All contexts found so far, and what every frame needs to know.

    ``decorated`` says which wrappers stand around a function, ``one_registry`` that all registries' sessions are the same
    one, for the project makes no more than one registry; ``declared`` remembers which parameters of a function declare
    dependencies, ``endless`` whether a function only raises.
    """

    flow: Flow
    session_names: frozenset[str]
    is_test: Callable[[Module], bool]
    reaching: set[Unit]
    wrapped: set[Function]
    wrappers: set[Function]
    decorated: dict[Function, set[Function]]
    entries: frozenset[Function]
    waiting: Waiting
    typed: TypedProviders
    one_registry: bool
    contexts: dict[object, Context] = field(default_factory=dict)
    by_function: dict[Function, list[Context]] = field(default_factory=dict)
    failed: set[Unit] = field(default_factory=set)
    declared: dict[Function, dict[str, Dependency]] = field(default_factory=dict)
    endless: dict[Function, bool] = field(default_factory=dict)
    depth: int = 0

    def fail(self, unit: Unit, error: Exception) -> None:
        """Leave out a function that cannot be interpreted: calls of it are as unknown as those of what is not at hand."""
        self.failed.add(unit)
        self.contexts = {key: context for key, context in self.contexts.items() if context.unit is not unit}
        if isinstance(unit, Function):
            self.by_function.pop(unit, None)
        row = unit.name_span.row if isinstance(unit, Function) else 1
        note(self.flow.world.faults, f"{unit.module.path}:{row}", error)

    def all_contexts(self) -> list[Context]:
        return list(self.contexts.values())


class Run(msgspec.Struct, frozen=True, eq=False):
    """A call of a generator: its context, and which of the caller's tokens its own are."""

    context: Context
    tokens: dict[int, int]

    def renumbered(self, numbers: Mapping[int, int]) -> Run:
        """The same call, for one to whom the caller's tokens have other numbers; those without one are not seen."""
        return Run(self.context, {theirs: numbers[mine] for theirs, mine in self.tokens.items() if mine in numbers})
