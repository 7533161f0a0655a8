"""The value flow: one worklist that finds, for every variable, attribute and result of the program, what it can hold.

Order of execution does not matter here. Types need calls and calls need types, so both are found together: a unit (a
module's top level or a function) is evaluated again whenever something that it read has grown, until nothing grows.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from operator import attrgetter

from session_lint import ir
from session_lint.faults import note
from session_lint.program import vocabulary
from session_lint.program.evaluator import Evaluator
from session_lint.program.imports import imported_first
from session_lint.program.symbols import Cell, Class, Function, Module, Readers, Scope, Unit
from session_lint.program.values import (
    NOTHING,
    UNKNOWN,
    BoundMethod,
    ClassValue,
    Const,
    Container,
    ContextManager,
    Coroutine,
    Dependency,
    DictValue,
    External,
    Factory,
    FunctionValue,
    Generator,
    Handle,
    Instance,
    ManagerFunction,
    Method,
    ModuleValue,
    Number,
    Partial,
    Session,
    Symbol,
    TypeForm,
    Value,
    Values,
    Wrapped,
)
from session_lint.program.world import Arguments, Binding, World, members
from session_lint.record import Record
from session_lint.traversal import blocks

MAX_VALUES = 24
MAX_FUNCTIONS = 512  # a decorator gets as many as it stands on
MAX_EXTERNALS = 6
MAX_COLLECTIONS = 4
MAX_DEPTH = 4
MAX_PARTS = 64


class Creation(Record, frozen=True):
    """A session, factory or engine made at a place: ``kind`` is session, factory-session, factory or engine."""

    kind: str
    name: str
    value: Value
    unit: Unit
    node: ir.Call
    args: Arguments


class ExternalCall(Record, frozen=True):
    """A call of something outside the project, or of a method of an engine or connection."""

    name: str
    unit: Unit
    node: ir.Call
    subject: Value | None
    args: Arguments


@dataclass(slots=True)
class FlowFacts:
    """What the flow saw on its way, for the stages after it.

    ``placed`` are attributes whose cell is of one class or another by what was looked up before.
    """

    creations: dict[tuple[int, str], Creation] = field(default_factory=dict)
    externals: dict[int | tuple[int, str], ExternalCall] = field(default_factory=dict)
    callers: dict[Function, set[Unit]] = field(default_factory=dict)
    call_targets: dict[int, Collection[Function]] = field(default_factory=dict)
    receivers: dict[int, set[Value]] = field(default_factory=dict)
    injected: set[Function] = field(default_factory=set)
    contained: set[Function] = field(default_factory=set)
    touching: set[Unit] = field(default_factory=set)
    used: dict[tuple[str, str], set[Module]] = field(default_factory=dict)
    owning: dict[tuple[Class, str], bool] = field(default_factory=dict)
    placed: set[str] = field(default_factory=set)
    steps: int = 0
    evaluations: int = 0


@dataclass(eq=False, slots=True)
class Step:
    """The unit of work: a statement without its blocks, or a parameter, and where names are looked up from."""

    unit: Unit
    scope: Scope
    node: ir.Statement | ir.Parameter
    number: int = 0
    is_queued: bool = False


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


def fits(value: Value) -> bool:
    """Whether a value is small enough to be kept: not nested too deeply, and of not too many parts."""
    if type(value) in _SIMPLE or (isinstance(value, BoundMethod) and type(value.receiver) in _SIMPLE):
        return True
    stack: list[tuple[Value, int]] = [(value, 0)]
    parts = 0
    while stack:
        part, depth = stack.pop()
        parts += 1
        if depth > MAX_DEPTH or parts > MAX_PARTS:
            return False
        stack.extend((inner, depth + 1) for inner in _parts(part))
    return True


_NONE = frozenset({Const(None)})

_number = attrgetter("number")

_SIMPLE = frozenset({Symbol, External, Const, Number, Instance, ClassValue, FunctionValue, ModuleValue, Session})
"""The types of values without parts that count."""


def _parts(value: Value) -> Iterator[Value]:
    match value:
        case Container(items=groups) | TypeForm(args=groups):
            for values in groups:
                yield from values
        case DictValue(items=pairs):
            for _, values in pairs:
                yield from values
        case (
            Coroutine(result=inner)
            | Generator(items=inner)
            | ContextManager(entered=inner)
            | Dependency(provider=inner)
        ):
            yield from inner
        case Handle(subject=part) | Method(subject=part) | BoundMethod(receiver=part):
            yield part
        case ManagerFunction(func=part) | Wrapped(func=part):
            yield part
        case Partial(func=func, args=args):
            yield func
            for values in args:
                yield from values
        case _:
            return


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
        added = _capped(old, fresh)
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
        if node is not None:
            self.facts.externals[self._key(node, name)] = ExternalCall(name, self.unit, node, None, args)

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


_SILENT = (ir.Jump, ir.Import, ir.ImportFrom, ir.ScopeStatement, ir.Delete)


def steps_of(unit: Unit, classes: Mapping[int, Class]) -> Iterator[Step]:
    """What there is to evaluate in a unit: parameters, and statements in source order."""
    if isinstance(unit, Function):
        for param in unit.params:
            yield Step(unit, unit.parent, param)
    yield from _steps(unit.body, unit, unit, classes)


def _steps(body: Sequence[ir.Statement], unit: Unit, scope: Scope, classes: Mapping[int, Class]) -> Iterator[Step]:
    for statement in body:
        match statement:
            case ir.ExprStatement(value=ir.Constant()) | ir.Return(value=None):
                pass
            case ir.ClassDef():
                yield Step(unit, scope, statement)
                yield from _steps(statement.body, unit, classes[id(statement)], classes)
            case _ if not isinstance(statement, _SILENT):
                yield Step(unit, scope, statement)
                for block in blocks(statement):
                    yield from _steps(block, unit, scope, classes)
            case _:
                pass


def bind(function: Function, receiver: Value | None, args: Arguments) -> dict[str, Values]:
    """Which parameter gets which argument; arguments that fit nowhere are dropped."""
    params = list(function.params)
    bound: dict[str, Values] = {}
    if receiver is not None and function.takes_self and params:
        bound[params.pop(0).name] = frozenset({receiver})
    positional = [p for p in params if p.kind in ("positional-only", "positional")]
    by_name = {p.name: p for p in params if p.kind in ("positional", "keyword")}
    for param, values in zip(positional, args.positional, strict=False):
        bound[param.name] = values
    extra = members(args.positional[len(positional) :])
    spare = dict(args.keywords)
    for name in list(spare):
        if name in by_name:
            bound[name] = spare.pop(name)
    for param in params:
        if param.kind == "vararg" and extra:
            bound[param.name] = frozenset({Container((extra,), False)})
        elif param.kind == "kwarg" and spare:
            bound[param.name] = frozenset({DictValue(tuple(sorted(spare.items())))})
    return bound


def dataclass_fields(cls: Class, args: Arguments) -> dict[str, Values]:
    """What the generated constructor of a dataclass (or pydantic model) sets."""
    names = [
        statement.target.id
        for base in reversed(list(cls.lineage()))
        for statement in base.node.body
        if isinstance(statement, ir.AnnAssign) and isinstance(statement.target, ir.Name)
    ]
    fields = dict(zip(names, args.positional, strict=False))
    fields.update({name: values for name, values in args.keywords.items() if name in names})
    return fields


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


def _capped(old: Values, new: Values) -> Values:
    if len(old) + len(new) <= MAX_COLLECTIONS:
        return new if all(map(fits, new)) else frozenset([value for value in new if fits(value)])
    kinds = [type(value) for value in old]
    externals = kinds.count(External)
    collections = kinds.count(Container) + kinds.count(DictValue)
    functions = kinds.count(FunctionValue) + kinds.count(BoundMethod)
    room = MAX_VALUES - (len(old) - functions)
    kept: list[Value] = []
    for value in sorted(new, key=stable) if len(new) > 1 else new:
        if not fits(value):
            continue
        if isinstance(value, External):
            if externals >= MAX_EXTERNALS:
                continue
            externals += 1
        elif isinstance(value, (Container, DictValue)):
            if collections >= MAX_COLLECTIONS:
                continue
            collections += 1
        if isinstance(value, (FunctionValue, BoundMethod)):
            if functions >= MAX_FUNCTIONS:
                continue
            functions += 1
        elif room <= 0:
            continue
        else:
            room -= 1
        kept.append(value)
    return frozenset(kept)


def stable(value: Value) -> tuple[str, str, str]:
    """An order of values that does not depend on the run."""
    match value:
        case External(name=name) | Symbol(name=name):
            return (type(value).__name__, name, "")
        case FunctionValue(function=function) | BoundMethod(function=function):
            return (type(value).__name__, function.module.path, function.qualname)
        case Instance(cls=cls) | ClassValue(cls=cls):
            return (type(value).__name__, cls.module.path, cls.qualname)
        case _:
            return (type(value).__name__, "", "")


def function_of(value: Value) -> Function | None:
    """The project function that calling the value runs."""
    match value:
        case FunctionValue(function=function) | BoundMethod(function=function):
            return function
        case ManagerFunction(func=func) | Wrapped(func=func) | Partial(func=func):
            return function_of(func)
        case ClassValue(cls=cls):
            return cls.method("__init__")
        case Instance(cls=cls):
            return cls.method("__call__")
        case _:
            return None
