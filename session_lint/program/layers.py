"""What apps, routers and controllers add to all of their routes: dependencies, and the path in front."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from session_lint import ir
from session_lint.program.flow import Flow
from session_lint.program.flow_facts import ExternalCall
from session_lint.program.symbols import Class, Function, Module, Unit
from session_lint.program.values import ClassValue, Const, Dependency, DictValue, ModuleValue, Values, function_of
from session_lint.traversal import walk

Key = tuple[Module, str]
Named = Mapping[str, Dependency]

UNKNOWN_PATH = "…"
"""Stands in a route for a part of its path that is not written down."""

_MAX_REEXPORTS = 5
_MAX_LAYERS = 10
_INCLUDES = frozenset({"include_router", "register_blueprint"})
_PREFIXES = ("prefix", "url_prefix")


class Layers:
    """What each router (by the variable that holds it) and each layer of a Litestar app adds."""

    def __init__(self, flow: Flow) -> None:
        self._flow = flow
        self._own: dict[Key, tuple[Dependency, ...]] = {}
        self._parents: dict[Key, list[tuple[Key | None, tuple[Dependency, ...]]]] = {}
        self._groups: list[tuple[frozenset[Function | Class], Named, bool]] = []
        self._prefixes: dict[Key, str] = {}
        self._mounts: dict[Key, tuple[Key | None, str]] = {}
        self._collect()

    def of_router(self, unit: Unit, router: ir.Expr) -> tuple[Dependency, ...]:
        """What FastAPI runs before every route of a router: of its apps first, then of itself."""
        key = self._key(unit, router)
        return tuple(dict.fromkeys(self._inherited(key, set()))) if key is not None else ()

    def prefix(self, unit: Unit, router: ir.Expr) -> str:
        """The path in front of every route of a router, where it was included first; ``…`` for what is not known of it."""
        key = self._key(unit, router)
        found = ""
        for _ in range(_MAX_LAYERS):
            if key is None:
                break
            parent, given = self._mounts.get(key, (None, ""))
            found = f"{given}{self._prefixes.get(key, '')}{found}"
            key = parent
        return found

    def named(self, function: Function, own: Named) -> Named:
        """What Litestar injects by name into a handler; the nearest layer wins."""
        if not own and not self._groups and (function.owner is None or "dependencies" not in function.owner.attrs):
            return {}
        found: dict[str, Dependency] = {}
        for members, named, is_app in sorted(self._groups, key=lambda group: not group[2]):
            if is_app or function in members or function.owner in members:
                found.update(named)
        if function.owner is not None:
            for cls in reversed(list(function.owner.lineage())):
                if "dependencies" in cls.attrs:
                    found.update(named_dependencies(cls.attrs["dependencies"].values))
        found.update(own)
        return found

    def _collect(self) -> None:
        for call in list(self._flow.facts.externals.values()):
            last = call.name.rsplit(".", 1)[-1]
            given = call.args.keywords.get("dependencies", frozenset())
            listed = listed_dependencies(self._flow, given)
            prefix = _prefix(call)
            if (listed or prefix) and last not in _INCLUDES and (key := _holder(call.unit, call.node)) is not None:
                self._own[key] = listed
                self._prefixes[key] = prefix
            if last in _INCLUDES and isinstance(call.node.func, ir.Attribute) and call.node.args:
                child = self._key(call.unit, call.node.args[0].value)
                if child is not None:
                    parent = self._key(call.unit, call.node.func.value)
                    self._parents.setdefault(child, []).append((parent, listed))
                    self._mounts.setdefault(child, (parent, prefix))
            if named := named_dependencies(given):
                handlers = call.args.keywords.get("route_handlers", frozenset())
                members = frozenset(_handlers(self._flow, handlers))
                self._groups.append((members, named, last in ("Litestar", "Starlite")))

    def _inherited(self, key: Key, seen: set[Key]) -> Iterator[Dependency]:
        if key in seen:
            return
        seen.add(key)
        for parent, listed in self._parents.get(key, ()):
            if parent is not None:
                yield from self._inherited(parent, seen)
            yield from listed
        yield from self._own.get(key, ())

    def _key(self, unit: Unit, router: ir.Expr) -> Key | None:
        """The variable at a module's top level that an expression names, through re-exports."""
        if isinstance(router, ir.Name):
            return self._followed(unit.module, router.id)
        if isinstance(router, ir.Attribute):
            for value in self._flow.at(unit).eval(router.value):
                module = self._flow.world.index.by_name.get(value.name) if isinstance(value, ModuleValue) else None
                if module is not None:
                    return self._followed(module, router.name)
        return None

    def _followed(self, module: Module, name: str) -> Key | None:
        for _ in range(_MAX_REEXPORTS):
            if name in module.cells or not module.links.get(name):
                break
            link = module.links[name][0]
            target = self._flow.world.index.resolve(link.module, module)
            other = self._flow.world.index.by_name.get(target) if target is not None else None
            if other is None or link.name is None:
                return None
            module, name = other, link.name
        return (module, name)


def _prefix(call: ExternalCall) -> str:
    """The path that a call gives to all routes of what it makes or includes."""
    given = [values for name in _PREFIXES if (values := call.args.keywords.get(name))]
    if not given:
        return ""
    texts = {v.value for values in given for v in values if isinstance(v, Const)}
    text = next(iter(texts)) if len(texts) == 1 else None
    return text.rstrip("/") if isinstance(text, str) else UNKNOWN_PATH


def _holder(unit: Unit, node: ir.Call) -> Key | None:
    """The module-level variable that the result of a call is assigned to (inside an app factory too)."""
    for statement in walk(unit.body):
        match statement:
            case ir.Assign(value=value, targets=(ir.Name(id=name), *_)) if value is node:
                return (unit.module, name)
            case ir.AnnAssign(value=value, target=ir.Name(id=name)) if value is node:
                return (unit.module, name)
            case _:
                pass
    return None


def listed_dependencies(flow: Flow, values: Values) -> tuple[Dependency, ...]:
    """The dependencies in ``dependencies=[Depends(...), ...]``."""
    found = [v for value in values for v in flow.elements(value) if not isinstance(value, DictValue)]
    return tuple(v for v in found if isinstance(v, Dependency))


def named_dependencies(values: Values) -> dict[str, Dependency]:
    """The dependencies in ``dependencies={"session": Provide(...)}``."""
    pairs = [pair for value in values if isinstance(value, DictValue) for pair in value.items]
    return {name: v for name, given in pairs for v in given if isinstance(v, Dependency)}


def _handlers(flow: Flow, values: Values) -> Iterator[Function | Class]:
    for value in values:
        for item in flow.elements(value):
            if isinstance(item, ClassValue):
                yield item.cls
            elif (function := function_of(item)) is not None:
                yield function
