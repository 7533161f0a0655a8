"""Linking: from lowered files to a Program that knows sessions, who makes them, who owns and who borrows them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from session_lint import ir
from session_lint.facts import ProjectFacts
from session_lint.findings import ChainLink, Confidence
from session_lint.models import Models, load_models
from session_lint.program.analysis import Analysis
from session_lint.program.apart import idle, set_apart, test_paths
from session_lint.program.building import ModuleIndex, build_module, is_test_path
from session_lint.program.contexts import Context, Event, Swallow, Token, lenders, origins
from session_lint.program.driver import interpret
from session_lint.program.entrypoints import EntryPoint, find_entry_points
from session_lint.program.flow import Flow
from session_lint.program.flow_facts import Creation, ExternalCall
from session_lint.program.keeping import owns_session
from session_lint.program.places import Places, find_places
from session_lint.program.remapping import bear_session
from session_lint.program.roles import find_roles
from session_lint.program.symbols import Class, Function, Module, Unit
from session_lint.program.values import Session
from session_lint.program.world import World
from session_lint.record import Record
from session_lint.settings import Settings
from session_lint.traversal import walk

__all__ = ["LoweredFile", "Program", "link"]


class LoweredFile(Record, frozen=True):
    """A file's path (relative to the project root, with forward slashes) and its IR."""

    path: str
    module: ir.Module


@dataclass(frozen=True)
class Program:
    """The linked program, as rules and reports see it; ``idle`` are the modules in which nothing can be found."""

    settings: Settings
    facts: ProjectFacts
    modules: tuple[Module, ...]
    idle: tuple[Module, ...]
    flow: Flow
    analysis: Analysis
    entries: Mapping[Function, EntryPoint]
    roles: Mapping[str, str]

    @cached_property
    def files_with_sessions(self) -> frozenset[str]:
        """The files in which something has a session, tests left out."""
        return frozenset(
            context.module.path
            for context in self.contexts()
            if any(token.how != "registry" or token.path for token in context.tokens)
        )

    @cached_property
    def places(self) -> Places:
        """Where calls and blocks stand, tests left out."""
        return find_places([module for module in self.modules if self.roles[module.path] != "test"])

    def contexts(self) -> Iterator[Context]:
        """Every way that a function outside the tests is entered."""
        return (c for c in self.analysis.all_contexts() if not c.is_test and not c.is_synthetic)

    def role(self, unit: Unit) -> str:
        """The role of the file that a unit is in."""
        return self.roles[unit.module.path]

    def is_session_module(self, module: Module) -> bool:
        """Whether engines, factories and sessions may be made in a module."""
        globs = self.settings.session_modules
        if globs:
            from pathspec import GitIgnoreSpec

            return GitIgnoreSpec.from_lines(globs).match_file(module.path)
        return module.path in self._session_modules or self.roles[module.path] == "session-module"

    @cached_property
    def _session_modules(self) -> frozenset[str]:
        from session_lint.program.roles import hands_out

        return frozenset(m.path for m in self.modules if hands_out(m, self.flow, dict(self.entries)))

    def is_home(self, unit: Unit) -> bool:
        """Whether a unit is a session module's own code: in such a module, and not part of an entry point."""
        return self.is_session_module(unit.module) and self.entry_or_outer(unit) is None

    def creations(self, kind: str) -> list[Creation]:
        """Sessions (``session``), factories (``factory``) or engines (``engine``) made from their class or function."""
        return [c for (_, k), c in self.flow.facts.creations.items() if k == kind]

    def external_calls(self) -> list[ExternalCall]:
        """Calls of things outside the project, and of methods of sessions, engines and connections."""
        return list(self.flow.facts.externals.values())

    def events(self, *kinds: str) -> Iterator[Event]:
        """What happened to sessions, by method name, in every context outside tests."""
        for context in self.contexts():
            for event in list(context.events.values()):
                if event.kind in kinds:
                    yield event

    def entry(self, unit: Unit) -> EntryPoint | None:
        return self.entries.get(unit) if isinstance(unit, Function) else None

    def entry_or_outer(self, unit: Unit) -> EntryPoint | None:
        """The entry point that a unit is, or that it is nested in."""
        scope: object = unit
        while isinstance(scope, Function):
            if scope in self.entries:
                return self.entries[scope]
            scope = scope.parent
        return None

    def commits_override(self, provider: Function) -> bool | None:
        """What the settings say on whether a provider commits; None where they leave that to what is seen."""
        override = self.settings.providers.get(f"{provider.module.name}.{provider.qualname}")
        return None if override is None else override.commits

    def commits_by_itself(self, provider: Function | None) -> bool:
        """Whether a provider commits the sessions that it hands out when the code under it ends normally."""
        return provider is not None and self._commits(provider, self.analysis.by_function.get(provider, ()))

    def commits(self, token: Token) -> bool:
        """Likewise for one session, as its provider was called for it: some commit where a flag asks them to."""
        if token.by_next:
            return False
        if token.provider is None or not token.given_by:
            return self.commits_by_itself(token.provider)
        return self._commits(token.provider, token.given_by)

    def _commits(self, provider: Function, contexts: Iterable[Context]) -> bool:
        override = self.commits_override(provider)
        return any(c.convention.commits for c in contexts) if override is None else override

    def committing_owner(self, token: Token) -> Function | None:
        """Who commits the session after the code that has it: its provider, or the middleware that put it on the request."""
        if token.how == "state":
            owners = self._committing_middleware
            return owners.get(token.path) or (next(iter(owners.values())) if len(set(owners.values())) == 1 else None)
        return token.provider if self.commits(token) else None

    @cached_property
    def _committing_middleware(self) -> Mapping[str, Function]:
        """Middleware that commits sessions kept on the request, by the names that these are kept under."""
        kept = self.flow.world.shared
        found: dict[str, Function] = {}
        for event in self.events("commit"):
            unit, token = event.context.unit, event.session
            entry = self.entry(unit)
            if not isinstance(unit, Function) or not (
                self.is_of_middleware(unit) or (entry is not None and entry.kind == "middleware")
            ):
                continue
            names = [token.path] if token.how == "state" else []
            for name, cell in kept.items():
                if token.site is not None and any(
                    isinstance(v, Session) and v.origin == token.site for v in cell.values
                ):
                    names.append(name)
            found.update(dict.fromkeys(names, unit))
        return found

    def is_provider(self, unit: Unit) -> bool:
        """Whether a function hands a session out by ``yield``."""
        return isinstance(unit, Function) and any(
            c.exit and bear_session(c.exit.yields) for c in self.analysis.by_function.get(unit, ())
        )

    def is_wrapper(self, unit: Unit) -> bool:
        """Whether a function is what a decorator of the project puts around others, or a method of such a decorator's class."""
        if not isinstance(unit, Function):
            return False
        if isinstance(unit.parent, Function):
            return unit in self.analysis.wrappers
        return unit.owner is not None and unit.owner in self._decorator_classes

    @cached_property
    def _decorator_classes(self) -> frozenset[Class]:
        makers = (wrapper.parent for wrapper in self.analysis.wrappers)
        return frozenset(
            maker.owner
            for maker in makers
            if isinstance(maker, Function) and maker.name == "__call__" and maker.owner is not None
        )

    def is_of_middleware(self, unit: Unit) -> bool:
        """Whether a function is a method of a middleware, which sits around the entry points and may own their transaction."""
        owner = unit.owner if isinstance(unit, Function) else None
        methods = (m for cls in owner.lineage() for m in cls.methods.values()) if owner is not None else ()
        return any(m in self.entries and self.entries[m].kind == "middleware" for m in methods)

    def owned_by_object(self, token: Token) -> bool:
        """Whether the session belongs to the object that keeps it (a unit of work)."""
        return token.how == "object" or (
            token.how == "attr" and token.holder is not None and owns_session(self.flow, token.holder, token.path)
        )

    def confidence(self, token: Token) -> Confidence:
        return {"type": Confidence.HIGH, "flow": Confidence.MEDIUM, "name": Confidence.LOW}[token.evidence]

    def swallows(self) -> Iterator[Swallow]:
        """The handlers that swallow an error of a session which then does harm, outside tests."""
        for context in self.contexts():
            yield from (swallow for swallow in context.swallows.values() if swallow.harms)

    def chain(self, event: Event) -> tuple[ChainLink, ...]:
        """The shortest chain from the function that obtained the session down to the event, places included."""
        return self.chain_to(event.context, event.token, event.node.span.row, f"calls {event.kind}()")

    def chain_to(self, context: Context, token: int, row: int, note: str) -> tuple[ChainLink, ...]:
        """Likewise down to a row of a function, where happens what ``note`` says."""
        best: list[ChainLink] | None = None
        for steps in lenders(context, token):
            if not steps:
                continue
            links: list[ChainLink] = []
            for step, below in zip(steps, [*(s.context for s in steps[1:]), context], strict=True):
                if step.context.is_synthetic or step.node is None:
                    continue
                lends = f"lends its session to {below.unit.qualname}"
                links.append(ChainLink(step.context.module.path, step.node.span.row, step.context.unit.qualname, lends))
            if links:
                best = links
                break
        if best is None:
            return ()
        return (*best, ChainLink(context.module.path, row, context.unit.qualname, note))

    def block_opener(self, event: Event) -> ChainLink | None:
        """Where a caller opened the ``begin()`` block that an event happens in."""
        for steps in lenders(event.context, event.token):
            for step in reversed(steps):
                for begun in step.context.events.values():
                    if begun.kind == "begin" and begun.token == step.token:
                        unit = step.context.unit
                        return ChainLink(unit.module.path, begun.node.span.row, unit.qualname, "opens the block")
        return None

    def origins(self, event: Event) -> Iterator[tuple[Context, Token]]:
        """The session of an event as everybody up its call chains knows it."""
        return origins(event.context, event.token)

    @cached_property
    def _digests(self) -> dict[Module, list[tuple[ir.Span, str]]]:
        return {}

    def digest(self, module: Module, span: ir.Span) -> str:
        """The digest of the innermost statement around a place."""
        if module not in self._digests:
            bodies = [module.body, *(f.body for f in module.functions), *(c.node.body for c in module.classes)]
            self._digests[module] = [(s.span, s.digest) for body in bodies for s in walk(body)]
        around = [
            (s.end_row - s.row, digest)
            for s, digest in self._digests[module]
            if s.row <= span.row and span.end_row <= s.end_row
        ]
        return min(around)[1] if around else ""


def link(
    files: Sequence[LoweredFile], settings: Settings, facts: ProjectFacts, models: Models | None = None
) -> Program:
    """Link lowered files into a program.

    Args:
        files: every file of the project that is known.
        settings: what the user decided.
        facts: Python version and versions of libraries that the project pins.
        models: what is known of libraries; None: the models that come with the package.
    """
    every = [build_module(file.path, file.module) for file in files]
    index = ModuleIndex(every)
    set_apart(every, index, test_paths(settings))
    without = idle(every, index, settings)
    modules = tuple(module for module in every if module not in without)
    world = World(modules, index, frozenset(settings.session_names), load_models() if models is None else models)
    flow = Flow(world)
    flow.run()
    entries = find_entry_points(flow, settings.entry_point_decorators)
    roles = find_roles(every, entries, flow, settings)
    analysis = interpret(
        flow, entries, frozenset(settings.session_names), lambda m: roles[m.path] == "test" or is_test_path(m.path)
    )
    left_out = tuple(module for module in every if module in without)
    return Program(settings, facts, modules, left_out, flow, analysis, entries, roles)
