"""What attributes of modules, classes, objects and sessions are."""

from __future__ import annotations

from session_lint import ir
from session_lint.program import vocabulary
from session_lint.program.annotations import Annotations
from session_lint.program.symbols import Class
from session_lint.program.values import (
    MAX_NAME,
    NOTHING,
    UNKNOWN,
    BoundMethod,
    ClassValue,
    Connection,
    Container,
    Coroutine,
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
    Session,
    Super,
    Symbol,
    Value,
    Values,
    Wrapped,
    external_value,
)
from session_lint.program.world import Arguments, is_stub, members

MAX_OVERRIDES = 6


class Attributes(Annotations):
    """Adds attributes to names and types."""

    def attribute(self, value: Value, name: str, node: ir.Attribute | None) -> Values:
        """The values of ``value.name``."""
        match value:  # the most frequent first
            case Instance():
                return self.instance_attribute(value, name)
            case External(name=base, kept=kept):
                found = self._external_attribute(base, name)
                if not kept:
                    return found
                return frozenset(External(v.name, kept) if isinstance(v, External) else v for v in found)
            case Symbol(name=base):
                return self.symbol(f"{base}.{name}") if len(base) < MAX_NAME else NOTHING
            case ModuleValue(name=module):
                return self.module_attribute(module, name) or NOTHING
            case ClassValue(cls=cls):
                return self.class_attribute(cls, name, value)
            case Super(cls=cls, receiver=receiver):
                self.watch(cls)
                return members(
                    self._bind(v, receiver)
                    for base in cls.lineage()[1:]
                    if name in base.attrs
                    for v in self.read(base.attrs[name])
                )
            case Session(is_async=is_async, origin=origin):
                if name == "sync_session":
                    return frozenset({Session(False, origin)})
                if name == "bind":
                    return frozenset({Engine(is_async, None)})
                return frozenset({Method(value, name)})
            case Factory(is_registry=True) | Connection() | Handle() | Container() | DictValue() | Generator():
                if isinstance(value, Handle) and name == "session":
                    return frozenset({value.subject})
                return frozenset({Method(value, name)})
            case Factory():
                return frozenset({Method(value, name)})
            case Engine():
                if name == "sync_engine":
                    return frozenset({Engine(False, value.origin)})
                if name == "engine":
                    return frozenset({value})
                return frozenset({Method(value, name)})
            case Coroutine(result=result) if name == "result":
                return frozenset({Method(value, name)}) if result else NOTHING
            case FunctionValue() | BoundMethod() | Wrapped() if name in ("__wrapped__", "func", "fn", "original_func"):
                return frozenset({value})
            case FunctionValue() | BoundMethod() | Wrapped() | ManagerFunction():
                return frozenset({Method(value, name)})
            case _:
                return NOTHING

    def _external_attribute(self, base: str, name: str) -> Values:
        if base in vocabulary.STATE_HOLDERS:
            return self.shared_value(f"state.{name}")
        known = self.world.attributes.get((base, name))
        if known is None:
            known = self.world.attributes[base, name] = self._attribute_outside(base, name)
        return self.held(known) if isinstance(known, bool) else known

    def _attribute_outside(self, base: str, name: str) -> Values | bool:
        """An attribute of something outside the project, which depends on names alone; of a session, whether it is async."""
        if base == UNKNOWN.name:
            return NOTHING
        last = base.rsplit(".", 1)[-1]
        if name == "state" and last in vocabulary.REQUESTS + vocabulary.APPS:
            return frozenset({External("request.state" if last in vocabulary.REQUESTS else "app.state")})
        registry = self.world.models.registries.get(f"{base}.{name}")
        if registry is not None:
            return frozenset({Factory(registry, None, is_registry=True)})
        is_async = self.world.models.holds_session(base, name)
        return external_value(f"{base}.{name}") if is_async is None else is_async

    def class_attribute(self, cls: Class, name: str, receiver: Value) -> Values:
        """``Class.name``: class methods come bound to the class."""
        self.watch(cls)
        for base in cls.lineage():
            if name in base.attrs:
                found = self.read(base.attrs[name])
                if not found and base.node is not None:
                    continue
                return members(self._bind(v, receiver) if _is_classmethod(v) else frozenset({v}) for v in found)
        return NOTHING

    def instance_attribute(self, value: Instance, name: str) -> Values:
        """``instance.name``: what the constructor set, else what any method set or the class body defines."""
        for field_name, values in value.fields:
            if field_name == name:
                return values
        self.watch(value.cls)
        for base in value.cls.lineage():
            if name in base.attrs:
                found = self.read(base.attrs[name])
                if not found and base.node is not None:
                    continue
                return self._bound(found, value, name)
        libraries = sorted(value.cls.external_lineage())
        for library in libraries:
            is_async = self.world.models.holds_session(library, name)
            if is_async is not None:
                return self.held(is_async)
        return members(self._external_attribute(library, name) for library in libraries[:2])

    def held(self, is_async: bool) -> Values:
        """The session that an object of a library holds."""
        return frozenset({Session(is_async, None)})

    def _bound(self, found: Values, value: Instance, name: str) -> Values:
        """The values that a class has under a name, as those of an instance."""
        known = self.world.bound.get((value, name))
        if known is not None and known[0] is found:  # a cell that grew has other values
            return known[1]
        functions = [v for v in found if isinstance(v, FunctionValue)]
        if functions and all(is_stub(v.function) for v in functions):
            overrides = self._overrides(value.cls, name)
            if overrides:
                return members(self._bind(v, Instance(sub, value.fields)) for v, sub in overrides)
            return members(self._bind(v, value) for v in found)
        bound = members(self._bind(v, value) for v in found)
        if not any(_runs(v) for v in found):
            self.world.bound[value, name] = found, bound
        return bound

    def _overrides(self, cls: Class, name: str) -> list[tuple[Value, Class]]:
        """What the subclasses of a class put in the place of a stub; nothing where there are too many to tell."""
        found: list[tuple[Value, Class]] = []
        for sub in cls.descendants():
            if name in sub.attrs:
                found += [(v, sub) for v in self.read(sub.attrs[name])]
                if len(found) > MAX_OVERRIDES:
                    return []
        return found

    def _bind(self, value: Value, receiver: Value) -> Values:
        match value:
            case FunctionValue(function=function) if function.owner is not None:
                if function.is_property and isinstance(receiver, (Instance,)):
                    return self.call_function(function, receiver, Arguments(), None)
                if function.is_static:
                    return frozenset({value})
                if function.is_classmethod and isinstance(receiver, Instance):
                    return frozenset({BoundMethod(function, ClassValue(receiver.cls))})
                return frozenset({BoundMethod(function, receiver)})
            case ManagerFunction(func=func, is_async=is_async):
                return frozenset(ManagerFunction(bound, is_async) for bound in self._bind(func, receiver))
            case Wrapped(func=func, wrapper=wrapper):
                return frozenset(Wrapped(bound, wrapper) for bound in self._bind(func, receiver))
            case _:
                return frozenset({value})


def _is_classmethod(value: Value) -> bool:
    match value:
        case FunctionValue(function=function):
            return function.is_classmethod
        case ManagerFunction(func=func) | Wrapped(func=func):
            return _is_classmethod(func)
        case _:
            return False


def _runs(value: Value) -> bool:
    """Whether reading an attribute with this value runs a property."""
    match value:
        case FunctionValue(function=function):
            return function.is_property
        case ManagerFunction(func=func) | Wrapped(func=func):
            return _runs(func)
        case _:
            return False
