"""What an expression can evaluate to.

Two analyses share it: the value flow (``flow``), which ignores order, and the interpreter, which follows it. They differ in
where variables live and in what a call does; those are the methods that they override.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from session_lint import ir
from session_lint.program import vocabulary
from session_lint.program.annotations import is_type_form
from session_lint.program.building import is_test_path
from session_lint.program.calls import Calls, provider_key, under_keys
from session_lint.program.known_calls import CALLS
from session_lint.program.symbols import Function
from session_lint.program.values import (
    NOTHING,
    BoundMethod,
    ClassValue,
    Const,
    Container,
    DictValue,
    External,
    Factory,
    FunctionValue,
    Instance,
    ManagerFunction,
    Number,
    Symbol,
    TypeForm,
    Value,
    Values,
    Wrapped,
    external_value,
    text_value,
)
from session_lint.program.world import NO_KEYWORDS, Arguments, members

MAX_KEYS = 32


class Evaluator(Calls):
    """Evaluates expressions, and binds targets and definitions."""

    known_calls = CALLS

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
        values, name = self.eval(node.value), node.name
        if len(values) == 1:
            (value,) = values
            return self.attribute(value, name, node)
        return members([self.attribute(value, name, node) for value in values])

    def eval_constant(self, node: ir.Constant) -> Values:
        value = node.value
        if isinstance(value, str):
            return text_value(value)
        if isinstance(value, float):
            return NOTHING
        return frozenset({Number(value) if type(value) is int else Const(value)})

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
        positional: list[Values] = []
        keywords: dict[str, Values] = {}
        rest = NOTHING
        has_rest = False
        for arg in node.args:
            values = self.eval(arg.value)
            if arg.star == 0 and arg.keyword is None and not has_rest:
                positional.append(values)
            elif arg.star == 0 and arg.keyword is not None:
                keywords[arg.keyword] = values
            elif arg.star == 2:
                has_rest = has_rest or not values
                for value in values:
                    if isinstance(value, DictValue):
                        keywords.update(value.items)
                    else:
                        rest |= self.elements(value)
                        has_rest = True
            else:
                spread = [v for v in values if isinstance(v, Container) and v.by_position]
                if len(spread) == 1 and len(values) == 1 and arg.star == 1:
                    positional.extend(spread[0].items)
                else:
                    rest |= members(self.elements(v) for v in values) if arg.star else values
                    has_rest = True
        # Many calls are remembered with their arguments, and most have few.
        return Arguments(tuple(positional), keywords or NO_KEYWORDS, rest, has_rest)

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
        return external_value("builtins.str")

    def eval_subscript(self, node: ir.Subscript) -> Values:
        index = tuple(self.eval(item) for item in node.index)
        result: list[Values] = []
        for value in self.eval(node.value):
            match value:
                case Symbol(name=name):
                    last = name.rsplit(".", 1)[-1]
                    if is_type_form(last):
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
                case DictValue():
                    result.append(under_keys(value, index[0] if index else NOTHING))
                case Container():
                    result.append(self.elements(value))
                case External(name=name) if any(name.endswith(holder) for holder in vocabulary.STATE_HOLDERS):
                    for key in index[0] if index else ():
                        if isinstance(key, Const) and isinstance(key.value, str):
                            result.append(self.shared_value(f"state.{key.value}"))
                case External(name=vocabulary.WORKER_CONTEXT):
                    for key in index[0] if index else ():
                        if isinstance(key, Const) and isinstance(key.value, str):
                            result.append(self.shared_value(f"ctx.{key.value}"))
                case External(name=name):
                    result.append(external_value(f"{name}[]"))
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
                        self.store(item, self.part(values, position))
            case ir.Subscript(value=owner, index=index):
                for value in self.eval(owner):
                    if isinstance(value, External) and value.name.endswith(".dependency_overrides"):
                        if is_test_path(self.unit.module.path):
                            continue
                        for replaced in members(self.eval(key) for key in index):
                            self.write(self.world.shared_cell(f"override.{provider_key(replaced)}"), values)
                    elif isinstance(value, External) and value.name in vocabulary.STATE_HOLDERS:
                        for key in index:
                            if isinstance(key, ir.Constant) and isinstance(key.value, str):
                                self.write(self.world.shared_cell(f"state.{key.value}"), values)
                    elif isinstance(value, External) and value.name == vocabulary.WORKER_CONTEXT:
                        factories = frozenset(v for v in values if isinstance(v, Factory))
                        for key in index if factories else ():
                            if isinstance(key, ir.Constant) and isinstance(key.value, str):
                                self.write(self.world.shared_cell(f"ctx.{key.value}"), factories)
            case _:
                pass

    def part(self, values: Values, position: int) -> Values:
        """What the target at ``position`` gets, when one of the values is unpacked."""
        return members(self.unpacked(v, position) for v in values)

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
