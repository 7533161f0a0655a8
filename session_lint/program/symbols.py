"""Modules, classes and functions of the linted program, and the scopes that names are looked up in.

Nothing is evaluated here: a scope knows which names it binds, and an import is a link to another module's name. Symbols are
told apart by identity, but hashed by what they are called: sets of them have the same order in every run, wherever in their
files they stand.
"""

from __future__ import annotations

import zlib
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias, Union

from session_lint import ir
from session_lint.record import Record

if TYPE_CHECKING:
    from session_lint.program.flow import Lookup
    from session_lint.program.steps import Step
    from session_lint.program.values import Value
    from session_lint.program.world import Binding


class _Hashes(dict[str, int]):
    def __missing__(self, text: str) -> int:
        return self.setdefault(text, zlib.crc32(text.encode(errors="surrogatepass")))


text_hash = _Hashes().__getitem__
"""A hash of a text that is the same in every run, unlike Python's own."""


Readers: TypeAlias = "Step | Lookup | dict[Step | Lookup, None] | None"
"""Who is to look again when something grows: often one alone, for whom a dict would be large."""


@dataclass(eq=False, slots=True, repr=False)
class Cell:
    """Everything a variable, attribute or result was seen to hold, and the steps to look at again when that grows.

    ``refused`` is what it had no room for, now or ever; one that ``is_final`` takes nothing more.
    """

    values: frozenset[Value] = frozenset()
    refused: frozenset[Value] = frozenset()
    readers: Readers = None
    is_final: bool = False


class Link(Record, frozen=True):
    """A name bound by an import: the dotted module, and the name inside it (None: the module itself)."""

    module: str
    name: str | None


@dataclass(eq=False, slots=True, repr=False)
class Module:
    """A file of the project; ``name`` is its dotted path from the project root.

    One that is ``apart`` is a test: it sees the application, which does not see it.
    """

    name: str
    path: str
    tree: ir.Module
    is_package: bool
    is_apart: bool = False
    cells: dict[str, Cell] = field(default_factory=dict)
    links: dict[str, list[Link]] = field(default_factory=dict)
    stars: list[str] = field(default_factory=list)
    bindings: dict[str, Binding | Cell] = field(default_factory=dict)
    functions: list[Function] = field(default_factory=list)
    classes: list[Class] = field(default_factory=list)
    lambdas: int = 0
    place_hash: int = field(init=False)

    def __post_init__(self) -> None:
        self.place_hash = text_hash(self.path)

    def __hash__(self) -> int:
        return self.place_hash

    @property
    def module(self) -> Module:
        return self

    @property
    def qualname(self) -> str:
        return "<module>"

    @property
    def body(self) -> Sequence[ir.Statement]:
        return self.tree.body


@dataclass(eq=False, slots=True, repr=False)
class Class:
    """A class of the project. ``attrs`` holds class and instance attributes alike; ``mro`` is set when bases are known."""

    name: str
    qualname: str
    module: Module
    node: ir.ClassDef
    parent: Module | Class | Function
    attrs: dict[str, Cell] = field(default_factory=dict)
    methods: dict[str, Function] = field(default_factory=dict)
    bases: list[Class] = field(default_factory=list)
    external_bases: list[str] = field(default_factory=list)
    subclasses: list[Class] = field(default_factory=list)
    lineage_readers: Readers = None
    lookups: dict[str, Lookup] = field(default_factory=dict)
    _lineage: tuple[Class, ...] = ()
    place_hash: int = field(init=False)

    def __post_init__(self) -> None:
        self.place_hash = hash((self.module.place_hash, text_hash(self.qualname)))

    def __hash__(self) -> int:
        return self.place_hash

    def lineage(self) -> tuple[Class, ...]:
        """The class and its project bases, nearest first, each once."""
        if not self._lineage:
            self._lineage = _nearest_first(self, lambda cls: cls.bases)
        return self._lineage

    def descendants(self) -> tuple[Class, ...]:
        """The subclasses of the class and theirs, nearest first, each once."""
        return _nearest_first(self, lambda cls: cls.subclasses)[1:]

    def add_base(self, base: Class) -> None:
        """Note a project class that this one inherits from; of a class that is apart, its base knows nothing."""
        self.bases.append(base)
        if base.module.is_apart or not self.module.is_apart:
            base.subclasses.append(self)
        for cls in (self, *self.descendants()):
            cls._lineage = ()

    def method(self, name: str) -> Function | None:
        """The method that attribute access finds, through the bases."""
        return next((c.methods[name] for c in self.lineage() if name in c.methods), None)

    def external_lineage(self) -> set[str]:
        """Qualified names of the bases that are not of the project."""
        return {base for c in self.lineage() for base in c.external_bases}


def _nearest_first(cls: Class, neighbours: Callable[[Class], Iterable[Class]]) -> tuple[Class, ...]:
    found = {cls: None}
    queue = deque([cls])
    while queue:
        for other in neighbours(queue.popleft()):
            if other not in found:
                found[other] = None
                queue.append(other)
    return tuple(found)


@dataclass(eq=False, slots=True, repr=False)
class Function:
    """A function, method or lambda; ``owner`` is the class whose method it is."""

    name: str
    qualname: str
    module: Module
    node: ir.FunctionDef | ir.Lambda
    parent: Module | Class | Function
    owner: Class | None
    cells: dict[str, Cell] = field(default_factory=dict)
    links: dict[str, list[Link]] = field(default_factory=dict)
    outer_names: frozenset[str] = frozenset()
    bindings: dict[str, Binding | Cell] = field(default_factory=dict)
    returns: Cell = field(default_factory=Cell)
    yields: Cell = field(default_factory=Cell)
    is_static: bool = False
    is_classmethod: bool = False
    is_property: bool = False
    place_hash: int = field(init=False)

    def __post_init__(self) -> None:
        number = 0
        if isinstance(self.node, ir.Lambda):  # of which a table may hold any number
            number = self.module.lambdas = self.module.lambdas + 1
        self.place_hash = hash((self.module.place_hash, text_hash(self.qualname), number))

    def __hash__(self) -> int:
        return self.place_hash

    @property
    def params(self) -> tuple[ir.Parameter, ...]:
        return self.node.params

    @property
    def body(self) -> Sequence[ir.Statement]:
        if isinstance(self.node, ir.Lambda):
            return (ir.Return(self.node.place, "", self.node.body),)
        return self.node.body

    @property
    def is_async(self) -> bool:
        return isinstance(self.node, ir.FunctionDef) and self.node.is_async

    @property
    def is_generator(self) -> bool:
        return isinstance(self.node, ir.FunctionDef) and self.node.is_generator

    @property
    def decorators(self) -> tuple[ir.Expr, ...]:
        return self.node.decorators if isinstance(self.node, ir.FunctionDef) else ()

    @property
    def name_span(self) -> ir.Span:
        return self.node.name_span if isinstance(self.node, ir.FunctionDef) else self.node.span

    @property
    def takes_self(self) -> bool:
        return self.owner is not None and not self.is_static


Unit = Union[Module, Function]
Scope = Union[Module, Function, Class]
