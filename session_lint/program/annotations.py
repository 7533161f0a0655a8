"""What types mean: what a variable holds that is annotated with one."""

from __future__ import annotations

from collections.abc import Callable

from session_lint.program import vocabulary
from session_lint.program.names import Names
from session_lint.program.symbols import Class
from session_lint.program.values import (
    NOTHING,
    ClassValue,
    Connection,
    Container,
    ContextManager,
    Coroutine,
    Engine,
    Factory,
    Generator,
    Instance,
    Session,
    Symbol,
    TypeForm,
    Value,
    Values,
    external_value,
)
from session_lint.program.world import members

_TRANSPARENT_TYPES = {
    "Optional",
    "Union",
    "Final",
    "ClassVar",
    "Required",
    "NotRequired",
    "newtype",
    "|",
    "Self",
    "FromDishka",
    "AnyOf",
    "WithParents",
}
_ITERABLES = {
    "list",
    "List",
    "Sequence",
    "set",
    "Set",
    "frozenset",
    "tuple",
    "Tuple",
    "Iterable",
    "Collection",
    "deque",
}
_GENERATORS = {
    "Generator": False,
    "Iterator": False,
    "AsyncGenerator": True,
    "AsyncIterator": True,
    "AsyncIterable": True,
}
_MANAGERS = {
    "AbstractContextManager": False,
    "ContextManager": False,
    "AbstractAsyncContextManager": True,
    "AsyncContextManager": True,
    "_GeneratorContextManager": False,
    "_AsyncGeneratorContextManager": True,
}
_TYPE_FORMS = (
    frozenset({"Annotated", "Callable", "Coroutine", "Awaitable", "Type", "type", "Dict", "dict", "Mapping"})
    | _TRANSPARENT_TYPES
    | _ITERABLES
    | _GENERATORS.keys()
    | _MANAGERS.keys()
)

_INSTANCES: dict[str, Callable[[bool], Value]] = {
    "session": lambda is_async: Session(is_async, None),
    "factory": lambda is_async: Factory(is_async, None),
    "registry": lambda is_async: Factory(is_async, None, is_registry=True),
    "engine": lambda is_async: Engine(is_async, None),
    "connection": Connection,
}


def is_type_form(name: str) -> bool:
    """Whether subscripting what is called so, in whichever module, makes a type."""
    return name in _TYPE_FORMS


class Annotations(Names):
    """Adds types to names."""

    def instantiate(self, types: Values) -> Values:
        """What a variable annotated with the type holds."""
        result: list[Values] = []
        for value in types:
            match value:
                case Symbol(name=name):
                    result.append(self._instance_of(name))
                case ClassValue(cls=cls):
                    self.watch(cls)
                    kind = self.session_kind_of(cls)
                    result.append(frozenset({Instance(cls) if kind is None else Session(kind, None)}))
                case TypeForm(name="Annotated", args=args):
                    result.append(self.instantiate(args[0]) if args else NOTHING)
                case TypeForm(name=name, args=args) if name in _TRANSPARENT_TYPES:
                    result.extend(self.instantiate(arg) for arg in args)
                case TypeForm(name=name, args=args) if name in _ITERABLES:
                    items = members(self.instantiate(arg) for arg in args)
                    result.append(frozenset({Container((items,), False)}) if items else NOTHING)
                case TypeForm(name=name, args=args) if name in _GENERATORS and args:
                    result.append(frozenset({Generator(self.instantiate(args[0]), None, _GENERATORS[name])}))
                case TypeForm(name=name, args=args) if name in _MANAGERS and args:
                    result.append(frozenset({ContextManager(self.instantiate(args[0]), None, _MANAGERS[name])}))
                case TypeForm(name=("Coroutine" | "Awaitable"), args=args) if args:
                    result.append(frozenset({Coroutine(self.instantiate(args[-1]))}))
                case TypeForm(name=("Callable" | "type" | "Type")):
                    result.append(frozenset({value}))
                case TypeForm(name=("Dict" | "dict" | "Mapping"), args=args) if args:
                    items = self.instantiate(args[-1])
                    result.append(frozenset({Container((items,), False)}) if items else NOTHING)
                case _:
                    pass
        return members(result)

    def _instance_of(self, name: str) -> Values:
        known = self.world.instances.get(name)
        if known is None:
            known = self.world.instances[name] = self._new_instance(name)
        return known

    def _new_instance(self, name: str) -> Values:
        for table, kind in (
            (self.session_class(name), "session"),
            (vocabulary.factory_class(name), "factory"),
            (vocabulary.registry_class(name), "registry"),
            (vocabulary.engine_class(name), "engine"),
            (vocabulary.connection_class(name), "connection"),
        ):
            if table is not None:
                return frozenset({_INSTANCES[kind](table)})
        top = name.split(".", maxsplit=1)[0]
        if top in ("typing", "typing_extensions", "types") or name == "builtins.object":
            return NOTHING
        return external_value(name)

    def session_class(self, name: str) -> bool | None:
        """Whether a class outside the project is an async session; None: it is no session class."""
        known = vocabulary.session_class(name)
        return self.world.models.sessions.get(name) if known is None else known

    def session_kind_of(self, cls: Class) -> bool | None:
        """Whether a project class is a subclass of an async session class; None: of no session class."""
        for base in cls.external_lineage():
            kind = self.session_class(base)
            if kind is not None:
                return kind
        return None
