"""Service transactions: the functions that are lent a session, and what they do to it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from session_lint.checks.descent import unreached
from session_lint.checks.evidence import Evidence, Scope
from session_lint.checks.facts import Facts
from session_lint.checks.wording import counted, defined, lines, listed
from session_lint.program import vocabulary
from session_lint.program.symbols import Function
from session_lint.record import Record
from session_lint.rules.creation import EXEMPT_ROLES

if TYPE_CHECKING:
    from session_lint.program import Program
    from session_lint.program.symbols import Unit

_VERBS = {"begin": "begins", "commit": "commits", "rollback": "rolls back", "close": "closes"}
_ACTS = _VERBS.keys() | vocabulary.CLOSE_METHODS


class Borrower(Record, frozen=True):
    """A function that is lent a session.

    Args:
        acts: what it does itself to the transaction: verb and row.
        by_name: that it is a session is known by the parameter's name alone.
        lenders: the calls that lend it one: function and row.
    """

    unit: Function
    row: int
    acts: tuple[tuple[str, int], ...]
    by_name: bool
    lenders: tuple[tuple[Unit, int], ...]


def _collect(program: Program) -> Iterator[Borrower]:
    for function, contexts in program.analysis.by_function.items():
        if program.role(function) in EXEMPT_ROLES or program.entry_or_outer(function) is not None:
            continue
        if program.is_provider(function) or program.is_wrapper(function):
            continue
        lent = [
            (context, number, token)
            for context in contexts
            for number, token in enumerate(context.tokens)
            if not context.is_test and token.how in ("param", "attr") and not program.owned_by_object(token)
        ]
        if not lent:
            continue
        acts = {
            (_verb(event.kind), event.node.span.row)
            for context, number, _ in lent
            for event in context.events.values()
            if event.token == number and _verb(event.kind)
        }
        if not any(token.how in ("created", "object") for context in contexts for token in context.tokens):
            acts |= {(_verb(kind), row) for kind, row in unreached(function, contexts, _ACTS)}
        by_name = all(token.evidence == "name" for _, _, token in lent)
        lenders = {
            (edge.caller.unit, edge.node.span.row)
            for context, number, _ in lent
            for edge in context.callers
            if edge.node is not None and number in edge.tokens and not edge.caller.is_test
        }
        yield Borrower(
            function,
            function.name_span.row,
            tuple(sorted(acts, key=lambda act: act[1])),
            by_name,
            tuple(sorted(lenders, key=lambda place: (place[0].module.path, place[1], place[0].qualname))),
        )


BORROWERS = Facts(_collect)


def _verb(kind: str) -> str:
    return _VERBS["close"] if kind in vocabulary.CLOSE_METHODS else _VERBS.get(kind, "")


def evidence(scope: Scope) -> Evidence:
    """The files' borrowers: those that leave the transaction alone, and what the others do."""
    borrowers = BORROWERS.within(scope)
    quiet = [b for b in borrowers if not b.acts]
    statements = []
    if quiet:
        number = counted(len(quiet), "function is lent a session and", "functions are lent a session and")
        verbs = "begins, commits, rolls back nor closes" if len(quiet) == 1 else "begin, commit, roll back nor close"
        places = listed([f"{defined(scope, b.unit)}{' by its name alone' if b.by_name else ''}" for b in quiet])
        statements.append(f"{number} neither {verbs} it: {places}")
    if active := [b for b in borrowers if any(_is_news(scope, b, row) for _, row in b.acts)]:
        statements.append(f"on a session that is lent, {listed([_acting(scope, b) for b in active])}")
    return Evidence(len(borrowers), tuple(statements), applicable=bool(borrowers))


def _is_news(scope: Scope, borrower: Borrower, row: int) -> bool:
    return (borrower.unit.module.path, row) not in scope.reported


def _acting(scope: Scope, borrower: Borrower) -> str:
    return f"{defined(scope, borrower.unit)} {acts_of(borrower)}"


def acts_of(borrower: Borrower) -> str:
    """``begins at line 3 and commits at lines 5, 9``."""
    verbs = dict.fromkeys(verb for verb, _ in borrower.acts)
    return " and ".join(f"{verb} at {lines(row for v, row in borrower.acts if v == verb)}" for verb in verbs)
