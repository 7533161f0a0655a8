"""The intermediate representation: what lowering keeps of a module and all that later stages see.

It is a small syntax tree without layout. Every node carries its range, every name is still as written: nothing here knows
what a session is, so a module's IR depends on its text alone and can be cached by content. Nodes are immutable msgspec
structs, which encode to and decode from MessagePack without running code.
"""

from __future__ import annotations

from typing import Literal, Union

import msgspec


class Span(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A range in a file. Rows and columns count from 1, columns in characters; the end column is exclusive."""

    row: int
    column: int
    end_row: int
    end_column: int


class Node(msgspec.Struct, frozen=True, array_like=True, tag=True, gc=False):
    """What every expression and statement has: its range."""

    span: Span


# Expressions


class Name(Node, frozen=True):
    id: str


class Attribute(Node, frozen=True):
    value: Expr
    name: str


class Argument(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One argument of a call: ``value``, ``keyword=value``, ``*value`` (star 1) or ``**value`` (star 2)."""

    value: Expr
    keyword: str | None = None
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


class Parameter(msgspec.Struct, frozen=True, array_like=True, gc=False):
    span: Span
    name: str
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
    names: tuple[str, ...]


class Alias(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One imported name; ``name`` is ``*`` for a star import."""

    span: Span
    name: str
    asname: str | None = None


class Import(Stmt, frozen=True):
    """``import a.b as c``: each alias names a whole dotted module."""

    names: tuple[Alias, ...]


class ImportFrom(Stmt, frozen=True):
    """``from ..module import names``: ``level`` counts the leading dots, ``module`` may be empty."""

    module: str
    level: int
    names: tuple[Alias, ...]


class TypeAlias(Stmt, frozen=True):
    name: str
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


class Handler(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One ``except`` clause. ``span`` covers the clause's header; ``type`` is None for a bare one; ``A, B`` is a tuple."""

    span: Span
    type: Expr | None
    name: str | None
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

    name: str
    name_span: Span
    params: tuple[Parameter, ...]
    returns: Expr | None
    decorators: tuple[Expr, ...]
    body: tuple[Statement, ...]
    is_async: bool
    is_generator: bool


class ClassDef(Stmt, frozen=True):
    name: str
    name_span: Span
    bases: tuple[Argument, ...]
    decorators: tuple[Expr, ...]
    body: tuple[Statement, ...]


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
    """One lowered file: statements in source order, and the suppression comments."""

    body: tuple[Statement, ...]
    comments: tuple[Comment, ...]
