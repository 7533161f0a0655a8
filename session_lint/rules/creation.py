"""What SL101 to SL103 share: things made outside session modules."""

from __future__ import annotations

from collections.abc import Container, Iterator

from session_lint import ir
from session_lint.findings import Finding
from session_lint.program import Program
from session_lint.program.entrypoints import main_calls
from session_lint.program.flow_facts import Creation
from session_lint.rules.registry import Rule
from session_lint.traversal import subexpressions

EXEMPT_ROLES = frozenset({"test", "migration", "script"})


def misplaced(
    program: Program, rule: Rule, kind: str, what: str, but: Container[int] = frozenset()
) -> Iterator[Finding]:
    """The things of a kind that are made outside session modules, and not in tests, migrations or scripts.

    ``but`` are the places, by the identity of the call, that a more specific rule reports.
    """
    inner = _arguments_of_others(program, kind)
    for creation in program.creations(kind):
        module = creation.unit.module
        if (
            id(creation.node) in but
            or id(creation.node) in inner
            or program.role(creation.unit) in EXEMPT_ROLES
            or _is_run_by_hand(program, creation)
            or not _is_misplaced(program, creation)
        ):
            continue
        name = creation.name.rsplit(".", 1)[-1]
        yield rule.finding(
            module.path,
            creation.node.span,
            f"{creation.unit.qualname} makes {what} with {name}() outside a session module; {_remedy(program, kind)}",
            symbol=creation.unit.qualname,
            digest=program.digest(module, creation.node.span),
        )


def _arguments_of_others(program: Program, kind: str) -> set[int]:
    """What is made for another of its kind alone: ``scoped_session(sessionmaker(...))`` is one thing."""
    return {
        id(part)
        for creation in program.creations(kind)
        for argument in creation.node.args
        for part in subexpressions(argument.value)
        if isinstance(part, ir.Call)
    }


def _is_run_by_hand(program: Program, creation: Creation) -> bool:
    """Whether it is made under ``if __name__ == "__main__"``, or in the function that is called there alone."""
    entry = program.entry_or_outer(creation.unit)
    if entry is None:
        return any(call is creation.node for call in main_calls(creation.unit.module))
    return entry.kind == "main"


def _is_misplaced(program: Program, creation: Creation) -> bool:
    if not program.is_session_module(creation.unit.module):
        return True
    entry = program.entry_or_outer(creation.unit)
    return entry is not None and entry.kind not in {"lifespan", "event", "main", "command"}


def _remedy(program: Program, kind: str) -> str:
    homes = sorted(m.path for m in program.modules if program.is_session_module(m) and program.role(m) != "test")
    where = f"the session module ({homes[0]})" if len(homes) == 1 else "a session module"
    if kind == "session":
        return f"get it from a provider of {where}"
    return f"make it once in {where}, and import it"
