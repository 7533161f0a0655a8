"""What an expression can evaluate to: the one place that knows what names, attributes and calls mean.

Two analyses share it: the value flow (``flow``), which ignores order, and the interpreter, which follows it. They differ in
where variables live and in what a call does; those are the methods that they override.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from session_lint import ir
from session_lint.program import vocabulary
from session_lint.program.building import is_test_path
from session_lint.program.known_calls import CALLS
from session_lint.program.symbols import Cell, Class, Function, Link, Module, Scope, Unit
from session_lint.program.values import (
    NOTHING,
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
    Partial,
    Session,
    Site,
    Super,
    Symbol,
    TypeForm,
    Value,
    Values,
    Wrapped,
)
from session_lint.program.world import Arguments, World, is_stub, members, sessions

MAX_NAME = 120
MAX_KEYS = 32
MAX_OVERRIDES = 6
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
_COROUTINE_RUNNERS = {
    "asyncio.run",
    "asyncio.wait_for",
    "asyncio.shield",
    "asyncio.create_task",
    "asyncio.ensure_future",
    "asyncio.run_coroutine_threadsafe",
}
_CALLERS = {
    "asyncio.to_thread": 0,
    "starlette.concurrency.run_in_threadpool": 0,
    "fastapi.concurrency.run_in_threadpool": 0,
    "anyio.to_thread.run_sync": 0,
    "asgiref.sync.async_to_sync": 0,
    "anyio.run": 0,
}


class Evaluator:
    """Evaluates expressions of one unit at a time; ``scope`` is where names are looked up from."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.unit: Unit = world.modules[0] if world.modules else Module("", "", ir.Module((), ()), False)
        self.scope: Scope = self.unit
        self.temporaries: list[dict[str, Values]] = []
        self._loading: set[tuple[str, str]] = set()

    # What the two analyses do differently

    def read(self, cell: Cell) -> Values:
        """The values in a cell."""
        return cell.values

    def write(self, cell: Cell, values: Values) -> None:
        """Add values to a cell."""
        raise NotImplementedError

    def watch(self, cls: Class) -> None:
        """Called before something is looked up in a class that its bases or subclasses may have."""

    def load(self, name: str) -> Values:
        """The values of a name, looked up from the current scope outwards."""
        return self.load_from(self.scope, name)

    def store_name(self, name: str, values: Values) -> None:
        raise NotImplementedError

    def store_attribute(self, target: ir.Attribute, owner: Value, values: Values) -> None:
        raise NotImplementedError

    def call_function(
        self, function: Function, receiver: Value | None, args: Arguments, node: ir.Call | None
    ) -> Values:
        """The values that calling a project function gives (coroutines and generators not yet unwrapped)."""
        raise NotImplementedError

    def construct(self, cls: Class, args: Arguments, node: ir.Call | None) -> Values:
        """The object that calling a project class gives."""
        raise NotImplementedError

    def created(self, kind: str, value: Value, name: str, args: Arguments, node: ir.Call | None) -> Value:
        """Called when a session, factory or engine is made; gives the value to go on with."""
        return value

    def called_external(self, name: str, args: Arguments, node: ir.Call | None, kept: Values = NOTHING) -> None:
        """Called before something outside the project is called, by its qualified name; ``kept`` are its object's sessions."""

    def called_method(self, subject: Value, name: str, args: Arguments, node: ir.Call | None) -> None:
        """Called before a method of a session, engine, handle … is called."""

    def local_names(self) -> dict[str, Values]:
        """What ``locals()`` gives."""
        raise NotImplementedError

    def shared_value(self, name: str) -> Values:
        """What is kept under a name that any code may set (``request.state``, a ContextVar)."""
        return self.read(self.world.shared_cell(name))

    # Names

    def load_from(self, scope: Scope, name: str) -> Values:
        if isinstance(scope, Class):
            if name in scope.attrs:
                found = self.read(scope.attrs[name])
                if found:
                    return found
            scope = scope.parent
        while not isinstance(scope, Module):
            if isinstance(scope, Function) and (name in scope.cells or name in scope.links):
                return self.load_bound(scope, name)
            scope = scope.parent
        if name in scope.cells or name in scope.links:
            return self.load_bound(scope, name)
        starred = self._load_starred(scope, name)
        if starred is not None:
            return starred
        return _symbol(f"builtins.{name}")

    def load_bound(self, scope: Module | Function, name: str) -> Values:
        """The values of a name that the scope itself binds."""
        values = self.read(scope.cells[name]) if name in scope.cells else NOTHING
        for link in scope.links.get(name, ()):
            values |= self.follow(link, scope.module)
        return values

    def _load_starred(self, module: Module, name: str) -> Values | None:
        if name.startswith("_"):
            return None
        for star in module.stars:
            target = self.world.index.resolve(star, module)
            if target is None:
                continue
            other = self.world.index.by_name.get(target)
            if other is not None and other is not module:
                exported = self.module_attribute(target, name)
                if exported is not None:
                    return exported
        for star in module.stars:
            if self.world.index.resolve(star, module) is None:
                qualified = f"{star.lstrip('/')}.{name}"
                if name[0].isupper() or vocabulary.engine_maker(qualified) is not None:
                    return _symbol(qualified)
        return None

    def follow(self, link: Link, importer: Module) -> Values:
        """What an import binds."""
        target = self.world.index.resolve(link.module, importer)
        if target is None:
            base = link.module.lstrip("/")
            return self.symbol(f"{base}.{link.name}" if link.name else base)
        if link.name is None:
            return frozenset({ModuleValue(target)})
        return self.module_attribute(target, link.name) or NOTHING

    def symbol(self, name: str) -> Values:
        """What a qualified name outside the project stands for."""
        models = self.world.models
        if name in models.registries:
            return frozenset({Factory(models.registries[name], None, is_registry=True)})
        if name in models.dependencies:
            injected = frozenset[Value]({Dependency(frozenset({External(name)}))})
            return frozenset({TypeForm("Annotated", (_symbol(name), injected))})
        return _symbol(name)

    def module_attribute(self, module_name: str, name: str) -> Values | None:
        """The values of ``module.name``: a variable, an imported name, a submodule; None when there is no such name."""
        module = self.world.index.by_name.get(module_name)
        if module is not None and (name in module.cells or name in module.links):
            key = (module_name, name)
            if key not in self._loading:
                self._loading.add(key)
                try:
                    found = self.load_bound(module, name)
                finally:
                    self._loading.discard(key)
                return found
        # A package that imports its own submodule (``from . import runs``) comes here the second time round.
        child = f"{module_name}.{name}" if module_name else name
        if child in self.world.index.by_name or child in self.world.index.packages:
            return frozenset({ModuleValue(child)})
        if module is not None:
            key = (module_name, name)
            if key not in self._loading:
                self._loading.add(key)
                try:
                    return self._load_starred(module, name)
                finally:
                    self._loading.discard(key)
        return None

    # Expressions

    def eval(self, node: ir.Expr | None) -> Values:
        """The values that an expression can have."""
        if node is None:
            return NOTHING
        return _DISPATCH[type(node)](self, node)

    def eval_name(self, node: ir.Name) -> Values:
        for names in reversed(self.temporaries):
            if node.id in names:
                return names[node.id]
        return self.load(node.id)

    def eval_attribute(self, node: ir.Attribute) -> Values:
        values = self.eval(node.value)
        if len(values) == 1:
            (value,) = values
            return self.attribute(value, node.name, node)
        return members(self.attribute(value, node.name, node) for value in values)

    def eval_constant(self, node: ir.Constant) -> Values:
        value = node.value
        if isinstance(value, str):
            return _text(value)
        return NOTHING if isinstance(value, float) else frozenset({Const(value)})

    def eval_await(self, node: ir.Await) -> Values:
        return members(self.awaited(value) for value in self.eval(node.value))

    def eval_call(self, node: ir.Call) -> Values:
        funcs = self.eval(node.func)
        args = self.arguments(node)
        if not funcs:
            self.called_unknown(args, node)
            return NOTHING
        if len(funcs) == 1:
            (func,) = funcs
            return self.call(func, args, node)
        return self.call_any(funcs, args, node)

    def call_any(self, funcs: Values, args: Arguments, node: ir.Call) -> Values:
        """The values that calling one of several things gives."""
        return members(self.call(func, args, node) for func in funcs)

    def called_unknown(self, args: Arguments, node: ir.Call) -> None:
        """Called before something is called of which nothing is known."""

    def arguments(self, node: ir.Call) -> Arguments:
        """Evaluate the arguments of a call, in order."""
        args = Arguments()
        for arg in node.args:
            values = self.eval(arg.value)
            if arg.star == 0 and arg.keyword is None and not args.has_rest:
                args.positional.append(values)
            elif arg.star == 0 and arg.keyword is not None:
                args.keywords[arg.keyword] = values
            elif arg.star == 2:
                for value in values:
                    if isinstance(value, DictValue):
                        args.keywords.update(value.items)
                    else:
                        args.rest |= self.elements(value)
                        args.has_rest = True
            else:
                spread = [v for v in values if isinstance(v, Container) and v.by_position]
                if len(spread) == 1 and len(values) == 1 and arg.star == 1:
                    args.positional.extend(spread[0].items)
                else:
                    args.rest |= members(self.elements(v) for v in values) if arg.star else values
                    args.has_rest = True
        return args

    def eval_collection(self, node: ir.Collection) -> Values:
        items = tuple(self.eval(item) for item in node.items)
        by_position = node.kind != "set" and not any(isinstance(item, ir.Starred) for item in node.items)
        if not any(items):
            return NOTHING
        if len(items) > 16 or not by_position:
            return frozenset({Container((members(items),), False)})
        return frozenset({Container(items, True)})

    def eval_starred(self, node: ir.Starred) -> Values:
        return members(self.elements(value) for value in self.eval(node.value))

    def eval_dict(self, node: ir.Dict) -> Values:
        items: dict[str, Values] = {}
        loose: list[Values] = []
        for key, value in zip(node.keys, node.values, strict=True):
            evaluated = self.eval(value)
            if key is None:
                for spread in evaluated:
                    if isinstance(spread, DictValue):
                        items.update(spread.items)
            elif isinstance(key, ir.Constant) and isinstance(key.value, str):
                items[key.value] = frozenset(
                    v for v in evaluated if not isinstance(v, (DictValue, Container, External))
                )
            else:
                self.eval(key)
                loose.append(evaluated)
        if loose and any(loose):
            return frozenset({Container((members([*loose, *items.values()]),), False)})
        return frozenset({DictValue(tuple(sorted(items.items())))}) if 0 < len(items) <= MAX_KEYS else NOTHING

    def eval_bool_op(self, node: ir.BoolOp) -> Values:
        values = [self.eval(value) for value in node.values]
        if node.op == "or":
            return members([frozenset(v for v in value if v != Const(None)) for value in values[:-1]] + values[-1:])
        return values[-1]

    def eval_conditional(self, node: ir.Conditional) -> Values:
        self.eval(node.test)
        return self.eval(node.body) | self.eval(node.orelse)

    def eval_binary(self, node: ir.Binary) -> Values:
        left, right = self.eval(node.left), self.eval(node.right)
        if node.op == "|":
            return frozenset({TypeForm("|", (left, right))}) if left or right else NOTHING
        return NOTHING

    def eval_plain(self, node: Any) -> Values:
        for child in _CHILDREN[type(node)](node):
            self.eval(child)
        return NOTHING

    def eval_compare(self, node: ir.Compare) -> Values:
        return self.eval_plain(node)

    def eval_text(self, node: ir.FString) -> Values:
        for part in node.parts:
            self.eval(part)
        return _external("builtins.str")

    def eval_subscript(self, node: ir.Subscript) -> Values:
        index = tuple(self.eval(item) for item in node.index)
        result: list[Values] = []
        for value in self.eval(node.value):
            match value:
                case Symbol(name=name):
                    last = name.rsplit(".", 1)[-1]
                    if (
                        last == "Annotated"
                        or last in _TRANSPARENT_TYPES | _ITERABLES | _GENERATORS.keys() | _MANAGERS.keys()
                        or last in ("Callable", "Coroutine", "Awaitable", "Type", "type", "Dict", "dict", "Mapping")
                    ):
                        result.append(frozenset({TypeForm(last, index)}))
                    else:
                        result.append(frozenset({value}))
                case ClassValue() | TypeForm():
                    result.append(frozenset({value}))
                case Container(items=items, by_position=True) if (
                    len(node.index) == 1 and isinstance(node.index[0], ir.Constant) and type(node.index[0].value) is int
                ):
                    position = node.index[0].value
                    result.append(items[position] if -len(items) <= position < len(items) else NOTHING)
                case DictValue(items=pairs):
                    keys = {v.value for v in index[0] if isinstance(v, Const)} if index else set()
                    result.append(_may_have_changed(members(v for k, v in pairs if not keys or k in keys)))
                case Container():
                    result.append(self.elements(value))
                case External(name=name) if any(name.endswith(holder) for holder in vocabulary.STATE_HOLDERS):
                    for key in index[0] if index else ():
                        if isinstance(key, Const) and isinstance(key.value, str):
                            result.append(self.shared_value(f"state.{key.value}"))
                case External(name=name):
                    result.append(_external(f"{name}[]"))
                case _:
                    pass
        return members(result)

    def eval_lambda(self, node: ir.Lambda) -> Values:
        function = self.world.functions.get(id(node))  # those in annotations are not collected
        return frozenset({FunctionValue(function)}) if function is not None else NOTHING

    def eval_comprehension(self, node: ir.Comprehension) -> Values:
        names: dict[str, Values] = {}
        self.temporaries.append(names)
        try:
            for clause in node.clauses:
                iterable = self.eval(clause.iterable)
                self._bind_temporary(names, clause.target, members(self.elements(v) for v in iterable))
                for condition in clause.conditions:
                    self.eval(condition)
            element = self.eval(node.element)
            if node.value is not None:
                element = self.eval(node.value)
        finally:
            self.temporaries.pop()
        return frozenset({Container((element,), False)}) if element else NOTHING

    def _bind_temporary(self, names: dict[str, Values], target: ir.Expr, values: Values) -> None:
        if isinstance(target, ir.Name):
            names[target.id] = values
        elif isinstance(target, ir.Collection):
            for position, item in enumerate(target.items):
                self._bind_temporary(names, item, members(self.unpacked(v, position) for v in values))
        elif isinstance(target, ir.Starred):
            self._bind_temporary(names, target.value, values)

    def eval_walrus(self, node: ir.Walrus) -> Values:
        values = self.eval(node.value)
        self.store(node.target, values)
        return values

    def yielded(self, node: ir.Yield) -> Values:
        """Evaluate a ``yield``; what ``send`` brings in is unknown."""
        self.eval(node.value)
        return NOTHING

    def yielded_from(self, node: ir.YieldFrom) -> Values:
        self.eval(node.value)
        return NOTHING

    # Attributes

    def attribute(self, value: Value, name: str, node: ir.Attribute | None) -> Values:
        """The values of ``value.name``."""
        match value:
            case Symbol(name=base):
                return self.symbol(f"{base}.{name}") if len(base) < MAX_NAME else NOTHING
            case External(name=base, kept=kept):
                found = self._external_attribute(base, name)
                if not kept:
                    return found
                return frozenset(External(v.name, kept) if isinstance(v, External) else v for v in found)
            case ModuleValue(name=module):
                return self.module_attribute(module, name) or NOTHING
            case ClassValue(cls=cls):
                return self.class_attribute(cls, name, value)
            case Instance():
                return self.instance_attribute(value, name)
            case Super(cls=cls, receiver=receiver):
                self.watch(cls)
                return members(
                    self._bind(v, receiver)
                    for base in list(cls.lineage())[1:]
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
        if base == UNKNOWN.name:
            return NOTHING
        last = base.rsplit(".", 1)[-1]
        if name == "state" and last in vocabulary.REQUESTS + vocabulary.APPS:
            return frozenset({External("request.state" if last in vocabulary.REQUESTS else "app.state")})
        if base in vocabulary.STATE_HOLDERS:
            return self.shared_value(f"state.{name}")
        registry = self.world.models.registries.get(f"{base}.{name}")
        if registry is not None:
            return frozenset({Factory(registry, None, is_registry=True)})
        return _external(f"{base}.{name}")

    def class_attribute(self, cls: Class, name: str, receiver: Value) -> Values:
        """``Class.name``: class methods come bound to the class."""
        self.watch(cls)
        for base in cls.lineage():
            if name in base.attrs:
                return members(
                    self._bind(v, receiver) if _is_classmethod(v) else frozenset({v})
                    for v in self.read(base.attrs[name])
                )
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
                functions = [v for v in found if isinstance(v, FunctionValue)]
                if functions and all(is_stub(v.function) for v in functions):
                    overrides = self._overrides(value.cls, name)
                    if overrides:
                        return members(self._bind(v, Instance(sub, value.fields)) for v, sub in overrides)
                return members(self._bind(v, value) for v in found)
        return members(self._external_attribute(base, name) for base in sorted(value.cls.external_lineage())[:2])

    def _overrides(self, cls: Class, name: str) -> list[tuple[Value, Class]]:
        """What the subclasses of a class put in the place of a stub; nothing where there are too many to tell."""
        found: list[tuple[Value, Class]] = []
        for sub in descendants(cls):
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

    # Calls

    def call(self, func: Value, args: Arguments, node: ir.Call | None) -> Values:
        """The values that calling ``func`` gives."""
        match func:  # the most frequent first
            case Symbol(name=name):
                self.called_external(name, args, node)
                return self.call_symbol(name, args, node)
            case External(name=name, kept=kept):
                self.called_external(name, args, node, kept)
                return self._call_external(name, args, node)
            case FunctionValue(function=function):
                return self.call_function(function, None, args, node)
            case BoundMethod(function=function, receiver=receiver):
                return self.call_function(function, receiver, args, node)
            case ClassValue(cls=cls):
                self.watch(cls)
                kind = self.session_kind_of(cls)
                if kind is not None:
                    site = Site(self.unit.module, node.span) if node else None
                    return frozenset({self.created("session", Session(kind, site), cls.qualname, args, node)})
                return self.construct(cls, args, node)
            case Instance(cls=cls):
                self.watch(cls)
                method = cls.method("__call__")
                return self.call_function(method, func, args, node) if method else NOTHING
            case Factory(is_async=is_async):
                site = Site(self.unit.module, node.span) if node else None
                return frozenset({self.created("factory-session", Session(is_async, site), "", args, node)})
            case ManagerFunction(func=inner, is_async=is_async):
                return frozenset(
                    ContextManager(v.items, v.function, is_async, v.run)
                    for v in self.call(inner, args, node)
                    if isinstance(v, Generator)
                )
            case Wrapped(func=inner):
                return self.call_wrapped(func, args, node)
            case Partial(func=inner, args=first, keywords=keywords):
                merged = Arguments(
                    [*first, *args.positional], {**dict(keywords), **args.keywords}, args.rest, args.has_rest
                )
                return self.call(inner, merged, node)
            case TypeForm(name="newtype"):
                return args.get(0)
            case TypeForm(name="Callable", args=form) if form:
                return self._fresh(self.instantiate(form[-1]), node)
            case TypeForm(name=("type" | "Type"), args=form) if form:
                return members(self.call(v, args, node) for v in form[0])
            case Method(subject=subject, name=name):
                self.called_method(subject, name, args, node)
                return self.call_method(subject, name, args, node)
            case _:
                return NOTHING

    def call_wrapped(self, func: Wrapped, args: Arguments, node: ir.Call | None) -> Values:
        return self.call(func.func, args, node)

    def _fresh(self, values: Values, node: ir.Call | None) -> Values:
        site = Site(self.unit.module, node.span) if node else None
        return frozenset(
            self.created("factory-session", Session(v.is_async, site), "", Arguments(), node)
            if isinstance(v, Session)
            else v
            for v in values
        )

    def call_symbol(self, name: str, args: Arguments, node: ir.Call | None) -> Values:
        """The values that calling something outside the project gives, by its qualified name."""
        site = Site(self.unit.module, node.span) if node else None
        kind = self.session_class(name)
        if kind is not None:
            return frozenset({self.created("session", Session(kind, site), name, args, node)})
        kind = self.world.models.providers.get(name)
        if kind is not None:
            session = self.created("factory-session", Session(kind, site), name, args, node)
            return frozenset({ContextManager(frozenset({session}), None, kind)})
        kind = vocabulary.factory_class(name)
        if kind is not None:
            is_async = kind or self._says_async(args)
            return frozenset({self.created("factory", Factory(is_async, site), name, args, node)})
        kind = vocabulary.registry_class(name)
        if kind is not None:
            of_factory = any(isinstance(v, Factory) and v.is_async for v in args.get(0, "session_factory"))
            registry = Factory(kind or of_factory, site, is_registry=True)
            return frozenset({self.created("factory", registry, name, args, node)})
        kind = vocabulary.engine_maker(name)
        if kind is not None:
            return frozenset({self.created("engine", Engine(kind, site), name, args, node)})
        handler = CALLS.get(name)
        if handler is not None:
            return handler(self, args, node)
        if name in vocabulary.DEPENDS:
            cached = Const(False) not in args.keywords.get("use_cache", NOTHING)
            return frozenset({Dependency(args.get(0, "dependency"), cached)})
        if name in _COROUTINE_RUNNERS:
            inner = members(self.awaited(v) for v in args.get(0))
            return inner if name == "asyncio.run" else frozenset({Coroutine(inner)}) if inner else NOTHING
        if name in _CALLERS:
            rest = Arguments(args.positional[1:], args.keywords, args.rest, args.has_rest)
            result = members(self.call(v, rest, node) for v in args.get(0))
            return frozenset({Coroutine(members(self.awaited(v) for v in result))}) if result else NOTHING
        if self.world.models.keeps_session(name):
            return frozenset({External(name, sessions(args))})
        return _external(name if name.rsplit(".", 1)[-1][:1].isupper() else f"{name}()")

    def _says_async(self, args: Arguments) -> bool:
        classes = args.keywords.get("class_", NOTHING)
        return any(
            (isinstance(v, Symbol) and bool(self.session_class(v.name)))
            or (isinstance(v, ClassValue) and bool(self.session_kind_of(v.cls)))
            for v in classes
        )

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

    def _call_external(self, name: str, args: Arguments, node: ir.Call | None) -> Values:
        if name == UNKNOWN.name:
            return NOTHING
        last = name.rsplit(".", 1)[-1]
        if last in ("enter_context", "enter_async_context"):
            entered = members(self.enter(v, node) for v in args.get(0))
            return entered if last == "enter_context" else frozenset({Coroutine(entered)})
        if last in ("run_until_complete", "run_async"):
            return members(self.awaited(v) for v in args.get(0))
        if name.startswith("ContextVar@"):
            variable, _, method = name.rpartition(".")
            if method == "set":
                self.write(self.world.shared_cell(variable), args.get(0))
                return NOTHING
            if method == "get":
                return self.shared_value(variable)
        if last == "run_in_executor":
            rest = Arguments(args.positional[2:], {}, args.rest, args.has_rest)
            return frozenset({Coroutine(members(self.call(v, rest, node) for v in args.get(1)))})
        if last in ("create_task", "ensure_future"):
            return frozenset({Coroutine(members(self.awaited(v) for v in args.get(0)))})
        return _external(f"{name}()")

    def call_method(self, subject: Value, name: str, args: Arguments, node: ir.Call | None) -> Values:
        """The values that calling a method of a session, engine, container … gives."""
        match subject:
            case Session(is_async=is_async) | Factory(is_registry=True, is_async=is_async):
                if isinstance(subject, Factory):
                    subject = Session(is_async, "registry")
                if name == "begin":
                    return frozenset({Handle("transaction", subject)})
                if name == "begin_nested":
                    return frozenset({Handle("savepoint", subject)})
                if name == "get_bind":
                    return frozenset({Engine(False, None)})
                if name == "connection":
                    connection: Values = frozenset({Connection(is_async)})
                    return frozenset({Coroutine(connection)}) if is_async else connection
                if name == "run_sync":
                    first: Values = frozenset({Session(False, subject.origin)})
                    rest = Arguments([first, *args.positional[1:]], args.keywords, args.rest, args.has_rest)
                    return frozenset({Coroutine(members(self.call(v, rest, node) for v in args.get(0)))})
                if name in ("__aenter__", "__enter__"):
                    return frozenset({Coroutine(frozenset({subject})) if name == "__aenter__" else subject})
                result: Values = frozenset({External("sqlalchemy.Result")})
                return frozenset({Coroutine(result)}) if is_async and name in vocabulary.COROUTINE_METHODS else result
            case Factory(is_async=is_async):
                site = Site(self.unit.module, node.span) if node else None
                if name in ("begin", "__call__"):
                    session = self.created("factory-session", Session(is_async, site), "", args, node)
                    return frozenset({Handle("factory-begin", session) if name == "begin" else session})
                return NOTHING
            case Engine(is_async=is_async):
                if name in ("connect", "begin"):
                    return frozenset({Handle("connect", Connection(is_async))})
                if name == "execution_options":
                    return frozenset({subject})
                return _external("sqlalchemy.engine." + name)
            case Connection():
                if name == "execution_options":
                    return frozenset({subject})
                return _external("sqlalchemy.connection." + name)
            case Container() | DictValue():
                return (
                    _may_have_changed(self.elements(subject))
                    if name in ("pop", "get", "values", "popleft", "setdefault", "__getitem__")
                    else NOTHING
                )
            case Generator(items=items, is_async=is_async):
                if name in ("__anext__", "asend"):
                    return frozenset({Coroutine(items)})
                return items if name in ("__next__", "send") else NOTHING
            case FunctionValue() | BoundMethod() | Wrapped():
                if name in ("delay", "apply_async", "send", "kiq", "remote"):
                    self.call(subject, args if name != "apply_async" else Arguments(), node)
                    return _external("task.result")
                if name in ("__call__", "original", "invoke", "callback"):
                    return self.call(subject, args, node)
                return NOTHING
            case Coroutine(result=result):
                return result
            case _:
                return NOTHING

    # Protocols

    def awaited(self, value: Value) -> Values:
        """What ``await value`` gives."""
        match value:
            case Coroutine(result=result):
                return result
            case External() | Session() | Handle():
                return frozenset({value})
            case _:
                return NOTHING

    def elements(self, value: Value) -> Values:
        """What iterating over the value gives."""
        match value:
            case Container(items=items):
                return members(items)
            case DictValue(items=pairs):
                return members(v for _, v in pairs)
            case Generator(items=items):
                return items
            case External(name=name) if value != UNKNOWN:
                return _external(f"{name}[]")
            case _:
                return NOTHING

    def unpacked(self, value: Value, position: int) -> Values:
        """What the target at ``position`` of an unpacking assignment gets."""
        if isinstance(value, Container) and value.by_position:
            return value.items[position] if position < len(value.items) else NOTHING
        return self.elements(value)

    def enter(self, value: Value, node: ir.Call | None) -> Values:
        """What ``with value as x`` binds."""
        match value:
            case ContextManager(entered=entered):
                return entered
            case Session() | External():
                return frozenset({value})
            case Factory(is_registry=True):
                return frozenset({value})
            case Handle(kind=kind, subject=subject):
                return frozenset({subject if kind in ("factory-begin", "connect") else value})
            case Connection():
                return frozenset({value})
            case Instance(cls=cls):
                self.watch(cls)
                for name in ("__aenter__", "__enter__"):
                    method = cls.method(name)
                    if method is not None:
                        result = self.call_function(method, value, Arguments(), None)
                        return members(self.awaited(v) if isinstance(v, Coroutine) else frozenset({v}) for v in result)
                return frozenset({value})
            case _:
                return NOTHING

    def provided(self, dependency: Dependency, node: ir.Call | None = None) -> Values:
        """What a dependency injects: the provider's result, or what it yields."""
        results: list[Values] = []
        for provider in self.effective(dependency):
            for value in self.call(provider, Arguments(), node):
                match value:
                    case Generator(items=items):
                        results.append(items)
                    case ContextManager(entered=entered):
                        results.append(entered)
                    case Coroutine(result=result):
                        results.append(result)
                    case _:
                        results.append(frozenset({value}))
        return members(results)

    def overriding(self, provider: Value) -> Values:
        """What ``app.dependency_overrides`` puts in the place of a provider."""
        return self.read(self.world.shared_cell(f"override.{_key(provider)}"))

    def effective(self, dependency: Dependency) -> Values:
        """The providers of a dependency, after overrides."""
        return members(self.overriding(provider) or frozenset({provider}) for provider in dependency.provider)

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
        return _external(name)

    def store(self, target: ir.Expr, values: Values) -> None:
        """Assign values to a target."""
        match target:
            case ir.Name(id=name):
                self.store_name(name, values)
            case ir.Attribute(value=owner):
                for value in self.eval(owner):
                    self.store_attribute(target, value, values)
            case ir.Collection(items=items):
                for position, item in enumerate(items):
                    if isinstance(item, ir.Starred):
                        self.store(item.value, members(self.elements(v) for v in values))
                    else:
                        self.store(item, members(self.unpacked(v, position) for v in values))
            case ir.Subscript(value=owner, index=index):
                for value in self.eval(owner):
                    if isinstance(value, External) and value.name.endswith(".dependency_overrides"):
                        if is_test_path(self.unit.module.path):
                            continue
                        for replaced in members(self.eval(key) for key in index):
                            self.write(self.world.shared_cell(f"override.{_key(replaced)}"), values)
                    elif isinstance(value, External) and value.name in vocabulary.STATE_HOLDERS:
                        for key in index:
                            if isinstance(key, ir.Constant) and isinstance(key.value, str):
                                self.write(self.world.shared_cell(f"state.{key.value}"), values)
            case _:
                pass

    # Definitions

    def decorated(self, function: Function) -> Values:
        """The value that a ``def`` binds: the function behind its decorators."""
        value: Value = FunctionValue(function)
        for decorator in reversed(function.decorators):
            for candidate in self.eval(decorator):
                match candidate:
                    case Symbol(name=("contextlib.contextmanager" | "contextlib.asynccontextmanager" as name)):
                        value = ManagerFunction(value, name.endswith("asynccontextmanager"))
                    case FunctionValue(function=other) | Wrapped(func=FunctionValue(function=other)):
                        value = self.apply_decorator(candidate, value, other) or value
                    case BoundMethod(function=other):
                        value = self.apply_decorator(candidate, value, other) or value
                    case Instance(cls=cls) if (method := cls.method("__call__")) is not None:
                        value = self.apply_decorator(candidate, value, method) or value
                    case _:
                        pass
        return frozenset({value})

    def apply_decorator(self, decorator: Value, value: Value, maker: Function) -> Value | None:
        """What a decorator of the project makes of a function; None: leave the function as it is."""
        for result in self.call(decorator, Arguments([frozenset({value})]), None):
            if isinstance(result, FunctionValue) and result != value and result.function.parent is not maker.module:
                return Wrapped(value, result.function)
        return None


def _key(provider: Value) -> str:
    function = getattr(provider, "function", None)
    return f"{function.module.name}.{function.qualname}" if isinstance(function, Function) else ""


def _may_have_changed(values: Values) -> Values:
    """What a collection holds, without the flags and numbers: it may have been given others since."""
    return frozenset(v for v in values if not isinstance(v, Const) or isinstance(v.value, str))


class _Externals(dict[str, Values]):
    def __missing__(self, name: str) -> Values:
        return self.setdefault(name, frozenset({External(name)}) if len(name) < MAX_NAME else NOTHING)


class _Symbols(dict[str, Values]):
    def __missing__(self, name: str) -> Values:
        return self.setdefault(name, frozenset({Symbol(name)}))


class _Texts(dict[str, Values]):
    def __missing__(self, text: str) -> Values:
        return self.setdefault(text, frozenset({Const(text)}))


_external = _Externals().__getitem__
_symbol = _Symbols().__getitem__
_text = _Texts().__getitem__


def _is_classmethod(value: Value) -> bool:
    match value:
        case FunctionValue(function=function):
            return function.is_classmethod
        case ManagerFunction(func=func) | Wrapped(func=func):
            return _is_classmethod(func)
        case _:
            return False


def descendants(cls: Class) -> Iterator[Class]:
    """The subclasses of a class and theirs, the nearest first, each once."""
    seen: set[Class] = set()
    queue = deque(cls.subclasses)
    while queue:
        sub = queue.popleft()
        if sub not in seen:
            seen.add(sub)
            yield sub
            queue.extend(sub.subclasses)


_INSTANCES: dict[str, Callable[[bool], Value]] = {
    "session": lambda is_async: Session(is_async, None),
    "factory": lambda is_async: Factory(is_async, None),
    "registry": lambda is_async: Factory(is_async, None, is_registry=True),
    "engine": lambda is_async: Engine(is_async, None),
    "connection": Connection,
}


_CHILDREN: dict[type, Callable[[Any], Iterable[ir.Expr | None]]] = {
    ir.Unary: lambda n: (n.value,),
    ir.Compare: lambda n: (n.left, *n.rights),
    ir.Opaque: lambda n: n.children,
}

_DISPATCH: dict[type, Callable[[Evaluator, Any], Values]] = {
    ir.Name: Evaluator.eval_name,
    ir.Attribute: Evaluator.eval_attribute,
    ir.Constant: Evaluator.eval_constant,
    ir.Await: Evaluator.eval_await,
    ir.Call: lambda self, node: self.eval_call(node),
    ir.Collection: Evaluator.eval_collection,
    ir.Starred: Evaluator.eval_starred,
    ir.Dict: Evaluator.eval_dict,
    ir.BoolOp: lambda self, node: self.eval_bool_op(node),
    ir.Conditional: lambda self, node: self.eval_conditional(node),
    ir.Binary: Evaluator.eval_binary,
    ir.FString: Evaluator.eval_text,
    ir.Subscript: Evaluator.eval_subscript,
    ir.Lambda: lambda self, node: self.eval_lambda(node),
    ir.Comprehension: Evaluator.eval_comprehension,
    ir.Walrus: Evaluator.eval_walrus,
    ir.Yield: lambda self, node: self.yielded(node),
    ir.YieldFrom: lambda self, node: self.yielded_from(node),
    ir.Unary: Evaluator.eval_plain,
    ir.Compare: lambda self, node: self.eval_compare(node),
    ir.Opaque: Evaluator.eval_plain,
}
