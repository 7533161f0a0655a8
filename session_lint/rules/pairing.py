"""How engines, sessions and factories go together: what SL405 reports and SL404 leaves to it."""

from __future__ import annotations

from collections.abc import Iterator
from weakref import WeakKeyDictionary

from session_lint import ir
from session_lint.program import Program
from session_lint.program.entrypoints import dotted
from session_lint.program.flow_facts import Creation
from session_lint.program.symbols import Function, Module, Unit
from session_lint.program.values import ClassValue, Const, Engine, Factory, Session, Symbol, Values
from session_lint.traversal import walk

SYNC_DRIVERS = frozenset(
    {"postgresql+psycopg2", "postgresql+psycopg2cffi", "postgresql+pg8000", "sqlite", "sqlite+pysqlite", "mysql"}
    | {"mysql+mysqldb", "mysql+pymysql", "mysql+mysqlconnector", "mysql+pyodbc", "mariadb", "mariadb+mysqldb"}
    | {"mariadb+pymysql", "mssql", "mssql+pyodbc", "mssql+pymssql", "oracle+cx_oracle", "sqlite+pysqlcipher"}
)

_misfits: WeakKeyDictionary[object, dict[int, tuple[Creation, str]]] = WeakKeyDictionary()


def misfits(program: Program) -> dict[int, tuple[Creation, str]]:
    """Sessions, factories and engines that cannot work as they are made, by their call, and what is wrong with each."""
    known = _misfits.get(program.analysis)
    if known is None:
        known = _misfits[program.analysis] = {id(c.node): (c, fault) for c, fault in _find(program)}
    return known


def _find(program: Program) -> Iterator[tuple[Creation, str]]:
    for creation in program.creations("engine"):
        driver = _sync_driver(program, creation)
        if driver is not None:
            yield creation, f"passes a URL of the sync driver {driver} to {_name(creation)}(); name an async driver"
    for kind in ("factory", "session"):
        for creation in program.creations(kind):
            fault = _of_factory(program, creation) if kind == "factory" else _of_session(program, creation)
            if fault is not None:
                yield creation, fault
    for kind in ("factory", "session", "factory-session"):
        for creation in program.creations(kind):
            if is_version_2(program) and creation.args.keywords.get("autocommit") == frozenset({Const(True)}):
                yield (
                    creation,
                    "passes autocommit=True, which SQLAlchemy 2 refuses; begin transactions, and commit them",
                )


def is_version_2(program: Program) -> bool:
    """Whether the project pins SQLAlchemy 2."""
    return program.facts.versions.get("sqlalchemy", "").startswith("2.")


def _name(creation: Creation) -> str:
    return creation.name.rsplit(".", 1)[-1]


def _of_factory(program: Program, creation: Creation) -> str | None:
    made, name = creation.value, _name(creation)
    if not isinstance(made, Factory) or made.is_registry or creation.args.has_rest:
        return None
    bound = _bound_to(creation)
    gives_class = any(arg.keyword == "class_" for arg in creation.node.args)
    kinds = _session_kinds(program, creation.args.keywords.get("class_", frozenset()))
    if name == "async_sessionmaker" and kinds == {False}:
        return "gives async_sessionmaker() the class of a sync session; use AsyncSession, or sessionmaker()"
    if made.is_async and bound is False:
        return f"binds the async factory {name}() to a sync engine; make the engine with create_async_engine()"
    if name == "sessionmaker" and not made.is_async and bound is True and (not gives_class or kinds == {False}):
        return "binds sessionmaker(), which makes sync sessions, to an async engine; use async_sessionmaker()"
    return None


def _of_session(program: Program, creation: Creation) -> str | None:
    made = creation.value
    if not isinstance(made, Session) or creation.args.has_rest:
        return None
    classes = program.flow.at(creation.unit).eval(creation.node.func)
    if any(isinstance(v, ClassValue) and v.cls.method("__init__") is not None for v in classes):
        return None
    bound = _bound_to(creation)
    if made.is_async and bound is False:
        return f"binds the async session {_name(creation)}() to a sync engine; make it with create_async_engine()"
    if not made.is_async and bound is True:
        return f"binds the sync session {_name(creation)}() to an async engine; use AsyncSession()"
    return None


def _bound_to(creation: Creation) -> bool | None:
    """Whether what a session or factory is bound to is an async engine; None: it is none, or that is not known."""
    bound = creation.args.get(0, "bind")
    kinds = {value.is_async if isinstance(value, Engine) else None for value in bound}
    return next(iter(kinds)) if len(kinds) == 1 else None


def _session_kinds(program: Program, classes: Values) -> set[bool | None]:
    """Whether session classes are async; None among them: some are not known."""
    kinds: set[bool | None] = set()
    for value in classes:
        match value:
            case Symbol(name=name):
                kinds.add(program.flow.session_class(name))
            case ClassValue(cls=cls):
                kinds.add(program.flow.session_kind_of(cls))
            case _:
                kinds.add(None)
    return kinds


def _sync_driver(program: Program, creation: Creation) -> str | None:
    if (
        not isinstance(creation.value, Engine)
        or not creation.value.is_async
        or _name(creation) != "create_async_engine"
    ):
        return None
    given = [arg.value for arg in creation.node.args if arg.keyword == "url" or (arg.keyword is None and not arg.star)]
    driver = _driver_of(creation.unit, given[0]) if given else None
    if driver is None:
        return None
    version = program.facts.versions.get("sqlalchemy", "")
    if driver == "postgresql" and version.startswith(("1.", "2.0.")):
        return "postgresql (psycopg2)"
    return driver if driver in SYNC_DRIVERS else None


def _driver_of(unit: Unit, url: ir.Expr) -> str | None:
    """Dialect and driver of a URL that is written out, there or in the only assignment to its name; None where it is not."""
    match url:
        case ir.Constant(value=str(text)) | ir.FString(parts=(ir.Constant(value=str(text)), *_)):
            driver, separator, _ = text.partition("://")
            return driver if separator else None
        case ir.Binary(op="+", left=left):
            return _driver_of(unit, left)
        case ir.Call(func=func) if dotted(func).endswith("URL.create"):
            first = [
                arg.value for arg in url.args if arg.keyword == "drivername" or (arg.keyword is None and not arg.star)
            ]
            match first[:1]:
                case [ir.Constant(value=str(text))]:
                    return text
            return None
        case ir.Name(id=name):
            written = _only_value(unit, name)
            return None if written is None or isinstance(written, ir.Name) else _driver_of(unit, written)
        case _:
            return None


def _only_value(unit: Unit, name: str) -> ir.Expr | None:
    """What a name of the function or its module is set to, where it is set once, by a plain assignment."""
    scope: Unit = unit if isinstance(unit, Function) and name in unit.cells else unit.module
    if isinstance(scope, Function) and any(p.name == name for p in scope.params):
        return None
    if isinstance(scope, Module) and any(name in f.outer_names for f in scope.functions):
        return None
    values = []
    for statement in walk(scope.body):
        match statement:
            case ir.Assign(targets=targets, value=value) if any(
                isinstance(t, ir.Name) and t.id == name for t in targets
            ):
                values.append(value)
            case ir.AnnAssign(target=ir.Name(id=target), value=value) if target == name and value is not None:
                values.append(value)
            case _:
                pass
    return values[0] if len(values) == 1 else None
