"""What is known of a tree of files once all rules have run, before settings and comments choose among the findings.

All of it can be kept for the next run: reports of an unchanged tree are made from this alone.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from session_lint import ir
from session_lint.faults import Fault
from session_lint.findings import Counts, Finding, Severity
from session_lint.rules.registry import Rule
from session_lint.suppressions import Suppression

OwnerKind = Literal["router", "provider", "service", "own", "object"]
"""What ends a transaction: an entry point, a provider, a borrower, the function that opened the session, a unit of work."""


class Remarks(msgspec.Struct, frozen=True):
    """The comments of one file that may suppress findings, and what they suppress."""

    path: str
    comments: tuple[ir.Comment, ...]
    suppressions: tuple[Suppression, ...]


class OtherPolicy(msgspec.Struct, frozen=True):
    """Who ends most transactions where the settings say another, and how many of how many."""

    owner: OwnerKind
    ended: int
    total: int


class Card(msgspec.Struct, frozen=True):
    """What selection needs to know of a rule."""

    code: str
    name: str
    severity: Severity
    check: str | None
    default: bool
    preview: bool
    always: bool


class Analysis(msgspec.Struct, frozen=True):
    """What is known of a tree.

    Args:
        findings: of all rules that ran.
        remarks: of every file that has any.
        counts: what was looked at; None where counting failed.
        other_policy: the policy that the code plainly follows, where it is not the settings'.
        defined: the functions and classes that the settings name and that the project has.
        cards: of all rules there are.
        size: the size of the program.
        faults: errors of ours, each of which cost findings.
    """

    findings: tuple[Finding, ...]
    remarks: tuple[Remarks, ...]
    counts: Counts | None
    other_policy: OtherPolicy | None
    defined: frozenset[str]
    cards: tuple[Card, ...]
    size: dict[str, int]
    faults: tuple[Fault, ...] = ()


def card(rule: Rule) -> Card:
    """What selection needs to know of a rule."""
    return Card(rule.code, rule.name, rule.severity, rule.check, rule.default, rule.preview, rule.always)


def rule_of(known: Card) -> Rule:
    """A rule to select by, without documentation, that finds nothing."""
    return Rule(
        known.code, known.name, known.severity, known.check, "", None, known.default, known.preview, known.always
    )
