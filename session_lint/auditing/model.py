"""The data of an audit report, which every format renders and none adds to.

A `Report` holds, in the order in which it is read:

- `summary`: what was looked at; `summary.facts` says it in sentences, the other fields hold the numbers.
- `table`: the compliance table of the whole, and `modules`: one for each file with something to say.
- `details`: background tasks, service functions, routers, and the pooler and engines. A `Detail` has groups, each a
  sentence with the subjects that it is true of; a subject says more of itself in `points`, and lists in `faults` what is
  reported in it or, `below`, in functions under it that have a session.
- `undecided`: what the analysis could not find out.
- `recommendations`: one for each rule that fired, most harmful first.
- `next_steps`: commands.

Sentences (`text`, `analysis`, `points`, …) are inline Markdown: code stands between backticks, nothing else is markup, and a
path in them is spelled for the reader as `filename` is. They have no full stop but where they are several.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

import msgspec

SCHEMA_VERSION = 1

DetailId = Literal["background-tasks", "service-functions", "routers", "engines"]
SeverityName = Literal["error", "warning", "info"]


class Place(msgspec.Struct, frozen=True):
    """A row of a file, and the function or class around it (``<module>`` at top level)."""

    filename: str
    row: int
    symbol: str


class Fact(msgspec.Struct, frozen=True):
    """A line of the summary: what it is about, and what is said of it."""

    label: str
    texts: tuple[str, ...]


class Ended(msgspec.Struct, frozen=True):
    """The transactions that one kind of code ends, ``entry points`` say, and where."""

    owner: str
    transactions: int
    places: tuple[Place, ...]


class Policy(msgspec.Struct, frozen=True):
    """Who shall end transactions, and who does.

    Args:
        transaction_owner: as the settings have it.
        followed: whether more than half of the transactions are ended by that owner; None where nothing ends any, or any may.
        ended: who ends transactions, in fact.
    """

    transaction_owner: str
    followed: bool | None
    ended: tuple[Ended, ...]


class ProviderFact(msgspec.Struct, frozen=True):
    """A function that hands sessions out, by which convention, and how many places get one from it."""

    place: Place
    convention: str
    commits: bool
    uses: int


class SessionModuleFact(msgspec.Struct, frozen=True):
    """A module that makes engines, factories or sessions for others; ``makes`` are the calls, by their name."""

    filename: str
    makes: tuple[Place, ...]


class Summary(msgspec.Struct, frozen=True):
    """What was looked at, and what came of it.

    ``files_known`` and ``files_with_sessions``, ``sessions`` and ``endpoints`` are the whole project's, whatever part of it
    is reported on. ``versions`` are those that the project pins.
    """

    looked_at: str
    outcome: str
    files: int
    files_known: int
    files_with_sessions: int
    sessions: int
    endpoints: int
    checks: int
    errors: int
    warnings: int
    infos: int
    suppressed: int
    python: str | None
    versions: dict[str, str]
    settings_file: str | None
    pooler: str
    policy: Policy
    session_modules: tuple[SessionModuleFact, ...]
    providers: tuple[ProviderFact, ...]
    facts: tuple[Fact, ...]


class TableRow(msgspec.Struct, frozen=True):
    """A row of the compliance table; ``violated``: a rule of it found a fault."""

    check: str
    pattern: str
    result: str
    analysis: str
    violated: bool


class Table(msgspec.Struct, frozen=True):
    """The rows of one file, or of the whole where ``filename`` is None; ``role`` is the file's."""

    filename: str | None
    role: str | None
    rows: tuple[TableRow, ...]


class Fault(msgspec.Struct, frozen=True):
    """A finding in short."""

    code: str
    name: str
    severity: SeverityName
    message: str
    place: Place
    below: bool = False


NOT_WORKED_OUT = "could not be worked out, by an error of session-lint itself"
"""What is said in place of what failed."""


SHOWN_BELOW = 2
"""How many places a text for reading names of a rule that fires below a subject."""


def by_code(faults: Iterable[Fault]) -> list[tuple[str, list[tuple[str, str]]]]:
    """The functions that the faults of each rule stand in: their name, and file with rows."""
    found: dict[str, dict[tuple[str, str], list[int]]] = {}
    for fault in faults:
        where = (fault.place.symbol, fault.place.filename)
        found.setdefault(fault.code, {}).setdefault(where, []).append(fault.place.row)
    return [
        (code, [(symbol, f"{filename}:{', '.join(map(str, rows))}") for (symbol, filename), rows in places.items()])
        for code, places in sorted(found.items())
    ]


class Subject(msgspec.Struct, frozen=True):
    """Something that a detail speaks of: a task, a function, an endpoint, an engine.

    ``label`` is the route of an endpoint, empty elsewhere.
    """

    place: Place
    label: str
    points: tuple[str, ...]
    faults: tuple[Fault, ...]

    @property
    def fine(self) -> bool:
        return not self.faults


class Group(msgspec.Struct, frozen=True):
    """A sentence, and all that it is true of."""

    text: str
    subjects: tuple[Subject, ...]


class Detail(msgspec.Struct, frozen=True):
    """One part of the detailed analysis; ``text`` says how many subjects it has, or that there are none."""

    id: DetailId
    title: str
    text: str
    groups: tuple[Group, ...]


class Undecided(msgspec.Struct, frozen=True):
    """Something that could not be found out, of all the places listed; ``points`` has one for each place."""

    text: str
    points: tuple[str, ...]
    places: tuple[Place, ...]


class Recommendation(msgspec.Struct, frozen=True):
    """What to change where a rule fired; ``fixes`` counts those that `--fix` makes, ``unsafe_fixes`` the others."""

    code: str
    name: str
    severity: SeverityName
    summary: str
    change: str
    fixes: int
    unsafe_fixes: int
    faults: tuple[Fault, ...]


class NextStep(msgspec.Struct, frozen=True):
    """Something to do next, with a command where there is one."""

    text: str
    command: str = ""


class Report(msgspec.Struct, frozen=True):
    """The whole report; ``version`` is that of this schema, ``tool`` that of session-lint."""

    version: int
    tool: str
    summary: Summary
    table: Table
    modules: tuple[Table, ...]
    details: tuple[Detail, ...]
    undecided: tuple[Undecided, ...]
    recommendations: tuple[Recommendation, ...]
    next_steps: tuple[NextStep, ...]
