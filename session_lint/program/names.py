"""What names mean: variables of the scopes around, imports and what they lead to, and names outside the project."""

from __future__ import annotations

from session_lint import ir
from session_lint.program import vocabulary
from session_lint.program.symbols import Cell, Class, Function, Link, Module, Scope, Unit
from session_lint.program.values import (
    NOTHING,
    Dependency,
    External,
    Factory,
    ModuleValue,
    TypeForm,
    Value,
    Values,
    symbol_value,
)
from session_lint.program.world import Arguments, World


class Names:
    """Looks names up for one unit at a time; ``scope`` is where they are looked up from.

    Below stands what the two analyses that evaluate expressions do differently: where variables live, and what a call does.
    """

    def __init__(self, world: World) -> None:
        self.world = world
        self.unit: Unit = world.modules[0] if world.modules else Module("", "", ir.Module((), ()), False)
        self.scope: Scope = self.unit
        self.temporaries: list[dict[str, Values]] = []
        self._loading: set[tuple[str, str]] = set()

    # What the two analyses do differently

    def read(self, cell: Cell) -> Values:
        """The values in a cell."""
        return cell.values

    def write(self, cell: Cell, values: Values) -> None:
        """Add values to a cell."""
        raise NotImplementedError

    def watch(self, cls: Class) -> None:
        """Called before something is looked up in a class that its bases or subclasses may have."""

    def load(self, name: str) -> Values:
        """The values of a name, looked up from the current scope outwards."""
        return self.load_from(self.scope, name)

    def store_name(self, name: str, values: Values) -> None:
        raise NotImplementedError

    def store_attribute(self, target: ir.Attribute, owner: Value, values: Values) -> None:
        raise NotImplementedError

    def call_function(
        self, function: Function, receiver: Value | None, args: Arguments, node: ir.Call | None
    ) -> Values:
        """The values that calling a project function gives (coroutines and generators not yet unwrapped)."""
        raise NotImplementedError

    def construct(self, cls: Class, args: Arguments, node: ir.Call | None) -> Values:
        """The object that calling a project class gives."""
        raise NotImplementedError

    def created(self, kind: str, value: Value, name: str, args: Arguments, node: ir.Call | None) -> Value:
        """Called when a session, factory or engine is made; gives the value to go on with."""
        return value

    def called_external(self, name: str, args: Arguments, node: ir.Call | None, kept: Values = NOTHING) -> None:
        """Called before something outside the project is called, by its qualified name; ``kept`` are its object's sessions."""

    def called_method(self, subject: Value, name: str, args: Arguments, node: ir.Call | None) -> None:
        """Called before a method of a session, engine, handle … is called."""

    def local_names(self) -> dict[str, Values]:
        """What ``locals()`` gives."""
        raise NotImplementedError

    def shared_value(self, name: str) -> Values:
        """What is kept under a name that any code may set (``request.state``, a ContextVar)."""
        return self.read(self.world.shared_cell(name))

    # Names

    def load_from(self, scope: Scope, name: str) -> Values:
        if isinstance(scope, Class):
            if name in scope.attrs:
                found = self.read(scope.attrs[name])
                if found:
                    return found
            scope = scope.parent
        while not isinstance(scope, Module):
            if isinstance(scope, Function) and (name in scope.cells or name in scope.links):
                return self.load_bound(scope, name)
            scope = scope.parent
        if name in scope.cells or name in scope.links:
            return self.load_bound(scope, name)
        starred = self._load_starred(scope, name)
        if starred is not None:
            return starred
        return symbol_value(f"builtins.{name}")

    def load_bound(self, scope: Module | Function, name: str) -> Values:
        """The values of a name that the scope itself binds."""
        values = self.read(scope.cells[name]) if name in scope.cells else NOTHING
        for link in scope.links.get(name, ()):
            values |= self.follow(link, scope.module)
        return values

    def _load_starred(self, module: Module, name: str) -> Values | None:
        if name.startswith("_"):
            return None
        for star in module.stars:
            target = self.world.index.resolve(star, module)
            if target is None:
                continue
            other = self.world.index.by_name.get(target)
            if other is not None and other is not module:
                exported = self.module_attribute(target, name)
                if exported is not None:
                    return exported
        for star in module.stars:
            if self.world.index.resolve(star, module) is None:
                qualified = f"{star.lstrip('/')}.{name}"
                if name[0].isupper() or vocabulary.engine_maker(qualified) is not None:
                    return symbol_value(qualified)
        return None

    def follow(self, link: Link, importer: Module) -> Values:
        """What an import binds."""
        target = self.world.index.resolve(link.module, importer)
        if target is None:
            base = link.module.lstrip("/")
            return self.symbol(f"{base}.{link.name}" if link.name else base)
        if link.name is None:
            return frozenset({ModuleValue(target)})
        return self.module_attribute(target, link.name) or NOTHING

    def symbol(self, name: str) -> Values:
        """What a qualified name outside the project stands for."""
        models = self.world.models
        if name in models.registries:
            return frozenset({Factory(models.registries[name], None, is_registry=True)})
        if name in models.dependencies:
            injected = frozenset[Value]({Dependency(frozenset({External(name)}))})
            return frozenset({TypeForm("Annotated", (symbol_value(name), injected))})
        return symbol_value(name)

    def module_attribute(self, module_name: str, name: str) -> Values | None:
        """The values of ``module.name``: a variable, an imported name, a submodule; None when there is no such name."""
        module = self.world.index.by_name.get(module_name)
        if module is not None and (name in module.cells or name in module.links):
            key = (module_name, name)
            if key not in self._loading:
                self._loading.add(key)
                try:
                    found = self.load_bound(module, name)
                finally:
                    self._loading.discard(key)
                return found
        # A package that imports its own submodule (``from . import runs``) comes here the second time round.
        child = f"{module_name}.{name}" if module_name else name
        if child in self.world.index.by_name or child in self.world.index.packages:
            return frozenset({ModuleValue(child)})
        if module is not None:
            key = (module_name, name)
            if key not in self._loading:
                self._loading.add(key)
                try:
                    return self._load_starred(module, name)
                finally:
                    self._loading.discard(key)
        return None
