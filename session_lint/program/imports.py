"""Which modules of the project import which."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from session_lint.program.building import ModuleIndex
from session_lint.program.symbols import Link, Module


def imported(module: Module, index: ModuleIndex) -> Iterator[Module]:
    """The modules of the project that a module's import statements name."""
    bound = [*module.links.values(), *(found for function in module.functions for found in function.links.values())]
    links = [link for found in bound for link in found]
    for link in (*links, *(Link(star, None) for star in module.stars)):
        target = index.resolve(link.module, module)
        if target is None:
            continue
        for name in (target, f"{target}.{link.name}"):
            if name in index.by_name:
                yield index.by_name[name]


def imported_first(modules: Sequence[Module], index: ModuleIndex) -> list[Module]:
    """The modules, each after those that it imports, but for circles."""
    found: dict[Module, None] = {}
    seen: set[Module] = set()
    for start in modules:
        if start in seen:
            continue
        seen.add(start)
        path = [(start, imported(start, index))]
        while path:
            module, rest = path[-1]
            other = next((one for one in rest if one not in seen), None)
            if other is None:
                found[module] = None
                path.pop()
            else:
                seen.add(other)
                path.append((other, imported(other, index)))
    return [*found]
