"""The value flow: one worklist that finds, for every variable, attribute and result of the program, what it can hold.

Order of execution does not matter here. Types need calls and calls need types, so both are found together: a unit (a
module's top level or a function) is evaluated again whenever something that it read has grown, until nothing grows.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import chain
from operator import attrgetter

from session_lint import ir
from session_lint.faults import note
from session_lint.program import vocabulary
from session_lint.program.binding import bind, dataclass_fields, left_to_others
from session_lint.program.capacity import capped
from session_lint.program.evaluator import Evaluator
from session_lint.program.flow_facts import Creation, ExternalCall, FlowFacts
from session_lint.program.imports import imported_first
from session_lint.program.steps import Step, steps_of
from session_lint.program.symbols import Cell, Class, Function, Module, Readers, Scope, Unit
from session_lint.program.values import (
    NOTHING,
    UNKNOWN,
    BoundMethod,
    ClassValue,
    Const,
    Container,
    Coroutine,
    Dependency,
    DictValue,
    External,
    Factory,
    Generator,
    Handle,
    Instance,
    ModuleValue,
    Session,
    Symbol,
    TypeForm,
    Value,
    Values,
    function_of,
)
from session_lint.program.world import Arguments, Binding, World, members


@dataclass(eq=False, slots=True)
class Lookup:
    """An attribute of the objects of a class: the cells of its lineage that may hold it, and the steps that asked for it.

    ``bound`` is what came of ``found``, the values of the first cell that has any.
    """

    name: str
    cells: Sequence[Cell]
    externals: Sequence[str]
    readers: Readers = None
    found: Values = NOTHING
    bound: Values = NOTHING


def _each(readers: Readers) -> Iterable[Step | Lookup]:
    if isinstance(readers, dict):
        return readers
    return () if readers is None else (readers,)


def _and(readers: Readers, reader: Step | Lookup) -> Readers:
    """The readers and one more."""
    if readers is None or readers is reader:
        return reader
    if not isinstance(readers, dict):
        readers = {readers: None}
    readers[reader] = None
    return readers


_NONE = frozenset({Const(None)})

_number = attrgetter("number")


class Flow(Evaluator):
    """Runs the worklist over all steps of the program; afterwards it can evaluate any expression in any scope."""

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self.facts = FlowFacts()
        self._queue: list[Step] = []
        self._reading: Step | None = None
        self._travelling: dict[Values, Values] = {}

    def run(self) -> FlowFacts:
        """Evaluate every step until nothing grows: the application first, then the tests, which change nothing in it."""
        modules = imported_first(self.world.modules, self.world.index)
        self._run([module for module in modules if not module.is_apart])
        for cell in self.world.cells_of_application():
            cell.is_final = True
        self._run([module for module in modules if module.is_apart])
        self._reading = None
        self._forget_readers()
        return self.facts

    def _forget_readers(self) -> None:
        """Let go of what nobody is to look at again."""
        self._travelling.clear()
        for cell in chain(self.world.shared.values(), self.world.cells(self.world.modules)):
            cell.readers = None
        for module in self.world.modules:
            for cls in module.classes:
                cls.lineage_readers = None
                for lookup in cls.lookups.values():
                    lookup.readers = None

    def _run(self, modules: Sequence[Module]) -> None:
        classes = self.world.classes
        steps = [step for module in modules for step in steps_of(module, classes)]
        # What an object has depends on the bases of its class: the more of them are known first, the better.
        self._start([step for step in steps if isinstance(step.node, ir.ClassDef)])
        steps += [step for module in modules for function in module.functions for step in steps_of(function, classes)]
        self._start(steps)
        self.facts.steps += len(steps)

    def _start(self, steps: Sequence[Step]) -> None:
        for number, step in enumerate(steps):
            step.number = number
            self._enqueue(step)
        self._drain()

    def at(self, unit: Unit, scope: Scope | None = None) -> Flow:
        """Set the place that expressions are evaluated at."""
        self.unit = unit
        self.scope = scope or unit
        return self

    def _enqueue_all(self, readers: Readers) -> None:
        for reader in _each(readers):
            if isinstance(reader, Step):
                self._enqueue(reader)
            else:
                self._enqueue_all(reader.readers)

    def _enqueue(self, step: Step) -> None:
        if not step.is_queued:
            step.is_queued = True
            self._queue.append(step)

    def _drain(self) -> None:
        while self._queue:
            # In rounds, each in the order of the imports: what one step needs has then mostly been looked at before.
            waiting, self._queue = sorted(self._queue, key=_number), []
            self.facts.evaluations += len(waiting)
            for step in waiting:
                self._reading = step
                step.is_queued = False
                self.unit, self.scope = step.unit, step.scope
                try:
                    if isinstance(step.node, ir.Parameter):
                        assert isinstance(step.unit, Function)
                        self._parameter(step.unit, step.node)
                    else:
                        self._statement(step.node)
                except Exception as error:  # noqa: BLE001  (what one statement gives is then as unknown as much else is)
                    note(self.world.faults, f"{step.unit.module.path}:{step.node.span.row}", error)

    # Cells

    def read(self, cell: Cell) -> Values:
        if self._reading is not None:
            readers = cell.readers
            if isinstance(readers, dict):
                readers[self._reading] = None
            elif readers is not self._reading:
                cell.readers = self._reading if readers is None else {readers: None, self._reading: None}
        return cell.values

    def watch(self, cls: Class) -> None:
        if self._reading is not None:
            cls.lineage_readers = _and(cls.lineage_readers, self._reading)

    def write(self, cell: Cell, values: Values) -> None:
        old = cell.values
        if values <= old or cell.is_final:
            return
        # The values of one thing are often all that another gets: both then have the same set.
        fresh = values - old - cell.refused if old or cell.refused else values
        if not fresh:
            return
        added = capped(old, fresh)
        if len(added) < len(fresh):
            cell.refused |= fresh - added
        if added:
            cell.values = old | added if old else added
            self._enqueue_all(cell.readers)

    def leads_through(self, user: Module, binding: Binding) -> None:
        for module_name, name in binding.path:
            if module_name != user.name:
                self.facts.used.setdefault((module_name, name), set()).add(user)

    def store_name(self, name: str, values: Values) -> None:
        scope = self.scope
        if isinstance(scope, Class) and name in scope.attrs:
            self.write(scope.attrs[name], values)
            return
        while not isinstance(scope, Module):
            if isinstance(scope, Function) and name in scope.cells:
                self.write(scope.cells[name], values)
                return
            scope = scope.parent
        if name in scope.cells:
            self.write(scope.cells[name], values)

    def instance_attribute(self, value: Instance, name: str) -> Values:
        lookup = value.cls.lookups.get(name) or self._look_up(value.cls, name)
        if self._reading is not None:
            lookup.readers = _and(lookup.readers, self._reading)
        for field_name, values in value.fields:
            if field_name == name:
                return values
        for cell in lookup.cells:
            found = cell.values
            if not found:
                continue
            if found is lookup.found and not value.fields:
                return lookup.bound
            bound = self._bound(found, value, name)
            if not value.fields and (value, name) in self.world.bound:
                lookup.found, lookup.bound = self.world.bound[value, name]
            return bound
        return members(self._external_attribute(base, name) for base in lookup.externals)

    def _look_up(self, cls: Class, name: str) -> Lookup:
        # A cell that does not exist yet cannot tell its readers when it is set: make it.
        cells = tuple([base.attrs.get(name) or base.attrs.setdefault(name, Cell()) for base in cls.lineage()])
        lookup = cls.lookups[name] = Lookup(name, cells, tuple(sorted(cls.external_lineage())[:2]))
        for cell in cells:
            cell.readers = _and(cell.readers, lookup)
        cls.lineage_readers = _and(cls.lineage_readers, lookup)
        return lookup

    def shared_value(self, name: str) -> Values:
        values = super().shared_value(name)
        if any(isinstance(v, Session) for v in values):
            self.facts.touching.add(self.unit)
        return values

    def local_names(self) -> dict[str, Values]:
        return (
            {} if isinstance(self.unit, Module) else {name: self.read(cell) for name, cell in self.unit.cells.items()}
        )

    def store_attribute(self, target: ir.Attribute, owner: Value, values: Values) -> None:
        match owner:
            case Instance(cls=cls) | ClassValue(cls=cls):
                self.write(self._cell_of(cls, target.name), values)
            case ModuleValue(name=name):
                module = self.world.index.by_name.get(name)
                if module is not None and target.name in module.cells:
                    self.write(module.cells[target.name], values)
            case External(name=("request.state" | "app.state")):
                self.write(self.world.shared_cell(f"state.{target.name}"), values)
            case _:
                pass

    def _cell_of(self, cls: Class, name: str) -> Cell:
        """The cell that an attribute of a class's objects is stored in: the nearest one that there is by now."""
        if len(cls.lineage()) > 1 or cls.subclasses:
            self.facts.placed.add(name)
        holder = next((c for c in cls.lineage() if name in c.attrs), cls)
        return holder.attrs.setdefault(name, Cell())

    # Calls

    def call_any(self, funcs: Values, args: Arguments, node: ir.Call) -> Values:
        # Methods of many objects are often one method of their base class.
        receivers: dict[Function, list[Value]] = {}
        others: list[Value] = []
        for func in funcs:
            if isinstance(func, BoundMethod):
                receivers.setdefault(func.function, []).append(func.receiver)
            else:
                others.append(func)
        results = [self.call(func, args, node) for func in others]
        for function, objects in receivers.items():
            if function.takes_self and function.params:
                self.write(function.cells[function.params[0].name], frozenset(objects))
            results.append(self.call_function(function, objects[0], args, node))
        return members(results)

    def call_function(
        self, function: Function, receiver: Value | None, args: Arguments, node: ir.Call | None
    ) -> Values:
        if function.module.is_apart or not self.unit.module.is_apart:
            self.facts.callers.setdefault(function, set()).add(self.unit)
        if node is not None:
            self._calls(node, function)
        for name, values in bind(function, receiver, args).items():
            travelling = self._travelling.get(values)
            if travelling is None:
                travelling = self._travelling[values] = _travelling(values)
            self.write(function.cells[name], travelling)
        return self.result_of(function)

    def _calls(self, node: ir.Call, function: Function) -> None:
        known = self.facts.call_targets.get(id(node), ())
        if function not in known:  # which is one alone, of nearly all calls
            self.facts.call_targets[id(node)] = {**dict.fromkeys(known), function: None} if known else (function,)

    def result_of(self, function: Function) -> Values:
        """What a call of the function gives, whoever calls."""
        if function.is_generator:
            return frozenset({Generator(self.read(function.yields), function, function.is_async)})
        values = self.read(function.returns)
        if not values - {UNKNOWN, Const(None)}:  # of what is returned beside None, nothing is known
            annotation = function.node.returns if isinstance(function.node, ir.FunctionDef) else None
            values = (self._annotated(function, annotation) if annotation is not None else NOTHING) or values - _NONE
        return frozenset({Coroutine(values, function)}) if function.is_async else values

    def construct(self, cls: Class, args: Arguments, node: ir.Call | None) -> Values:
        instance = Instance(cls)
        init = cls.method("__init__")
        if init is not None:
            self.call_function(init, instance, args, node)
        else:
            for name, values in dataclass_fields(cls, args).items():
                self.write(self._cell_of(cls, name), values)
        return frozenset({instance})

    def created(self, kind: str, value: Value, name: str, args: Arguments, node: ir.Call | None) -> Value:
        self.facts.touching.add(self.unit)
        if node is not None:
            self.facts.creations[id(node), kind] = Creation(kind, name, value, self.unit, node, args)
        return value

    def called_external(self, name: str, args: Arguments, node: ir.Call | None, kept: Values = NOTHING) -> None:
        if self.world.models.commit_rule(name) is not None:
            self.facts.touching.add(self.unit)
        if vocabulary.is_container(name):
            for value in members(args.everything()):
                self._contained(value)
        if any(isinstance(v, (Factory, Container, DictValue)) for values in args.everything() for v in values):
            self._leave_factories(name, args)
        if node is not None:
            self.facts.externals[self._key(node, name)] = ExternalCall(name, self.unit, node, None, args)

    def _leave_factories(self, name: str, args: Arguments) -> None:
        """Work that is left to others opens sessions of its own with the factories that it is given."""
        work, given = left_to_others(name, args) or (NOTHING, Arguments())
        for value in work:
            function = function_of(value)
            if function is None:
                continue
            receiver = value.receiver if isinstance(value, BoundMethod) else None
            for param, values in bind(function, receiver, given).items():
                factories = frozenset(v for v in values if isinstance(v, Factory))
                if factories:
                    self.write(function.cells[param], factories)

    def called_method(self, subject: Value, name: str, args: Arguments, node: ir.Call | None) -> None:
        if isinstance(subject, (Session, Factory, Handle)):
            self.facts.touching.add(self.unit)
        if node is not None:
            method = f"{type(subject).__name__}.{name}"
            key = self._key(node, method)
            # What an annotation promises does not displace what is known to have been made.
            if key not in self.facts.externals or getattr(subject, "origin", None) is not None:
                self.facts.externals[key] = ExternalCall(method, self.unit, node, subject, args)
            self.facts.receivers.setdefault(id(node), set()).add(subject)

    def _key(self, node: ir.Call, name: str) -> int | tuple[int, str]:
        """What is known of a call is found by the call alone where it can mean one thing, as most do."""
        known = self.facts.externals.get(id(node))
        return id(node) if known is None or known.name == name else (id(node), name)

    def decorated(self, function: Function) -> Values:
        for decorator in function.decorators:
            if any(isinstance(v, (Symbol, External)) and vocabulary.is_container(v.name) for v in self.eval(decorator)):
                self.facts.contained.add(function)
        return super().decorated(function)

    def _contained(self, value: Value) -> None:
        """A container gets a function, or a class with a constructor, which it calls itself."""
        function = function_of(value)
        if function is not None:
            self.facts.contained.add(function)

    def provided(self, dependency: Dependency, node: ir.Call | None = None) -> Values:
        for provider in dependency.provider:
            for candidate in (provider, *self.overriding(provider)):
                function = function_of(candidate)
                if function is not None:
                    self.facts.injected.add(function)
        return super().provided(dependency, node)

    # Units

    def _annotated(self, function: Function, annotation: ir.Expr) -> Values:
        scope = self.scope
        self.scope = function.parent
        try:
            return self.instantiate(self.eval(annotation))
        finally:
            self.scope = scope

    def _parameter(self, function: Function, param: ir.Parameter) -> None:
        cell = function.cells[param.name]
        if param is function.params[0] and function.takes_self and function.owner is not None:
            own: Value = ClassValue(function.owner) if function.is_classmethod else Instance(function.owner)
            self.write(cell, frozenset({own}))
            return
        declared = self.eval(param.annotation)
        if declared:
            values = self.instantiate(declared)
            for form in declared:
                if isinstance(form, TypeForm) and form.name == "Annotated":
                    values |= self._injected(form.args[1:], form.args[:1])
            if param.kind in ("vararg", "kwarg") and values:
                values = frozenset({Container((values,), False)})
            self.write(cell, values)
        if param.name == "ctx" and all(map(_is_mapping, declared)):
            self.write(cell, frozenset({External(vocabulary.WORKER_CONTEXT)}))
        if param.default is not None:
            default = self.eval(param.default)
            self.write(cell, self._injected((default,), (declared,) if param.annotation is not None else ()))
            self.write(cell, frozenset(v for v in default if not isinstance(v, (Dependency, Const))))

    def _injected(self, forms: Sequence[Values], types: Sequence[Values]) -> Values:
        found: list[Values] = []
        for values in forms:
            for value in values:
                if isinstance(value, Dependency):
                    dependency = value
                    if not value.provider and types:
                        dependency = Dependency(types[0], value.cached)
                    found.append(self.provided(dependency))
        return members(found)

    def yielded(self, node: ir.Yield) -> Values:
        values = self.eval(node.value)
        if isinstance(self.unit, Function):
            self.write(self.unit.yields, values)
        return NOTHING

    def yielded_from(self, node: ir.YieldFrom) -> Values:
        values = members(self.elements(v) for v in self.eval(node.value))
        if isinstance(self.unit, Function):
            self.write(self.unit.yields, values)
        return NOTHING

    def _statement(self, statement: ir.Statement) -> None:
        """Evaluate a statement without its blocks, which are steps of their own."""
        match statement:
            case ir.ExprStatement(value=value):
                self.eval(value)
            case ir.Assign(targets=targets, value=value):
                values = self.eval(value)
                for target in targets:
                    self.store(target, values)
            case ir.AnnAssign(target=target, annotation=annotation, value=value):
                values = self.eval(value) - {Const(None)}
                declared = self.eval(annotation)
                if any(isinstance(v, Symbol) and v.name.endswith(".TypeAlias") for v in declared):
                    self.store(target, values)
                else:
                    self.store(target, values | self.instantiate(declared))
            case ir.AugAssign(target=target, value=value):
                self.store(target, self.eval(value))
            case ir.Return(value=value):
                values = self.eval(value)
                if isinstance(self.unit, Function):
                    self.write(self.unit.returns, values or (frozenset({UNKNOWN}) if value is not None else values))
            case ir.Raise(exception=exception, cause=cause):
                self.eval(exception)
                self.eval(cause)
            case ir.Assert(test=test) | ir.If(test=test) | ir.While(test=test):
                self.eval(test)
            case ir.For(target=target, iterable=iterable):
                self.store(target, members(self.elements(v) for v in self.eval(iterable)))
            case ir.Try(handlers=handlers):
                for handler in handlers:
                    self.eval(handler.type)
            case ir.With(items=items):
                for item in items:
                    entered = members(self.enter(v, None) for v in self.eval(item.context))
                    if item.target is not None:
                        self.store(item.target, entered)
            case ir.Match(subject=subject, cases=cases):
                values = self.eval(subject)
                for case in cases:
                    for name in case.bindings:
                        self.store(name, values)
                    self.eval(case.guard)
            case ir.FunctionDef():
                function = self.world.functions[id(statement)]
                self.store_name(statement.name, self.decorated(function))
            case ir.ClassDef():
                self._class(statement)
            case ir.TypeAlias(name=name, value=value):
                self.store_name(name, self.eval(value))
            case _:
                pass

    def _class(self, statement: ir.ClassDef) -> None:
        cls = self.world.classes[id(statement)]
        for decorator in statement.decorators:
            self.eval(decorator)
        for base in statement.bases:
            if base.keyword is not None:
                continue
            for value in self.eval(base.value):
                match value:
                    case ClassValue(cls=parent) if (
                        parent is not cls and parent not in cls.bases and cls not in parent.lineage()
                    ):
                        cls.add_base(parent)
                        self._descends(cls, parent)
                    case Symbol(name=name) if name not in cls.external_bases:
                        cls.external_bases.append(name)
                        self._descends(cls)
                    case _:
                        pass
        self.store_name(cls.name, frozenset({ClassValue(cls)}))

    def _descends(self, cls: Class, *parents: Class) -> None:
        """Look again at what depends on the bases of a class that has got one more, or on the classes below its parent."""
        above = (base for parent in parents if cls in parent.subclasses for base in parent.lineage())
        for other in (cls, *cls.descendants(), *above):
            readers, other.lineage_readers = other.lineage_readers, None
            self._enqueue_all(readers)
            for reader in _each(readers):
                if isinstance(reader, Lookup):
                    other.lookups.pop(reader.name, None)


def _travelling(values: Values) -> Values:
    return values if all(map(_travels, values)) else frozenset(v for v in values if _travels(v))


def _travels(value: Value) -> bool:
    match value:
        case Const(value=constant):
            return constant is None or isinstance(constant, bool)
        case External(name=name):
            return not name.startswith("builtins.")
        case _:
            return True


def _is_mapping(annotation: Value) -> bool:
    """Whether an annotation is ``dict``, ``Mapping`` and the like, or SAQ's own for the context of its jobs."""
    name = annotation.name if isinstance(annotation, (TypeForm, Symbol)) else ""
    return name.rpartition(".")[2] in ("dict", "Dict", "Mapping", "MutableMapping") or name.startswith("saq.")
