"""Entry points: the functions that a framework, a queue, a scheduler or the command line calls."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from session_lint import ir
from session_lint.program import vocabulary
from session_lint.program.flow import Flow, function_of
from session_lint.program.symbols import Class, Function, Module, Unit, expressions, subexpressions
from session_lint.program.values import Coroutine, Dependency, External, Symbol, TypeForm, Value, Values

Kind = Literal["endpoint", "lifespan", "event", "middleware", "task", "background", "command", "main", "resolver"]

_ADDERS: dict[str, tuple[Kind, int]] = {
    "add_api_route": ("endpoint", 1),
    "add_route": ("endpoint", 1),
    "add_url_rule": ("endpoint", 2),
    "add_websocket_route": ("endpoint", 1),
    "add_api_websocket_route": ("endpoint", 1),
    "add_event_handler": ("event", 1),
    "add_exception_handler": ("event", 1),
    "add_task": ("background", 0),
    "add_job": ("task", 0),
    "enqueue": ("task", 0),
    "submit": ("background", 0),
}


@dataclass(frozen=True, slots=True)
class EntryPoint:
    """A function that is called from outside the program.

    ``route`` is what the decorator says (``GET /users``), ``dependencies`` what it runs besides the parameters' own.
    """

    function: Function
    kind: Kind
    route: str = ""
    dependencies: tuple[Dependency, ...] = ()

    @property
    def is_endpoint(self) -> bool:
        return self.kind in ("endpoint", "resolver")


def find_entry_points(flow: Flow, extra_decorators: tuple[str, ...]) -> dict[Function, EntryPoint]:
    """Every entry point of the program, by its function."""
    found: dict[Function, EntryPoint] = {}
    for module in flow.world.modules:
        for function in module.functions:
            entry = _by_decorator(flow, function, extra_decorators) or _by_class(function)
            if entry is not None:
                found[function] = entry
    for function, kind in _by_call(flow):
        found.setdefault(function, EntryPoint(function, kind))
    return found


def _by_decorator(flow: Flow, function: Function, extra: tuple[str, ...]) -> EntryPoint | None:
    unit = _unit_of(function)
    for decorator in function.decorators:
        call = decorator if isinstance(decorator, ir.Call) else None
        target = call.func if call is not None else decorator
        written = dotted(target)
        if any(
            written == name or written.endswith("." + name) or name.endswith("." + written) for name in extra if written
        ):
            return EntryPoint(function, "endpoint")
        values = flow.at(unit, function.parent).eval(target)
        kinds: list[Kind] = [kind for value in values if (kind := _kind_of(value)) is not None]
        for kind in kinds:
            return EntryPoint(function, kind, _route(target, call), _route_dependencies(flow, call))
        if not values or all(isinstance(v, External) for v in values):
            kind_ = _kind_by_look(target, call)
            if kind_ is not None:
                return EntryPoint(function, kind_, _route(target, call), _route_dependencies(flow, call))
    return None


def _kind_of(value: Value) -> Kind | None:
    if isinstance(value, Symbol):
        name = value.name
        if name in vocabulary.ROUTE_FUNCTIONS:
            return "endpoint"
        if name in vocabulary.TASK_DECORATORS:
            return "task"
        if name in vocabulary.COMMAND_DECORATORS:
            return "command"
        return "resolver" if name in vocabulary.RESOLVER_DECORATORS else None
    if isinstance(value, External):
        base, _, method = value.name.rpartition(".")
        if base in vocabulary.ROUTER_CLASSES:
            if method in vocabulary.ROUTE_METHODS:
                return "endpoint"
            return "event" if method in vocabulary.EVENT_METHODS else None
        if method in vocabulary.TASK_METHODS and base:
            return "task"
        if method in vocabulary.COMMAND_METHODS and base.split(".")[0] in (
            "typer",
            "click",
            "flask",
            "asyncclick",
            "cyclopts",
        ):
            return "command"
    return None


def _kind_by_look(target: ir.Expr, call: ir.Call | None) -> Kind | None:
    if not isinstance(target, ir.Attribute) or call is None:
        return None
    first = call.args[0].value if call.args else None
    path = first.value if isinstance(first, ir.Constant) and isinstance(first.value, str) else None
    if target.name in vocabulary.ROUTE_METHODS and path is not None and (path == "" or path.startswith("/")):
        return "endpoint"
    receiver = dotted(target.value).rsplit(".", 1)[-1]
    if target.name == "task" and receiver in ("celery", "celery_app", "app", "broker", "huey"):
        return "task"
    if target.name == "command" and receiver in ("app", "cli", "typer_app", "cli_app"):
        return "command"
    return None


def _route(target: ir.Expr, call: ir.Call | None) -> str:
    if call is None or not isinstance(target, ir.Attribute):
        return ""
    first = next((a.value for a in call.args if a.keyword in (None, "path", "rule")), None)
    path = first.value if isinstance(first, ir.Constant) and isinstance(first.value, str) else "…"
    return f"{target.name.upper()} {path}" if target.name in vocabulary.ROUTE_METHODS else ""


def _route_dependencies(flow: Flow, call: ir.Call | None) -> tuple[Dependency, ...]:
    if call is None:
        return ()
    found: list[Dependency] = []
    for arg in call.args:
        if arg.keyword == "dependencies":
            for value in flow.eval(arg.value):
                found.extend(v for v in flow.elements(value) if isinstance(v, Dependency))
    return tuple(found)


def _by_class(function: Function) -> EntryPoint | None:
    if function.owner is None:
        return None
    bases = function.owner.external_lineage()
    if bases & vocabulary.VIEW_CLASSES and function.name in (
        "get",
        "post",
        "put",
        "patch",
        "delete",
        "head",
        "dispatch_request",
    ):
        return EntryPoint(function, "endpoint", function.name.upper())
    if bases & vocabulary.MIDDLEWARE_CLASSES and function.name == "dispatch":
        return EntryPoint(function, "middleware")
    return None


def _by_call(flow: Flow) -> Iterator[tuple[Function, Kind]]:
    for call in list(flow.facts.externals.values()):
        last = call.name.rsplit(".", 1)[-1].removesuffix("()")
        adder = _ADDERS.get(last)
        if adder is not None:
            kind, position = adder
            for values in (call.args.get(position), call.args.keywords.get("endpoint", frozenset())):
                for function in filter(None, map(function_of, values)):
                    yield function, kind
        lifespan = call.args.keywords.get("lifespan")
        if lifespan:
            for function in filter(None, map(function_of, lifespan)):
                yield function, "lifespan"
        if last in ("create_task", "ensure_future") or call.name in vocabulary.BACKGROUND_STARTERS:
            for values in (call.args.get(0), call.args.keywords.get("target", frozenset())):
                for value in values:
                    maker = value.function if isinstance(value, Coroutine) else function_of(value)
                    if maker is not None:
                        yield maker, "background"
        if call.name in ("starlette.background.BackgroundTask", "fastapi.BackgroundTask"):
            for function in filter(None, map(function_of, call.args.get(0))):
                yield function, "background"


def main_calls(module: Module) -> Iterator[ir.Call]:
    """The calls under ``if __name__ == "__main__"``."""
    for statement in module.body:
        if isinstance(statement, ir.If) and "__name__" in {n.id for n in _names(statement.test)}:
            yield from (node for node in expressions(statement.body) if isinstance(node, ir.Call))


def _names(expr: ir.Expr) -> Iterator[ir.Name]:
    return (node for node in subexpressions(expr) if isinstance(node, ir.Name))


def _unit_of(function: Function) -> Unit:
    parent = function.parent
    while isinstance(parent, Class):
        parent = parent.parent
    return parent


def dotted(expr: ir.Expr) -> str:
    """A name or chain of attributes as written; empty for anything else."""
    match expr:
        case ir.Name(id=name):
            return name
        case ir.Attribute(value=value, name=name):
            base = dotted(value)
            return f"{base}.{name}" if base else name
        case _:
            return ""


def dependency_of(flow: Flow, function: Function, param: ir.Parameter) -> Dependency | None:
    """The dependency that a parameter injects (``= Depends(x)`` or ``Annotated[T, Depends(x)]``)."""
    flow.at(function, function.parent)
    declared: Values = flow.eval(param.annotation) if param.annotation is not None else frozenset()
    forms = [v for v in declared if isinstance(v, TypeForm) and v.name == "Annotated"]
    default: Values = flow.eval(param.default) if param.default is not None else frozenset()
    marks = [v for v in default if isinstance(v, Dependency)]
    marks += [v for form in forms for values in form.args[1:] for v in values if isinstance(v, Dependency)]
    if not marks:
        return None
    providers = frozenset(provider for mark in marks for provider in mark.provider)
    types = frozenset(v for form in forms for v in form.args[0]) or declared
    return Dependency(providers or types, all(mark.cached for mark in marks))
