"""The investigation summary: what was looked at, by which policy the code goes, and where its sessions come from."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

from session_lint.auditing.model import (
    NOT_WORKED_OUT,
    Ended,
    Fact,
    Place,
    Policy,
    ProviderFact,
    SessionModuleFact,
    Summary,
)
from session_lint.auditing.view import plain
from session_lint.checks.wording import counted, lines, listed
from session_lint.faults import Noted
from session_lint.findings import Counts, Severity
from session_lint.inference import PLAIN_SHARE, OwnerCount, voting
from session_lint.record import Record
from session_lint.report.conventions import conventions, described
from session_lint.report.owners import OWNER_NAMES
from session_lint.report.summary import looked_at, number_of_checks, outcome

if TYPE_CHECKING:
    from session_lint import inference
    from session_lint.auditing.view import View

_LIBRARIES = (
    *("sqlalchemy", "sqlmodel", "flask-sqlalchemy", "advanced-alchemy", "fastapi", "starlette", "litestar", "flask"),
    *("asyncpg", "psycopg", "psycopg2", "psycopg2-binary", "aiosqlite", "aiomysql", "asyncmy", "pymysql"),
)
_SHOWN = 12
MOST = 0.5


_INFERRED = ("Transaction owner", "Session modules", "Providers")
_NOT_INFERRED = tuple(Fact(label, (NOT_WORKED_OUT,)) for label in _INFERRED)


class _Inferred(Record, frozen=True):
    """What of the summary is inferred from the code."""

    policy: Policy
    modules: tuple[SessionModuleFact, ...]
    providers: tuple[ProviderFact, ...]
    facts: tuple[Fact, ...]


def summary_of(view: View) -> Summary:
    """The first part of the report."""
    result = view.result
    found = _Inferred(Policy(result.files.project.settings.transaction_owner, None, ()), (), (), _NOT_INFERRED)
    with Noted(view.faults, "what the audit infers from the code"):
        found = _inferred(view)
    settings, facts = result.files.project.settings, view.program.facts
    counts = result.analysis.counts or Counts(0, 0, 0, 0)
    by_severity = Counter(finding.severity for finding in result.findings)
    versions = {name: facts.versions[name] for name in _LIBRARIES if name in facts.versions}
    looked = looked_at(result)
    settings_file = result.files.project.settings_file
    return Summary(
        looked,
        outcome(result),
        len(result.reported),
        len(result.files.discovery.known),
        counts.files_with_sessions,
        counts.sessions,
        counts.endpoints,
        number_of_checks(result),
        by_severity[Severity.ERROR],
        by_severity[Severity.WARNING],
        by_severity[Severity.INFO],
        len(result.hidden),
        facts.python,
        versions,
        settings_file.name if settings_file is not None else None,
        settings.pooler,
        found.policy,
        found.modules,
        found.providers,
        (
            Fact("Looked at", (looked, outcome(result))),
            Fact("Versions", (_versions(facts.python, versions),)),
            *found.facts,
        ),
    )


def _inferred(view: View) -> _Inferred:
    inferred, policy = view.inference, _policy(view)
    modules = tuple(
        SessionModuleFact(view.show(one.filename), tuple(_place(view, place) for place in one.made))
        for one in inferred.session_modules
    )
    providers = tuple(
        ProviderFact(
            Place(view.show(one.provider.filename), one.provider.row, one.provider.symbol),
            conventions(one.provider),
            one.provider.commits,
            one.uses,
        )
        for one in inferred.providers
    )
    in_words = [described(one.provider) for one in inferred.providers]
    facts = (
        tuple(_owners(view, policy)),
        _listed([_module(one) for one in modules]),
        _listed([_provider(*one) for one in zip(providers, in_words, strict=True)]),
    )
    return _Inferred(policy, modules, providers, tuple(map(Fact, _INFERRED, facts)))


def _listed(texts: Sequence[str]) -> tuple[str, ...]:
    """The texts, up to a number of them, and how many more there are."""
    more = len(texts) - _SHOWN
    return (*texts[:_SHOWN], *([f"and {more} more"] if more > 0 else ["none found"] if not texts else []))


def _place(view: View, place: inference.Place) -> Place:
    return Place(view.show(place.filename), place.row, place.symbol)


def _versions(python: str | None, versions: dict[str, str]) -> str:
    lowest = f"Python {python} or newer" if python is not None else "the lowest Python is not stated"
    pinned = listed([f"{name} {version}" for name, version in versions.items()], _SHOWN)
    return f"{pinned or 'no version of sqlalchemy, or of what is used with it, is pinned'}; {lowest}"


def _policy(view: View) -> Policy:
    owner = view.result.files.project.settings.transaction_owner
    counts = voting(view.inference.owners)
    total = sum(one.total for one in counts)
    share = sum(one.total for one in counts if one.kind == owner) / total if total else 0
    ended = tuple(
        Ended(OWNER_NAMES[one.kind], one.total, tuple(_place(view, place) for place in one.places))
        for one in view.inference.owners
        if one.total
    )
    return Policy(owner, None if not total or owner == "any" else share > MOST, ended)


def _owners(view: View, policy: Policy) -> list[str]:
    """Whose part it is, and whose parts it is in fact."""
    source = "by default" if view.result.files.project.settings_file is None else "in the settings"
    said = [f'`transaction-owner = "{policy.transaction_owner}"` {source}']
    best = view.inference.leading
    if best is None:
        said.append("no entry point, provider or borrower ends a transaction")
    else:
        total = sum(one.total for one in voting(view.inference.owners))
        said.append(
            f"{_verdict(policy, best, total)}: {best.total} of {total} transactions are ended by {OWNER_NAMES[best.kind]}"
        )
    providers = {(one.provider.filename, one.provider.symbol) for one in view.inference.providers}
    for one, counts in zip(policy.ended, filter(lambda count: count.total, view.inference.owners), strict=True):
        of_providers = [(place.filename, place.symbol) in providers for place in counts.places]
        own = [place for place, is_own in zip(one.places, of_providers, strict=True) if is_own or not counts.left]
        left = [place for place in one.places if place not in own]
        parts = [_places(own)] if own else []
        if left:
            parts.append(f"for what is written in {_places(left)}")
        said.append(f"{one.transactions} ended by {one.owner}: {'; '.join(parts)}")
    return said


def _places(places: Sequence[Place]) -> str:
    return listed([f"`{place.symbol}` ({_at(place)})" for place in places], 3)


def _verdict(policy: Policy, best: OwnerCount, total: int) -> str:
    if policy.followed is None:
        return "any owner is fine"
    if policy.followed:
        return "the code follows that" if best.total > PLAIN_SHARE * total else "the code mostly follows that"
    return "the code does otherwise" if best.total > MOST * total else "the code is mixed"


def _module(module: SessionModuleFact) -> str:
    rows: dict[str, list[int]] = {}
    for place in module.makes:
        rows.setdefault(place.symbol.rsplit(".", 1)[-1], []).append(place.row)
    made = ", ".join(f"`{name}` at {lines(found)}" for name, found in rows.items())
    return f"{plain(module.filename)}: {made or 'named in the settings'}"


def _provider(provider: ProviderFact, described: str) -> str:
    uses = counted(provider.uses, "use")
    return f"`{provider.place.symbol}` ({_at(provider.place)}): {described}; {uses}"


def _at(place: Place) -> str:
    return f"{plain(place.filename)}:{place.row}"
