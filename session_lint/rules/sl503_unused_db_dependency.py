"""SL503 unused-db-dependency · an endpoint asks for a session or database parameters and never uses them.

## What it does
Reports an endpoint's parameter that injects a session, or a dependency whose name, return annotation or
module says that it yields database parameters (`db_params`, `get_db_params`), when the body does not use it
or only logs it.

## Why is this bad?
The signature says that the endpoint works with the database, or that callers can steer how, and neither is
true.

- Database parameters that nobody reads look like a feature: a client that sends them changes nothing. The
  usual contents change nothing even when they are passed on: `raw_sql`, `no_prepare` and
  `statement_cache_size` as execution options were accepted and ignored on SQLAlchemy 2.1.9, 2.0.58 and
  1.4.54.
- For each request a session is opened, closed and, with a provider that commits by itself, committed for
  nothing.
- Later code comes to rely on the session being there, and not on whether anything commits it.

A session that has run no SQL was seen to hold no connection, so the pool does not suffer, unless the provider
itself runs SQL: then each request keeps a connection for as long as the dependency lives, on FastAPI 0.118
and later until after the response.

## Example
```python
from collections.abc import Iterator

from fastapi import APIRouter, Depends
from sqlalchemy import create_engine
from sqlalchemy.orm import Session, sessionmaker

engine = create_engine("postgresql+psycopg2://localhost/jobs")
SessionLocal = sessionmaker(bind=engine)
router = APIRouter()


def get_db() -> Iterator[Session]:
    with SessionLocal() as db:
        yield db


@router.get("/version")
def version(db: Session = Depends(get_db)) -> str:
    return "1.4"
```

## Use instead
```python
from fastapi import APIRouter

router = APIRouter()


@router.get("/version")
def version() -> str:
    return "1.4"
```

A dependency that is wanted only for its effect, such as a check of permissions, belongs in the decorator:
`@router.get("/version", dependencies=[Depends(check)])`.

## When not to use
Handing the parameter on, catching it in a closure or lambda, and `**locals()` count as use. Parameters of
functions that are not endpoints are not reported, nor are dependencies that merely use a session themselves,
such as `current_user`. An endpoint that must keep a fixed signature, for a subclass or a plug-in, is a case
for a suppression with the reason. The policy (`transaction-owner`) has no bearing here.

## References
- [FastAPI, dependencies in path operation decorators][decorators]
- [FastAPI, yield dependencies](https://fastapi.tiangolo.com/tutorial/dependencies/dependencies-with-yield/)

[decorators]: https://fastapi.tiangolo.com/tutorial/dependencies/dependencies-in-path-operation-decorators/
"""

from __future__ import annotations

from collections.abc import Iterator

from session_lint import ir
from session_lint.findings import Confidence, Finding, Severity
from session_lint.program import Program
from session_lint.program.entrypoints import dependency_of, dotted
from session_lint.program.symbols import Function
from session_lint.program.values import Dependency, Session, function_of
from session_lint.rules.creation import EXEMPT_ROLES
from session_lint.rules.registry import rule
from session_lint.traversal import children, own_expressions, subexpressions, walk

_PARAMETER_NAMES = ("db_params", "get_db_params", "database_params", "db_parameters", "get_database_params")
_LOGGERS = {"debug", "info", "warning", "error", "exception", "critical", "log", "print"}


@rule("SL503", "unused-db-dependency", severity=Severity.WARNING, check="router-endpoints")
def unused_db_dependency(program: Program) -> Iterator[Finding]:
    """Endpoints that have a session (or database parameters) injected and never use it."""
    for entry in program.entries.values():
        function = entry.function
        if not entry.is_endpoint or program.role(function) in EXEMPT_ROLES:
            continue
        used: set[str] | None = None
        for param in function.params:
            dependency = dependency_of(program.flow, function, param)
            if dependency is None:
                continue
            is_session = any(isinstance(v, Session) for v in function.cells[param.name].values)
            if not is_session and not _hands_parameters(program, dependency):
                continue
            used = names_used(function) if used is None else used
            if param.name in used or "locals" in used:
                continue
            what = "a session" if is_session else "database parameters"
            yield unused_db_dependency.finding(
                function.module.path,
                param.span,
                f"{function.qualname} has {what} injected as `{param.name}` and never uses it; remove the parameter, or use it",
                symbol=function.qualname,
                confidence=Confidence.HIGH,
                digest=program.digest(function.module, param.span),
            )


def _hands_parameters(program: Program, dependency: Dependency) -> bool:
    names = {*_PARAMETER_NAMES, *program.settings.database_parameter_names}
    for function in filter(None, map(function_of, dependency.provider)):
        returns = function.node.returns if isinstance(function.node, ir.FunctionDef) else None
        said = [function.module.name.rsplit(".", 1)[-1]]
        said += [n.id if isinstance(n, ir.Name) else getattr(n, "name", "") for n in subexpressions(returns)]
        if function.name in names or any(_says_parameters(word) for word in said):
            return True
    return False


def _says_parameters(word: str) -> bool:
    return word.replace("_", "").lower() in ("dbparams", "databaseparams", "dbparameters", "databaseparameters")


def names_used(function: Function) -> set[str]:
    """The names that a function's body reads, nested functions included, other than to log them."""
    found: set[str] = set()
    stack: list[tuple[ir.Statement, ...]] = [tuple(function.body)]
    while stack:
        for statement in walk(stack.pop()):
            if isinstance(statement, (ir.FunctionDef, ir.ClassDef)):
                stack.append(statement.body)
            for expr in own_expressions(statement):
                found |= _read(expr)
    return found


def _read(expr: ir.Expr | None) -> set[str]:
    """The names read in an expression; a call that only logs reads none."""
    found: set[str] = set()
    stack = [expr]
    while stack:
        node = stack.pop()
        if node is None:
            continue
        if isinstance(node, ir.Call) and dotted(node.func).rsplit(".", 1)[-1] in _LOGGERS:
            worked = (n for arg in node.args for n in subexpressions(arg.value) if isinstance(n, (ir.Call, ir.Await)))
            stack.extend(child for n in worked for child in children(n))
            continue
        if isinstance(node, ir.Name):
            found.add(node.id)
        elif isinstance(node, ir.Lambda):
            stack.append(node.body)
        else:
            stack.extend(children(node))
    return found
