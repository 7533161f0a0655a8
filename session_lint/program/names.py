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
from session_lint.program.world import Arguments, Binding, World


class Names:
    """Looks names up for one unit at a time; ``scope`` is where they are looked up from.

    Below stands what the two analyses that evaluate expressions do differently: where variables live, and what a call does.
    """

    def __init__(self, world: World) -> None:
        self.world = world
        self.unit: Unit = world.modules[0] if world.modules else Module("", "", ir.Module((), ()), False)
        self.scope: Scope = self.unit
        self.temporaries: list[dict[str, Values]] = []

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
        while isinstance(scope, Class):
            scope = scope.parent
        known = scope.bindings.get(name)
        if known is None:
            known = scope.bindings[name] = self._visible(scope, name)
        return self._in(known)

    def _visible(self, scope: Scope, name: str) -> Binding | Cell:
        """What a name means in a scope that is no class, or in those around it; which depends on no values."""
        while not isinstance(scope, Module):
            if isinstance(scope, Function) and (name in scope.cells or name in scope.links):
                break
            scope = scope.parent
        if name in scope.cells and name not in scope.links:
            return scope.cells[name]
        if name in scope.cells or name in scope.links:
            binding = self._bound_in(scope, name, set())
            self.leads_through(scope.module, binding)
            return binding
        starred = self._starred(scope.module, name, set())
        return Binding(symbol_value(f"builtins.{name}")) if starred is None else starred

    def module_attribute(self, module_name: str, name: str) -> Values | None:
        """The values of ``module.name``: a variable, an imported name, a submodule; None when there is no such name."""
        key = (module_name, name)
        exports = self.world.exports
        known = exports[key] if key in exports else exports.setdefault(key, self._exported(module_name, name, set()))
        if known is None:
            return None
        self.leads_through(self.unit.module, known)
        return self._in(known)

    def leads_through(self, user: Module, binding: Binding) -> None:
        """Called when a name that a module uses is found to lead through others."""

    def _in(self, binding: Binding | Cell) -> Values:
        if isinstance(binding, Cell):
            return self.read(binding)
        values = binding.fixed
        for cell in binding.cells:
            inner = self.read(cell)
            values = values | inner if values else inner
        return values

    # What imports lead to, which depends on no values

    def _bound_in(self, scope: Module | Function, name: str, passed: set[tuple[str, str]]) -> Binding:
        parts = [Binding(cells=(scope.cells[name],))] if name in scope.cells else []
        for link in scope.links.get(name, ()):
            part = self._followed(link, scope.module, passed)
            if part is not None:
                parts.append(part)
        if len(parts) == 1:
            return parts[0]
        return Binding(
            NOTHING.union(*(part.fixed for part in parts)),
            tuple([cell for part in parts for cell in part.cells]),
            tuple([step for part in parts for step in part.path]),
        )

    def _followed(self, link: Link, importer: Module, passed: set[tuple[str, str]]) -> Binding | None:
        """What an import binds."""
        target = self.world.index.resolve(link.module, importer)
        if target is None:
            base = link.module.lstrip("/")
            return Binding(self.symbol(f"{base}.{link.name}" if link.name else base))
        if link.name is None:
            return Binding(frozenset({ModuleValue(target)}))
        return self._exported(target, link.name, passed)

    def _exported(self, module_name: str, name: str, passed: set[tuple[str, str]]) -> Binding | None:
        module = self.world.index.by_name.get(module_name)
        key = (module_name, name)
        found: Binding | None = None
        is_new = key not in passed
        passed.add(key)
        try:
            if module is not None and is_new and (name in module.cells or name in module.links):
                found = self._bound_in(module, name, passed)
            else:
                # A package that imports its own submodule (``from . import runs``) comes here the second time round.
                child = f"{module_name}.{name}" if module_name else name
                if child in self.world.index.by_name or child in self.world.index.packages:
                    found = Binding(frozenset({ModuleValue(child)}))
                elif module is not None and is_new:
                    found = self._starred(module, name, passed)
        finally:
            if is_new:
                passed.discard(key)
        return None if found is None else Binding(found.fixed, found.cells, (key, *found.path))

    def _starred(self, module: Module, name: str, passed: set[tuple[str, str]]) -> Binding | None:
        if name.startswith("_"):
            return None
        for star in module.stars:
            target = self.world.index.resolve(star, module)
            if target is None:
                continue
            other = self.world.index.by_name.get(target)
            if other is not None and other is not module:
                exported = self._exported(target, name, passed)
                if exported is not None:
                    return exported
        for star in module.stars:
            if self.world.index.resolve(star, module) is None:
                qualified = f"{star.lstrip('/')}.{name}"
                if name[0].isupper() or vocabulary.engine_maker(qualified) is not None:
                    return Binding(symbol_value(qualified))
        return None

    def symbol(self, name: str) -> Values:
        """What a qualified name outside the project stands for."""
        models = self.world.models
        if name in models.registries:
            return frozenset({Factory(models.registries[name], None, is_registry=True)})
        if name in models.dependencies:
            injected = frozenset[Value]({Dependency(frozenset({External(name)}))})
            return frozenset({TypeForm("Annotated", (symbol_value(name), injected))})
        return symbol_value(name)
