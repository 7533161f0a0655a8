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

from collections.abc import Iterable, Sequence
from collections.abc import Set as AbstractSet

from session_lint import ir
from session_lint.edits.comparing import Changed, Comparison
from session_lint.edits.contained import ANYTHING, RETURNED, Around, Judge, Seen, variables_of
from session_lint.edits.parts import Parts, bound_by, deep, header, names_in
from session_lint.edits.words import BUILTINS, SPEAKING, says
from session_lint.traversal import always_raises, only_declares, own_expressions, subexpressions, walk


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
    # Unless functions have changed as well, the rest of the file mentions what it did before.
    bodies = (*around.old.body, *around.new.body) if comparison.functions else around.new.body
    rest = [s for s in bodies if not any(s is other for other in moving)]
    if not any(isinstance(statement, (ir.FunctionDef, ir.ClassDef)) for statement in rest):
        raise Seen("a file that has no functions may be one that is run")
    taken = {*around.file.asked, *around.whole.names, *(name for s in rest for name in names_in(s))}
    names = {_defined(statement) for statement in moving}
    for name in names:
        if name in taken or SPEAKING.search(name) or name.startswith("__"):
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
        case ir.Assign(targets=(ir.Name(id=name),), value=ir.Constant(value=value)) if not says(value):
            return name
        case _:
            raise Seen("what has come or gone at the top level is more than a constant or a function")


def _check_new(around: Around, function: ir.FunctionDef, others: AbstractSet[str], *, is_known: bool) -> None:
    """Check a function that nobody calls."""
    for param in function.params:
        is_simple = param.annotation is None or (
            isinstance(param.annotation, ir.Name) and param.annotation.id in BUILTINS
        )
        has_default = param.default is not None and not isinstance(param.default, ir.Constant)
        if not is_simple or has_default or param.name in around.whole.names or SPEAKING.search(param.name):
            raise Seen(f"{function.name} takes more than plain arguments")
    if function.returns is not None or (is_known and function.name not in around.file.functions):
        raise Seen(f"{function.name} may have to do with sessions")
    judge = Judge(around, function, ())
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
    parts = Parts()
    parts.compare(old.body, new.body)
    first, second = variables_of(old), variables_of(new)
    mentioned = {name for statement, _ in parts.kept for name in names_in(statement)}
    if mentioned & (first ^ second):
        raise Seen(f"a name in {qualname} means something else")
    before, after = Judge(around, old, plain), Judge(around, new, plain)
    for statement in parts.gone:
        before.statement(statement)
    for statement in parts.come:
        after.statement(statement)
    for name in (before.through | after.through) - _loaded(around, others, parts.kept):
        raise Seen(f"{name} is used for the first time, or no more")
    changes = {
        name
        for name in before.stored.keys() | after.stored.keys()
        if before.shapes(name) != after.shapes(name) or ANYTHING in after.shapes(name)
    }
    _follow(changes, parts.kept, after)


def _follow(changed: set[str], kept: Sequence[tuple[ir.Statement, bool]], judge: Judge) -> None:
    """Check that what stayed and reads changed variables is contained too, and so on with what that sets."""
    waiting = [inner for statement, is_whole in kept for inner in (deep(statement) if is_whole else (statement,))]
    grew = True
    while grew:
        grew = False
        for statement in list(waiting):
            if changed.intersection(names_in(tuple(header(statement)))):
                waiting.remove(statement)
                judge.stored.clear()
                judge.alone(statement)
                changed |= judge.stored.keys()
                grew = True
        if RETURNED in changed:
            raise Seen("what a function returns may be something else")


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
                look(statement.body, f"{prefix}{statement.name}.", outer | bound_by(statement.body))
            elif isinstance(statement, ir.FunctionDef) and f"{prefix}{statement.name}" not in changed:
                own = outer | bound_by(statement.body) | {param.name for param in statement.params}
                look(statement.body, f"{prefix}{statement.name}.", own)

    look(around.old.body, "", frozenset())
    variables = {name for statement, _ in kept for name in bound_by((statement,))}
    for statement, is_whole in kept:
        read(deep(statement) if is_whole else (statement,), variables)
    return frozenset(found)
