"""The stages that need the whole program: linking, rules, and what reports say beside the findings."""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import msgspec

from session_lint.analysis import Analysis, Remarks, card
from session_lint.checks.counting import count
from session_lint.facts import read_facts
from session_lint.faults import Noted
from session_lint.findings import Finding
from session_lint.inference import other_policy
from session_lint.loading import Loaded, Progress
from session_lint.models import load_models
from session_lint.program import Program, link
from session_lint.program.symbols import Module
from session_lint.rules.registry import Rule
from session_lint.rules.sl905_stale_setting import defined_providers
from session_lint.settings import Settings
from session_lint.suppressions import suppressions_of

_RECURSION_LIMIT = 3_000


@contextmanager
def room_for_linking() -> Iterator[None]:
    """Let calls be followed deeper than Python's default, and leave garbage alone meanwhile.

    Loading and linking make many small values and little garbage: collecting while they grow costs a fifth of their time.
    """
    limit, collecting = sys.getrecursionlimit(), gc.isenabled()
    sys.setrecursionlimit(max(limit, _RECURSION_LIMIT))
    gc.disable()
    try:
        yield
    finally:
        sys.setrecursionlimit(limit)
        if collecting:
            gc.enable()


def link_files(loaded: Loaded, settings: Settings, root: Path) -> Program:
    """Link the files of a project.

    Raises:
        UserError: a model in the settings is not valid.
    """
    with room_for_linking():
        return link(loaded.files, settings, read_facts(root), load_models(root, settings.models))


def _with_digest(program: Program, modules: Mapping[str, Module], finding: Finding) -> Finding:
    """The finding with the digest of its statement, where its rule left that out."""
    if finding.digest or finding.filename not in modules:
        return finding
    return msgspec.structs.replace(finding, digest=program.digest(modules[finding.filename], finding.span))


def judge(
    program: Program,
    loaded: Loaded,
    rules: Sequence[Rule],
    known: Sequence[Rule],
    lap: Callable[[str], None],
    progress: Progress | None = None,
) -> Analysis:
    """Run rules.

    Args:
        program: what they judge.
        loaded: the files that it was linked from.
        rules: those to run.
        known: all rules there are.
        lap: told when the rules have run.
        progress: told how many have.
    """
    found: list[Finding] = list(loaded.findings)
    faults = [*loaded.faults, *program.flow.world.faults]
    counts = policy = None
    defined: frozenset[str] = frozenset()
    modules = {module.path: module for module in program.modules}
    for number, rule in enumerate(rules):
        if progress is not None:
            progress("Rules", number, len(rules))
        with Noted(faults, rule.code):
            found.extend(_with_digest(program, modules, finding) for finding in rule(program))
    with Noted(faults, "the counts of the summary"):
        counts = count(program)
    with Noted(faults, "the policy of the code"):
        policy = other_policy(program)
    with Noted(faults, "SL905"):
        defined = defined_providers(program)
    lap("rules")
    remarks = tuple(
        Remarks(file.path, file.module.comments, suppressions_of(file.module))
        for file in loaded.files
        if file.module.comments
    )
    facts = program.flow.facts
    size = {
        "functions": sum(len(module.functions) for module in program.modules),
        "edges": sum(len(callers) for callers in facts.callers.values()),
        "statements": facts.steps,
        "evaluations": facts.evaluations,
        "contexts": len(program.analysis.contexts),
    }
    return Analysis(
        tuple(found),
        remarks,
        counts,
        policy,
        defined,
        tuple(card(rule) for rule in known),
        size,
        tuple(faults),
    )
