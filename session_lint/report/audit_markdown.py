"""The audit report as Markdown, as GitHub renders it, cut to a size where one is given."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from session_lint.auditing.model import SHOWN_BELOW, by_code
from session_lint.checks.wording import listed
from session_lint.report.markdown import code, html_with_code, text_with_code
from session_lint.report.style import counted, stated
from session_lint.report.wrapping import sentences

if TYPE_CHECKING:
    from session_lint.auditing.model import Detail, Fault, Recommendation, Report, Subject, Table, Undecided

_SEVERITIES = {"error": "error", "warning": "warning", "info": "remark"}

# Longer lists are folded.
_UNFOLDED = 10

# What is cut first: what is said elsewhere in the report too, then what is fine.
_WORTH = {"service-functions": 2, "engines": 4, "background-tasks": 5, "routers": 6}


@dataclass(slots=True)
class _Part:
    """Rows under a heading, which goes with the last of them.

    Args:
        section: the heading above the parts that belong together.
        head: what stands above the rows.
        rows: each a line or more.
        noun: what is cut with a row.
        worth: parts of less are cut first.
        least: how many rows stay as long as other parts have more than theirs.
        foot: what stands below the rows.
    """

    section: str
    head: str
    rows: list[str]
    noun: tuple[str, str]
    worth: int
    least: int = 0
    foot: str = ""
    cut: int = field(default=0, init=False)


def render(report: Report, max_size: int | None = None) -> str:
    """The whole report; with a size, the rows that fit into so many bytes, and what is left out."""
    parts = list(_parts(report))
    text = _joined(report, parts, max_size)
    if max_size is None:
        return text
    # How long the note on what is cut gets is known only when it is cut.
    while (surplus := len(text.encode()) - max_size) > 0 and _cut(parts, surplus):
        text = _joined(report, parts, max_size)
    return text


def _cut(parts: Sequence[_Part], surplus: int) -> bool:
    """Drop rows until so many bytes are gone; False where there is none left."""
    dropped = False
    for keep in (True, False):
        for _, part in sorted(enumerate(parts), key=lambda item: (item[1].worth, -item[0])):
            while surplus > 0 and len(part.rows) > (part.least if keep else 0):
                surplus -= _size(part.rows.pop())
                part.cut += 1
                dropped = True
                if not part.rows:
                    surplus -= len(f"{part.head}{part.foot}".encode())
    return dropped


def _size(row: str) -> int:
    return len(f"{row}\n".encode())


def _joined(report: Report, parts: Sequence[_Part], max_size: int | None) -> str:
    lines = ["# Session handling audit\n", *_note(parts, max_size)]
    if all(not part.rows for part in parts):
        lines.append(f"{report.summary.outcome}\n")
    section = ""
    for part in parts:
        if part.rows:
            if part.section != section:
                section = part.section
                lines.append(f"## {section}\n")
            lines += [*filter(None, [part.head]), *part.rows, *filter(None, [part.foot]), ""]
    return "\n".join(lines)


def _note(parts: Sequence[_Part], max_size: int | None) -> list[str]:
    cut: dict[tuple[str, str], int] = {}
    for part in parts:
        if part.cut:
            cut[part.noun] = cut.get(part.noun, 0) + part.cut
    if not cut:
        return []
    left = ", ".join(counted(number, *noun) for noun, number in cut.items())
    return [f"> Cut to fit {max_size} bytes. Left out: {left}. `session-lint audit` says it all.\n"]


def _parts(report: Report) -> Iterator[_Part]:
    facts = [_nested(f"**{fact.label}**", fact.texts) for fact in report.summary.facts]
    noun = ("line of the summary", "lines of the summary")
    yield _Part("Investigation summary", "", facts, noun, 9, least=len(facts))
    yield _table_part(
        "Search results", report.table, ("row of the table", "rows of the table"), 8, least=len(report.table.rows)
    )
    for table in report.modules:
        yield _table_part("Search results by module", table, ("row of a module's table", "rows of modules' tables"), 1)
    for number, detail in enumerate(report.details, start=1):
        yield from _detail(detail, number)
    for number, one in enumerate(report.recommendations, start=1):
        yield _recommendation(one, number)
    for undecided in report.undecided:
        yield _undecided(undecided)
    steps = []
    for number, step in enumerate(report.next_steps, start=1):
        command = f": {code(step.command)}" if step.command else ""
        steps.append(f"{number}. {text_with_code(stated(step.text, end=''))}{command}")
    yield _Part("Next steps", "", steps, ("step", "steps"), 10, least=len(steps))


def _table_part(section: str, table: Table, noun: tuple[str, str], worth: int, least: int = 0) -> _Part:
    title, foot = "", ""
    if table.filename is not None:
        role = f" ({table.role})" if table.role else ""
        title, foot = _folded(f"`{table.filename}`{role}: {_violations(table)}")
    cells = [("Pattern searched", "Result", "Analysis")]
    cells += [
        (row.pattern, row.result, "<br>".join(map(text_with_code, sentences(row.analysis)))) for row in table.rows
    ]
    widths = [max(len(row[column]) for row in cells) for column in (0, 1)]
    lines = [f"| {row[0]:<{widths[0]}} | {row[1]:<{widths[1]}} | {row[2]} |" for row in cells]
    head = f"{title}{lines[0]}\n| {'-' * widths[0]} | {'-' * widths[1]} | -------- |"
    return _Part(section, head, lines[1:], noun, worth, least, foot)


def _violations(table: Table) -> str:
    violated = [row.result for row in table.rows if row.violated]
    return f"{len(violated)} of {counted(len(table.rows), 'row')} violated" if violated else "nothing violated"


def _folded(summary: str) -> tuple[str, str]:
    """What stands above and below what opens on a click, where Markdown is shown with its HTML."""
    return f"<details>\n<summary>{html_with_code(summary)}</summary>\n\n", "\n</details>"


def _detail(detail: Detail, number: int) -> Iterator[_Part]:
    title = f"### {number}. {detail.title}\n\n{text_with_code(stated(detail.text))}\n\n"
    if not detail.groups:
        yield _Part("Detailed analysis", title[:-2], [""], ("part", "parts"), _WORTH[detail.id])
    noun = (detail.title.lower().removesuffix("s"), detail.title.lower())
    if detail.id == "routers":
        noun = ("endpoint", "endpoints")
    elif detail.id == "engines":
        noun = ("point on engines", "points on engines")
    for group in detail.groups:
        head, foot = f"{text_with_code(stated(group.text, end=':'))}\n", ""
        if len(group.subjects) > _UNFOLDED:
            head, foot = _folded(stated(group.text, end=""))
            head = head.removesuffix("\n")
        rows = [_subject(s) for s in group.subjects]
        yield _Part("Detailed analysis", f"{title}{head}", rows, noun, _WORTH[detail.id], foot=foot)
        title = ""


def _subject(subject: Subject) -> str:
    label = f"{code(subject.label)} " if subject.label else ""
    points = [text_with_code(point) for point in subject.points]
    points += _reported(subject.faults)
    return _nested(f"{label}{_where(subject)}", points, escape=False)


def _where(subject: Subject) -> str:
    place = text_with_code(f"{subject.place.filename}:{subject.place.row}")
    return place if subject.place.symbol == "<module>" else f"{code(subject.place.symbol)} ({place})"


def _reported(faults: Sequence[Fault]) -> Iterator[str]:
    """What is reported in a function, and in those that it lends its session to."""
    own = [f"**{fault.code}** {fault.name} at line {fault.place.row}" for fault in faults if not fault.below]
    if own:
        yield ", ".join(own)
    if below := by_code(fault for fault in faults if fault.below):
        said = (f"**{code_}** in {listed([_place(*where) for where in found], SHOWN_BELOW)}" for code_, found in below)
        yield f"under it {'; '.join(said)}"


def _place(symbol: str, place: str) -> str:
    return f"{code(symbol)} ({text_with_code(place)})"


def _nested(head: str, texts: Sequence[str], *, escape: bool = True) -> str:
    """A list item; several texts are items below it."""
    items = [text_with_code(text) if escape else text for text in texts]
    if len(items) < 2:
        return f"- {': '.join([head, *items])}"
    return "\n".join([f"- {head}", *(f"  - {item}" for item in items)])


def _recommendation(one: Recommendation, number: int) -> _Part:
    head = f"### {number}. {one.code} {one.name}: {counted(len(one.faults), _SEVERITIES[one.severity])}\n"
    if one.change:
        head += f"\n{text_with_code(one.change)}.{_fixes(one)}\n"
    rows = []
    for fault in one.faults:
        place = text_with_code(f"{fault.place.filename}:{fault.place.row}")
        rows.append(f"- {place}: {text_with_code(fault.message)}")
    foot = ""
    if len(rows) > _UNFOLDED:
        folded, foot = _folded(counted(len(rows), "place"))
        head += f"\n{folded.removesuffix(chr(10))}"
    noun = ("place of a recommendation", "places of recommendations")
    return _Part("Recommendations", head, rows, noun, 7, least=1, foot=foot)


def _fixes(one: Recommendation) -> str:
    said = []
    if one.fixes:
        said.append(f" `session-lint check --select {one.code} --fix` does it in {counted(one.fixes, 'place')}.")
    if one.unsafe_fixes:
        options = f"--select {one.code} --fix --unsafe-fixes"
        said.append(f" `session-lint check {options}` does it in {counted(one.unsafe_fixes, 'place')}.")
    return "".join(said)


def _undecided(one: Undecided) -> _Part:
    rows = [f"- {text_with_code(point)}" for point in one.points]
    return _Part("Not decided", f"{text_with_code(one.text)}:\n", rows, ("point not decided", "points not decided"), 3)
