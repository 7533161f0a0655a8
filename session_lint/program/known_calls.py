"""What calls of well-known functions of Python and its libraries give, by qualified name."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from session_lint import ir
from session_lint.program import vocabulary
from session_lint.program.symbols import Function
from session_lint.program.values import (
    NOTHING,
    UNKNOWN,
    ClassValue,
    Const,
    Container,
    ContextManager,
    Coroutine,
    DictValue,
    Engine,
    External,
    Generator,
    Instance,
    ManagerFunction,
    Partial,
    Session,
    Super,
    TypeForm,
    Value,
    Values,
    symbol_value,
)
from session_lint.program.world import Arguments, members

if TYPE_CHECKING:
    from session_lint.program.calls import Calls


def _super(self: Calls, args: Arguments, node: ir.Call | None) -> Values:
    function = self.unit if isinstance(self.unit, Function) else None
    while function is not None and function.owner is None:
        function = function.parent if isinstance(function.parent, Function) else None
    if function is None or function.owner is None or not function.params:
        return NOTHING
    return frozenset(
        Super(function.owner, receiver)
        for receiver in self.load(function.params[0].name)
        if isinstance(receiver, (Instance, ClassValue))
    )


def _next(self: Calls, args: Arguments, node: ir.Call | None) -> Values:
    return members(self.elements(v) for v in args.get(0) if isinstance(v, (Generator, Container)))


def _anext(self: Calls, args: Arguments, node: ir.Call | None) -> Values:
    return frozenset({Coroutine(_next(self, args, node))})


def _getattr(self: Calls, args: Arguments, node: ir.Call | None) -> Values:
    names = [v.value for v in args.get(1) if isinstance(v, Const) and isinstance(v.value, str)]
    found = members(self.attribute(v, name, None) for v in args.get(0) for name in names)
    default = args.get(2)
    return found | default if found or not default else default | {UNKNOWN}


def _setattr(self: Calls, args: Arguments, node: ir.Call | None) -> Values:
    for name in args.get(1):
        if isinstance(name, Const) and isinstance(name.value, str):
            for owner in args.get(0):
                if isinstance(owner, External) and owner.name in vocabulary.STATE_HOLDERS:
                    self.write(self.world.shared_cell(f"state.{name.value}"), args.get(2))
    return NOTHING


def _cast(self: Calls, args: Arguments, node: ir.Call | None) -> Values:
    return args.get(1) or self.instantiate(args.get(0))


def _new_type(self: Calls, args: Arguments, node: ir.Call | None) -> Values:
    return frozenset({TypeForm("newtype", (args.get(1), args.get(0)))})  # with its name it is told from another


def _partial(self: Calls, args: Arguments, node: ir.Call | None) -> Values:
    keywords = tuple(sorted(args.keywords.items(), key=lambda item: item[0]))
    return frozenset(Partial(func, tuple(args.positional[1:]), keywords) for func in args.get(0))


def _manager(is_async: bool) -> Callable[[Calls, Arguments, ir.Call | None], Values]:
    return lambda self, args, node: frozenset(ManagerFunction(func, is_async) for func in args.get(0))


def _object_session(*, is_async: bool) -> Callable[[Calls, Arguments, ir.Call | None], Values]:
    return lambda self, args, node: frozenset({Session(is_async, "registry")})


def _first(self: Calls, args: Arguments, node: ir.Call | None) -> Values:
    return args.get(0)


def _cached(self: Calls, args: Arguments, node: ir.Call | None) -> Values:
    return args.get(0, "user_function") or symbol_value("functools.lru_cache")


def _gather(self: Calls, args: Arguments, node: ir.Call | None) -> Values:
    results = tuple(members(self.awaited(v) for v in values) for values in args.positional)
    if args.has_rest or not results:
        return frozenset({Coroutine(frozenset({Container((members(self.awaited(v) for v in args.rest),), False)}))})
    return frozenset({Coroutine(frozenset({Container(results, True)}))})


def _context_var(self: Calls, args: Arguments, node: ir.Call | None) -> Values:
    if node is None:
        return NOTHING
    texts = [v.value for v in args.get(0, "name") if isinstance(v, Const) and isinstance(v.value, str)]
    own = texts[0] if len(texts) == 1 and texts[0].isidentifier() else node.span.row
    name = f"ContextVar@{self.unit.module.name}:{own}"
    default = args.keywords.get("default", NOTHING) - {Const(None)}
    if default:
        self.write(self.world.shared_cell(name), default)
    return frozenset({External(name)})


def _null_context(self: Calls, args: Arguments, node: ir.Call | None) -> Values:
    return frozenset({ContextManager(args.get(0, "enter_result"), None, is_async=False)})


def _list(self: Calls, args: Arguments, node: ir.Call | None) -> Values:
    items = members(self.elements(v) for v in args.get(0) if not isinstance(v, External))
    return frozenset({Container((items,), False)}) if items else NOTHING


def _dict_call(self: Calls, args: Arguments, node: ir.Call | None) -> Values:
    pairs = tuple(args.keywords.items())
    return frozenset({DictValue(pairs)}) if pairs else args.get(0)


def _locals(self: Calls, args: Arguments, node: ir.Call | None) -> Values:
    return frozenset({DictValue(tuple(sorted(self.local_names().items())))})


def _identity_type(self: Calls, args: Arguments, node: ir.Call | None) -> Values:
    return frozenset(ClassValue(v.cls) for v in args.get(0) if isinstance(v, Instance))


def _async_engine(self: Calls, args: Arguments, node: ir.Call | None) -> Values:
    inside = frozenset[Value](Engine(True, v.origin) for v in args.get(0, "sync_engine") if isinstance(v, Engine))
    return inside or frozenset({Engine(True, None)})


CALLS: dict[str, Callable[[Calls, Arguments, ir.Call | None], Values]] = {
    "builtins.super": _super,
    "builtins.next": _next,
    "builtins.anext": _anext,
    "builtins.getattr": _getattr,
    "builtins.setattr": _setattr,
    "builtins.list": _list,
    "builtins.tuple": _list,
    "builtins.iter": _first,
    "builtins.dict": _dict_call,
    "builtins.type": _identity_type,
    "builtins.locals": _locals,
    "builtins.staticmethod": _first,
    "builtins.classmethod": _first,
    "copy.copy": _first,
    "typing.cast": _cast,
    "typing.NewType": _new_type,
    "functools.partial": _partial,
    "functools.lru_cache": _cached,
    "functools.cache": _first,
    "contextlib.contextmanager": _manager(False),
    "contextlib.asynccontextmanager": _manager(True),
    "contextlib.nullcontext": _null_context,
    "contextlib.closing": _first,
    "contextlib.aclosing": _first,
    "asyncio.gather": _gather,
    "contextvars.ContextVar": _context_var,
    "sqlalchemy.orm.object_session": _object_session(is_async=False),
    "sqlalchemy.ext.asyncio.async_object_session": _object_session(is_async=True),
    "sqlalchemy.ext.asyncio.AsyncEngine": _async_engine,
    "sqlalchemy.ext.asyncio.engine.AsyncEngine": _async_engine,
}
