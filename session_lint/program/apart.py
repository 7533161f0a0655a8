"""Which modules are apart: the tests, which see the application, while it does not see them.

What tests do says nothing of the application: they pass it fakes and mocks, keep sessions of their own in its objects, subclass
its classes, call what nobody else calls. So nothing flows from them into it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection

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
    waiting = [module for module in modules if not is_test(module.path)]
    seen = {*waiting}
    while waiting:
        for other in imported(waiting.pop(), index):
            if other not in seen:
                seen.add(other)
                waiting.append(other)
    for module in modules:
        module.is_apart = module not in seen
