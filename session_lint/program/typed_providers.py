"""What dishka's containers give: a provider is found by the type that it gives, not by its name.

The methods of a ``Provider`` marked with ``@provide``, and what ``provide(...)``, ``provide_all(...)`` and ``alias(...)`` are
told, in a provider's body or on it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from session_lint import ir
from session_lint.program.flow import Flow
from session_lint.program.flow_facts import ExternalCall
from session_lint.program.symbols import Class, Function, Module
from session_lint.program.values import (
    BoundMethod,
    ClassValue,
    Const,
    Dependency,
    Engine,
    External,
    Factory,
    FunctionValue,
    Instance,
    Session,
    Symbol,
    TypeForm,
    Value,
    Values,
    function_of,
)

_LIBRARY = "dishka"
_CALLS = frozenset({"provide", "provide_all", "alias"})
_GENERATORS = frozenset({"Generator", "Iterator", "Iterable", "AsyncGenerator", "AsyncIterator", "AsyncIterable"})


class TypedProviders:
    """The provider of each type, and which parameters and fields ask for one.

    A type that several providers give is left out: which of them a container was made with is not known.
    """

    def __init__(self, flow: Flow) -> None:
        self._flow = flow
        self._given: dict[Value, set[Dependency]] = {}
        self._aliases: dict[Value, Value] = {}
        self._called: set[Function | Class] = set()
        self._fields: dict[Class, dict[str, Dependency]] = {}
        for module in flow.world.modules:
            if not module.is_apart and _imports_library(module):
                for function in module.functions:
                    self._of_method(function)
        for call in list(flow.facts.externals.values()):
            if call.name.startswith(f"{_LIBRARY}.") and not call.unit.module.is_apart:
                self._of_call(call)

    def arguments(self, function: Function) -> dict[str, Dependency]:
        """What the container gives to a function: to one that it calls itself, all that it knows, else what is marked."""
        if not self._given:
            return {}
        is_called = function in self._called
        found: dict[str, Dependency] = {}
        for param in function.params:
            if param.annotation is not None:
                declared = self._flow.at(function, function.parent).eval(param.annotation)
                self._ask(found, param.name, declared, is_called=is_called)
        return found

    def fields(self, cls: Class) -> dict[str, Dependency]:
        """What the container gives to the generated constructor of a dataclass."""
        if cls not in self._called:
            return {}
        if cls not in self._fields:
            found = self._fields[cls] = {}
            for base in reversed(cls.lineage()):
                for statement in base.node.body:
                    if isinstance(statement, ir.AnnAssign) and isinstance(statement.target, ir.Name):
                        declared = self._flow.at(base.module, base).eval(statement.annotation)
                        self._ask(found, statement.target.id, declared, is_called=True)
        return self._fields[cls]

    def _ask(self, found: dict[str, Dependency], name: str, declared: Values, *, is_called: bool) -> None:
        for asked in _asked(declared, is_called=is_called):
            key = self._key(asked)
            given = self._given.get(self._aliases.get(key, key), set())
            if len(given) == 1:
                found[name] = next(iter(given))

    def _of_method(self, function: Function) -> None:
        owner = function.owner
        if owner is None or not any(base.startswith(f"{_LIBRARY}.") for base in owner.external_lineage()):
            return
        for decorator in function.decorators:
            call = decorator if isinstance(decorator, ir.Call) else None
            marks = self._flow.at(function.module, function.parent).eval(call.func if call else decorator)
            if any(isinstance(v, Symbol) and v.name.startswith(f"{_LIBRARY}.provide") for v in marks):
                told = {arg.keyword: self._flow.eval(arg.value) for arg in call.args} if call else {}
                provider = BoundMethod(function, Instance(owner))
                self._add(provider, told.get("provides"), is_cached=Const(False) not in told.get("cache", ()))

    def _of_call(self, call: ExternalCall) -> None:
        last = call.name.rsplit(".", 1)[-1]
        if last not in _CALLS:
            return
        told = call.args.keywords
        provides = told.get("provides")
        is_cached = Const(False) not in told.get("cache", ())
        if last == "alias":
            for asked in _types(provides or ()):
                self._aliases.update((self._key(asked), self._key(v)) for v in _types(call.args.get(0, "source")))
        elif last == "provide":
            for source in call.args.get(0, "source"):
                self._add(source, provides, is_cached=is_cached)
        else:
            for source in frozenset[Value]().union(*call.args.positional):
                self._add(source, None, is_cached=is_cached)

    def _add(self, provider: Value, provides: Values | None, *, is_cached: bool) -> None:
        function = function_of(provider)
        if isinstance(provider, ClassValue):
            self._called.add(function or provider.cls)
            types: Values = provides or frozenset({provider})
        elif isinstance(provider, (FunctionValue, BoundMethod)) and function is not None:
            self._called.add(function)
            types = provides or self._returned(function)
        else:
            types = provides or frozenset({provider})
        for given in _types(types):
            self._given.setdefault(self._key(given), set()).add(Dependency(frozenset({provider}), is_cached))

    def _returned(self, function: Function) -> Values:
        """The type that a function is annotated to give, or to yield."""
        if not isinstance(function.node, ir.FunctionDef) or function.node.returns is None:
            return frozenset()
        declared = self._flow.at(function, function.parent).eval(function.node.returns)
        if not function.is_generator:
            return declared
        items = (v.args[0] for v in declared if isinstance(v, TypeForm) and v.name in _GENERATORS and v.args)
        return frozenset[Value]().union(*items)

    def _key(self, asked: Value) -> Value:
        """One value for all the names under which SQLAlchemy has a class."""
        if isinstance(asked, Symbol):
            return next(
                (v for v in self._flow.instantiate(frozenset({asked})) if isinstance(v, (Session, Factory, Engine))),
                asked,
            )
        return asked


def _imports_library(module: Module) -> bool:
    return any(link.module.split(".", 1)[0] == _LIBRARY for links in module.links.values() for link in links)


def _types(declared: Iterable[Value]) -> Iterator[Value]:
    """The types under which something is given."""
    for value in declared:
        match value:
            case TypeForm(name="AnyOf", args=args):
                yield from (v for arg in args for v in _types(arg))
            case TypeForm(name="WithParents", args=args):
                for inner in (v for arg in args for v in _types(arg)):
                    yield from map(ClassValue, inner.cls.lineage()) if isinstance(inner, ClassValue) else (inner,)
            case _:
                yield value


def _asked(declared: Values, *, is_called: bool) -> Values:
    """The type that an annotation asks the container for; those of a container's component are other ones."""
    for value in declared:
        match value:
            case TypeForm(name="FromDishka", args=(asked, *_)):
                return asked
            case TypeForm(name="Annotated", args=(asked, *marks)):
                names = {v.name.rsplit(".", 1)[-1] for mark in marks for v in mark if isinstance(v, (External, Symbol))}
                if "FromComponent" in names:
                    return frozenset()
                return asked if is_called or "FromDishka" in names else frozenset()
            case _:
                pass
    return declared if is_called else frozenset()
