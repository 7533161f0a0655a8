"""What the interpreter leaves behind: a context for every way a function was entered, with the events that happened in it."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from typing import Literal

import msgspec

from session_lint import ir
from session_lint.program.symbols import Class, Function, Module, Unit
from session_lint.program.values import Site, Values
from session_lint.record import Record

How = Literal[
    "created", "injected", "param", "attr", "closure", "global", "registry", "decorator", "state", "object", "unknown"
]


class Token(msgspec.Struct, eq=False):
    """A session as one context knows it.

    ``how`` tells where the context has it from: it *created* it (or got it from a provider that it called), it was
    *injected* into an entry point, lent by *param*, *attr* (of an object), *closure*, *global* or *registry*, handed in by a
    *decorator*, read from a request's *state*, or held by an *object* that the context itself made. It is *lost* once
    something unknown got it, which may do with it (and with its transaction) what it likes. ``node`` is the call that
    obtained it, ``given_by`` the contexts of its provider that this call, with its arguments, may have entered;
    ``by_next``: its provider was advanced by ``next()``, and what stands after the ``yield`` there does not run.
    """

    how: How
    path: str
    is_async: bool
    evidence: Literal["type", "flow", "name"]
    provider: Function | None = None
    site: Site | None = None
    holder: Class | None = None
    lost: bool = False
    node: ir.Call | None = None
    given_by: list[Context] = []
    by_next: bool = False


class Event(msgspec.Struct, eq=False):
    """Something that happened to a session: ``kind`` is the method called, ``bits`` the transaction states before it.

    ``dropped`` is a call whose result nobody takes: neither awaited nor entered nor kept.
    """

    kind: str
    node: ir.Call
    context: Context
    token: int
    bits: int
    guard: str | None = None
    goes_on: bool = False
    is_lent: bool = False
    caller_goes_on: bool = False
    forwarded: bool = False
    is_context: bool = False
    dropped: bool = False

    @property
    def swallowed(self) -> bool:
        """Whether, after a rollback, the function ends normally, and so does some caller that is known."""
        return self.goes_on and (self.caller_goes_on or not self.is_lent)

    @property
    def session(self) -> Token:
        return self.context.tokens[self.token]


class Harm(Record, frozen=True):
    """What makes a swallowed error matter: the session is used on, its block commits, or its provider does."""

    kind: Literal["use", "block", "provider"]
    context: Context
    span: ir.Span
    what: str


class Swallow(msgspec.Struct, eq=False):
    """A place that ends an error of a session and leaves the session as it is.

    ``place`` is the handler (or ``suppress``), ``caught`` what it catches (None: everything), ``methods`` the calls that may
    have failed.
    """

    context: Context
    token: int
    place: ir.Span
    caught: ir.Expr | None
    methods: frozenset[str]
    harms: list[Harm] = []

    @property
    def session(self) -> Token:
        return self.context.tokens[self.token]


class Via(Record, frozen=True):
    """How the code after a swallowed error can know of it: by what a call returned.

    ``names`` are the variables that hold the result, ``call`` identifies the call while it has no name; ``falsy``: the
    result is then None, False or empty. ``flags`` are variables that say so themselves: ``failed = True``.
    """

    names: tuple[str, ...] = ()
    call: int = 0
    falsy: bool = False
    flags: tuple[str, ...] = ()


class Mark(Record, frozen=True):
    """On this path an error of a session was swallowed, and the session has not been rolled back since."""

    token: int
    swallow: Swallow
    via: Via


class Wait(msgspec.Struct, eq=False):
    """A call that waits for something outside the process, itself or below it.

    ``what`` is waited for, ``below`` the calls that lead there from ``node``, each with its function. ``held`` are the sessions
    that keep a transaction open meanwhile, ``settled`` those that surely keep none, or of which a callee tells already.
    """

    node: ir.Call
    what: str
    below: tuple[tuple[Unit, ir.Call], ...] = ()
    held: frozenset[int] = frozenset()
    settled: frozenset[int] = frozenset()


class Edge(msgspec.Struct, eq=False):
    """One way into a context: who called, where, and which of its sessions became which."""

    caller: Context
    node: ir.Call | None
    tokens: dict[int, int]


Failure = tuple[int, str, frozenset[str]]
"""A session that may have failed, the call that did, and the errors of databases that it is not: a handler on the way got those."""


class Exit(msgspec.Struct):
    """How a context ends: transaction states per token, None when it never returns; what it returns and yields.

    ``failed`` are the sessions that may have failed when it ends by an exception, ``marks`` the errors that it swallowed.
    ``raised`` are the states in which exceptions leave it, ``sent`` the sessions left with a transaction that has run SQL,
    ``ended`` those that it has rolled back or closed.
    """

    tx: dict[int, int] | None = None
    raised: dict[int, int] = {}
    values: Values = frozenset()
    yields: Values = frozenset()
    at_yield: dict[int, int] = {}
    receiver: Values = frozenset()
    failed: frozenset[Failure] = frozenset()
    marks: frozenset[Mark] = frozenset()
    sent: frozenset[int] = frozenset()
    ended: frozenset[int] = frozenset()


class Convention(msgspec.Struct):
    """How a generator ends the sessions that it hands out."""

    commits: bool = False
    rolls_back: bool = False
    swallows: bool = False
    closes: bool = False
    begins: bool = False


class Context(msgspec.Struct, eq=False):
    """A function entered in one abstract state.

    ``entry_bits`` are the transaction states of the sessions that it was entered with, its first tokens; ``entry`` is the
    kind of entry point when a framework calls it. ``entered`` are the sessions that stand in a ``with`` themselves, which
    closes them, by place and token. ``uses`` has the sessions that it, or what it calls, runs statements on before it ends
    them, each with one such method, ``waits`` the calls that wait for something outside the process. ``given`` are the
    sessions that it hands to somebody who may keep them, ``late`` the first call that uses a session after its ``with``
    block, ``returned_late`` the block that it is returned out of.
    """

    unit: Unit
    tokens: list[Token] = []
    events: dict[tuple[int, str, int], Event] = {}
    entered: dict[tuple[int, int], ir.Expr] = {}
    swallows: dict[tuple[int, int], Swallow] = {}
    uses: dict[int, str] = {}
    waits: dict[int, Wait] = {}
    callers: list[Edge] = []
    exit: Exit | None = None
    convention: Convention = msgspec.field(default_factory=Convention)
    entry_bits: tuple[int, ...] = ()
    entry: str | None = None
    is_test: bool = False
    is_synthetic: bool = False
    given: set[int] = set()
    late: dict[int, ir.Expr] = {}
    returned_late: dict[int, ir.With] = {}

    @property
    def module(self) -> Module:
        return self.unit.module

    @property
    def place(self) -> ir.Span:
        """Where the function is defined."""
        return self.unit.name_span if isinstance(self.unit, Function) else ir.Span(1, 1, 1, 1)


class Step(Record, frozen=True):
    """A link of a call chain: in ``context``, the call ``node`` (None: a framework calls) lends the session on."""

    context: Context
    token: int
    node: ir.Call | None


def lenders(context: Context, token: int) -> Iterator[list[Step]]:
    """The shortest chains from contexts that obtained the session themselves down to this one, shortest first."""
    start = (context, token)
    queue: deque[tuple[Context, int, list[Step]]] = deque([(context, token, [])])
    seen = {(id(start[0]), start[1])}
    while queue:
        current, index, chain = queue.popleft()
        if current.tokens[index].how not in ("param", "attr", "closure") or not current.callers:
            yield chain
            if current.tokens[index].how != "injected":
                continue
        for edge in current.callers:
            mine = edge.tokens.get(index)
            if mine is not None and (id(edge.caller), mine) not in seen:
                seen.add((id(edge.caller), mine))
                queue.append((edge.caller, mine, [Step(edge.caller, mine, edge.node), *chain]))


def origins(context: Context, token: int) -> Iterator[tuple[Context, Token]]:
    """The same session as every context up the call chains knows it, the nearest first."""
    stack = [(context, token)]
    seen: set[tuple[int, int]] = set()
    while stack:
        current, index = stack.pop()
        if (id(current), index) in seen:
            continue
        seen.add((id(current), index))
        yield current, current.tokens[index]
        for edge in current.callers:
            if index in edge.tokens:
                stack.append((edge.caller, edge.tokens[index]))
