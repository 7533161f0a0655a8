"""What a project's code says about the settings that fit it: who owns transactions, where sessions come from, which pooler."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Literal

import msgspec

from session_lint import ir
from session_lint.analysis import OtherPolicy, OwnerKind
from session_lint.conventions import Provider, provider_of, provider_uses
from session_lint.program import vocabulary
from session_lint.program.entrypoints import dotted
from session_lint.program.symbols import Function
from session_lint.program.values import Const, External, Symbol, Value
from session_lint.traversal import expressions

if TYPE_CHECKING:
    from session_lint.program import Program
    from session_lint.program.contexts import Event
    from session_lint.program.flow_facts import Creation
    from session_lint.program.symbols import Module

Owner = Literal["router", "provider", "service"]
Pooler = Literal["transaction", "session"]

_KINDS: tuple[OwnerKind, ...] = ("router", "provider", "service", "own", "object")
_OWNERS: tuple[Owner, ...] = ("router", "provider", "service")
_OUTSIDE = ("test", "migration", "script")
_WRITES = tuple(vocabulary.WRITE_METHODS)

PLAIN_COMMITS = 10
PLAIN_SHARE = 0.8

_TRANSACTION_PORTS = (6432, 6543)
_TRANSACTION_PORT = re.compile(r"^(?:6432|6543)$|:(?:6432|6543)(?:/|\?|$)")
_SESSION_HOST = re.compile(r"@[\w.-]*pooler\.[\w.-]+(?::5432)?(?:/|\?|$)")
_NO_CACHE: tuple[tuple[str, int | None], ...] = (
    ("statement_cache_size", 0),
    ("prepared_statement_cache_size", 0),
    ("prepare_threshold", None),
)


class Place(msgspec.Struct, frozen=True, order=True):
    """A row of a file, and the function or class around it."""

    filename: str
    row: int
    symbol: str


class OwnerCount(msgspec.Struct, frozen=True):
    """The transactions that one kind of code ends, and where.

    ``commits`` counts calls of ``commit()``, ``blocks`` begin blocks (which commit at their end), ``left`` the functions that
    write and leave the commit to their provider. ``own`` are functions that opened the session themselves, ``object`` units of
    work: neither speaks for a policy.
    """

    kind: OwnerKind
    commits: int
    blocks: int
    left: int
    places: tuple[Place, ...]

    @property
    def total(self) -> int:
        return self.commits + self.blocks + self.left


class SessionModule(msgspec.Struct, frozen=True):
    """A module that makes engines, factories or sessions, and where."""

    filename: str
    made: tuple[Place, ...]


class ProviderUse(msgspec.Struct, frozen=True):
    """A provider, and how many places get a session from it."""

    provider: Provider
    uses: int


class Engine(msgspec.Struct, frozen=True):
    """An engine, with its driver where the URL is written down."""

    place: Place
    is_async: bool
    driver: str


class PoolerHint(msgspec.Struct, frozen=True):
    """Something that is written for a pooler; without ``pooler`` it fits one, but proves none."""

    place: Place
    text: str
    pooler: Pooler | None


class Inference(msgspec.Struct, frozen=True):
    """What the code says, with its reasons."""

    owners: tuple[OwnerCount, ...]
    session_modules: tuple[SessionModule, ...]
    providers: tuple[ProviderUse, ...]
    engines: tuple[Engine, ...]
    hints: tuple[PoolerHint, ...]
    libraries: tuple[Place, ...] = ()
    """Where a library, which is the symbol, is set up to commit each request's session."""

    @property
    def owner(self) -> Owner:
        """The setting that fits; a library that commits by itself leaves no choice."""
        best = self.leading
        return "provider" if self.libraries else best.kind if best is not None else "router"  # type: ignore[return-value]

    @property
    def leading(self) -> OwnerCount | None:
        """The owner of most transactions; None where nothing commits."""
        return leading(self.owners)

    @property
    def pooler(self) -> Literal["none", "transaction", "session"]:
        said = {hint.pooler for hint in self.hints}
        return "transaction" if "transaction" in said else "session" if "session" in said else "none"


def infer(program: Program) -> Inference:
    """Everything that ``session-lint init`` shows."""
    uses = provider_uses(program)
    return Inference(
        count_owners(program),
        tuple(_session_modules(program)),
        tuple(ProviderUse(provider_of(program, function), count) for function, count in uses.items()),
        tuple(sorted((_engine(c) for c in program.creations("engine") if _counts(program, c)), key=lambda e: e.place)),
        tuple(sorted(_hints(program), key=lambda hint: (hint.place, hint.text))),
        tuple(sorted(set(_libraries(program)))),
    )


def _libraries(program: Program) -> Iterator[Place]:
    models = program.flow.world.models
    for call in program.external_calls():
        if program.role(call.unit) in _OUTSIDE:
            continue
        given = [v.name for values in call.args.positional for v in values if isinstance(v, (External, Symbol))]
        for library, ends in (one for name in (call.name, *given) for one in models.ending(name)):
            said = {_word(value) for value in call.args.keywords.get(ends.argument, ())}
            if not ends.argument or said & set(ends.values):
                yield Place(call.unit.module.path, call.node.span.row, library)


def _word(value: Value) -> str | bool | None:
    """A constant, or the last name of something outside the project."""
    match value:
        case Const(value=(str() | bool()) as constant):
            return constant
        case External(name=name) | Symbol(name=name):
            return name.rsplit(".", 1)[-1]
        case _:
            return None


def count_owners(program: Program) -> tuple[OwnerCount, ...]:
    """Who ends transactions outside tests, migrations and scripts, each place once."""
    commits: dict[OwnerKind, set[Place]] = {kind: set() for kind in _KINDS}
    blocks: dict[OwnerKind, set[Place]] = {kind: set() for kind in _KINDS}
    for event in program.events("commit", "begin"):
        if program.role(event.context.unit) in _OUTSIDE or (event.kind == "begin" and not event.is_context):
            continue
        if event.session.evidence == "name":
            continue  # too little to judge a policy by
        found = commits if event.kind == "commit" else blocks
        found[_kind(program, event)].add(_place_of(event))
    # One call can be reached by an owner and by borrowers: what it does to those it is lent by is what a policy judges.
    for found in (commits, blocks):
        found["own"] -= found["service"]
    left = _left_to_providers(program)
    return tuple(
        OwnerCount(
            kind,
            len(commits[kind]),
            len(blocks[kind]),
            len(left) if kind == "provider" else 0,
            tuple(sorted(commits[kind] | blocks[kind] | (left if kind == "provider" else set()))),
        )
        for kind in _KINDS
    )


def voting(owners: tuple[OwnerCount, ...]) -> tuple[OwnerCount, ...]:
    """The counts that speak for a policy."""
    return tuple(count for count in owners if count.kind in _OWNERS)


def leading(owners: tuple[OwnerCount, ...]) -> OwnerCount | None:
    """The owner of most transactions; None where nothing commits. Of equals, the first of router, provider, service."""
    best = max(voting(owners), key=lambda count: count.total, default=None)
    return best if best is not None and best.total else None


def other_policy(program: Program) -> OtherPolicy | None:
    """The owner that the code plainly follows where that is not the configured one."""
    policy = program.settings.transaction_owner
    if policy == "any":
        return None
    owners = count_owners(program)
    best = leading(owners)
    total = sum(count.total for count in voting(owners))
    if best is None or best.kind == policy or total < PLAIN_COMMITS or best.total <= PLAIN_SHARE * total:
        return None
    return OtherPolicy(best.kind, best.total, total)


def _place_of(event: Event) -> Place:
    return Place(event.context.module.path, event.node.span.row, event.context.unit.qualname)


def _kind(program: Program, event: Event) -> OwnerKind:
    unit, token = event.context.unit, event.session
    if program.owned_by_object(token) and not event.forwarded:
        return "object"
    if program.is_provider(unit) or program.is_wrapper(unit):
        return "provider"
    if program.entry_or_outer(unit) is not None and token.how != "param":
        return "router"
    return "service" if token.how in ("param", "attr", "closure", "registry", "injected") else "own"


def _left_to_providers(program: Program) -> set[Place]:
    """Functions that got a session from a provider that commits, write (themselves or by borrowers), and commit nothing."""
    committing = {f for f in provider_uses(program) if program.commits_by_itself(f)}
    if not committing:
        return set()
    writes: set[Place] = set()
    ends: set[Place] = set()
    for event in program.events("commit", "begin", *_WRITES):
        found = writes if event.kind in vocabulary.WRITE_METHODS else ends
        holders = list(program.origins(event))
        if any(token.provider in committing and program.commits(token) for _, token in holders):
            for context, token in holders:
                if not context.is_synthetic and token.how in ("created", "injected") and context.unit not in committing:
                    unit = context.unit
                    found.add(Place(unit.module.path, _row(unit), unit.qualname))
    return {place for place in writes - ends if program.roles[place.filename] not in _OUTSIDE}


def _row(unit: Function | Module) -> int:
    return unit.name_span.row if isinstance(unit, Function) else 1


def _counts(program: Program, creation: Creation) -> bool:
    return program.role(creation.unit) not in ("test", "migration")


def _creation_place(creation: Creation) -> Place:
    called = creation.node.func
    while isinstance(called, ir.Call):  # a factory that is made and called at once
        called = called.func
    return Place(creation.unit.module.path, creation.node.span.row, dotted(called) or creation.name or "session")


def _session_modules(program: Program) -> Iterator[SessionModule]:
    made: dict[str, set[Place]] = {}
    for kind in ("engine", "factory", "session", "factory-session"):
        for creation in program.creations(kind):
            made.setdefault(creation.unit.module.path, set()).add(_creation_place(creation))
    for module in sorted(program.modules, key=lambda one: one.path):
        if program.is_session_module(module) and program.roles[module.path] not in ("test", "migration"):
            yield SessionModule(module.path, tuple(sorted(made.get(module.path, ()))))


def _engine(creation: Creation) -> Engine:
    place = Place(creation.unit.module.path, creation.node.span.row, creation.unit.qualname)
    urls = [v.value for v in creation.args.get(0, "url") if isinstance(v, Const) and isinstance(v.value, str)]
    driver = urls[0].partition("://")[0] if len(urls) == 1 and "://" in urls[0] else ""
    return Engine(place, bool(getattr(creation.value, "is_async", False)), driver)


def _hints(program: Program) -> Iterator[PoolerHint]:
    """Everything in the code that is written as it is for a pooler in front of the database."""
    for module in program.modules:
        if program.roles[module.path] in ("test", "migration"):
            continue
        yield from _hints_in(module.body, module.path, module.qualname)
        for function in module.functions:
            yield from _hints_in(function.body, module.path, function.qualname)
        for cls in module.classes:
            yield from _hints_in(cls.node.body, module.path, cls.qualname)


def _hints_in(body: Sequence[ir.Statement], path: str, symbol: str) -> Iterator[PoolerHint]:
    for node in expressions(body):
        for text, pooler in _said_by(node):
            yield PoolerHint(Place(path, node.span.row, symbol), text, pooler)


def _said_by(node: ir.Expr) -> Iterator[tuple[str, Pooler | None]]:
    match node:
        case ir.Constant(value=str(value)):
            port = _TRANSACTION_PORT.search(value)
            if port is not None:
                yield f"port {port[0].strip(':/?')}", "transaction"
            elif _SESSION_HOST.search(value):
                yield "a pooler's host on port 5432", "session"
        case ir.Constant(value=int(value)) if value in _TRANSACTION_PORTS:
            yield f"port {value}", "transaction"
        case ir.Dict(keys=keys, values=values):
            for key, item in zip(keys, values, strict=True):
                if isinstance(key, ir.Constant):
                    yield from _option(key.value, item)
        case ir.Call(args=args):
            for arg in args:
                yield from _option(arg.keyword, arg.value)
                if arg.keyword == "poolclass" and dotted(arg.value).endswith("NullPool"):
                    yield "poolclass=NullPool", None
        case _:
            return


def _option(name: object, value: ir.Expr) -> Iterator[tuple[str, Pooler | None]]:
    if name == "prepared_statement_name_func":
        yield "prepared_statement_name_func is set", "transaction"
    elif isinstance(value, ir.Constant) and not isinstance(value.value, bool) and (name, value.value) in _NO_CACHE:
        yield f"{name} is {value.value}", "transaction"


def section(inference: Inference) -> dict[str, str | list[str]]:
    """The settings that fit what the code says; those that stay at their defaults are left out, but for the owner."""
    table: dict[str, str | list[str]] = {"transaction-owner": inference.owner}
    if inference.pooler != "none":
        table["pooler"] = inference.pooler
    if inference.session_modules:
        table["session-modules"] = [_anchored(one.filename) for one in inference.session_modules]
    return table


def _anchored(path: str) -> str:
    """A pattern, as in .gitignore, for one file: without a slash it would match in every folder."""
    escaped = re.sub(r"([\\*?\[\]])", r"\\\1", path)
    return escaped if "/" in path else f"/{escaped}"
