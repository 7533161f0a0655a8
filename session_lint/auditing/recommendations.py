"""What to change, rule by rule, and what to do next."""

from __future__ import annotations

from collections.abc import Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING

from session_lint.auditing.model import Detail, NextStep, Recommendation, Undecided
from session_lint.checks.wording import counted
from session_lint.faults import Noted
from session_lint.findings import Severity
from session_lint.report.owners import OWNER_NAMES
from session_lint.rules.registry import load_rules

if TYPE_CHECKING:
    from collections.abc import Mapping

    from session_lint.auditing.view import View
    from session_lint.findings import Finding

# From what loses or mixes up data without a word, over what fails, leaks or blocks, to what is only hard to follow.
CHANGES: Mapping[str, str] = MappingProxyType(
    {
        "SL206": "Give each coroutine or thread a session of its own, or let them take turns",
        "SL205": "Hand identifiers to the background, and let the task open a session of its own",
        "SL204": "Make a session for each request or unit of work in place of one for the whole program",
        "SL308": "Let the error through, roll back, or put `begin_nested()` inside the `try`, so that nobody commits or goes on"
        " with a transaction that has failed",
        "SL304": "Remove the inner `commit()` or `rollback()`: whoever opened the block or provides the session ends the transaction",
        "SL306": "Commit what is written: in a `begin()` block of the owner, or in its provider",
        "SL207": "Leave closing to the code that opened the session: use what is lent without `with` and without `close()`",
        "SL311": "Await or enter the savepoint, and commit the transaction around it",
        "SL401": "Await the call; methods that are only named need their parentheses",
        "SL208": "Use the session, and what it loaded lazily, inside of the `with` block",
        "SL305": "Begin once: let the outermost owner begin, or use `begin_nested()` for a savepoint",
        "SL402": "Drop the `await`, or use the async class that it was meant for",
        "SL405": "Match engine, session class and factory: async with async, sync with sync, and no removed arguments",
        "SL406": "Refresh the object, read what is needed before the commit, or set `expire_on_commit=False`",
        "SL202": "Use the provider by its own protocol: `with` for context managers, `Depends` for generators",
        "SL501": "Turn prepared statements off as the driver asks behind a transaction pooler",
        "SL504": "Remove the option, or set it where it has an effect: connect arguments belong to the engine",
        "SL506": "Keep no state on the connection across transactions: use `SET LOCAL` and transaction-level locks",
        "SL201": "Open the session in a `with` block, which closes it on every path",
        "SL203": "Put the `yield` in a `with` block or a `try` with `finally: close()`, and let errors through",
        "SL209": "Use a session of the coroutine's own, or `async_scoped_session` with an awaited `remove()`",
        "SL210": "Make the engine in the event loop that uses it, dispose of it there, or use `NullPool`",
        "SL106": "Make the engine once, in the session module, and import it",
        "SL403": "Use an async session, or run the sync code in a thread or by `run_sync`",
        "SL404": "Set `expire_on_commit=False` on the async factory",
        "SL309": "Do network calls and waiting before the transaction or after it",
        "SL307": "Commit once after the loop, or in batches that are counted",
        "SL310": 'Commit before the response is sent: in the endpoint, or by a dependency with `scope="function"`',
        "SL312": "Choose one owner: let the provider commit and nothing under it, or let the code under it begin and commit",
        "SL302": "Leave the commit to the owner of the transaction: `flush()` where the service needs what the database fills in",
        "SL301": "Leave `begin()` to the owner of the transaction: a service that needs a savepoint uses `begin_nested()`",
        "SL303": "Raise in place of rolling back, or put `begin_nested()` around what may fail",
        "SL101": "Get the session from a provider of the session module",
        "SL102": "Make the engine once, in the session module, and import it",
        "SL103": "Make the factory once, in the session module, and import it",
        "SL104": "Use the project's session or engine in place of a connection of the driver",
        "SL105": "Use the session that is given in place of the engine behind it",
        "SL502": "Set connection and driver options once, where the engine is made, or drop them",
        "SL503": "Remove the parameter, or use it",
        "SL505": "Use `NullPool` in front of a transaction pooler",
        "SL902": "Make the file readable: what is in it was not looked at",
        "SL903": "Name the codes that are suppressed",
        "SL904": "Give the reason behind `--`",
        "SL901": "Remove the suppression",
        "SL905": "Remove the setting, or mend the name in it",
    }
)
_HARM = {code: position for position, code in enumerate(CHANGES)}
_SEVERITIES = list(Severity)
_OF_POLICY = ("SL301", "SL302", "SL303")
_ENTRIES = ("background-tasks", "routers")


def recommendations_of(view: View) -> tuple[Recommendation, ...]:
    """A recommendation for each rule that fired: the graver first, of equals what does more harm."""
    by_code: dict[str, list[Finding]] = {}
    for finding in view.result.findings:
        by_code.setdefault(finding.code, []).append(finding)
    rules = {rule.code: rule for rule in load_rules()} if by_code else {}
    found = []
    for code in sorted(by_code, key=lambda code: (_gravest(by_code[code]), _HARM.get(code, len(_HARM)), code)):
        findings = by_code[code]
        fixes = [f.fix for f in findings if f.fix is not None]
        found.append(
            Recommendation(
                code,
                findings[0].name,
                _SEVERITIES[_gravest(findings)].value,
                rules[code].summary if code in rules else "",
                _change(view, code),
                sum(fix.safe for fix in fixes),
                sum(not fix.safe for fix in fixes),
                tuple(view.fault(f) for f in findings),
            )
        )
    return tuple(found)


def _change(view: View, code: str) -> str:
    """What to change; of rules that follow from the policy, also that the code plainly follows another."""
    change, other = CHANGES.get(code, ""), view.result.analysis.other_policy
    if other is None or code not in _OF_POLICY:
        return change
    return (
        f'{change}. Or say `transaction-owner = "{other.owner}"`, if that is meant: '
        f"{other.ended} of {other.total} transactions are ended by {OWNER_NAMES[other.owner]}"
    )


def _gravest(findings: Sequence[Finding]) -> int:
    return min(_SEVERITIES.index(finding.severity) for finding in findings)


def next_steps_of(
    view: View,
    details: Sequence[Detail],
    recommendations: Sequence[Recommendation],
    undecided: Sequence[Undecided],
) -> tuple[NextStep, ...]:
    """What to do next: what can be fixed by itself, what to read, what to settle, what to record."""
    steps: list[NextStep] = []
    safe = sum(one.fixes for one in recommendations)
    unsafe = sum(one.unsafe_fixes for one in recommendations)
    if safe:
        steps.append(
            NextStep(
                "Make the safe fix" if safe == 1 else f"Make the {safe} safe fixes",
                view.command("check", "--fix", paths=True),
            )
        )
    if unsafe:
        text = f"Look at {counted(unsafe, 'fix', 'fixes')} that may change what the program does, then make them with `--fix`"
        steps.append(NextStep(text, view.command("check", "--diff", "--unsafe-fixes", paths=True)))
    if recommendations:
        codes = " ".join(one.code for one in recommendations[:3])
        steps.append(
            NextStep("Read why the gravest rules matter, with an example and the remedy", f"session-lint rule {codes}")
        )
        steps += _map_of_worst(view, details)
    with Noted(view.faults, "the audit's look at the settings"):
        steps += _settings(view)
    place = next((place for one in undecided for place in one.places), None)
    if place is not None:
        command = view.command("explain", f"{place.filename}:{place.row}")
        steps.append(NextStep("Ask what is known at a place that is not decided", command))
    if recommendations:
        text = "Record what stays for now, so that the check fails on what is new alone"
        steps.append(NextStep(text, view.command("baseline", paths=True)))
    else:
        steps.append(NextStep("Keep it so: run the check on every commit", view.command("check", paths=True)))
    return tuple(steps)


def _map_of_worst(view: View, details: Sequence[Detail]) -> list[NextStep]:
    """The transaction map of the entry point with the most rules that fire in it and below it."""
    entries = [s for one in details if one.id in _ENTRIES for group in one.groups for s in group.subjects if s.faults]
    if not entries:
        return []
    worst = max(entries, key=lambda s: (len({fault.code for fault in s.faults}), s.place.filename, s.place.row))
    command = view.command("trace", worst.label or worst.place.symbol)
    return [NextStep("See the transaction of the entry point on which most rules fire", command)]


def _settings(view: View) -> list[NextStep]:
    inferred, settings = view.inference, view.result.files.project.settings
    known = inferred.leading is not None or inferred.libraries
    follows = settings.transaction_owner == "any" or not known or inferred.owner == settings.transaction_owner
    if view.result.files.project.settings_file is None:
        return [NextStep("Write down the settings that fit the code", view.command("init", "--dry-run"))]
    if not follows or settings.pooler != inferred.pooler:
        return [NextStep("Compare the settings with what the code says", view.command("init", "--dry-run"))]
    return []
