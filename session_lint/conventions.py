"""Providers, and by which convention each hands sessions out."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Literal

import msgspec

from session_lint.program.entrypoints import dotted
from session_lint.program.values import Session
from session_lint.program.vocabulary import CLOSE_METHODS

if TYPE_CHECKING:
    from session_lint import ir
    from session_lint.program import Program
    from session_lint.program.symbols import Function

Shape = Literal["generator", "context manager", "return"]

_ENTERED = {"__enter__": "__exit__", "__aenter__": "__aexit__"}
_VERBS = ("begins", "commits", "rolls_back", "swallows", "closes")
_GIVEN = ("param", "injected")
_MANAGER_DECORATORS = ("contextmanager", "asynccontextmanager")


class Provider(msgspec.Struct, frozen=True):
    """A function that makes a session and hands it out.

    ``shape`` is how: it yields to whoever iterates it (``generator``), to a ``with`` (``context manager``), or returns.
    The verbs say what it does to the session around its ``yield``; ``begins``: it hands the session out in a transaction.
    ``sometimes`` are those that only some of its calls bring about, as a flag asks for them.
    """

    symbol: str
    filename: str
    row: int
    is_async: bool
    shape: Shape
    commits: bool
    rolls_back: bool
    swallows: bool
    closes: bool
    begins: bool
    sometimes: tuple[str, ...] = ()


def provider_of(program: Program, function: Function) -> Provider:
    """The convention of a function that hands sessions out, the user's overrides included."""
    seen = [context.convention for context in program.analysis.by_function.get(function, ())]
    settled = () if program.commits_override(function) is None else ("commits",)
    at_exit = _calls_at_exit(program, function)
    return Provider(
        function.qualname,
        function.module.path,
        function.name_span.row,
        function.is_async,
        _shape(function),
        program.commits_by_itself(function) or "commit" in at_exit,
        any(one.rolls_back for one in seen) or "rollback" in at_exit,
        any(one.swallows for one in seen),
        any(one.closes for one in seen) or not at_exit.isdisjoint(CLOSE_METHODS),
        any(one.begins for one in seen),
        tuple(verb for verb in _VERBS if verb not in settled and len({getattr(one, verb) for one in seen}) > 1),
    )


def provider_uses(program: Program) -> dict[Function, int]:
    """Every provider outside tests, with the number of places that get a session from it."""
    places: dict[Function, set[object]] = {}
    for function, contexts in program.analysis.by_function.items():
        handed = (value for context in contexts if context.exit for value in context.exit.yields)
        if any(isinstance(value, Session) for value in handed):
            places.setdefault(function, set())
    for context in program.analysis.all_contexts():
        if context.is_test:
            continue
        # A framework's call of an entry point is a context of its own, in the module of the entry point.
        place: object = id(context) if context.is_synthetic else context.unit
        gets: Counter[Function] = Counter()
        for token in context.tokens:
            if token.provider is not None:
                gets[token.provider] += 1
                places.setdefault(token.provider, set()).add((place, gets[token.provider]))
    return {
        function: len(found)
        for function, found in sorted(places.items(), key=lambda item: (item[0].module.path, item[0].name_span.row))
        if program.role(function) != "test" and not _passes_on(program, function)
    }


def _passes_on(program: Program, function: Function) -> bool:
    """Whether a function only hands out what it was given itself: a session, or an object that holds one."""
    tokens = [token for context in program.analysis.by_function.get(function, ()) for token in context.tokens]
    return bool(tokens) and all(token.how in _GIVEN for token in tokens)


def _calls_at_exit(program: Program, function: Function) -> set[str]:
    """What an object that opens its session when it is entered does to it when it is left."""
    left = function.owner.method(_ENTERED[function.name]) if function.owner and function.name in _ENTERED else None
    contexts = program.analysis.by_function.get(left, ()) if left is not None else ()
    return {event.kind for context in contexts for event in context.events.values()}


def _shape(function: Function) -> Shape:
    if function.name in _ENTERED:
        return "context manager"
    if not function.is_generator:
        return "return"
    return "context manager" if any(map(_makes_manager, function.decorators)) else "generator"


def _makes_manager(decorator: ir.Expr) -> bool:
    return dotted(decorator).rsplit(".", 1)[-1] in _MANAGER_DECORATORS
