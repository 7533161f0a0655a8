"""What the providers of sessions did to them: some begin, or commit, only where the call asks for it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from session_lint.checks.wording import defined, lines
from session_lint.program import states
from session_lint.program.contexts import origins

if TYPE_CHECKING:
    from session_lint.checks.evidence import Scope
    from session_lint.program import Program
    from session_lint.program.contexts import Context
    from session_lint.program.symbols import Function


def givers(program: Program, sessions: Iterable[tuple[Context, int]]) -> dict[Function, list[Context]]:
    """The providers of sessions, each in the contexts that it was entered in for them."""
    found: dict[Function, list[Context]] = {}
    for context, number in sessions:
        for _, token in origins(context, number):
            if token.provider is not None:
                known = program.analysis.by_function.get(token.provider, [])
                found.setdefault(token.provider, []).extend(token.given_by or known)
    return found


def surely_begins(context: Context) -> bool:
    """Whether a provider, in a context, hands its sessions out in a transaction on every path."""
    handed = context.exit.at_yield.values() if context.exit is not None else ()
    return context.convention.begins and all(not bits & ~(states.BLOCK | states.BEGUN) for bits in handed)


def begun_for(scope: Scope, contexts: Sequence[Context]) -> list[str]:
    """For which of the calls in a function its providers begin the transaction."""
    rows: dict[tuple[Function, bool], list[int]] = {}
    for token in (token for context in contexts for token in context.tokens):
        given = [context for context in token.given_by if context.convention.begins]
        if token.provider is not None and token.node is not None and given:
            surely = len(given) == len(token.given_by) and all(map(surely_begins, given))
            rows.setdefault((token.provider, surely), []).append(token.node.span.row)
    return [
        f"{defined(scope, provider)} {'begins' if surely else 'may begin'} the transaction of the session{'s' * (len(set(found)) > 1)} at {lines(found)}"
        for (provider, surely), found in rows.items()
    ]
