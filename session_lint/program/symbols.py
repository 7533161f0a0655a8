"""Modules, classes and functions of the linted program, and the scopes that names are looked up in.

Nothing is evaluated here: a scope knows which names it binds, and an import is a link to another module's name.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Union

from session_lint import ir

if TYPE_CHECKING:
    from session_lint.program.values import Value


@dataclass(eq=False, slots=True, repr=False)
class Cell:
    """Everything a variable, attribute or result was seen to hold, and the units to look at again when that grows."""

    values: frozenset[Value] = frozenset()
    readers: set[Unit] = field(default_factory=set)


@dataclass(frozen=True, slots=True)
class Link:
    """A name bound by an import: the dotted module, and the name inside it (None: the module itself)."""

    module: str
    name: str | None


@dataclass(eq=False, slots=True, repr=False)
class Module:
    """A file of the project; ``name`` is its dotted path from the project root."""

    name: str
    path: str
    tree: ir.Module
    is_package: bool
    cells: dict[str, Cell] = field(default_factory=dict)
    links: dict[str, list[Link]] = field(default_factory=dict)
    stars: list[str] = field(default_factory=list)
    functions: list[Function] = field(default_factory=list)
    classes: list[Class] = field(default_factory=list)

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

    def lineage(self) -> Iterator[Class]:
        """The class and its project bases, nearest first, each once."""
        seen: set[Class] = set()
        queue = [self]
        while queue:
            cls = queue.pop(0)
            if cls not in seen:
                seen.add(cls)
                yield cls
                queue.extend(cls.bases)

    def method(self, name: str) -> Function | None:
        """The method that attribute access finds, through the bases."""
        return next((c.methods[name] for c in self.lineage() if name in c.methods), None)

    def external_lineage(self) -> set[str]:
        """Qualified names of the bases that are not of the project."""
        return {base for c in self.lineage() for base in c.external_bases}


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
    outer_names: set[str] = field(default_factory=set)
    returns: Cell = field(default_factory=Cell)
    yields: Cell = field(default_factory=Cell)
    is_static: bool = False
    is_classmethod: bool = False
    is_property: bool = False

    @property
    def params(self) -> tuple[ir.Parameter, ...]:
        return self.node.params

    @property
    def body(self) -> Sequence[ir.Statement]:
        if isinstance(self.node, ir.Lambda):
            return (ir.Return(self.node.span, "", self.node.body),)
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


def bound_names(target: ir.Expr) -> Iterator[ir.Name]:
    """The names that an assignment target binds."""
    if isinstance(target, ir.Name):
        yield target
    elif isinstance(target, ir.Collection):
        for item in target.items:
            yield from bound_names(item)
    elif isinstance(target, ir.Starred):
        yield from bound_names(target.value)


def subexpressions(expr: ir.Expr | None) -> Iterator[ir.Expr]:
    """An expression and all that stands in it, lambdas' bodies left out, outside first."""
    stack: list[ir.Expr | None] = [expr]
    while stack:
        node = stack.pop()
        if node is None:
            continue
        yield node
        stack.extend(reversed(list(children(node))))


def children(node: ir.Expr) -> Iterator[ir.Expr | None]:
    """Direct subexpressions in order of evaluation; a lambda has none of its own."""
    match node:
        case ir.Attribute() | ir.Await() | ir.Starred() | ir.Unary() | ir.Yield() | ir.YieldFrom() | ir.Walrus():
            yield node.value
        case ir.Call():
            yield node.func
            for arg in node.args:
                yield arg.value
        case ir.FString():
            yield from node.parts
        case ir.Dict():
            yield from node.keys
            yield from node.values
        case ir.Collection():
            yield from node.items
        case ir.BoolOp():
            yield from node.values
        case ir.Binary():
            yield node.left
            yield node.right
        case ir.Compare():
            yield node.left
            yield from node.rights
        case ir.Conditional():
            yield node.test
            yield node.body
            yield node.orelse
        case ir.Subscript():
            yield node.value
            yield from node.index
        case ir.Comprehension():
            for clause in node.clauses:
                yield clause.iterable
                yield from clause.conditions
            yield node.element
            yield node.value
        case ir.Opaque():
            yield from node.children
        case _:
            return


def blocks(statement: ir.Statement) -> Iterator[tuple[ir.Statement, ...]]:
    """The statement lists directly inside a compound statement, definitions left out."""
    match statement:
        case ir.If() | ir.While() | ir.For():
            yield statement.body
            yield statement.orelse
        case ir.With():
            yield statement.body
        case ir.Try():
            yield statement.body
            for handler in statement.handlers:
                yield handler.body
            yield statement.orelse
            yield statement.final
        case ir.Match():
            for case in statement.cases:
                yield case.body
        case _:
            return


def own_expressions(statement: ir.Statement) -> Iterator[ir.Expr | None]:
    """The expressions that stand in the statement itself, not in its blocks."""
    match statement:
        case ir.ExprStatement() | ir.Return():
            yield statement.value
        case ir.Assign():
            yield statement.value
            yield from statement.targets
        case ir.AnnAssign():
            yield statement.value
            yield statement.target
        case ir.AugAssign():
            yield statement.value
            yield statement.target
        case ir.Raise():
            yield statement.exception
            yield statement.cause
        case ir.Assert():
            yield statement.test
            yield statement.message
        case ir.Delete():
            yield from statement.targets
        case ir.If() | ir.While():
            yield statement.test
        case ir.For():
            yield statement.iterable
            yield statement.target
        case ir.With():
            for item in statement.items:
                yield item.context
                yield item.target
        case ir.Match():
            yield statement.subject
            for case in statement.cases:
                yield from case.values
                yield case.guard
        case ir.Try():
            for handler in statement.handlers:
                yield handler.type
        case ir.FunctionDef():
            yield from statement.decorators
            for param in statement.params:
                yield param.default
        case ir.ClassDef():
            yield from statement.decorators
            for base in statement.bases:
                yield base.value
        case _:
            return


def walk(body: Sequence[ir.Statement]) -> Iterator[ir.Statement]:
    """All statements of a body in source order, nested blocks included, bodies of definitions not."""
    for statement in body:
        yield statement
        for block in blocks(statement):
            yield from walk(block)


def expressions(body: Sequence[ir.Statement]) -> Iterator[ir.Expr]:
    """Every expression evaluated by a body itself, definitions' bodies left out."""
    for statement in walk(body):
        for expr in own_expressions(statement):
            yield from subexpressions(expr)
