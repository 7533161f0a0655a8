"""What a rule is, which rules there are, and which of them a run selects."""

from __future__ import annotations

import importlib
import inspect
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cache
from typing import TYPE_CHECKING, Literal

import msgspec

from session_lint.errors import UserError
from session_lint.findings import ChainLink, Confidence, Finding, Fix, Severity

if TYPE_CHECKING:
    from session_lint.ir import Span
    from session_lint.program import Program

    RuleFunction = Callable[[Program], Iterable[Finding]]

FixKind = Literal["safe", "unsafe"]

_RULE_MODULE = r"sl\d{3}_\w+$"
_SELECTOR = r"ALL|SL\d{0,3}"
_registered: dict[str, Rule] = {}


class Rule(msgspec.Struct, frozen=True):
    """One rule.

    Args:
        code: ``SL302``.
        name: ``service-commits``.
        severity: of its findings, where it says nothing else.
        check: id of the row of the compliance table it belongs to; None for rules on the lint itself.
        docs: its documentation, Markdown: a line that says what it reports, then sections.
        function: yields its findings; None for a rule whose findings an earlier stage makes.
        default: selected where the user selects nothing.
        preview: runs only with ``--preview``, or where its own code or name is selected.
        always: cannot be switched off.
        fix: how safe the fixes are that some of its findings have; None where none has one.
    """

    code: str
    name: str
    severity: Severity
    check: str | None
    docs: str
    function: RuleFunction | None
    default: bool
    preview: bool
    always: bool = False
    fix: FixKind | None = None

    def __call__(self, program: Program) -> Iterator[Finding]:
        """The rule's findings in a program."""
        if self.function is not None:
            yield from self.function(program)

    @property
    def summary(self) -> str:
        """The first line of its documentation, without code and name."""
        return self.docs.partition("\n")[0].partition(" · ")[2] or self.docs.partition("\n")[0]

    def finding(
        self,
        filename: str,
        span: Span,
        message: str,
        *,
        symbol: str,
        confidence: Confidence = Confidence.HIGH,
        chain: tuple[ChainLink, ...] = (),
        severity: Severity | None = None,
        fix: Fix | None = None,
        digest: str = "",
    ) -> Finding:
        """A finding of this rule; ``severity`` where it differs from the rule's own."""
        return Finding(
            code=self.code,
            name=self.name,
            message=message,
            filename=filename,
            span=span,
            severity=severity or self.severity,
            confidence=confidence,
            symbol=symbol,
            chain=chain,
            fix=fix,
            digest=digest,
        )


def rule(
    code: str,
    name: str,
    *,
    severity: Severity,
    check: str | None,
    default: bool = True,
    preview: bool = False,
    fix: FixKind | None = None,
) -> Callable[[RuleFunction], Rule]:
    """Register the decorated function as a rule; the docstring of its module is the rule's documentation."""

    def register(function: RuleFunction) -> Rule:
        docs = inspect.cleandoc(importlib.import_module(function.__module__).__doc__ or "")
        return _register(Rule(code, name, severity, check, docs, function, default, preview, fix=fix))

    return register


def stage_rule(
    code: str,
    name: str,
    *,
    severity: Severity,
    docs: str,
    default: bool = True,
    always: bool = False,
    fix: FixKind | None = None,
) -> Rule:
    """Register a rule on the lint itself, whose findings a stage before or after the rules makes."""
    return _register(
        Rule(code, name, severity, None, inspect.cleandoc(docs), None, default, preview=False, always=always, fix=fix)
    )


def _register(made: Rule) -> Rule:
    taken = _registered.setdefault(made.code, made)
    if taken.name != made.name:
        raise ValueError(f"{made.code} is both {taken.name} and {made.name}")
    _registered[made.code] = made
    return made


@cache
def load_rules() -> tuple[Rule, ...]:
    """Every rule there is, by code."""
    import pkgutil  # a warm run needs no rule's module

    package = importlib.import_module("session_lint.rules")
    for module in pkgutil.iter_modules(package.__path__):
        if re.match(_RULE_MODULE, module.name):
            importlib.import_module(f"{package.__name__}.{module.name}")
    return tuple(_registered[code] for code in sorted(_registered))


class Selection(msgspec.Struct, frozen=True):
    """One layer of choices: settings file or command line. Items are codes, prefixes of codes, names, or ``ALL``."""

    source: str
    select: Sequence[str] | None = None
    ignore: Sequence[str] = ()
    extend_select: Sequence[str] = ()


def select_rules(rules: Sequence[Rule], layers: Sequence[Selection], *, preview: bool = False) -> tuple[Rule, ...]:
    """Choose the rules to run.

    A later layer wins over an earlier one, and in one layer the more specific item over the less specific. Preview rules
    run where ``preview`` is on or an item is their own code or name.

    Raises:
        UserError: an item matches no rule.
    """
    chosen = {rule.code for rule in rules if rule.default}
    settled = {rule.code for rule in rules if preview or not rule.preview}
    for layer in layers:
        for item in (*(layer.select or ()), *layer.ignore, *layer.extend_select):
            require_match(rules, item, layer.source)
        wanted = (*(layer.select or ()), *layer.extend_select)
        for rule in rules:
            wants, refuses = _specificity(rule, wanted), _specificity(rule, layer.ignore)
            on = wants >= 0 or (layer.select is None and rule.code in chosen)
            if wants >= len(rule.code):
                settled.add(rule.code)
            if on and (refuses < 0 or wants > refuses):
                chosen.add(rule.code)
            else:
                chosen.discard(rule.code)
    return tuple(rule for rule in rules if rule.always or rule.code in chosen & settled)


def _specificity(rule: Rule, items: Iterable[str]) -> int:
    lengths = (len(rule.code) if item == rule.name else len(_prefix(item)) for item in items if matches(rule, item))
    return max(lengths, default=-1)


def _prefix(item: str) -> str:
    return "" if item.upper() == "ALL" else item.upper()


def matches(rule: Rule, item: str) -> bool:
    """Whether a code, a prefix of one, a name or ``ALL`` means this rule."""
    return item == rule.name or (bool(re.fullmatch(_SELECTOR, item.upper())) and rule.code.startswith(_prefix(item)))


def require_match(rules: Sequence[Rule], item: str, source: str) -> None:
    """Refuse an item that means no rule.

    Raises:
        UserError: naming the item, where it stands, and the closest valid one.
    """
    if any(matches(rule, item) for rule in rules):
        return
    import difflib  # for the wrong item alone

    known = [name for rule in rules for name in (rule.code, rule.name)]
    close = difflib.get_close_matches(item, known, n=9) or difflib.get_close_matches(item.upper(), known, n=9)
    # Of codes that differ in one digit, the one of the same group is meant.
    close.sort(key=lambda name: name[:3] != item[:3].upper())
    hint = f"did you mean `{close[0]}`?" if close else "`session-lint rule --all` lists the rules."
    raise UserError(f"{source}: `{item}` means no rule; {hint}")


def severities(rules: Sequence[Rule], overrides: Mapping[str, Severity], source: str) -> dict[str, Severity]:
    """Severities by code that the settings ask for; the more specific item wins.

    Raises:
        UserError: an item matches no rule.
    """
    for item in overrides:
        require_match(rules, item, source)
    by_code = {}
    for rule in rules:
        items = [item for item in overrides if matches(rule, item)]
        if items:
            by_code[rule.code] = overrides[max(items, key=lambda item: _specificity(rule, [item]))]
    return by_code
