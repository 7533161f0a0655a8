"""Whether statements are contained: whether they only read, call what is harmless, raise, and set a function's own variables."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TypeAlias

from session_lint import ir
from session_lint.edits.parts import bound_by, deep, names_in, parts_of
from session_lint.edits.quiet import Quiet, QuietFile
from session_lint.edits.words import (
    BUILTINS,
    CALLEES,
    COLLECTORS,
    EXCEPTION,
    KEYWORDS,
    SCOPES,
    SPEAKING,
    STARTERS,
    UNREADABLE,
    says,
)
from session_lint.traversal import walk

Shape: TypeAlias = object
"""What is known of a value without looking anything up; two values of one shape are the same to the value flow."""


RETURNED = ""
"""Stands for what a function returns among the names that it sets."""


ANYTHING = object()


class Seen(Exception):
    """A change that may be seen from outside, and why."""


@dataclass(frozen=True)
class Around:
    """What surrounds the code of a file that has changed.

    Args:
        file: what is known of the file.
        whole: what is known of the program.
        old: the file as it was.
        new: the file as it is.
    """

    file: QuietFile
    whole: Quiet
    old: ir.Module
    new: ir.Module

    @cached_property
    def words(self) -> frozenset[str]:
        """All names and texts in the file, before and after."""
        return frozenset(names_in((self.old.body, self.new.body)))

    @cached_property
    def top(self) -> frozenset[str]:
        """The names that the file defines at its top level, before or after."""
        return frozenset(bound_by(self.old.body) | bound_by(self.new.body))


def variables_of(function: ir.FunctionDef) -> frozenset[str]:
    """The variables of a function.

    Raises:
        Seen: it has scopes in it, or names that are not its own.
    """
    for part in parts_of(function.body):
        match part:
            case ir.FunctionDef() | ir.ClassDef() | ir.Lambda() | ir.ScopeStatement() | ir.TypeAlias() | ir.Match():
                raise Seen(f"{function.name} has scopes in it")
            case ir.Yield() | ir.YieldFrom() | ir.Walrus():
                raise Seen(f"{function.name} yields or uses :=")
            case ir.Name(id=name) if name in SCOPES:
                raise Seen(f"{function.name} looks names up by {name}()")
            case _:
                pass
    return frozenset({param.name for param in function.params} | bound_by(function.body))


def _imported_in(function: ir.FunctionDef) -> frozenset[str]:
    """The variables of a function that it imports."""
    return frozenset(bound_by([s for s in walk(function.body) if isinstance(s, (ir.Import, ir.ImportFrom))]))


class Judge:
    """Judges statements of one function; collects which variables they set, and to what."""

    def __init__(self, around: Around, function: ir.FunctionDef, plain: Sequence[str]) -> None:
        self._around = around
        self._file = around.file
        self._bound = variables_of(function)
        self._imported = _imported_in(function)
        self._plain = frozenset(plain)
        self._temporary: dict[str, bool] = {}
        self.through: set[str] = set()
        self.stored: dict[str, list[Shape]] = {}

    def shapes(self, name: str) -> frozenset[Shape]:
        return frozenset(self.stored.get(name, ()))

    def statement(self, statement: ir.Statement) -> None:
        """Check a statement with its blocks."""
        for inner in deep(statement):
            self.alone(inner)

    def alone(self, statement: ir.Statement) -> None:
        """Check a statement without its blocks."""
        match statement:
            case ir.ExprStatement(value=ir.Attribute()):
                raise Seen("it does more than read, call and set")
            case ir.ExprStatement(value=value):
                self._value(value)
            case ir.Assign(targets=targets, value=value):
                for target in targets:
                    self._store(target, value)
            case ir.AnnAssign(
                target=ir.Name() as target, annotation=ir.Name(id=("int" | "str" | "bool" | "float")), value=None
            ):
                self._store(target, None)
            case ir.AugAssign(target=target, value=value):
                self._value(target)
                self._store(target, value)
            case ir.Return(value=value):
                self._value(value)
                self._note(RETURNED, value)
            case ir.Raise(exception=exception, cause=cause):
                self._value(exception)
                self._value(cause)
            case ir.Assert(test=test, message=message):
                self._value(test)
                self._value(message)
            case ir.If(test=test) | ir.While(test=test):
                self._value(test)
            case ir.For(target=target, iterable=iterable, is_async=False):
                is_plain = self._value(iterable)
                for name in _names_of(target):
                    self._set(name, ANYTHING, is_plain=is_plain)
            case ir.Try(handlers=handlers):
                for handler in handlers:
                    self._value(handler.type)
            case ir.Jump():
                pass
            case _:
                raise Seen("it does more than read, call and set")

    def _store(self, target: ir.Expr, value: ir.Expr | None) -> None:
        is_plain = self._value(value)
        match target:
            case ir.Name(id=name):
                self._set(name, _shape(value), is_plain=is_plain)
            case ir.Collection():
                for name in _names_of(target):
                    self._set(name, ANYTHING, is_plain=is_plain)
            case ir.Subscript(value=owner):
                self._value(target)
                if not self._value(owner):
                    raise Seen("it sets an item of what may be shared")
            case _:
                raise Seen("it does more than read, call and set")

    def _note(self, name: str, value: ir.Expr | None) -> None:
        self.stored.setdefault(name, []).append(_shape(value))

    def _set(self, name: str, shape: Shape, *, is_plain: bool) -> None:
        if not is_plain and name in self._plain:
            raise Seen(f"{name} may hold something else")  # later edits are told that it holds only what is plain
        self._name(name)
        self.stored.setdefault(name, []).append(shape)

    def _name(self, name: str) -> None:
        if SPEAKING.search(name) or name in self._file.unreadable:
            raise Seen(f"{name} may have to do with sessions")

    def _value(self, node: ir.Expr | None) -> bool:
        """Check an expression; whether its value is plain.

        Raises:
            Seen: evaluating it may be seen from outside.
        """
        match node:
            case None:
                return True
            case ir.Constant(value=value):
                if says(value):
                    raise Seen("a text may name a database or an option")
                return True
            case ir.Name(id=name):
                return self._variable(name)
            case ir.Attribute(value=value, name=name):
                self._name(name)
                if name in UNREADABLE:
                    raise Seen(f"{name} may be shared")
                if self._value(value):
                    return True
                if name in self._around.whole.attributes:
                    raise Seen(f"reading {name} may do more")
                return False
            case ir.Call():
                return self._call(node)
            case ir.Compare(left=left, rights=rights):
                self._all((left, *rights))
                return True
            case ir.Unary(value=value):
                self._value(value)
                return True
            case ir.Binary(op=op, left=left, right=right):
                return self._all((left, right)) or op != "|"
            case ir.BoolOp(values=parts) | ir.Collection(items=parts) | ir.Opaque(children=parts):
                return self._all(parts)
            case ir.FString(parts=parts):
                self._all(parts)
                return True
            case ir.Dict(keys=keys, values=values):
                return self._all((*keys, *values))
            case ir.Starred(value=value):
                return self._value(value)
            case ir.Conditional(test=test, body=body, orelse=orelse):
                return self._all((test, body, orelse))
            case ir.Subscript(value=value, index=index):
                return self._all((value, *index))
            case ir.Comprehension(element=element, value=value, clauses=clauses):
                outer = dict(self._temporary)
                for clause in clauses:
                    is_plain = self._value(clause.iterable)
                    self._temporary |= dict.fromkeys(_names_of(clause.target), is_plain)
                    self._all(clause.conditions)
                is_plain = self._all((element, value))
                self._temporary = outer
                return is_plain
            case _:
                raise Seen("it does more than read, call and set")

    def _all(self, nodes: Sequence[ir.Expr | None]) -> bool:
        plain = [self._value(node) for node in nodes]
        return all(plain)

    def _variable(self, name: str) -> bool:
        self._name(name)
        if name in self._temporary:
            return self._temporary[name]
        if name in self._imported:
            raise Seen(f"{name} leads to other files")  # which are told who uses what they offer
        if name in self._bound:
            return name in self._plain
        if name in self._around.top:
            if name in self._file.through:
                self.through.add(name)
            return name in self._file.plain
        if not self._file.has_stars and (name in BUILTINS or EXCEPTION.match(name)):
            return True
        raise Seen(f"{name} is not known")

    def _call(self, node: ir.Call) -> bool:
        func = node.func
        match func:
            case ir.Name(id=name) if name in self._bound or name not in self._file.bare:
                is_harmless = self._variable(name)
            case ir.Name(id=name):
                self._variable(name)
                is_harmless = True
            case ir.Attribute(name=name):
                is_harmless = self._value(func)
            case _:
                raise Seen("it does more than read, call and set")
        if not is_harmless or name in CALLEES or (name in COLLECTORS and STARTERS & self._around.words):
            raise Seen(f"{name}() may do more")
        for argument in node.args:
            if argument.keyword is not None:
                self._name(argument.keyword)
                if argument.keyword in KEYWORDS:
                    raise Seen(f"{argument.keyword}= may do more")
        is_plain = self._all([argument.value for argument in node.args])
        return is_plain and not (isinstance(func, ir.Name) and func.id in self._file.bare)


def _names_of(target: ir.Expr) -> list[str]:
    """The names that a target binds.

    Raises:
        Seen: it sets something else too.
    """
    match target:
        case ir.Name(id=name):
            return [name]
        case ir.Collection(items=items):
            return [name for item in items for name in _names_of(item)]
        case ir.Starred(value=value):
            return _names_of(value)
        case _:
            raise Seen("it sets more than variables")


def _shape(value: ir.Expr | None) -> Shape:
    match value:
        case None:
            return None
        case ir.Constant(value=constant):
            return (type(constant).__name__, constant)
        case ir.Compare() | ir.Unary():
            return "nothing"
        case ir.Binary(op=op) if op != "|":
            return "nothing"
        case ir.FString():
            return "text"
        case _:
            return ANYTHING
