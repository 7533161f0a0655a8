"""What calls give, and what the protocols behind ``await``, ``for`` and ``with`` do."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import ClassVar, TypeAlias

from session_lint import ir
from session_lint.program import vocabulary
from session_lint.program.attributes import Attributes
from session_lint.program.symbols import Function
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
    Partial,
    Session,
    Site,
    Symbol,
    TypeForm,
    Value,
    Values,
    Wrapped,
    external_value,
)
from session_lint.program.world import Arguments, members, sessions

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


class Calls(Attributes):
    """Adds calls to names, types and attributes."""

    known_calls: ClassVar[Mapping[str, KnownCall]] = {}
    """What calls of well-known functions outside the project give, by qualified name."""

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
        """The values that something of which only the type is known returns: the sessions in them are opened for the caller."""
        return frozenset(self._fresh_value(value, node) for value in values)

    def _fresh_value(self, value: Value, node: ir.Call | None) -> Value:
        match value:
            case Session(is_async=is_async):
                site = Site(self.unit.module, node.span) if node else None
                return self.created("factory-session", Session(is_async, site), "", Arguments(), node)
            case ContextManager(entered=entered, function=function, is_async=is_async):
                return ContextManager(self._fresh(entered, node), function, is_async)
            case Generator(items=items, function=function, is_async=is_async):
                return Generator(self._fresh(items, node), function, is_async)
            case Coroutine(result=result, function=function):
                return Coroutine(self._fresh(result, node), function)
            case _:
                return value

    def call_symbol(self, name: str, args: Arguments, node: ir.Call | None) -> Values:
        """The values that calling something outside the project gives, by its qualified name."""
        site = Site(self.unit.module, node.span) if node else None
        kind = self.session_class(name)
        if kind is not None:
            return frozenset({self.created("session", Session(kind, site), name, args, node)})
        kind = self.world.models.providers.get(name)
        if kind is not None:
            return self._opened(kind, name, args, node)
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
        handler = self.known_calls.get(name)
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
        return external_value(name if name.rsplit(".", 1)[-1][:1].isupper() else f"{name}()")

    def _opened(self, is_async: bool, name: str, args: Arguments, node: ir.Call | None) -> Values:
        """The context manager of a library's provider."""
        site = Site(self.unit.module, node.span) if node else None
        session = self.created("factory-session", Session(is_async, site), name, args, node)
        return frozenset({ContextManager(frozenset({session}), None, is_async)})

    def _says_async(self, args: Arguments) -> bool:
        classes = args.keywords.get("class_", NOTHING)
        return any(
            (isinstance(v, Symbol) and bool(self.session_class(v.name)))
            or (isinstance(v, ClassValue) and bool(self.session_kind_of(v.cls)))
            for v in classes
        )

    def _call_external(self, name: str, args: Arguments, node: ir.Call | None) -> Values:
        if name == UNKNOWN.name:
            return NOTHING
        last = name.rsplit(".", 1)[-1]
        if last in ("enter_context", "enter_async_context"):
            entered = members(self.enter(v, node) for v in args.get(0))
            return entered if last == "enter_context" else frozenset({Coroutine(entered)})
        if name == f"{vocabulary.WORKER_CONTEXT}.get":
            keys = (v.value for v in args.get(0) if isinstance(v, Const) and isinstance(v.value, str))
            return members(self.shared_value(f"ctx.{key}") for key in keys)
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
        if last in self.world.models.makers:
            factory, opening = self.world.models.made(name)
            if factory is not None:
                return frozenset({Factory(factory, None)})
            if opening is not None:
                return self._opened(opening, name, args, node)
        return external_value(f"{name}()")

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
                return external_value("sqlalchemy.engine." + name)
            case Connection():
                if name == "execution_options":
                    return frozenset({subject})
                return external_value("sqlalchemy.connection." + name)
            case DictValue() if name in ("get", "pop", "setdefault", "__getitem__"):
                return under_keys(subject, args.get(0)) | args.get(1, "default")
            case Container() | DictValue():
                return (
                    may_have_changed(self.elements(subject))
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
                    return external_value("task.result")
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
                return external_value(f"{name}[]")
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
        return self.read(self.world.shared_cell(f"override.{provider_key(provider)}"))

    def effective(self, dependency: Dependency) -> Values:
        """The providers of a dependency, after overrides."""
        return members(self.overriding(provider) or frozenset({provider}) for provider in dependency.provider)


def provider_key(provider: Value) -> str:
    function = getattr(provider, "function", None)
    return f"{function.module.name}.{function.qualname}" if isinstance(function, Function) else ""


def may_have_changed(values: Values) -> Values:
    """What a collection holds, without the flags and numbers: it may have been given others since."""
    return frozenset(v for v in values if not isinstance(v, Const) or isinstance(v.value, str))


def under_keys(value: DictValue, keys: Values) -> Values:
    """What a dict holds under these keys; under any of its own where none of them is known."""
    known = {key.value for key in keys if isinstance(key, Const)}
    return may_have_changed(members(v for name, v in value.items if not known or name in known))


KnownCall: TypeAlias = Callable[[Calls, Arguments, "ir.Call | None"], Values]
