"""Runs the interpreter over the whole program: entry points first, then what nobody calls, then the rest."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from operator import itemgetter

from session_lint.program import states, waiting
from session_lint.program.analysis import Analysis, Run
from session_lint.program.contexts import Context, Exit, Harm
from session_lint.program.control import Unreachable
from session_lint.program.entrypoints import EntryPoint, class_dependencies, dependency_of
from session_lint.program.flow import Flow
from session_lint.program.interpreter import Frame, enter
from session_lint.program.remapping import bear_session
from session_lint.program.symbols import Class, Function, Module, Unit
from session_lint.program.typed_providers import TypedProviders
from session_lint.program.values import (
    NOTHING,
    ClassValue,
    ContextManager,
    Coroutine,
    Dependency,
    Factory,
    Generator,
    Instance,
    Value,
    Values,
    Wrapped,
    function_of,
)
from session_lint.program.waiting import Waiting
from session_lint.program.world import Arguments, members


def interpret(
    flow: Flow,
    entries: Mapping[Function, EntryPoint],
    session_names: frozenset[str],
    is_test: Callable[[Module], bool],
) -> Analysis:
    """Interpret every function of the application that can reach a session, in every state that it is entered in."""
    wrapped, wrappers, decorated = _decorated(flow)
    reaching = _reaching(flow)
    analysis = Analysis(
        flow,
        session_names,
        is_test,
        reaching,
        wrapped,
        wrappers,
        decorated,
        frozenset(entries),
        Waiting(flow),
        TypedProviders(flow),
        _one_registry(flow, is_test),
    )
    for entry in entries.values():
        if entry.function.module.is_apart:
            continue
        if entry.function in reaching or _takes_session(flow, entry.function) or _view_holds(flow, entry.function):
            _try(analysis, entry.function, partial(_enter, analysis, entry))
    modules = [module for module in flow.world.modules if not module.is_apart]
    rest = [f for m in modules for f in m.functions if f in reaching and f not in entries]
    called = flow.facts.callers
    for function in [f for f in rest if not called.get(f)] + [f for f in rest if called.get(f)]:
        if function not in analysis.by_function and function not in analysis.failed:
            _try(analysis, function, partial(enter, analysis, function, {}, {}, None, None))
    for module in modules:
        if module in reaching:
            _try(analysis, module, partial(_run_module, analysis, module))
    return analysis


def _try(analysis: Analysis, unit: Unit, do: Callable[[], object]) -> None:
    """Interpret something; what fails there is left out, and the rest goes on."""
    try:
        do()
    except Exception as error:  # noqa: BLE001
        analysis.fail(unit, error)


def _reaching(flow: Flow) -> set[Unit]:
    """The units that use or give sessions, and all that call them."""
    reaching: set[Unit] = set()
    queue: list[Unit] = list(flow.facts.touching)
    queue.extend(f for m in flow.world.modules for f in m.functions if _takes_session(flow, f) or _gives_session(f))
    while queue:
        unit = queue.pop()
        if unit in reaching:
            continue
        reaching.add(unit)
        if isinstance(unit, Function):
            queue.extend(flow.facts.callers.get(unit, ()))
            if isinstance(unit.parent, Function):
                queue.append(unit.parent)
    return reaching


def _takes_session(flow: Flow, function: Function) -> bool:
    """Whether a parameter is a session, or untyped and named like one."""
    return any(bear_session(function.cells[p.name].values) for p in function.params if p.name in function.cells) or any(
        p.name in flow.world.session_names and p.annotation is None for p in function.params
    )


def _gives_session(function: Function) -> bool:
    """Whether a function returns a session that it only passes on, as a property does."""
    return bear_session(function.returns.values)


def _view_holds(flow: Flow, function: Function) -> bool:
    """Whether the class of a view declares dependencies for its methods to use."""
    return function.takes_self and function.owner is not None and bool(class_dependencies(flow, function.owner))


def _one_registry(flow: Flow, is_test: Callable[[Module], bool]) -> bool:
    """Whether the application makes no more than one registry of sessions: what any function gets there is the same."""
    made = (c for c in flow.facts.creations.values() if isinstance(c.value, Factory) and c.value.is_registry)
    return len({id(c.node) for c in made if not is_test(c.unit.module)}) < 2


def _decorated(flow: Flow) -> tuple[set[Function], set[Function], dict[Function, set[Function]]]:
    """The functions behind a decorator that works with sessions, the wrappers of all decorators, and what each wraps."""
    wrapped: set[Function] = set()
    decorated: dict[Function, set[Function]] = {}
    wrappers: set[Function] = set()
    for module in flow.world.modules:
        holders = [module.cells, *(c.attrs for c in module.classes), *(f.cells for f in module.functions)]
        for cells in holders:
            for cell in cells.values():
                for value in cell.values:
                    if isinstance(value, Wrapped):
                        wrappers.add(value.wrapper)
                        inner = function_of(value.func)
                        if inner is not None:
                            decorated.setdefault(inner, set()).add(value.wrapper)
                            if value.wrapper in flow.facts.touching:
                                wrapped.add(inner)
    return wrapped, wrappers, decorated


def _enter(analysis: Analysis, entry: EntryPoint) -> None:
    function = entry.function
    context = Context(function.module, entry=entry.kind, is_synthetic=True, is_test=analysis.is_test(function.module))
    analysis.contexts[("entry", function)] = context
    injection = _Injection(analysis, Frame(analysis, context, function.module), dict(entry.named))
    for dependency in entry.dependencies:
        injection.get(dependency)
    bound = injection.arguments(function)
    if function.takes_self and function.owner is not None and function.params:
        fields = injection.class_fields(function.owner)
        if fields is not None:
            bound[function.params[0].name] = fields
    frame = injection.frame
    entered, back = enter(analysis, function, bound, frame.state.tx, context, None, how="injected", entry=entry.kind)
    if entered.exit is not None:
        frame.after_failures(entered, back, None)
        waiting.injected(entered, frame.state, back)
    _tear_down(analysis, frame)


def _tear_down(analysis: Analysis, frame: Frame) -> None:
    """The providers end their sessions: one that commits gets the sessions on which an error was swallowed too."""
    for mark in frame.state.marks:
        token = frame.context.tokens[mark.token]
        provider = token.provider
        if provider is None:
            continue
        for context in token.given_by or analysis.by_function.get(provider, []):
            if context.convention.commits:
                what = f"{provider.qualname} then commits"
                mark.swallow.harms.append(Harm("provider", context, provider.node.span, what))
                break


class _Injection:
    """What a framework does before it calls an endpoint: every dependency once, its own dependencies first."""

    def __init__(self, analysis: Analysis, frame: Frame, named: Mapping[str, Dependency]) -> None:
        self.analysis = analysis
        self._named = named
        self.frame = frame
        self._made: dict[Value, Values] = {}
        self._making: set[Value] = set()

    def arguments(self, function: Function) -> dict[str, Values]:
        """The injected arguments of a function, by parameter."""
        declared = self.analysis.declared.get(function)
        if declared is None:
            found = ((param.name, dependency_of(self.analysis.flow, function, param)) for param in function.params)
            declared = self.analysis.typed.arguments(function)
            declared |= {name: given for name, given in found if given is not None}
            self.analysis.declared[function] = declared
        bound: dict[str, Values] = {}
        for param in function.params:
            dependency = declared.get(param.name) or self._named.get(param.name)
            if dependency is not None:
                values = self.get(dependency)
                if values:
                    bound[param.name] = values
        return bound

    def class_fields(self, cls: Class) -> Values | None:
        """The object of a class-based view, whose constructor's and fields' dependencies are injected."""
        init = cls.method("__init__")
        keywords = self.arguments(init) if init is not None else {}
        declared = self._declared(cls)
        objects = self.frame.construct(cls, Arguments([], keywords), None) if keywords else frozenset({Instance(cls)})
        if not declared:
            return objects if keywords else None
        return frozenset(
            Instance(v.cls, tuple(sorted({**dict(v.fields), **declared}.items(), key=itemgetter(0))))
            for v in objects
            if isinstance(v, Instance)
        )

    def _declared(self, cls: Class) -> dict[str, Values]:
        declared = self.analysis.typed.fields(cls) | class_dependencies(self.analysis.flow, cls)
        return {name: self.get(given) for name, given in declared.items()}

    def get(self, dependency: Dependency) -> Values:
        """What a dependency gives; the same session for the same dependency, unless it says otherwise."""
        return members(self._provide(provider, dependency.cached) for provider in self.frame.effective(dependency))

    def _provide(self, provider: Value, cached: bool) -> Values:
        if cached and provider in self._made:
            return self._made[provider]
        if provider in self._making:
            return NOTHING
        if provider in self._made:
            self.frame.adopted.clear()  # the sessions of this second call are others than those of the first
        self._making.add(provider)
        function = function_of(provider)
        if function is not None:
            keywords = self.arguments(function)
        else:
            keywords = self._declared(provider.cls) if isinstance(provider, ClassValue) else {}
        try:
            results = [self._unwrap(v) for v in self.frame.call(provider, Arguments([], keywords), None)]
        except Unreachable:
            results = []
        finally:
            self._making.discard(provider)
        values = members(results)
        self._made.setdefault(provider, values)
        return values

    def _unwrap(self, value: Value) -> Values:
        match value:
            case Generator(items=items, run=run) | ContextManager(entered=items, run=run):
                if isinstance(run, Run) and run.context.exit is not None:
                    for theirs, mine in run.tokens.items():
                        self.frame.state.tx[mine] = run.context.exit.at_yield.get(theirs, states.UNKNOWN)
                return items
            case Coroutine(result=result):
                return result
            case _:
                return frozenset({value})


def _run_module(analysis: Analysis, module: Module) -> None:
    context = Context(module, is_test=analysis.is_test(module))
    analysis.contexts[("module", module)] = context
    frame = Frame(analysis, context, module)
    end = frame.block(module.body, frame.state).normal
    context.exit = Exit(dict(end.tx) if end is not None else None)
