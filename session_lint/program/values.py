"""The abstract values that expressions can have. All are immutable and hashable; an empty set of them means unknown.

Every hash is written out: those that Python and msgspec give differ from run to run (of texts, None and types), and with them
would the order of sets, and with that what is found first.
"""

from __future__ import annotations

from operator import itemgetter
from typing import Union

import msgspec

from session_lint import ir
from session_lint.program.symbols import Class, Function, Module, text_hash


class Site(msgspec.Struct, frozen=True):
    """A place in the program, by which created things are told apart."""

    module: Module
    span: ir.Span

    def __hash__(self) -> int:
        # Whatever stands above it is no part of it: the order of sets stays when rows are added.
        return hash((self.module, self.span.column, self.span.end_column))


def _origin_hash(origin: Site | int | str | None) -> int:
    if isinstance(origin, str):
        return text_hash(origin)
    return 0 if origin is None else hash(origin)


class Symbol(msgspec.Struct, frozen=True):
    """Something outside the project, by its qualified name: a class, function, module or constant."""

    name: str

    def __hash__(self) -> int:
        return text_hash(self.name)


class External(msgspec.Struct, frozen=True):
    """An instance of (or what came out of) something outside the project; ``kept`` are sessions that it was built with."""

    name: str
    kept: Values = frozenset()

    def __hash__(self) -> int:
        return hash((text_hash(self.name), self.kept))


class ModuleValue(msgspec.Struct, frozen=True):
    """A module or bare package folder of the project, by its dotted name."""

    name: str

    def __hash__(self) -> int:
        return text_hash(self.name) + 1


class FunctionValue(msgspec.Struct, frozen=True):
    function: Function

    def __hash__(self) -> int:
        return self.function.place_hash + 2


class ClassValue(msgspec.Struct, frozen=True):
    cls: Class

    def __hash__(self) -> int:
        return self.cls.place_hash + 3


class Instance(msgspec.Struct, frozen=True):
    """An object of a project class; ``fields`` are the attributes that its constructor is known to have set."""

    cls: Class
    fields: tuple[tuple[str, Values], ...] = ()

    def __hash__(self) -> int:
        if not self.fields:
            return self.cls.place_hash
        return hash((self.cls.place_hash, tuple([values for _, values in self.fields])))

    def having(self, name: str, values: Values) -> Instance:
        """The object with an attribute set; with it forgotten where nothing is known of it."""
        fields = [f for f in self.fields if f[0] != name]
        if values:
            fields = sorted([*fields, (name, values)], key=itemgetter(0))
        return Instance(self.cls, tuple(fields))


class BoundMethod(msgspec.Struct, frozen=True):
    function: Function
    receiver: Value

    def __hash__(self) -> int:
        return hash((self.function.place_hash, self.receiver))


class Super(msgspec.Struct, frozen=True):
    """``super()`` inside a method: attribute access starts behind ``cls``."""

    cls: Class
    receiver: Value

    def __hash__(self) -> int:
        return hash((self.cls.place_hash, self.receiver, 6))


class Session(msgspec.Struct, frozen=True):
    """A session. ``origin`` is the Site that made it while values flow, and a number inside the interpreter."""

    is_async: bool
    origin: Site | int | str | None

    def __hash__(self) -> int:
        return hash((self.is_async, _origin_hash(self.origin)))


class Factory(msgspec.Struct, frozen=True):
    """A sessionmaker, or a registry (``scoped_session``) that is a session as well."""

    is_async: bool
    origin: Site | None
    is_registry: bool = False

    def __hash__(self) -> int:
        return hash((self.is_async, _origin_hash(self.origin), 1))


class Engine(msgspec.Struct, frozen=True):
    is_async: bool
    origin: Site | None

    def __hash__(self) -> int:
        return hash((self.is_async, _origin_hash(self.origin), 2))


class Connection(msgspec.Struct, frozen=True):
    is_async: bool

    def __hash__(self) -> int:
        return 7 + self.is_async


class Handle(msgspec.Struct, frozen=True):
    """What ``session.begin()``, ``session.begin_nested()`` or ``factory.begin()`` gives: enter it to use it."""

    kind: str
    subject: Value

    def __hash__(self) -> int:
        return hash((text_hash(self.kind), self.subject))


class Method(msgspec.Struct, frozen=True):
    """A method of a built-in kind of value (``session.execute``, ``engine.connect``), not yet called."""

    subject: Value
    name: str

    def __hash__(self) -> int:
        return hash((self.subject, text_hash(self.name)))


class Coroutine(msgspec.Struct, frozen=True):
    """What calling an ``async def`` gives; awaiting it gives ``result``."""

    result: Values
    function: Function | None = None

    def __hash__(self) -> int:
        return hash((self.result, 3))


class Generator(msgspec.Struct, frozen=True):
    """What calling a generator function gives; iterating it gives ``items``.

    ``run`` is the interpreter's record of that call.
    """

    items: Values
    function: Function | None
    is_async: bool
    run: object = None

    def __hash__(self) -> int:
        return hash((self.items, self.is_async, 4))


class ContextManager(msgspec.Struct, frozen=True):
    """Something to enter; entering gives ``entered``. ``function`` is the project's generator behind it."""

    entered: Values
    function: Function | None
    is_async: bool
    run: object = None

    def __hash__(self) -> int:
        return hash((self.entered, self.is_async, 5))


class Container(msgspec.Struct, frozen=True):
    """A list, tuple, set or dict: ``items`` by position where known (tuples), else all together."""

    items: tuple[Values, ...]
    by_position: bool

    def __hash__(self) -> int:
        return hash((self.items, self.by_position))


class DictValue(msgspec.Struct, frozen=True):
    """A dict display with constant string keys."""

    items: tuple[tuple[str, Values], ...]

    def __hash__(self) -> int:
        return hash(tuple([(text_hash(key), values) for key, values in self.items]))


class Const(msgspec.Struct, frozen=True):
    value: str | int | bool | None

    def __hash__(self) -> int:
        return text_hash(self.value) if isinstance(self.value, str) else hash(self.value or 0)


class Number(Const, frozen=True):
    """An integer, which is never equal to a flag: of ``1`` and ``True``, what is remembered of one is not that of the other."""

    def __hash__(self) -> int:
        return hash(self.value) + 10


class TypeForm(msgspec.Struct, frozen=True):
    """A subscripted or composed type: ``Optional[X]``, ``X | Y``, ``Annotated[X, …]``, ``NewType``."""

    name: str
    args: tuple[Values, ...]

    def __hash__(self) -> int:
        return hash((text_hash(self.name), self.args))


class Dependency(msgspec.Struct, frozen=True):
    """``Depends(provider)``; ``cached`` is FastAPI's ``use_cache``."""

    provider: Values
    cached: bool = True

    def __hash__(self) -> int:
        return hash((self.provider, self.cached, 8))


class Partial(msgspec.Struct, frozen=True):
    """``functools.partial``: a callable with its first arguments."""

    func: Value
    args: tuple[Values, ...]
    keywords: tuple[tuple[str, Values], ...]

    def __hash__(self) -> int:
        return hash((self.func, self.args, len(self.keywords)))


class ManagerFunction(msgspec.Struct, frozen=True):
    """A callable made by ``contextmanager`` / ``asynccontextmanager``: calling it gives a ContextManager."""

    func: Value
    is_async: bool

    def __hash__(self) -> int:
        return hash((self.func, self.is_async, 9))


class Wrapped(msgspec.Struct, frozen=True):
    """A function behind a decorator of the project: ``wrapper`` is what runs, ``func`` what was decorated."""

    func: Value
    wrapper: Function

    def __hash__(self) -> int:
        return hash((self.func, self.wrapper.place_hash))


Value = Union[
    Symbol,
    External,
    ModuleValue,
    FunctionValue,
    ClassValue,
    Instance,
    BoundMethod,
    Super,
    Session,
    Factory,
    Engine,
    Connection,
    Handle,
    Method,
    Coroutine,
    Generator,
    ContextManager,
    Container,
    DictValue,
    Const,
    Number,
    TypeForm,
    Dependency,
    Partial,
    ManagerFunction,
    Wrapped,
]
Values = frozenset[Value]

NOTHING: Values = frozenset()
OTHER = External("other")  # something, of which only that it is no session is known
UNKNOWN = External("unknown")  # anything: stands for an empty set where that meets values of another path


MAX_NAME = 120
"""Characters of the longest name outside the project that is told from others."""


class _Externals(dict[str, Values]):
    def __missing__(self, name: str) -> Values:
        return self.setdefault(name, frozenset({External(name)}) if len(name) < MAX_NAME else NOTHING)


class _Symbols(dict[str, Values]):
    def __missing__(self, name: str) -> Values:
        return self.setdefault(name, frozenset({Symbol(name)}))


class _Texts(dict[str, Values]):
    def __missing__(self, text: str) -> Values:
        return self.setdefault(text, frozenset({Const(text)}))


external_value = _Externals().__getitem__
symbol_value = _Symbols().__getitem__
text_value = _Texts().__getitem__


def stable(value: Value) -> tuple[str, str, str]:
    """An order of values that does not depend on the run."""
    match value:
        case External(name=name) | Symbol(name=name):
            return (type(value).__name__, name, "")
        case FunctionValue(function=function) | BoundMethod(function=function):
            return (type(value).__name__, function.module.path, function.qualname)
        case Instance(cls=cls) | ClassValue(cls=cls):
            return (type(value).__name__, cls.module.path, cls.qualname)
        case _:
            return (type(value).__name__, "", "")


def function_of(value: Value) -> Function | None:
    """The project function that calling the value runs."""
    match value:
        case FunctionValue(function=function) | BoundMethod(function=function):
            return function
        case ManagerFunction(func=func) | Wrapped(func=func) | Partial(func=func):
            return function_of(func)
        case ClassValue(cls=cls):
            return cls.method("__init__")
        case Instance(cls=cls):
            return cls.method("__call__")
        case _:
            return None
