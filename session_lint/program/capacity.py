"""How much a cell holds: what there is no room for is left out, for else some programs would take for ever."""

from __future__ import annotations

from collections.abc import Iterator

from session_lint.program.values import (
    BoundMethod,
    ClassValue,
    Const,
    Container,
    ContextManager,
    Coroutine,
    Dependency,
    DictValue,
    External,
    FunctionValue,
    Generator,
    Handle,
    Instance,
    ManagerFunction,
    Method,
    ModuleValue,
    Number,
    Partial,
    Session,
    Symbol,
    TypeForm,
    Value,
    Values,
    Wrapped,
    stable,
)

MAX_VALUES = 24
MAX_FUNCTIONS = 512  # a decorator gets as many as it stands on
MAX_EXTERNALS = 6
MAX_COLLECTIONS = 4
MAX_DEPTH = 4
MAX_PARTS = 64


_SIMPLE = frozenset({Symbol, External, Const, Number, Instance, ClassValue, FunctionValue, ModuleValue, Session})
"""The types of values without parts that count."""


def fits(value: Value) -> bool:
    """Whether a value is small enough to be kept: not nested too deeply, and of not too many parts."""
    if type(value) in _SIMPLE or (isinstance(value, BoundMethod) and type(value.receiver) in _SIMPLE):
        return True
    stack: list[tuple[Value, int]] = [(value, 0)]
    parts = 0
    while stack:
        part, depth = stack.pop()
        parts += 1
        if depth > MAX_DEPTH or parts > MAX_PARTS:
            return False
        stack.extend((inner, depth + 1) for inner in _parts(part))
    return True


def _parts(value: Value) -> Iterator[Value]:
    match value:
        case Container(items=groups) | TypeForm(args=groups):
            for values in groups:
                yield from values
        case DictValue(items=pairs):
            for _, values in pairs:
                yield from values
        case (
            Coroutine(result=inner)
            | Generator(items=inner)
            | ContextManager(entered=inner)
            | Dependency(provider=inner)
        ):
            yield from inner
        case Handle(subject=part) | Method(subject=part) | BoundMethod(receiver=part):
            yield part
        case ManagerFunction(func=part) | Wrapped(func=part):
            yield part
        case Partial(func=func, args=args):
            yield func
            for values in args:
                yield from values
        case _:
            return


def capped(old: Values, new: Values) -> Values:
    if len(old) + len(new) <= MAX_COLLECTIONS:
        return new if all(map(fits, new)) else frozenset([value for value in new if fits(value)])
    kinds = [type(value) for value in old]
    externals = kinds.count(External)
    collections = kinds.count(Container) + kinds.count(DictValue)
    functions = kinds.count(FunctionValue) + kinds.count(BoundMethod)
    room = MAX_VALUES - (len(old) - functions)
    kept: list[Value] = []
    for value in sorted(new, key=stable) if len(new) > 1 else new:
        if not fits(value):
            continue
        if isinstance(value, External):
            if externals >= MAX_EXTERNALS:
                continue
            externals += 1
        elif isinstance(value, (Container, DictValue)):
            if collections >= MAX_COLLECTIONS:
                continue
            collections += 1
        if isinstance(value, (FunctionValue, BoundMethod)):
            if functions >= MAX_FUNCTIONS:
                continue
            functions += 1
        elif room <= 0:
            continue
        else:
            room -= 1
        kept.append(value)
    return frozenset(kept)
