"""What part each file plays: router, service, task, session module, script, test or migration."""

from __future__ import annotations

import re
from collections.abc import Collection

from session_lint import ir
from session_lint.program import vocabulary
from session_lint.program.building import is_test_path
from session_lint.program.entrypoints import EntryPoint, main_calls
from session_lint.program.flow import Flow
from session_lint.program.symbols import Class, Function, Module, Unit
from session_lint.program.values import (
    ClassValue,
    Container,
    ContextManager,
    Coroutine,
    Engine,
    Factory,
    FunctionValue,
    Generator,
    Instance,
    Session,
    Site,
    Value,
)
from session_lint.settings import Settings
from session_lint.traversal import expressions, walk

_MIGRATION = re.compile(
    r"(^|/)(migrations?|alembic|revisions)/(.*/)?(versions/[^/]+|env)\.py$|(^|/)versions/[^/]*\.py$"
)
_SCRIPT = re.compile(r"(^|/)(scripts?|bin)/|^tools/")
_TOOLS = re.compile(r"/tools/")  # of those who develop the project, or of the agents that it is about
_EXAMPLES = re.compile(r"(^|/)examples/")
_RUNS = frozenset({"asyncio.run", "anyio.run", "trio.run", "argparse.ArgumentParser.parse_args"})
_WORK = frozenset(
    {"Engine.connect", "Engine.begin", "Engine.raw_connection", "Session.execute", "Session.query", "Session.add"}
    | {"Session.add_all", "Session.commit", "Session.scalars", "Session.scalar", "Session.exec", "Session.get"}
)


def find_roles(
    modules: Collection[Module], entries: dict[Function, EntryPoint], flow: Flow, settings: Settings
) -> dict[str, str]:
    """The role of every file by its path; globs in the settings win."""
    from pathspec import GitIgnoreSpec

    kinds: dict[Module, set[str]] = {}
    for entry in entries.values():
        kinds.setdefault(entry.function.module, set()).add(entry.kind)
    imported = {name for (name, _), users in flow.facts.used.items() if not all(is_test_path(m.path) for m in users)}
    working = _working(flow)
    roles = {
        m.path: _infer(m, kinds.get(m, set()), is_imported=m.name in imported, works=m in working) for m in modules
    }
    for module in modules:
        if roles[module.path] not in ("test", "migration") and hands_out(module, flow, entries):
            roles[module.path] = "session-module" if roles[module.path] != "router" else "router"
    for role, globs in settings.roles.items():
        spec = GitIgnoreSpec.from_lines(globs)
        for path in roles:
            if globs and spec.match_file(path):
                roles[path] = role
    return roles


def _working(flow: Flow) -> set[Module]:
    """The modules that only do their work: they are run, not imported.

    They have an event loop of their own, read the command line at their top level, or consist of statements alone.
    """
    calls = [call for call in flow.facts.externals.values() if isinstance(call.unit, Module)]
    looping = {call.unit for call in calls if call.name in _RUNS}
    works = {call.unit for call in calls if call.name in _WORK or call.name in vocabulary.DRIVER_CONNECTS}
    return {m for m in looping | works if isinstance(m, Module) and (m in looping or not (m.functions or m.classes))}


def _infer(module: Module, kinds: set[str], *, is_imported: bool, works: bool) -> str:
    path = module.path
    if is_test_path(path):
        return "test"
    if _MIGRATION.search(path):
        return "migration"
    if _SCRIPT.search(path) or (_TOOLS.search(path) and not is_imported):
        return "script"
    if kinds & {"endpoint", "resolver"}:
        return "router"
    if "task" in kinds:
        return "task"
    runs = works or _EXAMPLES.search(path) or next(main_calls(module), None) is not None
    if not is_imported and runs and not kinds - {"main", "command"}:
        return "script"
    return "service"


def hands_out(module: Module, flow: Flow, entries: dict[Function, EntryPoint]) -> bool:
    """Whether a module is a session module.

    It is one when an engine, factory or provider that it makes at its top level (or caches) is used from another module, or
    injected. What is made inside an endpoint, a task or a borrower does not count.
    """
    made = [c for c in flow.facts.creations.values() if c.unit.module is module]
    if not made:
        return False
    if not any(e.module is module for e in entries) and _only_makes(module, flow):
        return True
    for function in module.functions:
        if function in entries or not _gives(function, module):
            continue
        if function in flow.facts.injected or function in flow.facts.contained:
            return True
        kept = function.owner is not None and _keeps(function.owner, module)
        if kept and any(caller.module is not module for caller in flow.facts.callers.get(function, ())):
            return True
    if any(_made_here(v, module) for cell in flow.world.shared.values() for v in cell.values):
        return True
    if any(f not in entries and _stores_in_class(f, flow) for f in {c.unit for c in made if c.kind == "factory"}):
        return True
    for name, cell in module.cells.items():
        users = flow.facts.used.get((module.name, name), set()) - {module}
        if users and any(
            _offered(value, module, flow, entries) or (isinstance(value, Instance) and _keeps(value.cls, module))
            for value in cell.values
        ):
            return True
    return False


def _only_makes(module: Module, flow: Flow) -> bool:
    """Whether a module makes an engine or factory at its top level and runs nothing on it: there is nobody to use it yet."""
    top = any(c.unit is module and c.kind in ("engine", "factory") for c in flow.facts.creations.values())
    works = any(
        c.unit.module is module and c.name.startswith(("Session.", "Connection.", "Engine.", "Factory.", "Handle."))
        for c in flow.facts.externals.values()
    )
    sessions = any(c.unit.module is module and "session" in c.kind for c in flow.facts.creations.values())
    names = {name for name, cell in module.cells.items() if any(_made_here(v, module) for v in cell.values)}
    used = any(
        isinstance(node, ir.Name) and node.id in names
        for function in module.functions
        if not _gives(function, module)
        for node in expressions(function.body)
    )
    return top and not works and not sessions and not used


def _gives(function: Function, module: Module) -> bool:
    return any(_made_here(value, module) for value in function.returns.values | function.yields.values)


def _made_here(value: Value, module: Module) -> bool:
    match value:
        case Session(origin=Site(module=made)) | Factory(origin=Site(module=made)) | Engine(origin=Site(module=made)):
            return made is module
        case Coroutine(result=values) | Generator(items=values) | ContextManager(entered=values):
            return any(_made_here(v, module) for v in values)
        case Container(items=items):  # what objects in it give may be this again
            plain = (v for values in items for v in values if isinstance(v, (Session, Factory, Engine)))
            return any(_made_here(v, module) for v in plain)
        case Instance(cls=cls):
            raw = (v for method in cls.methods.values() for v in method.returns.values | method.yields.values)
            return any(_made_here(v, module) for v in raw if not isinstance(v, (Instance, Coroutine)))
        case _:
            return False


def _keeps(cls: Class, module: Module) -> bool:
    return any(
        _made_here(v, module)
        for c in cls.lineage()
        for cell in c.attrs.values()
        for v in cell.values
        if not isinstance(v, Instance)
    )


def _offered(value: Value, module: Module, flow: Flow, entries: dict[Function, EntryPoint]) -> bool:
    from session_lint.program.values import function_of

    if isinstance(value, ClassValue):
        return value.cls.module is module and (
            (
                (value.cls.method("__enter__") or value.cls.method("__aenter__")) is not None
                and _keeps(value.cls, module)
            )
            or any(vocabulary.session_class(base) is not None for base in value.cls.external_lineage())
            or any(_gives(m, module) for m in value.cls.methods.values() if m not in entries)
        )
    function = function_of(value)
    if function is not None and not isinstance(value, Instance):
        if function.module is not module or function in entries:
            return False
        wraps = any(
            isinstance(v, FunctionValue) and v.function.parent is function and v.function in flow.facts.touching
            for v in function.returns.values
        )
        return wraps or _gives(function, module) or _stores_globally(function, module)
    return _made_here(value, module)


def _stores_in_class(unit: Unit, flow: Flow) -> bool:
    """``init_db()`` that puts a factory where all of a class have it: ``Base.session = scoped_session(...)``."""
    return isinstance(unit, Function) and any(
        isinstance(target, ir.Attribute)
        and isinstance(target.value, ir.Name)
        and any(isinstance(v, ClassValue) for v in flow.at(unit).eval(target.value))
        and any(isinstance(v, Factory) for v in flow.at(unit).eval(statement.value))
        for statement in walk(unit.body)
        if isinstance(statement, ir.Assign)
        for target in statement.targets
    )


def _stores_globally(function: Function, module: Module) -> bool:
    """``init_db()`` that sets a module-level engine or factory."""
    names = function.outer_names
    return any(_made_here(v, module) for name in names if name in module.cells for v in module.cells[name].values)
