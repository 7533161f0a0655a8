"""Which modules are apart: the tests, which see the application, while it does not see them.

What tests do says nothing of the application: they pass it fakes and mocks, keep sessions of their own in its objects, subclass
its classes, call what nobody else calls. So nothing flows from them into it. And those that do not speak of sessions can be
left out: there is nothing to be found in them, nor does anything elsewhere depend on them. So can be all of a project that uses
no database.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence

from session_lint.program.building import ModuleIndex, is_test_path
from session_lint.program.imports import imported
from session_lint.program.symbols import Module
from session_lint.settings import Settings


def test_paths(settings: Settings) -> Callable[[str], bool]:
    """Tells by a path, and the roles in the settings, whether a file holds tests."""
    named = {role: globs for role, globs in settings.roles.items() if globs}
    if not named:
        return is_test_path
    from pathspec import GitIgnoreSpec

    specs = {role: GitIgnoreSpec.from_lines(globs) for role, globs in named.items()}

    def is_test(path: str) -> bool:
        roles = [role for role, spec in specs.items() if spec.match_file(path)]
        return roles[-1] == "test" if roles else is_test_path(path)

    return is_test


def set_apart(modules: Collection[Module], index: ModuleIndex, is_test: Callable[[str], bool]) -> None:
    """Mark the tests that nothing else imports, be it through other tests."""
    seen = _with_imported([module for module in modules if not is_test(module.path)], index)
    for module in modules:
        module.is_apart = module not in seen


def idle(modules: Collection[Module], index: ModuleIndex, settings: Settings) -> frozenset[Module]:
    """The modules in which nothing can be found.

    They are all of them where none uses a database, as far as words tell, and the settings speak of no sessions that go by
    other names. Else they are those that are apart, where neither they nor what imports them speak of sessions; but a
    ``conftest`` hands what it makes to others that do not import it, and what the settings name has to be there.
    """
    if settings.models:  # which may give a meaning to any word
        return frozenset()
    is_told = settings.providers or settings.session_names != Settings().session_names
    if not (is_told or any(module.tree.uses_database for module in modules)):
        return frozenset(modules)
    apart = [module for module in modules if module.is_apart]
    named = {name.rpartition(".")[0] for name in settings.providers}
    busy = [m for m in apart if m.tree.speaks or m.path.endswith("conftest.py") or _is_in(m.name, named)]
    return frozenset(apart) - _with_imported(busy, index)


def _is_in(name: str, scopes: Collection[str]) -> bool:
    """Whether one of some scopes is a module or in it."""
    return any(scope == name or scope.startswith(name + ".") for scope in scopes)


def _with_imported(modules: Sequence[Module], index: ModuleIndex) -> set[Module]:
    """Modules, and all that they import."""
    waiting, seen = [*modules], {*modules}
    while waiting:
        for other in imported(waiting.pop(), index):
            if other not in seen:
                seen.add(other)
                waiting.append(other)
    return seen
