"""Finds out, once a program is linked, where its code is quiet."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

import msgspec

from session_lint.edits.quiet import Quiet, QuietFile, is_harmless
from session_lint.program import Program, vocabulary
from session_lint.program.symbols import Cell, Class, Function, Module
from session_lint.program.values import (
    NOTHING,
    ClassValue,
    Const,
    Container,
    DictValue,
    External,
    FunctionValue,
    ModuleValue,
    Symbol,
    Value,
    Values,
)
from session_lint.program.world import Binding, members


def survey(program: Program) -> Quiet:
    """Where the code of a program is quiet."""
    return _Survey(program).whole()


class _Survey:
    def __init__(self, program: Program) -> None:
        self._program = program
        self._flow = program.flow
        self._known: dict[Values, bool] = {}

    def whole(self) -> Quiet:
        world = self._flow.world
        starred = {
            target
            for module in world.modules
            for star in module.stars
            if (target := world.index.resolve(star, module)) is not None
        }
        asked: dict[str, set[str]] = {}
        for module_name, name in world.exports:
            asked.setdefault(module_name, set()).add(name)
        settings = self._program.settings
        files: dict[str, msgspec.Raw] = {}
        if not settings.models:  # which may say something of any package
            for module in world.modules:
                file = self._file(module, asked.get(module.name, ()), module.name in starred)
                files[module.path] = msgspec.Raw(msgspec.msgpack.encode(file))
            idle = msgspec.Raw(msgspec.msgpack.encode(QuietFile(is_idle=True)))
            files |= dict.fromkeys((module.path for module in self._program.idle), idle)
        names = {*settings.session_names, *(name.rpartition(".")[2] for name in settings.providers)}
        return Quiet(frozenset(self._attributes()), frozenset(names), files)

    def _attributes(self) -> Iterable[str]:
        yield from self._flow.facts.placed
        for module in self._flow.world.modules:
            yield from (function.name for function in module.functions if function.is_property)
            for cls in module.classes:
                yield from (name for name, cell in cls.attrs.items() if _is_special(cell))

    def _file(self, module: Module, asked: Iterable[str], is_starred: bool) -> QuietFile:
        names = Counter(function.qualname for function in module.functions)
        quiet = {
            function.qualname: tuple(name for name, cell in function.cells.items() if self._is_plain(cell.values))
            for function in module.functions
            if names[function.qualname] == 1 and self._is_quiet(function)
        }
        plain, unreadable, through, bare = [], [], [], []
        bindings = _bindings(module)
        for name in {**module.cells, **module.links}:
            binding = bindings.get(name)
            if binding is None and name in module.links:
                unreadable.append(name)
                continue
            cells = binding.cells if binding is not None else (module.cells[name],)
            values = members([binding.fixed if binding is not None else NOTHING, *(cell.values for cell in cells)])
            if binding is not None and binding.path:
                through.append(name)
            if self._is_plain(values):
                plain.append(name)
            elif not all(isinstance(value, (ClassValue, FunctionValue)) or _is_plain(value) for value in values):
                unreadable.append(name)
            elif all(isinstance(value, ClassValue) and self._is_bare(value.cls) for value in values):
                bare.append(name)
        return QuietFile(
            quiet,
            tuple(plain),
            tuple(unreadable),
            tuple(through),
            tuple(bare),
            tuple(sorted(asked)),
            is_starred,
            bool(module.stars),
            module.is_apart,
        )

    def _is_quiet(self, function: Function) -> bool:
        analysis, facts = self._program.analysis, self._flow.facts
        return not (
            function.name in ("<lambda>", "__init__", "__call__", "__enter__", "__exit__", "__aenter__", "__aexit__")
            or isinstance(function.parent, Function)
            or function.outer_names
            or function.is_generator
            or (not function.module.is_apart and (function in analysis.reaching or function in facts.touching))
            or function in analysis.by_function
            or function in analysis.failed
            or function in analysis.wrapped
            or function in analysis.wrappers
            or function in analysis.decorated
            or function in self._program.entries
            or function in facts.injected
            or function in facts.contained
            or any(_is_special(cell) for cell in function.cells.values())
        )

    def _is_bare(self, cls: Class) -> bool:
        """Whether making an object of a class does nothing that is known of."""
        return (
            self._flow.session_kind_of(cls) is None
            and cls.method("__init__") is None
            and cls.method("__new__") is None
            and not any(
                type(statement).__name__ == "AnnAssign" for base in cls.lineage() for statement in base.node.body
            )
        )

    def _is_plain(self, values: Values) -> bool:
        known = self._known.get(values)
        if known is None:
            known = self._known[values] = all(_is_plain(value) for value in values)
        return known


def _bindings(module: Module) -> dict[str, Binding]:
    """What the top-level names of a module mean that are used in it; asking for others now would make them used."""
    found = dict(module.bindings)
    for function in module.functions:
        if not isinstance(function.parent, Function):
            own = function.cells.keys() | function.links.keys()
            found |= {name: binding for name, binding in function.bindings.items() if name not in own}
    return {name: one if isinstance(one, Binding) else Binding(cells=(one,)) for name, one in found.items()}


def _is_plain(value: Value) -> bool:
    match value:
        case Const():
            return True
        case Symbol(name=name):
            return is_harmless(name)
        case External(name=name, kept=kept):
            return not kept and is_harmless(name)
        case Container(items=items):
            return all(_is_plain(inner) for values in items for inner in values)
        case DictValue(items=pairs):
            return all(_is_plain(inner) for _, values in pairs for inner in values)
        case _:
            return False


def _is_special(cell: Cell) -> bool:
    """Whether reading an attribute of what a cell holds may do something: of a module, or what any code may set."""
    return any(
        isinstance(value, ModuleValue)
        or (
            isinstance(value, External)
            and (value.name in vocabulary.STATE_HOLDERS or value.name.endswith(".dependency_overrides"))
        )
        for value in cell.values
    )
