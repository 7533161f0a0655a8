"""Entry points: the functions that a framework, a queue, a scheduler or the command line calls."""

from __future__ import annotations

from collections.abc import Iterator

from session_lint import ir
from session_lint.program.building import is_test_path
from session_lint.program.flow import Flow
from session_lint.program.flow_facts import ExternalCall
from session_lint.program.frameworks import (
    JOB_TIMES,
    WORKER_LISTS,
    Kind,
    Registration,
    decorator_kind,
    keyword_kind,
    kind_by_look,
    method_kind,
    registration,
)
from session_lint.program.layers import Layers, listed_dependencies, named_dependencies
from session_lint.program.remapping import bears_session
from session_lint.program.symbols import Class, Function, Module, Unit
from session_lint.program.values import (
    BoundMethod,
    ClassValue,
    Const,
    Container,
    Coroutine,
    Dependency,
    DictValue,
    External,
    FunctionValue,
    ManagerFunction,
    Method,
    Partial,
    Symbol,
    TypeForm,
    Value,
    Values,
    Wrapped,
    function_of,
    stable,
)
from session_lint.record import Record
from session_lint.traversal import expressions, subexpressions


class EntryPoint(Record, frozen=True):
    """A function that is called from outside the program.

    ``route`` is what the decorator says (``GET /users``), ``prefix`` the path that its routers put before it,
    ``dependencies`` what runs besides the parameters' own, ``named`` what is injected into parameters by their names.
    """

    function: Function
    kind: Kind
    route: str = ""
    dependencies: tuple[Dependency, ...] = ()
    named: tuple[tuple[str, Dependency], ...] = ()
    prefix: str = ""

    @property
    def full_route(self) -> str:
        """``GET /api/users``: the route as it is called, as far as it is known."""
        verb, _, path = self.route.partition(" ")
        return f"{verb} {self.prefix}{path}" if path or self.prefix else self.route

    @property
    def is_endpoint(self) -> bool:
        return self.kind in ("endpoint", "resolver")


def find_entry_points(flow: Flow, extra_decorators: tuple[str, ...]) -> dict[Function, EntryPoint]:
    """Every entry point of the program, by its function."""
    found: dict[Function, EntryPoint] = {}
    layers = Layers(flow)
    for module in flow.world.modules:
        for function in module.functions:
            entry = _by_decorator(flow, layers, function, extra_decorators) or _by_class(function)
            if entry is not None:
                found[function] = entry
    for entry in (*_by_call(flow, layers), *_by_worker_settings(flow), *_by_job(flow), *_by_main_block(flow)):
        found.setdefault(entry.function, entry)
    for entry in _by_specification(flow):
        found.setdefault(entry.function, entry)
    for entry in found.values():
        for dependency in (*entry.dependencies, *(given for _, given in entry.named)):
            flow.facts.injected.update(filter(None, map(function_of, dependency.provider)))
    return found


def _by_decorator(flow: Flow, layers: Layers, function: Function, extra: tuple[str, ...]) -> EntryPoint | None:
    unit = _unit_of(function)
    for decorator in function.decorators:
        call = decorator if isinstance(decorator, ir.Call) else None
        target = call.func if call is not None else decorator
        if _is_listed(dotted(target), extra):
            return EntryPoint(function, "endpoint")
        values = flow.at(unit, function.parent).eval(target)
        kinds = [kind for value in sorted(values, key=stable) if (kind := _kind_of(flow, value)) is not None]
        kind = kinds[0] if kinds else _kind_by_look(values, target, call)
        if kind is None:
            continue
        if kind != "endpoint":
            return EntryPoint(function, kind)
        given = _keyword(flow.at(unit, function.parent), call, "dependencies")
        router = layers.of_router(unit, target.value) if isinstance(target, ir.Attribute) else ()
        named = layers.named(function, named_dependencies(given))
        dependencies = (*router, *listed_dependencies(flow, given))
        prefix = layers.prefix(unit, target.value) if isinstance(target, ir.Attribute) else ""
        return EntryPoint(function, kind, _route(target, call), dependencies, tuple(named.items()), prefix)
    return None


def _is_listed(written: str, names: tuple[str, ...]) -> bool:
    return bool(written) and any(
        written == name or written.endswith("." + name) or name.endswith("." + written) for name in names
    )


def _kind_of(flow: Flow, value: Value) -> Kind | None:
    match value:
        case Symbol(name=name) | External(name=name):
            return decorator_kind(name)
        case Partial(func=func):
            return _kind_of(flow, func)
        case Method(subject=subject, name=("command" | "group")):
            group = function_of(subject)  # a click group is a function of the project
            if group is not None and any(
                _kind_of(flow, v) == "command"
                for decorator in group.decorators
                for v in flow.at(_unit_of(group), group.parent).eval(
                    decorator.func if isinstance(decorator, ir.Call) else decorator
                )
            ):
                return "command"
    return None


def _kind_by_look(values: Values, target: ir.Expr, call: ir.Call | None) -> Kind | None:
    if not isinstance(target, ir.Attribute) or call is None:
        return None
    if not all(isinstance(v, (External, Symbol)) for v in values):
        return None
    receiver = dotted(target.value).rsplit(".", 1)[-1]
    return kind_by_look(receiver, target.name, _text(call.args[0].value if call.args else None), is_known=bool(values))


def _text(expr: ir.Expr | None) -> str | None:
    return expr.value if isinstance(expr, ir.Constant) and isinstance(expr.value, str) else None


def _route(target: ir.Expr, call: ir.Call | None) -> str:
    """What a route decorator says: ``GET /users``."""
    name = dotted(target).rsplit(".", 1)[-1]
    args = call.args if call is not None else ()
    path = next((a.value for a in args if a.keyword in (None, "path", "rule", "uri")), None)
    if name == "route" and len(args) > 1 and args[1].keyword is None and (verb := _text(args[0].value)):
        name, path = verb, args[1].value  # aiohttp: route("GET", "/users")
    elif name in ("route", "api_route"):
        name = _verbs(args)
    return f"{name.upper()} {_text(path) if _text(path) is not None else '…'}"


def _verbs(args: tuple[ir.Argument, ...]) -> str:
    listed = next((a.value for a in args if a.keyword in ("methods", "http_method")), None)
    if isinstance(listed, ir.Collection):
        return ",".join(filter(None, map(_text, listed.items))) or "get"
    return _text(listed) or "get"


def _keyword(flow: Flow, call: ir.Call | None, keyword: str) -> Values:
    for arg in call.args if call is not None else ():
        if arg.keyword == keyword:
            return flow.eval(arg.value)
    return frozenset()


def _by_class(function: Function) -> EntryPoint | None:
    if function.owner is None:
        return None
    found = method_kind(function.owner.external_lineage(), function.name)
    if found is None:
        return None
    kind, verb = found
    return EntryPoint(function, kind, verb)


def _by_call(flow: Flow, layers: Layers) -> Iterator[EntryPoint]:
    for call in list(flow.facts.externals.values()):
        row = registration(call.name.removesuffix("()"))
        if row is not None:
            given = call.args.keywords.get("dependencies", frozenset())
            dependencies, prefix = listed_dependencies(flow, given), ""
            if isinstance(call.node.func, ir.Attribute):
                dependencies = (*layers.of_router(call.unit, call.node.func.value), *dependencies)
                prefix = layers.prefix(call.unit, call.node.func.value)
            for function in _functions(flow, call.args.get(row.handler, row.keyword), row.kind):
                yield EntryPoint(function, row.kind, _registered_route(row, call), dependencies, prefix=prefix)
        for keyword, values in call.args.keywords.items():
            kind = keyword_kind(call.name, keyword)
            if kind is not None:
                yield from (EntryPoint(function, kind) for function in _functions(flow, values, kind))
        yield from _by_applied_decorator(flow, call)


def _by_applied_decorator(flow: Flow, call: ExternalCall) -> Iterator[EntryPoint]:
    """``app.get("/users")(list_users)``, ``app.before_request(check)``."""
    kind = decorator_kind(call.name)
    if kind is None or len(call.args.positional) != 1:
        return
    maker = call.node.func
    is_made = isinstance(maker, ir.Call) and call.name.endswith("()")
    route = _route(maker.func, maker) if isinstance(maker, ir.Call) and is_made and kind == "endpoint" else ""
    for function in _functions(flow, call.args.positional[0], kind):
        yield EntryPoint(function, kind, route)


def _registered_route(row: Registration, call: ExternalCall) -> str:
    if row.path is None:
        return ""
    args = [a.value for a in call.node.args if a.keyword is None and not a.star]
    keywords = {a.keyword: a.value for a in call.node.args if a.keyword is not None}
    path = (
        args[row.path] if row.path < len(args) else keywords.get("path") or keywords.get("rule") or keywords.get("uri")
    )
    verb = _text(args[row.verb_at]) if row.verb_at is not None and row.verb_at < len(args) else row.verb
    return f"{(verb or _verbs(call.node.args)).upper()} {_text(path) or '…'}"


def _functions(flow: Flow, values: Values, kind: Kind) -> Iterator[Function]:
    """The functions among registered values, those in lists and mappings too."""
    for value in values:
        match value:
            case Container() | DictValue():
                yield from _functions(flow, flow.elements(value), kind)
            case Coroutine(function=Function() as maker):
                yield maker
            case ClassValue(cls=cls) if kind == "middleware":
                yield from filter(None, (cls.method("dispatch") or cls.method("__call__"),))
            case FunctionValue() | BoundMethod() | Wrapped() | Partial() | ManagerFunction():
                yield from filter(None, (function_of(value),))
            case _:
                pass


def _by_worker_settings(flow: Flow) -> Iterator[EntryPoint]:
    """arq: a class lists its tasks in attributes."""
    for module in flow.world.modules:
        for cls in module.classes:
            if cls.name.endswith("WorkerSettings") or {"functions", "redis_settings"} <= cls.attrs.keys():
                for name, kind in WORKER_LISTS.items():
                    values = cls.attrs[name].values if name in cls.attrs else frozenset()
                    yield from (EntryPoint(function, kind) for function in _functions(flow, values, kind))


def _by_job(flow: Flow) -> Iterator[EntryPoint]:
    """Jobs that are dicts: ``{"func": tidy, "interval": 60}``, in a list of a scheduler's settings or of one's own."""
    for module in flow.world.modules:
        for cells in (module.cells, *(c.attrs for c in module.classes), *(f.cells for f in module.functions)):
            for cell in cells.values():
                yield from _jobs(flow, cell.values)
    for call in flow.facts.externals.values():
        if call.name == "Container.append":
            yield from _jobs(flow, call.args.get(0))


def _jobs(flow: Flow, values: Values) -> Iterator[EntryPoint]:
    for value in values:
        if isinstance(value, Container):
            yield from (entry for items in value.items for entry in _jobs(flow, items))
        elif isinstance(value, DictValue):
            job = dict(value.items)
            if "func" in job and not JOB_TIMES.isdisjoint(job):
                named = (v.value for v in job["func"] if isinstance(v, Const) and isinstance(v.value, str))
                given = job["func"].union(*(_by_reference(flow, text) for text in named))
                yield from (EntryPoint(function, "task") for function in _functions(flow, given, "task"))


def _by_reference(flow: Flow, text: str) -> Values:
    """``"app.jobs:tidy"``: a function as the settings of schedulers and queues name it."""
    module, _, name = text.partition(":")
    known = flow.world.index.by_name.get(module)
    return known.cells[name].values if known is not None and name in known.cells else frozenset()


def _by_specification(flow: Flow) -> Iterator[EntryPoint]:
    """connexion: the ``operationId`` of an OpenAPI document names the endpoints, functions that no code calls."""
    if not any(
        call.name.startswith("connexion.") and call.name.endswith(".add_api") for call in flow.facts.externals.values()
    ):
        return
    for module in flow.world.modules:
        for function in module.functions if not is_test_path(module.path) else ():
            is_public = function.parent is module and not function.name.startswith("_")
            callers = flow.facts.callers.get(function, ())
            if is_public and not function.decorators and all(is_test_path(c.module.path) for c in callers):
                yield EntryPoint(function, "endpoint")


_RUNNERS = frozenset(
    {"asyncio.run", "anyio.run", "trio.run", "sys.exit", "uvloop.run", "builtins.exit", "builtins.SystemExit"}
)


def _by_main_block(flow: Flow) -> Iterator[EntryPoint]:
    """What a script runs as its own statement, plainly or through ``asyncio.run`` and the like."""
    for module in flow.world.modules:
        for block in _main_blocks(module):
            for statement in block.body:
                match statement:
                    case ir.ExprStatement(value=ir.Call() as call) | ir.Raise(exception=ir.Call() as call):
                        yield from (EntryPoint(function, "main") for function in _started(flow, module, call))
                    case _:
                        pass


def _started(flow: Flow, module: Module, call: ir.Call) -> Iterator[Function]:
    args = [arg.value for arg in call.args]
    for value in flow.at(module).eval(call.func):
        match value:
            case Symbol(name=name) if name in _RUNNERS and args:
                if isinstance(args[0], ir.Call):
                    yield from _started(flow, module, args[0])
                else:
                    yield from _functions(flow, flow.at(module).eval(args[0]), "main")
            case FunctionValue(function=function) if not function.is_generator:
                if not any(bears_session(v) for arg in args for v in flow.at(module).eval(arg)):
                    yield function
            case _:
                pass


def _main_blocks(module: Module) -> Iterator[ir.If]:
    for statement in module.body:
        if isinstance(statement, ir.If) and "__name__" in {n.id for n in _names(statement.test)}:
            yield statement


def main_calls(module: Module) -> Iterator[ir.Call]:
    """The calls under ``if __name__ == "__main__"``."""
    for block in _main_blocks(module):
        yield from (node for node in expressions(block.body) if isinstance(node, ir.Call))


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
    return _declared_dependency(flow, param.annotation, param.default)


def class_dependencies(flow: Flow, cls: Class) -> dict[str, Dependency]:
    """The dependencies that a class-based view or a dataclass declares in its body."""
    found: dict[str, Dependency] = {}
    for base in reversed(list(cls.lineage())):
        flow.at(base.module, base)
        for statement in base.node.body:
            match statement:
                case ir.AnnAssign(target=ir.Name(id=name), annotation=annotation, value=value):
                    dependency = _declared_dependency(flow, annotation, value)
                case ir.Assign(targets=(ir.Name(id=name),), value=value):
                    dependency = _declared_dependency(flow, None, value)
                case _:
                    continue
            if dependency is not None:
                found[name] = dependency
    return found


def _declared_dependency(flow: Flow, annotation: ir.Expr | None, value: ir.Expr | None) -> Dependency | None:
    declared = flow.eval(annotation)
    forms = [v for v in declared if isinstance(v, TypeForm) and v.name == "Annotated"]
    marks = [v for v in flow.eval(value) if isinstance(v, Dependency)]
    marks += [v for form in forms for values in form.args[1:] for v in values if isinstance(v, Dependency)]
    if not marks:
        return None
    providers = frozenset(provider for mark in marks for provider in mark.provider)
    types = frozenset(v for form in forms for v in form.args[0]) or declared
    return Dependency(providers or types, all(mark.cached for mark in marks))
