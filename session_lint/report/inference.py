"""What ``session-lint init`` inferred, as tables."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

from rich.console import Console

from session_lint.inference import PLAIN_SHARE, voting
from session_lint.report.conventions import conventions
from session_lint.report.owners import OWNER_NAMES
from session_lint.report.style import counted
from session_lint.report.terminal import draw, plain, table

if TYPE_CHECKING:
    from session_lint.inference import Inference, OwnerCount, Place

_SHOWN = 3


def render(inference: Inference, show: Callable[[str], str], *, color: bool, ascii_only: bool) -> str:
    """A table for each thing inferred, each with the places that say so."""

    def print_all(console: Console) -> None:
        for title, headers, rows, verdict in _tables(inference, show):
            console.print(plain(title, "bold"))
            if rows:
                console.print(table(headers, rows, ascii_only=ascii_only))
            if verdict:
                console.print(plain(verdict))
            console.print()

    return draw(print_all, color=color)


def _tables(inference: Inference, show: Callable[[str], str]) -> Iterator[tuple[str, list[str], list[list[str]], str]]:
    owners = [[OWNER_NAMES[one.kind], _ends(one), _places(one.places, show)] for one in inference.owners if one.total]
    headers = ["Transactions ended by", "How", "Where"]
    verdict = owner_verdict(inference)
    if inference.libraries:
        set_up = ", ".join(f"{place.symbol} ({show(place.filename)}:{place.row})" for place in inference.libraries)
        verdict = (
            f"{verdict.partition(': ')[0]}, but each request's session is committed by {set_up}: `{inference.owner}`."
        )
    yield "Transaction owner", headers, owners, verdict
    modules = [[show(one.filename), _made(one.made)] for one in inference.session_modules]
    verdict = "" if modules else "None found: nothing makes engines, factories or sessions for other modules."
    yield "Session modules", ["Module", "Makes"], modules, verdict
    providers = [
        [
            one.provider.symbol,
            f"{conventions(one.provider)}\n{counted(one.uses, 'use')}",
            f"{show(one.provider.filename)}:{one.provider.row}",
        ]
        for one in inference.providers
    ]
    yield "Providers", ["Provider", "Convention", "Where"], providers, "" if providers else "None found."
    engines = [
        [
            f"{'async' if one.is_async else 'sync'} engine",
            one.driver or "URL not written down",
            _places((one.place,), show),
        ]
        for one in inference.engines
    ]
    hints: dict[tuple[str, str], list[Place]] = {}
    for hint in inference.hints:
        says = f"fits {hint.pooler}" if hint.pooler else "proves nothing alone"
        hints.setdefault((hint.text, says), []).append(hint.place)
    written = [[text, says, _places(places, show)] for (text, says), places in sorted(hints.items())]
    yield "Pooler", ["What", "Says", "Where"], [*engines, *written], _pooler_verdict(inference)


def _ends(count: OwnerCount) -> str:
    ways = ((count.commits, "commit() call"), (count.blocks, "begin block"), (count.left, "left to provider"))
    return "\n".join(f"{number} {noun}" if "left" in noun else counted(number, noun) for number, noun in ways if number)


def owner_verdict(inference: Inference) -> str:
    """Which owner the counts speak for, in a sentence."""
    best = inference.leading
    if best is None:
        return "No entry point, provider or service ends a transaction: `router`, the default."
    total = sum(one.total for one in voting(inference.owners))
    share = f"{best.total} of {total} transactions are ended by {OWNER_NAMES[best.kind]}"
    if best.total > PLAIN_SHARE * total:
        return f"{share}: `{best.kind}`."
    return f"{share}: `{best.kind}`, though the code is mixed; see what `session-lint check` then says."


def _pooler_verdict(inference: Inference) -> str:
    if inference.pooler != "none":
        return f"Written for a pooler in {inference.pooler} mode: `{inference.pooler}`."
    if inference.hints:
        return "NullPool alone proves no pooler: `none`."
    return "Nothing in the code is written for a pooler: `none`."


def _made(made: Sequence[Place]) -> str:
    rows: dict[str, list[str]] = {}
    for place in made:
        rows.setdefault(place.symbol.rsplit(".", 1)[-1], []).append(str(place.row))
    return ", ".join(f"{name} (line {', '.join(found)})" for name, found in rows.items())


def _places(places: Sequence[Place], show: Callable[[str], str]) -> str:
    lines = [f"{show(place.filename)}:{place.row} {place.symbol}" for place in places[:_SHOWN]]
    if len(places) > _SHOWN:
        lines.append(f"and {len(places) - _SHOWN} more")
    return "\n".join(lines)
