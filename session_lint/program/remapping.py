"""Values on their way from one context to another: which of them count, and how the sessions in them are renumbered."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import lru_cache

from session_lint.program import vocabulary
from session_lint.program.values import (
    OTHER,
    UNKNOWN,
    BoundMethod,
    ClassValue,
    Connection,
    Const,
    Container,
    ContextManager,
    Coroutine,
    Dependency,
    DictValue,
    Engine,
    External,
    Factory,
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
    Super,
    Symbol,
    TypeForm,
    Value,
    Values,
    Wrapped,
)

_WITH_STATE = frozenset(vocabulary.REQUESTS + vocabulary.APPS)


def bears_session(value: Value) -> bool:
    """Whether a value is or holds a session."""
    if isinstance(value, Session):
        return True
    if type(value) in _EMPTY:
        return False
    if isinstance(value, Instance):
        return bool(value.fields) and _bears(value)
    if isinstance(value, External):
        return bool(value.kept) and _bears(value)
    if isinstance(value, BoundMethod):
        return bears_session(value.receiver)
    return _bears(value)


@lru_cache(maxsize=1 << 16)
def _bears(value: Value) -> bool:
    # Values share what they hold. Each is looked at once: the paths through a chain of partials double with every link.
    waiting, seen = [value], {id(value)}
    while waiting:
        for held in _held(waiting.pop()):
            for inner in held:
                if isinstance(inner, Session):
                    return True
                if id(inner) not in seen:
                    seen.add(id(inner))
                    waiting.append(inner)
    return False


def bear_session(values: Values) -> bool:
    """Whether any of the values is or holds a session."""
    for value in values:  # noqa: SIM110  (a generator costs more than most of these loops)
        if type(value) not in _EMPTY and bears_session(value):
            return True
    return False


_EMPTY = frozenset(
    {Symbol, Const, Number, ModuleValue, FunctionValue, ClassValue, Factory, Engine, Connection, TypeForm}
)


def _held(value: Value) -> Iterable[Iterable[Value]]:
    """What a value holds."""
    match value:
        case Instance(fields=pairs) | DictValue(items=pairs):
            return [values for _, values in pairs]
        case BoundMethod(receiver=inner) | Handle(subject=inner) | Method(subject=inner) | Super(receiver=inner):
            return [(inner,)]
        case Container(items=items):
            return items
        case (
            Coroutine(result=inner_values)
            | Generator(items=inner_values)
            | ContextManager(entered=inner_values)
            | External(kept=inner_values)
        ):
            return [inner_values]
        case ManagerFunction(func=inner) | Wrapped(func=inner):
            return [(inner,)]
        case Partial(func=func, args=args, keywords=keywords):
            return [(func,), *args, *(values for _, values in keywords)]
        case _:
            return ()


@lru_cache(maxsize=1 << 12)
def relevant(values: Values, holders: frozenset[str]) -> Values:
    """What of an argument decides how a function runs: sessions, flags and callables; all else counts as one.

    Args:
        holders: what of libraries has a registry (``db``, for ``db.session``), by qualified name.
    """
    return frozenset(_canonical(value, holders) for value in values if value != UNKNOWN)


def _canonical(value: Value, holders: frozenset[str]) -> Value:
    match value:
        case Const(value=constant):
            return value if constant is None or isinstance(constant, bool) else OTHER
        case Instance(cls=cls, fields=fields):
            kept = tuple(
                (name, frozenset(_canonical(v, holders) for v in values if bears_session(v)))
                for name, values in fields
                if bear_session(values)
            )
            return Instance(cls, kept)
        case FunctionValue() | BoundMethod() | ClassValue() | ManagerFunction() | Wrapped() | Factory():
            return value
        case External(name=name) | Symbol(name=name) if name in holders:
            return value
        case External(name=name) if name in vocabulary.STATE_HOLDERS or name.rsplit(".", 1)[-1] in _WITH_STATE:
            return value
        case _:
            return value if bears_session(value) else OTHER


def remap(values: Values, session: Callable[[Session], Value]) -> Values:
    """The values with every session in them replaced."""
    return frozenset([_remap(value, session) for value in values]) if bear_session(values) else values


def _remap(value: Value, session: Callable[[Session], Value]) -> Value:
    if type(value) in _EMPTY:
        return value
    match value:
        case Session():
            return session(value)
        case Instance(cls=cls, fields=fields) if fields:
            return Instance(cls, tuple((name, remap(values, session)) for name, values in fields))
        case External(name=name, kept=kept) if kept:
            return External(name, remap(kept, session))
        case BoundMethod(function=function, receiver=receiver):
            return BoundMethod(function, _remap(receiver, session))
        case Super(cls=cls, receiver=receiver):
            return Super(cls, _remap(receiver, session))
        case Handle(kind=kind, subject=subject):
            return Handle(kind, _remap(subject, session))
        case Method(subject=subject, name=name):
            return Method(_remap(subject, session), name)
        case Container(items=items, by_position=by_position):
            return Container(tuple(remap(v, session) for v in items), by_position)
        case DictValue(items=pairs):
            return DictValue(tuple((name, remap(v, session)) for name, v in pairs))
        case Coroutine(result=result, function=function):
            return Coroutine(remap(result, session), function)
        case Generator(items=items_, function=maybe, is_async=is_async, run=run):
            return Generator(remap(items_, session), maybe, is_async, run)
        case ContextManager(entered=entered, function=maybe, is_async=is_async, run=run):
            return ContextManager(remap(entered, session), maybe, is_async, run)
        case ManagerFunction(func=func, is_async=is_async):
            return ManagerFunction(_remap(func, session), is_async)
        case Wrapped(func=func, wrapper=wrapper):
            return Wrapped(_remap(func, session), wrapper)
        case Partial(func=func, args=args, keywords=keywords):
            return Partial(
                _remap(func, session),
                tuple(remap(a, session) for a in args),
                tuple((name, remap(v, session)) for name, v in keywords),
            )
        case _:
            return value


def tokens_in(values: Values) -> set[int]:
    """The numbers of the sessions that values are or hold."""
    found: set[int] = set()

    def note(session: Session) -> Value:
        if isinstance(session.origin, int):
            found.add(session.origin)
        return session

    remap(values, note)
    return found


def shallow(value: Instance) -> Instance:
    """An object whose fields are kept two levels deep."""

    def cut(inner: Value, level: int) -> Value:
        if isinstance(inner, Instance) and inner.fields:
            if level >= 3:
                return Instance(inner.cls)
            return Instance(inner.cls, tuple((n, frozenset(cut(v, level + 1) for v in vs)) for n, vs in inner.fields))
        return inner

    result = cut(value, 0)
    assert isinstance(result, Instance)
    return result


def kept_in_field(values: Values) -> Values:
    """What of the values an object is known by; a flag or None counts only where nothing else is possible."""
    kept = frozenset(v for v in values if is_field(v))
    return kept if kept == values else frozenset(v for v in kept if not isinstance(v, Const))


def is_field(value: Value) -> bool:
    """Whether a value is worth remembering as an attribute of an object."""
    match value:
        case Const(value=constant):
            return constant is None or isinstance(constant, bool)
        case External(kept=kept):
            return bool(kept)
        case TypeForm() | Dependency():
            return False
        case _:
            return True
