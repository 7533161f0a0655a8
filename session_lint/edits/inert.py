"""Whether a change inside a quiet function can be seen from outside of it.

What a function does to the value flow is what it stores outside of its own variables, hands to functions of the project, asks
of things outside the project, and returns. A statement is *contained* when it does none of these, whatever its names hold:
it reads, calls what is harmless, raises, and stores in the function's own variables. Contained statements may come, go and
change, as long as the variables that they set are, where they differ from before, read by contained statements alone.

Everything else that looks at the bodies of functions which are not interpreted looks for calls by name (tasks, SQL, queues),
for texts (addresses of databases, names of options), for names that a session may have, and whether a body only declares or
always raises: each is asked for here, and refused.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from functools import cached_property
from typing import TypeAlias

import msgspec

from session_lint import ir
from session_lint.edits.comparing import POSITIONS, Changed, Comparison
from session_lint.edits.quiet import Quiet, QuietFile
from session_lint.traversal import (
    always_raises,
    blocks,
    bound_names,
    only_declares,
    own_expressions,
    subexpressions,
    walk,
)

Shape: TypeAlias = object
"""What is known of a value without looking anything up; two values of one shape are the same to the value flow."""

_SPEAKING = re.compile(r"session|sqlalchemy|sqlmodel|engine|transaction|commit|rollback|begin|flush|pg_", re.IGNORECASE)
_UNREADABLE = frozenset({"state", "dependency_overrides", "query"})
_KEYS = re.compile(r"func|raw_sql|\w*prepare\w*|statement_cache\w*|isolation_level|AUTOCOMMIT")
_ADDRESS = ("+", "://")
CALLEES = frozenset(
    [
        "APIRoute",
        "APIWebSocketRoute",
        "BackgroundTask",
        "CallbackQueryHandler",
        "CommandHandler",
        "DDL",
        "Fire",
        "MessageHandler",
        "Middleware",
        "Process",
        "Route",
        "Thread",
        "Timer",
        "WebSocketRoute",
        "__anext__",
        "__call__",
        "__next__",
        "add_api_route",
        "add_api_websocket_route",
        "add_background_task",
        "add_delete",
        "add_done_callback",
        "add_event_handler",
        "add_exception_handler",
        "add_get",
        "add_head",
        "add_job",
        "add_middleware",
        "add_options",
        "add_patch",
        "add_post",
        "add_put",
        "add_route",
        "add_schedule",
        "add_task",
        "add_trace",
        "add_url_rule",
        "add_websocket_route",
        "anext",
        "apply_async",
        "as_completed",
        "asend",
        "callback",
        "create_task",
        "cron",
        "defer",
        "delay",
        "do",
        "enqueue",
        "enqueue_at",
        "enqueue_call",
        "enqueue_in",
        "enqueue_job",
        "ensure_future",
        "enter_async_context",
        "enter_context",
        "exec_driver_sql",
        "execute",
        "fetch",
        "fetchrow",
        "fetchval",
        "func",
        "gather",
        "invoke",
        "kiq",
        "next",
        "open",
        "original",
        "push",
        "push_async_exit",
        "register",
        "register_error_handler",
        "register_listener",
        "register_middleware",
        "register_task",
        "remote",
        "run",
        "run_async",
        "run_coroutine_threadsafe",
        "run_in_executor",
        "run_until_complete",
        "scalar",
        "scalars",
        "schedule",
        "send",
        "send_task",
        "shield",
        "spawn",
        "start_background_task",
        "start_soon",
        "submit",
        "system",
        "text",
        "wait",
        "wait_for",
    ]
)
"""Methods and functions that rules or the value flow know by their name alone."""

_BUILTINS = frozenset(
    [
        "abs",
        "all",
        "any",
        "ascii",
        "bin",
        "bool",
        "bytearray",
        "bytes",
        "callable",
        "chr",
        "complex",
        "dict",
        "divmod",
        "enumerate",
        "filter",
        "float",
        "format",
        "frozenset",
        "hasattr",
        "hash",
        "hex",
        "id",
        "int",
        "isinstance",
        "issubclass",
        "len",
        "list",
        "map",
        "max",
        "min",
        "oct",
        "ord",
        "pow",
        "print",
        "range",
        "repr",
        "reversed",
        "round",
        "set",
        "slice",
        "sorted",
        "str",
        "sum",
        "tuple",
        "zip",
        "object",
    ]
)
_EXCEPTION = re.compile(r"[A-Z]\w*(Error|Exception|Warning|Iteration|Interrupt|Exit)$")
_SCOPES = frozenset({"locals", "globals", "vars", "eval", "exec", "getattr", "setattr", "delattr", "super"})

KEYWORDS = frozenset(
    [
        "after_request",
        "after_response",
        "before_request",
        "cron_jobs",
        "dependencies",
        "dispatch",
        "exception_handlers",
        "functions",
        "lifespan",
        "middlewares",
        "on_app_init",
        "on_shutdown",
        "on_startup",
        "prefix",
        "resolver",
        "route_handlers",
        "url_prefix",
    ]
)
"""Arguments that rules or the value flow know by their name alone."""

_STARTERS = frozenset({"create_task", "ensure_future", "run_coroutine_threadsafe", "run_in_executor"})
_COLLECTORS = frozenset({"append", "result"})
"""Known for what is done with started tasks, where there are any."""

_RETURNED = ""
"""Stands for what a function returns among the names that it sets."""

_ANYTHING = object()


class Seen(Exception):
    """A change that may be seen from outside, and why."""


@dataclass(frozen=True)
class Around:
    """What surrounds the code of a file that has changed.

    Args:
        file: what is known of the file.
        whole: what is known of the program.
        old: the file as it was.
        new: the file as it is.
    """

    file: QuietFile
    whole: Quiet
    old: ir.Module
    new: ir.Module

    @cached_property
    def words(self) -> frozenset[str]:
        """All names and texts in the file, before and after."""
        return frozenset(names_in((self.old.body, self.new.body)))

    @cached_property
    def top(self) -> frozenset[str]:
        """The names that the file defines at its top level, before or after."""
        return frozenset(_bound_by(self.old.body) | _bound_by(self.new.body))


def check(around: Around, comparison: Comparison) -> None:
    """Check what has changed in a file.

    Raises:
        Seen: it may be seen from outside.
    """
    if comparison.gone or comparison.come:
        _check_top(around, comparison)
    others = {*(changed.qualname for changed in comparison.functions), *(_name(gone) for gone in comparison.gone)}
    for changed in comparison.functions:
        _check_function(around, changed, others)


def _check_top(around: Around, comparison: Comparison) -> None:
    """Check statements of the top level that nobody else mentions: constants, and functions that nobody calls."""
    if around.file.is_starred or around.file.has_stars:
        raise Seen("all names of a module are imported by `*`")
    if not any(not _is_first(statement) for statement in comparison.above):
        raise Seen("what a file begins with has changed")
    moving = (*comparison.gone, *comparison.come)
    rest = [s for s in (*around.old.body, *around.new.body) if not any(s is other for other in moving)]
    if not any(isinstance(statement, (ir.FunctionDef, ir.ClassDef)) for statement in rest):
        raise Seen("a file that has no functions may be one that is run")
    taken = {*around.file.asked, *around.whole.names, *(name for s in rest for name in names_in(s))}
    names = {_defined(statement) for statement in moving}
    for name in names:
        if name in taken or _SPEAKING.search(name) or name.startswith("__"):
            raise Seen(f"{name} is a name that others use")
    others = {changed.qualname for changed in comparison.functions}
    for statements in (comparison.gone, comparison.come):
        for statement in statements:
            if isinstance(statement, ir.FunctionDef):
                _check_new(around, statement, names | others, is_known=statements is comparison.gone)


def _name(statement: ir.Statement) -> str:
    return statement.name if isinstance(statement, ir.FunctionDef) else ""


def _is_first(statement: ir.Statement) -> bool:
    """Whether a statement is one that has to stand at the top of a file."""
    return (isinstance(statement, ir.ExprStatement) and isinstance(statement.value, ir.Constant)) or (
        isinstance(statement, ir.ImportFrom) and statement.module == "__future__"
    )


def _defined(statement: ir.Statement) -> str:
    match statement:
        case ir.FunctionDef(name=name, decorators=()):
            return name
        case ir.Assign(targets=(ir.Name(id=name),), value=ir.Constant(value=value)) if not _says(value):
            return name
        case _:
            raise Seen("what has come or gone at the top level is more than a constant or a function")


def _check_new(around: Around, function: ir.FunctionDef, others: AbstractSet[str], *, is_known: bool) -> None:
    """Check a function that nobody calls."""
    for param in function.params:
        is_simple = param.annotation is None or (
            isinstance(param.annotation, ir.Name) and param.annotation.id in _BUILTINS
        )
        has_default = param.default is not None and not isinstance(param.default, ir.Constant)
        if not is_simple or has_default or param.name in around.whole.names or _SPEAKING.search(param.name):
            raise Seen(f"{function.name} takes more than plain arguments")
    if function.returns is not None or (is_known and function.name not in around.file.functions):
        raise Seen(f"{function.name} may have to do with sessions")
    judge = _Judge(around, _own(function), ())
    for statement in function.body:
        judge.statement(statement)
    if others & set(names_in(function.body)) or judge.through - _loaded(around, others, ()):
        raise Seen(f"{function.name} is more than a function on its own")


def _check_function(around: Around, changed: Changed, others: AbstractSet[str]) -> None:
    """Check a function whose body has changed, as those of others have."""
    qualname, old, new = changed.qualname, changed.old, changed.new
    plain = around.file.functions.get(qualname)
    if plain is None:
        raise Seen(f"{qualname} may have to do with sessions")
    if always_raises(old.body) != always_raises(new.body) or only_declares(old.body) or only_declares(new.body):
        raise Seen(f"{qualname} ends otherwise, or only declares")
    parts = _Parts()
    parts.compare(old.body, new.body)
    first, second = _own(old), _own(new)
    mentioned = {name for statement, _ in parts.kept for name in names_in(statement)}
    if mentioned & (first ^ second):
        raise Seen(f"a name in {qualname} means something else")
    before, after = _Judge(around, first, plain), _Judge(around, second, plain)
    for statement in parts.gone:
        before.statement(statement)
    for statement in parts.come:
        after.statement(statement)
    for name in (before.through | after.through) - _loaded(around, others, parts.kept):
        raise Seen(f"{name} is used for the first time, or no more")
    changes = {
        name
        for name in before.stored.keys() | after.stored.keys()
        if before.shapes(name) != after.shapes(name) or _ANYTHING in after.shapes(name)
    }
    _follow(changes, parts.kept, after)


def _follow(changed: set[str], kept: Sequence[tuple[ir.Statement, bool]], judge: _Judge) -> None:
    """Check that what stayed and reads changed variables is contained too, and so on with what that sets."""
    waiting = [inner for statement, is_whole in kept for inner in (_deep(statement) if is_whole else (statement,))]
    grew = True
    while grew:
        grew = False
        for statement in list(waiting):
            if changed.intersection(names_in(tuple(_header(statement)))):
                waiting.remove(statement)
                judge.stored.clear()
                judge.alone(statement)
                changed |= judge.stored.keys()
                grew = True
        if _RETURNED in changed:
            raise Seen("what a function returns may be something else")


@dataclass(slots=True)
class _Parts:
    """What stayed of a body (a statement with its blocks, or without), what is gone and what has come."""

    kept: list[tuple[ir.Statement, bool]] = field(default_factory=list)
    gone: list[ir.Statement] = field(default_factory=list)
    come: list[ir.Statement] = field(default_factory=list)

    def compare(self, old: Sequence[ir.Statement], new: Sequence[ir.Statement]) -> None:
        least, first, last = min(len(old), len(new)), 0, 0
        while first < least and alike(old[first], new[first]):
            first += 1
        while last < least - first and alike(old[-1 - last], new[-1 - last]):
            last += 1
        self.kept += [(statement, True) for statement in (*old[:first], *old[len(old) - last :])]
        before, after = old[first : len(old) - last], new[first : len(new) - last]
        if len(before) == len(after) == 1 and _same_header(before[0], after[0]):
            self.kept.append((before[0], False))
            for one, other in zip(blocks(before[0]), blocks(after[0]), strict=True):
                self.compare(one, other)
        else:
            self.gone += before
            self.come += after


def _same_header(old: ir.Statement, new: ir.Statement) -> bool:
    if type(old) is not type(new) or not isinstance(old, (ir.If, ir.While, ir.For, ir.Try, ir.With)):
        return False
    return len(blocks(old)) == len(blocks(new)) and alike(tuple(_header(old)), tuple(_header(new)))


def _header(statement: ir.Statement) -> Iterator[object]:
    """The parts of a compound statement that are not its blocks."""
    for name in statement.__struct_fields__:
        part = getattr(statement, name)
        if name == "handlers":
            for handler in part:
                yield (handler.type, handler.name)
        elif name not in POSITIONS and name not in ("digest", "body", "orelse", "final", "cases"):
            yield part


def alike(old: object, new: object) -> bool:
    """Whether two parts of the IR are the same, wherever they stand."""
    waiting = [(old, new)]
    while waiting:
        before, after = waiting.pop()
        if type(before) is not type(after):
            return False
        if isinstance(before, tuple) and isinstance(after, tuple):
            if len(before) != len(after):
                return False
            waiting.extend(zip(before, after, strict=True))
        elif isinstance(before, msgspec.Struct):
            names = [name for name in before.__struct_fields__ if name not in POSITIONS]
            waiting.extend((getattr(before, name), getattr(after, name)) for name in names)
        elif before != after:
            return False
    return True


def names_in(node: object) -> Iterator[str]:
    """Every name that stands in a part of the IR: of variables, attributes, arguments, parameters, in imports and texts."""
    waiting = [node]
    while waiting:
        part = waiting.pop()
        if isinstance(part, tuple):
            waiting.extend(part)
        elif isinstance(part, msgspec.Struct):
            waiting.extend(getattr(part, name) for name in part.__struct_fields__ if name not in POSITIONS)
        elif isinstance(part, str):
            yield part


def _deep(statement: ir.Statement) -> Iterator[ir.Statement]:
    yield statement
    for block in blocks(statement):
        for inner in block:
            yield from _deep(inner)


def _own(function: ir.FunctionDef) -> frozenset[str]:
    """The variables of a function.

    Raises:
        Seen: it has scopes in it, or names that are not its own.
    """
    for part in _nodes(function.body):
        match part:
            case ir.FunctionDef() | ir.ClassDef() | ir.Lambda() | ir.ScopeStatement() | ir.TypeAlias() | ir.Match():
                raise Seen(f"{function.name} has scopes in it")
            case ir.Yield() | ir.YieldFrom() | ir.Import() | ir.ImportFrom() | ir.Walrus():
                raise Seen(f"{function.name} yields, imports or uses :=")
            case ir.Name(id=name) if name in _SCOPES:
                raise Seen(f"{function.name} looks names up by {name}()")
            case _:
                pass
    return frozenset({param.name for param in function.params} | _bound_by(function.body))


def _bound_by(body: Sequence[ir.Statement]) -> set[str]:
    """The names that statements bind in their scope."""
    names: set[str] = set()
    for statement in walk(body):
        match statement:
            case ir.Assign(targets=targets):
                names.update(bound.id for target in targets for bound in bound_names(target))
            case ir.AnnAssign(target=target) | ir.AugAssign(target=target) | ir.For(target=target):
                names.update(bound.id for bound in bound_names(target))
            case ir.With(items=items):
                targets = tuple(item.target for item in items if item.target is not None)
                names.update(bound.id for target in targets for bound in bound_names(target))
            case ir.Try(handlers=handlers):
                names.update(handler.name for handler in handlers if handler.name)
            case ir.FunctionDef(name=name) | ir.ClassDef(name=name) | ir.TypeAlias(name=name):
                names.add(name)
            case ir.Import(names=aliases):
                names.update((alias.asname or alias.name).split(".")[0] for alias in aliases)
            case ir.ImportFrom(names=aliases):
                names.update(alias.asname or alias.name for alias in aliases)
            case ir.Match():
                names.update(name.id for case in statement.cases for name in case.bindings)
            case _:
                pass
        for expr in own_expressions(statement):
            names.update(node.target.id for node in subexpressions(expr) if isinstance(node, ir.Walrus))
    return names


def _nodes(part: object) -> Iterator[object]:
    waiting = [part]
    while waiting:
        part = waiting.pop()
        if isinstance(part, tuple):
            waiting.extend(part)
        elif isinstance(part, msgspec.Struct):
            yield part
            waiting.extend(getattr(part, name) for name in part.__struct_fields__ if name not in POSITIONS)


def _loaded(around: Around, changed: AbstractSet[str], kept: Sequence[tuple[ir.Statement, bool]]) -> frozenset[str]:
    """The names of the top level that a file reads for certain, in what has not changed: in other functions, and in what stayed."""
    found: set[str] = set()

    def read(statements: Iterable[ir.Statement], own: AbstractSet[str]) -> None:
        for statement in statements:
            for expr in own_expressions(statement):
                found.update(n.id for n in subexpressions(expr) if isinstance(n, ir.Name) and n.id not in own)

    def look(body: Sequence[ir.Statement], prefix: str, outer: AbstractSet[str]) -> None:
        inner = outer
        read((s for s in walk(body) if not isinstance(s, ir.Delete)), inner)
        for statement in walk(body):
            if isinstance(statement, ir.ClassDef):
                look(statement.body, f"{prefix}{statement.name}.", outer | _bound_by(statement.body))
            elif isinstance(statement, ir.FunctionDef) and f"{prefix}{statement.name}" not in changed:
                own = outer | _bound_by(statement.body) | {param.name for param in statement.params}
                look(statement.body, f"{prefix}{statement.name}.", own)

    look(around.old.body, "", frozenset())
    variables = {name for statement, _ in kept for name in _bound_by((statement,))}
    for statement, is_whole in kept:
        read(_deep(statement) if is_whole else (statement,), variables)
    return frozenset(found)


class _Judge:
    """Judges statements of one function; collects which variables they set, and to what."""

    def __init__(self, around: Around, bound: frozenset[str], plain: Sequence[str]) -> None:
        self._around = around
        self._file = around.file
        self._bound = bound
        self._plain = frozenset(plain)
        self._temporary: dict[str, bool] = {}
        self.through: set[str] = set()
        self.stored: dict[str, list[Shape]] = {}

    def shapes(self, name: str) -> frozenset[Shape]:
        return frozenset(self.stored.get(name, ()))

    def statement(self, statement: ir.Statement) -> None:
        """Check a statement with its blocks."""
        for inner in _deep(statement):
            self.alone(inner)

    def alone(self, statement: ir.Statement) -> None:
        """Check a statement without its blocks."""
        match statement:
            case ir.ExprStatement(value=ir.Attribute()):
                raise Seen("it does more than read, call and set")
            case ir.ExprStatement(value=value):
                self._value(value)
            case ir.Assign(targets=targets, value=value):
                for target in targets:
                    self._store(target, value)
            case ir.AnnAssign(
                target=ir.Name() as target, annotation=ir.Name(id=("int" | "str" | "bool" | "float")), value=None
            ):
                self._store(target, None)
            case ir.AugAssign(target=target, value=value):
                self._value(target)
                self._store(target, value)
            case ir.Return(value=value):
                self._value(value)
                self._note(_RETURNED, value)
            case ir.Raise(exception=exception, cause=cause):
                self._value(exception)
                self._value(cause)
            case ir.Assert(test=test, message=message):
                self._value(test)
                self._value(message)
            case ir.If(test=test) | ir.While(test=test):
                self._value(test)
            case ir.For(target=target, iterable=iterable, is_async=False):
                is_plain = self._value(iterable)
                for name in _names_of(target):
                    self._set(name, _ANYTHING, is_plain=is_plain)
            case ir.Try(handlers=handlers):
                for handler in handlers:
                    self._value(handler.type)
            case ir.Jump():
                pass
            case _:
                raise Seen("it does more than read, call and set")

    def _store(self, target: ir.Expr, value: ir.Expr | None) -> None:
        is_plain = self._value(value)
        match target:
            case ir.Name(id=name):
                self._set(name, _shape(value), is_plain=is_plain)
            case ir.Collection():
                for name in _names_of(target):
                    self._set(name, _ANYTHING, is_plain=is_plain)
            case ir.Subscript(value=owner):
                self._value(target)
                if not self._value(owner):
                    raise Seen("it sets an item of what may be shared")
            case _:
                raise Seen("it does more than read, call and set")

    def _note(self, name: str, value: ir.Expr | None) -> None:
        self.stored.setdefault(name, []).append(_shape(value))

    def _set(self, name: str, shape: Shape, *, is_plain: bool) -> None:
        if not is_plain and name in self._plain:
            raise Seen(f"{name} may hold something else")  # later edits are told that it holds only what is plain
        self._name(name)
        self.stored.setdefault(name, []).append(shape)

    def _name(self, name: str) -> None:
        if _SPEAKING.search(name) or name in self._file.unreadable:
            raise Seen(f"{name} may have to do with sessions")

    def _value(self, node: ir.Expr | None) -> bool:
        """Check an expression; whether its value is plain.

        Raises:
            Seen: evaluating it may be seen from outside.
        """
        match node:
            case None:
                return True
            case ir.Constant(value=value):
                if _says(value):
                    raise Seen("a text may name a database or an option")
                return True
            case ir.Name(id=name):
                return self._variable(name)
            case ir.Attribute(value=value, name=name):
                self._name(name)
                if name in _UNREADABLE:
                    raise Seen(f"{name} may be shared")
                if self._value(value):
                    return True
                if name in self._around.whole.attributes:
                    raise Seen(f"reading {name} may do more")
                return False
            case ir.Call():
                return self._call(node)
            case ir.Compare(left=left, rights=rights):
                self._all((left, *rights))
                return True
            case ir.Unary(value=value):
                self._value(value)
                return True
            case ir.Binary(op=op, left=left, right=right):
                return self._all((left, right)) or op != "|"
            case ir.BoolOp(values=parts) | ir.Collection(items=parts) | ir.Opaque(children=parts):
                return self._all(parts)
            case ir.FString(parts=parts):
                self._all(parts)
                return True
            case ir.Dict(keys=keys, values=values):
                return self._all((*keys, *values))
            case ir.Starred(value=value):
                return self._value(value)
            case ir.Conditional(test=test, body=body, orelse=orelse):
                return self._all((test, body, orelse))
            case ir.Subscript(value=value, index=index):
                return self._all((value, *index))
            case ir.Comprehension(element=element, value=value, clauses=clauses):
                outer = dict(self._temporary)
                for clause in clauses:
                    is_plain = self._value(clause.iterable)
                    self._temporary |= dict.fromkeys(_names_of(clause.target), is_plain)
                    self._all(clause.conditions)
                is_plain = self._all((element, value))
                self._temporary = outer
                return is_plain
            case _:
                raise Seen("it does more than read, call and set")

    def _all(self, nodes: Sequence[ir.Expr | None]) -> bool:
        plain = [self._value(node) for node in nodes]
        return all(plain)

    def _variable(self, name: str) -> bool:
        self._name(name)
        if name in self._temporary:
            return self._temporary[name]
        if name in self._bound:
            return name in self._plain
        if name in self._around.top:
            if name in self._file.through:
                self.through.add(name)
            return name in self._file.plain
        if not self._file.has_stars and (name in _BUILTINS or _EXCEPTION.match(name)):
            return True
        raise Seen(f"{name} is not known")

    def _call(self, node: ir.Call) -> bool:
        func = node.func
        match func:
            case ir.Name(id=name) if name in self._bound or name not in self._file.bare:
                is_harmless = self._variable(name)
            case ir.Name(id=name):
                self._variable(name)
                is_harmless = True
            case ir.Attribute(name=name):
                is_harmless = self._value(func)
            case _:
                raise Seen("it does more than read, call and set")
        if not is_harmless or name in CALLEES or (name in _COLLECTORS and _STARTERS & self._around.words):
            raise Seen(f"{name}() may do more")
        for argument in node.args:
            if argument.keyword is not None:
                self._name(argument.keyword)
                if argument.keyword in KEYWORDS:
                    raise Seen(f"{argument.keyword}= may do more")
        is_plain = self._all([argument.value for argument in node.args])
        return is_plain and not (isinstance(func, ir.Name) and func.id in self._file.bare)


def _says(value: object) -> bool:
    """Whether a constant is a text that rules look for."""
    return isinstance(value, str) and (
        _KEYS.fullmatch(value) is not None
        or any(sign in value for sign in _ADDRESS)
        or _SPEAKING.search(value) is not None
    )


def _names_of(target: ir.Expr) -> list[str]:
    """The names that a target binds.

    Raises:
        Seen: it sets something else too.
    """
    match target:
        case ir.Name(id=name):
            return [name]
        case ir.Collection(items=items):
            return [name for item in items for name in _names_of(item)]
        case ir.Starred(value=value):
            return _names_of(value)
        case _:
            raise Seen("it sets more than variables")


def _shape(value: ir.Expr | None) -> Shape:
    match value:
        case None:
            return None
        case ir.Constant(value=constant):
            return (type(constant).__name__, constant)
        case ir.Compare() | ir.Unary():
            return "nothing"
        case ir.Binary(op=op) if op != "|":
            return "nothing"
        case ir.FString():
            return "text"
        case _:
            return _ANYTHING
