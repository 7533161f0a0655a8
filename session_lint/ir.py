"""The intermediate representation: what lowering keeps of a module and all that later stages see.

It is a small syntax tree without layout. Every node carries its range, every name is still as written: nothing here knows
what a session is, so a module's IR depends on its text alone and can be cached by content. Nodes are immutable msgspec
structs, which encode to and decode from MessagePack without running code.
"""

from __future__ import annotations

from sys import intern
from typing import TYPE_CHECKING, Literal, Union

import msgspec

if TYPE_CHECKING:
    Identifier = str
else:

    class _Texts(type):
        __instancecheck__ = str.__instancecheck__

    class Identifier(metaclass=_Texts):
        """A text that is one object wherever it stands once it went through ``shared``: most nodes have the same few names."""


def shared(_type: type, text: str) -> str:
    """Decode an Identifier."""
    return intern(text)


class Span(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A range in a file. Rows and columns count from 1, columns in characters; the end column is exclusive."""

    row: int
    column: int
    end_row: int
    end_column: int


Place = Union[int, Span]
"""A span as nodes keep it: packed into one number where it fits, since most of a program's IR would else be its spans.

Of a range in one row, the number has 16 bits for the row and 8 for each column, which MessagePack writes in five bytes. Of
others, it has 20 bits for the row, which is not 0, 14 for the column, 16 for how many rows follow, 14 for the end column.
"""


def packed(row: int, column: int, end_row: int, end_column: int) -> Place:
    """A span in the form that nodes keep."""
    if 0 <= row == end_row < 1 << 16 and 0 <= column | end_column < 1 << 8:
        return row << 16 | column << 8 | end_column
    rows = end_row - row
    if 1 <= row < 1 << 20 and 0 <= rows < 1 << 16 and 0 <= column | end_column < 1 << 14:
        return row << 44 | column << 30 | rows << 14 | end_column
    return Span(row, column, end_row, end_column)


def unpacked(place: Place) -> Span:
    """What ``packed`` was given."""
    if isinstance(place, Span):
        return place
    if place < 1 << 32:
        row = place >> 16
        return Span(row, place >> 8 & 0xFF, row, place & 0xFF)
    row = place >> 44
    return Span(row, place >> 30 & 0x3FFF, row + (place >> 14 & 0xFFFF), place & 0x3FFF)


class Placed(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What stands somewhere: ``span`` is its range."""

    place: Place

    @property
    def span(self) -> Span:
        return unpacked(self.place)


class Node(Placed, frozen=True, tag=True):
    """What every expression and statement is."""


# Expressions


class Name(Node, frozen=True):
    id: Identifier


class Attribute(Node, frozen=True):
    value: Expr
    name: Identifier


class Argument(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One argument of a call: ``value``, ``keyword=value``, ``*value`` (star 1) or ``**value`` (star 2)."""

    value: Expr
    keyword: Identifier | None = None
    star: int = 0


class Call(Node, frozen=True):
    func: Expr
    args: tuple[Argument, ...]


class Await(Node, frozen=True):
    value: Expr


class Constant(Node, frozen=True):
    """A string, number (integers of at most 64 bits), boolean or None."""

    value: str | int | float | bool | None


class FString(Node, frozen=True):
    """Literal text (as Constant) and embedded expressions, in order."""

    parts: tuple[Expr, ...]


class Dict(Node, frozen=True):
    """A dict display; the key of ``**other`` is None."""

    keys: tuple[Expr | None, ...]
    values: tuple[Expr, ...]


class Collection(Node, frozen=True):
    kind: Literal["list", "tuple", "set"]
    items: tuple[Expr, ...]


class Starred(Node, frozen=True):
    value: Expr


class BoolOp(Node, frozen=True):
    """``and`` / ``or``, flattened as in ``ast``."""

    op: Literal["and", "or"]
    values: tuple[Expr, ...]


class Unary(Node, frozen=True):
    op: str
    value: Expr


class Binary(Node, frozen=True):
    op: str
    left: Expr
    right: Expr


class Compare(Node, frozen=True):
    """``left ops[0] rights[0] ops[1] rights[1] …`` with operators as written (``is not``, ``==``)."""

    left: Expr
    ops: tuple[str, ...]
    rights: tuple[Expr, ...]


class Conditional(Node, frozen=True):
    """``body if test else orelse``."""

    test: Expr
    body: Expr
    orelse: Expr


class Subscript(Node, frozen=True):
    """``value[index, …]``: a tuple index is spread, a slice is Opaque."""

    value: Expr
    index: tuple[Expr, ...]


class Parameter(Placed, frozen=True):
    name: Identifier
    kind: Literal["positional-only", "positional", "vararg", "keyword", "kwarg"]
    annotation: Expr | None = None
    default: Expr | None = None


class Lambda(Node, frozen=True):
    params: tuple[Parameter, ...]
    body: Expr


class Clause(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One ``for target in iterable if …`` of a comprehension."""

    target: Expr
    iterable: Expr
    conditions: tuple[Expr, ...]
    is_async: bool


class Comprehension(Node, frozen=True):
    """``value`` is set for a dict comprehension alone."""

    kind: Literal["list", "set", "dict", "generator"]
    element: Expr
    value: Expr | None
    clauses: tuple[Clause, ...]


class Walrus(Node, frozen=True):
    target: Name
    value: Expr


class Yield(Node, frozen=True):
    value: Expr | None


class YieldFrom(Node, frozen=True):
    value: Expr


class Opaque(Node, frozen=True):
    """Anything else (slices, bytes, ellipsis, huge integers, template strings): only what stands in it is kept."""

    children: tuple[Expr, ...]


Expr = Union[
    Name,
    Attribute,
    Call,
    Await,
    Constant,
    FString,
    Dict,
    Collection,
    Starred,
    BoolOp,
    Unary,
    Binary,
    Compare,
    Conditional,
    Subscript,
    Lambda,
    Comprehension,
    Walrus,
    Yield,
    YieldFrom,
    Opaque,
]

# Statements


class Stmt(Node, frozen=True):
    """``digest`` hashes the statement's source without layout and comments; of a compound statement, its header."""

    digest: str


class ExprStatement(Stmt, frozen=True):
    value: Expr


class Assign(Stmt, frozen=True):
    targets: tuple[Expr, ...]
    value: Expr


class AnnAssign(Stmt, frozen=True):
    target: Expr
    annotation: Expr
    value: Expr | None


class AugAssign(Stmt, frozen=True):
    target: Expr
    op: str
    value: Expr


class Return(Stmt, frozen=True):
    value: Expr | None


class Raise(Stmt, frozen=True):
    exception: Expr | None
    cause: Expr | None


class Assert(Stmt, frozen=True):
    test: Expr
    message: Expr | None


class Delete(Stmt, frozen=True):
    targets: tuple[Expr, ...]


class Jump(Stmt, frozen=True):
    kind: Literal["pass", "break", "continue"]


class ScopeStatement(Stmt, frozen=True):
    kind: Literal["global", "nonlocal"]
    names: tuple[Identifier, ...]


class Alias(Placed, frozen=True):
    """One imported name; ``name`` is ``*`` for a star import."""

    name: Identifier
    asname: Identifier | None = None


class Import(Stmt, frozen=True):
    """``import a.b as c``: each alias names a whole dotted module."""

    names: tuple[Alias, ...]


class ImportFrom(Stmt, frozen=True):
    """``from ..module import names``: ``level`` counts the leading dots, ``module`` may be empty."""

    module: Identifier
    level: int
    names: tuple[Alias, ...]


class TypeAlias(Stmt, frozen=True):
    name: Identifier
    value: Expr


class If(Stmt, frozen=True):
    test: Expr
    body: tuple[Statement, ...]
    orelse: tuple[Statement, ...]


class While(Stmt, frozen=True):
    test: Expr
    body: tuple[Statement, ...]
    orelse: tuple[Statement, ...]


class For(Stmt, frozen=True):
    target: Expr
    iterable: Expr
    body: tuple[Statement, ...]
    orelse: tuple[Statement, ...]
    is_async: bool


class Handler(Placed, frozen=True):
    """One ``except`` clause. ``span`` covers the clause's header; ``type`` is None for a bare one; ``A, B`` is a tuple."""

    type: Expr | None
    name: Identifier | None
    body: tuple[Statement, ...]


class Try(Stmt, frozen=True):
    body: tuple[Statement, ...]
    handlers: tuple[Handler, ...]
    orelse: tuple[Statement, ...]
    final: tuple[Statement, ...]
    is_star: bool


class WithItem(msgspec.Struct, frozen=True, array_like=True, gc=False):
    context: Expr
    target: Expr | None


class With(Stmt, frozen=True):
    items: tuple[WithItem, ...]
    body: tuple[Statement, ...]
    is_async: bool


class Case(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One ``case``: the names its pattern binds, the expressions it compares with, its guard."""

    bindings: tuple[Name, ...]
    values: tuple[Expr, ...]
    guard: Expr | None
    body: tuple[Statement, ...]


class Match(Stmt, frozen=True):
    subject: Expr
    cases: tuple[Case, ...]


class FunctionDef(Stmt, frozen=True):
    """``span`` covers decorators and body, ``name_span`` the name; ``is_generator``: its own body yields."""

    name: Identifier
    name_place: Place
    params: tuple[Parameter, ...]
    returns: Expr | None
    decorators: tuple[Expr, ...]
    body: tuple[Statement, ...]
    is_async: bool
    is_generator: bool

    @property
    def name_span(self) -> Span:
        return unpacked(self.name_place)


class ClassDef(Stmt, frozen=True):
    name: Identifier
    name_place: Place
    bases: tuple[Argument, ...]
    decorators: tuple[Expr, ...]
    body: tuple[Statement, ...]

    @property
    def name_span(self) -> Span:
        return unpacked(self.name_place)


Statement = Union[
    ExprStatement,
    Assign,
    AnnAssign,
    AugAssign,
    Return,
    Raise,
    Assert,
    Delete,
    Jump,
    ScopeStatement,
    Import,
    ImportFrom,
    TypeAlias,
    If,
    While,
    For,
    Try,
    With,
    Match,
    FunctionDef,
    ClassDef,
]


class Comment(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A comment that can suppress findings, from its ``#`` to its end; ``alone`` on its line, or behind code."""

    span: Span
    text: str
    alone: bool = False


class Module(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One lowered file.

    Args:
        body: its statements in source order.
        comments: the suppression comments.
        speaks: whether any word of it speaks of sessions or databases.
        uses_database: whether it may import SQLAlchemy, what is built on that, or a database's driver, or seems to end the
            transaction of a session.
        binding_rows: the rows on which a lambda or ``:=`` may stand, in order: such expressions alone bind names.
    """

    body: tuple[Statement, ...]
    comments: tuple[Comment, ...]
    speaks: bool = False
    uses_database: bool = False
    binding_rows: tuple[int, ...] = ()
