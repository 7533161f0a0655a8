"""SL210 engine-across-event-loops · one async engine is used from one event loop after the other.

## What it does
Reports an async engine with a pool that serves the whole program, where functions that run again and again (queue tasks,
plain endpoints, loops), or one function at two places, start an event loop of their own for code that uses the engine:
`asyncio.run()`, `anyio.run()`, `async_to_sync()`, `run_until_complete()` of a new loop. The chain names these places. The
rule is in preview.

## Why is this bad?
A connection of an async driver belongs to the event loop that it was opened in, and the pool keeps it for the next one.
Observed on SQLAlchemy 2.1.9, 2.0.58 and 1.4.54 with asyncpg: the first `asyncio.run()` worked, the second raised
`RuntimeError: Task <Task pending ...> got Future <Future pending ...> attached to a different loop`, the third
`InterfaceError ... cannot perform operation: another operation is in progress`. `pool_pre_ping` did not help. With
`NullPool`, or `await engine.dispose()` at the end of each run, three of three worked.

## Example
```python
import asyncio

from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine

engine = create_async_engine("postgresql+asyncpg://localhost/app")


async def count_rows(table: str) -> int:
    async with engine.connect() as connection:
        return (await connection.execute(text(f"SELECT count(*) FROM {table}"))).scalar_one()


def report(tables: list[str]) -> list[int]:
    return [asyncio.run(count_rows(table)) for table in tables]
```

## Use instead
```python
import asyncio

from sqlalchemy import NullPool, text
from sqlalchemy.ext.asyncio import create_async_engine

engine = create_async_engine("postgresql+asyncpg://localhost/app", poolclass=NullPool)


async def count_rows(table: str) -> int:
    async with engine.connect() as connection:
        return (await connection.execute(text(f"SELECT count(*) FROM {table}"))).scalar_one()


def report(tables: list[str]) -> list[int]:
    return [asyncio.run(count_rows(table)) for table in tables]
```

Where one loop can do all the work, let it: a single `asyncio.run()` around everything keeps the pool useful.

## When not to use
Engines for SQLite are not reported: aiosqlite's connections go with any loop. Neither are engines whose pool the analysis
cannot see, nor those that the code in the loop disposes of. `loop.run_until_complete()` on a loop that is kept is one loop.

## References
- [SQLAlchemy, using multiple asyncio event loops][loops]
- [skypilot pull request 8725](https://github.com/skypilot-org/skypilot/pull/8725)

[loops]: https://docs.sqlalchemy.org/en/20/orm/extensions/asyncio.html#using-multiple-asyncio-event-loops
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator

from session_lint import ir
from session_lint.findings import ChainLink, Finding, Severity
from session_lint.program import Program
from session_lint.program.engines import built_engines
from session_lint.program.flow_facts import ExternalCall
from session_lint.program.symbols import Function, Unit
from session_lint.program.values import Coroutine, Engine, Factory, Site, Value, function_of
from session_lint.record import Record
from session_lint.rules.engine_lifetime import is_shared, occasion_of
from session_lint.rules.registry import rule
from session_lint.traversal import blocks, expressions, own_expressions, path_to, subexpressions

_RUNNERS = frozenset({"asyncio.run", "anyio.run", "uvloop.run", "asgiref.sync.async_to_sync"})
_OF_NEW_LOOP = "asyncio.new_event_loop().run_until_complete"
_NEW_LOOP = "asyncio.new_event_loop()"
_TWICE = "more than once"
_SHOWN = 5


class _Run(Record, frozen=True):
    """A place that starts an event loop, what runs in it, and how often, where that is known to be more than once."""

    unit: Unit
    node: ir.Call
    started: frozenset[Function]
    often: str


@rule("SL210", "engine-across-event-loops", severity=Severity.WARNING, check="direct-engines", preview=True)
def engine_across_event_loops(program: Program) -> Iterator[Finding]:
    """Pooled async engines that are used from several event loops."""
    runs = list(_runs(program))
    if not runs:
        return
    used, disposed = _users(program)
    for engine in built_engines(program):
        site = Site(engine.unit.module, engine.node.span)
        pooled = engine.is_async and engine.pool == "queue" and engine.url.dialect != "sqlite"
        if not pooled or program.role(engine.unit) == "migration" or not is_shared(program, engine.creation):
            continue
        reaching, disposing = _above(program, used[site]), _above(program, disposed[site])
        using = [r for r in runs if r.started & reaching and not r.started & disposing and r.unit not in disposed[site]]
        found = [r for r in using if r.often != _TWICE or any(_is_second(r, other) for other in using)]
        if not found:
            continue
        first = found[0]
        links = [ChainLink(r.unit.module.path, r.node.span.row, r.unit.qualname, "starts an event loop") for r in found]
        yield engine_across_event_loops.finding(
            engine.unit.module.path,
            engine.node.span,
            f"{engine.unit.qualname} makes an engine that {first.unit.qualname} ({first.unit.module.path}:{first.node.span.row})"
            f" uses from a new event loop {first.often}, where its pooled connections do not work; give it"
            " poolclass=NullPool, or await its dispose() at the end of each run",
            symbol=engine.unit.qualname,
            chain=tuple(links[:_SHOWN]),
            digest=program.digest(engine.unit.module, engine.node.span),
        )


def _runs(program: Program) -> Iterator[_Run]:
    """The places that start event loops again and again."""
    calls: dict[Unit, list[ExternalCall]] = defaultdict(list)
    for call in program.external_calls():
        if call.node.args and program.role(call.unit) not in ("test", "migration") and _starts_loop(program, call):
            calls[call.unit].append(call)
    for unit, starts in calls.items():
        occasion = occasion_of(program, unit)
        for call in starts:
            started = frozenset(_started(program, call))
            if occasion is not None:
                often = f"for {occasion.replace('a ', 'each ', 1)}"
            elif _is_in_loop(unit, call.node):
                often = "each time round a loop"
            elif any(_follow(unit, call.node, other.node) for other in starts if other is not call):
                often = _TWICE
            else:
                continue
            yield _Run(unit, call.node, started, often)


def _starts_loop(program: Program, call: ExternalCall) -> bool:
    if call.name == _OF_NEW_LOOP and isinstance(call.node.func, ir.Attribute):
        receivers = program.flow.at(call.unit).eval(call.node.func.value)
        return {getattr(v, "name", "") for v in receivers} == {_NEW_LOOP}
    return call.name in _RUNNERS


def _started(program: Program, call: ExternalCall) -> Iterator[Function]:
    """The functions of the project that run in the loop."""
    for value in call.args.get(0, "main"):
        function = value.function if isinstance(value, Coroutine) else function_of(value)
        if function is not None:
            yield function
    for part in subexpressions(call.node.args[0].value):
        yield from program.flow.facts.call_targets.get(id(part), ())


def _users(program: Program) -> tuple[dict[Site, set[Unit]], dict[Site, set[Unit]]]:
    """The functions that use each engine, by itself or through sessions, and those that dispose of it."""
    used: dict[Site, set[Unit]] = defaultdict(set)
    disposed: dict[Site, set[Unit]] = defaultdict(set)
    engines: dict[Site, set[Site]] = {}
    for creation in program.creations("factory"):
        home = Site(creation.unit.module, creation.node.span)
        engines[home] = _origins(v for values in creation.args.everything() for v in values)
    for creation in program.creations("session"):
        for site in _origins(v for values in creation.args.everything() for v in values):
            used[site].add(creation.unit)
    for creation in program.creations("factory-session"):
        node = creation.node.func
        subject = node.value if isinstance(node, ir.Attribute) and node.name in ("begin", "__call__") else node
        for value in program.flow.at(creation.unit).eval(subject):
            if isinstance(value, Factory) and value.origin is not None:
                for site in engines.get(value.origin, ()):
                    used[site].add(creation.unit)
    for call in program.external_calls():
        if isinstance(call.subject, Engine) and call.subject.origin is not None:
            (disposed if call.name.endswith(".dispose") else used)[call.subject.origin].add(call.unit)
    return used, disposed


def _origins(values: Iterable[Value]) -> set[Site]:
    return {v.origin for v in values if isinstance(v, Engine) and v.origin is not None}


def _above(program: Program, units: set[Unit]) -> set[Unit]:
    """The functions, and all that call them, near or far."""
    callers = program.flow.facts.callers
    seen = set(units)
    queue = list(units)
    while queue:
        unit = queue.pop()
        ahead = callers.get(unit, set()) - seen if isinstance(unit, Function) else set()
        seen |= ahead
        queue.extend(ahead)
    return seen


def _is_in_loop(unit: Unit, node: ir.Call) -> bool:
    for statement in path_to(unit.body, node):
        if isinstance(statement, (ir.For, ir.While)) and any(e is node for e in expressions(statement.body)):
            return True
        for expr in own_expressions(statement):
            for part in subexpressions(expr):
                if isinstance(part, ir.Comprehension) and any(p is node for p in subexpressions(part)):
                    return not any(p is node for p in subexpressions(part.clauses[0].iterable))
    return False


def _is_second(run: _Run, other: _Run) -> bool:
    return other is not run and other.unit is run.unit and _follow(run.unit, run.node, other.node)


def _follow(unit: Unit, first: ir.Call, second: ir.Call) -> bool:
    """Whether two calls run one after the other: in one block, under no condition that the other is not under."""
    one, other = path_to(unit.body, first), path_to(unit.body, second)
    common = 0
    while common < min(len(one), len(other)) and one[common] is other[common]:
        common += 1
    apart = (*one[common:], *other[common:])
    if not apart or any(isinstance(s, (ir.If, ir.Match, ir.While)) for s in apart):
        return bool(one) and not apart
    if common == len(one) or common == len(other):
        return False
    around = blocks(one[common - 1]) if common else [unit.body]
    return any(any(s is one[common] for s in block) and any(s is other[common] for s in block) for block in around)
