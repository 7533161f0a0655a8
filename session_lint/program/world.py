"""The symbols of the whole program, the state that belongs to no single scope, and evaluated arguments."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from session_lint import ir
from session_lint.faults import Fault
from session_lint.models import Models
from session_lint.program.building import ModuleIndex
from session_lint.program.symbols import Cell, Class, Function, Module
from session_lint.program.values import NOTHING, Instance, Session, Values
from session_lint.record import Record
from session_lint.traversal import only_declares

NO_KEYWORDS: Mapping[str, Values] = {}


@dataclass(slots=True)
class Arguments:
    """Evaluated arguments of a call; ``rest`` is what ``*`` and ``**`` arguments may add anywhere."""

    positional: Sequence[Values] = ()
    keywords: Mapping[str, Values] = field(default_factory=lambda: NO_KEYWORDS)
    rest: Values = NOTHING
    has_rest: bool = False

    def get(self, position: int, keyword: str = "") -> Values:
        """The argument at a position or under a keyword; nothing when it is absent."""
        if keyword in self.keywords:
            return self.keywords[keyword]
        return self.positional[position] if 0 <= position < len(self.positional) else NOTHING

    def everything(self) -> Iterable[Values]:
        yield from self.positional
        yield from self.keywords.values()
        yield self.rest


class Binding(Record, frozen=True):
    """What a name leads to through imports: ``fixed`` values, those of ``cells``, and the names of other modules passed."""

    fixed: Values = NOTHING
    cells: tuple[Cell, ...] = ()
    path: tuple[tuple[str, str], ...] = ()


class World:
    """The symbols of the whole program, and the state that belongs to no single scope."""

    def __init__(
        self, modules: Sequence[Module], index: ModuleIndex, session_names: frozenset[str], models: Models
    ) -> None:
        self.modules = modules
        self.index = index
        self.session_names = session_names
        self.models = models
        self.functions: dict[int, Function] = {id(f.node): f for m in modules for f in m.functions}
        self.classes: dict[int, Class] = {id(c.node): c for m in modules for c in m.classes}
        self.shared: dict[str, Cell] = {}
        self.instances: dict[str, Values] = {}
        self.faults: list[Fault] = []
        self.attributes: dict[tuple[str, str], Values | bool] = {}
        self.exports: dict[tuple[str, str], Binding | None] = {}
        self.bound: dict[tuple[Instance, str], tuple[Values, Values]] = {}

    def cells_of_application(self) -> Iterator[Cell]:
        """The cells of what is not apart."""
        yield from self.shared.values()
        yield from self.cells(module for module in self.modules if not module.is_apart)

    def cells(self, modules: Iterable[Module]) -> Iterator[Cell]:
        """All cells of modules."""
        for module in modules:
            yield from module.cells.values()
            for cls in module.classes:
                yield from cls.attrs.values()
            for function in module.functions:
                yield from (*function.cells.values(), function.returns, function.yields)

    def shared_cell(self, name: str) -> Cell:
        """The cell of something that any code may set: ``request.state.x``, a ContextVar."""
        return self.shared.setdefault(name, Cell())


def members(values: Iterable[Values]) -> Values:
    """The union of several sets of values."""
    some = [group for group in values if group]
    if len(some) < 2:
        return some[0] if some else NOTHING
    return NOTHING.union(*some)


def sessions(args: Arguments) -> Values:
    """The sessions among the arguments of a call."""
    return frozenset(value for value in members(args.everything()) if isinstance(value, Session))


def is_stub(function: Function) -> bool:
    """Whether a function only declares."""
    return only_declares(function.body) and not isinstance(function.node, ir.Lambda)
