"""Every pattern of real code that the analysis handles has a fixture that fails without the handling.

Each handling is taken out by the smallest patch that does it; then the fixture's expectations must not be met any more.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from fixture_cases import FIXTURES, Case
from test_fixtures import lint

from session_lint import ir, models
from session_lint.lowering import newer
from session_lint.program import (
    Program,
    building,
    control,
    entrypoints,
    evaluator,
    failures,
    flow,
    interpreter,
    roles,
    states,
    typed_providers,
    vocabulary,
)
from session_lint.program.actions import Actions
from session_lint.program.analysis import Run
from session_lint.program.annotations import _TRANSPARENT_TYPES, Annotations
from session_lint.program.attributes import Attributes
from session_lint.program.blocks import Blocks
from session_lint.program.calls import Calls
from session_lint.program.contexts import Token
from session_lint.program.control import ControlFlow
from session_lint.program.driver import _Injection
from session_lint.program.evaluator import Evaluator
from session_lint.program.flow import Flow
from session_lint.program.interpreter import Frame
from session_lint.program.known_calls import CALLS
from session_lint.program.layers import Layers
from session_lint.program.names import Names
from session_lint.program.states import Outcome
from session_lint.program.symbols import Class, Function, Module
from session_lint.program.typed_providers import TypedProviders
from session_lint.program.values import (
    NOTHING,
    BoundMethod,
    Const,
    ContextManager,
    Coroutine,
    FunctionValue,
    Handle,
    Instance,
    ManagerFunction,
    ModuleValue,
    Session,
    TypeForm,
    Values,
)
from session_lint.program.world import Binding
from session_lint.rules import ownership

Removal = Callable[[pytest.MonkeyPatch], None]


@dataclass(frozen=True)
class Handling:
    """What is handled, the fixture that shows it, and how to take it out."""

    what: str
    case: str
    remove: Removal


def call(name: str) -> Removal:
    """Without what is known of a function of Python or its libraries."""
    return lambda patch: patch.delitem(CALLS, name)


def puts(owner: object, name: str, instead: Any) -> Removal:
    return lambda patch: patch.setattr(owner, name, instead)


def gives(owner: object, name: str, result: Any) -> Removal:
    """A function that gives the same whatever it is given."""
    return puts(owner, name, lambda *args, **keywords: result)


def around(owner: object, name: str, make: Callable[[Callable[..., Any]], Callable[..., Any]]) -> Removal:
    return lambda patch: patch.setattr(owner, name, make(getattr(owner, name)))


def unseen(owner: object, name: str, *kinds: type, result: Any = NOTHING) -> Removal:
    """A method that does not know values of these kinds."""

    def make(method: Callable[..., Any]) -> Callable[..., Any]:
        return lambda self, value, *args: result if isinstance(value, kinds) else method(self, value, *args)

    return around(owner, name, make)


def syntax(kind: type[ir.Expr]) -> Removal:
    return lambda patch: patch.setitem(evaluator._DISPATCH, kind, lambda self, node: NOTHING)


def statement(owner: type, name: str, kind: type[ir.Statement], result: Callable[..., Any]) -> Removal:
    """Statements of a kind are passed over."""

    def make(method: Callable[..., Any]) -> Callable[..., Any]:
        return lambda self, node, *args: result(self) if isinstance(node, kind) else method(self, node, *args)

    return around(owner, name, make)


def model(name: str) -> Removal:
    """Without one of the models that come with the package."""
    known = tuple(one for one in models._own_models() if one.name != name)
    return puts(models, "_own_models", lambda: known)


def type_form(name: str) -> Removal:
    """``name[T]`` says nothing of T."""
    table = "session_lint.program.annotations._TRANSPARENT_TYPES"
    return lambda patch: patch.setattr(table, _TRANSPARENT_TYPES - {name})


def new_types_alike(patch: pytest.MonkeyPatch) -> None:
    """All new types of one type are the same."""
    patch.setitem(CALLS, "typing.NewType", lambda self, args, node: frozenset({TypeForm("newtype", (args.get(1),))}))


def without_flags(relevant: Callable[..., Values]) -> Callable[..., Values]:
    return lambda values, holders: frozenset(v for v in relevant(values, holders) if not isinstance(v, Const))


def without_keywords(bind: Callable[..., dict[str, Values]]) -> Callable[..., dict[str, Values]]:
    def bound(function: Function, receiver: Any, args: Any) -> dict[str, Values]:
        found = bind(function, receiver, args)
        extra = {param.name for param in function.params if param.kind == "kwarg"}
        return {name: values for name, values in found.items() if name not in extra}

    return bound


def without_arguments(bind: Callable[..., dict[str, Values]]) -> Callable[..., dict[str, Values]]:
    def bound(function: Function, receiver: Any, args: Any) -> dict[str, Values]:
        first = function.params[0].name if receiver is not None and function.takes_self and function.params else ""
        return {name: values for name, values in bind(function, receiver, args).items() if name == first}

    return bound


def without_functions(bind: Callable[..., dict[str, Values]]) -> Callable[..., dict[str, Values]]:
    return lambda function, receiver, args: {
        name: values
        for name, values in bind(function, receiver, args).items()
        if not any(isinstance(v, FunctionValue) for v in values)
    }


def without_objects(values: Values) -> Values:
    return frozenset(v for v in values if not isinstance(v, Instance))


def no_objects(write: Callable[..., None]) -> Callable[..., None]:
    """What functions return, without the objects in it."""

    def written(self: Flow, cell: Any, values: Values) -> None:
        returned = isinstance(self.unit, Function) and cell is self.unit.returns
        write(self, cell, without_objects(values) if returned else values)

    return written


made_objects = around(interpreter, "_may_differ", lambda plain: lambda values: without_objects(plain(values)))


def names_of_modules(load: Callable[..., Values]) -> Callable[..., Values]:
    """Names of a function around are not seen."""
    return lambda self, scope, name: load(
        self,
        scope.module if isinstance(scope, Function) and name not in scope.cells and name not in scope.links else scope,
        name,
    )


def without_package(package: str) -> Removal:
    return around(
        vocabulary, "_name_in_orm", lambda plain: lambda name: None if name.startswith(package) else plain(name)
    )


def in_both(change: Callable[[Callable[..., Any]], Callable[..., Any]], name: str = "bind") -> Removal:
    """In the flow and in the interpreter."""

    def remove(patch: pytest.MonkeyPatch) -> None:
        around(flow, name, change)(patch)
        around(interpreter, name, change)(patch)

    return remove


def all_of(*removals: Removal) -> Removal:
    def remove(patch: pytest.MonkeyPatch) -> None:
        for one in removals:
            one(patch)

    return remove


def by_name_alone(followed: Callable[..., Binding | None]) -> Callable[..., Binding | None]:
    """Imports that are told apart by their last name alone."""

    def found(self: Names, link: Any, importer: Module, passed: Any) -> Binding | None:
        for module in sorted(self.world.modules, key=lambda m: m.path):
            if link.name in module.cells:
                return Binding(cells=(module.cells[link.name],))
        return followed(self, link, importer, passed)

    return found


def by_position(plain: Callable[..., Any]) -> Callable[..., Any]:
    """An alias for ``Annotated[T, Depends(x)]`` is a type and no more."""
    return lambda flow, annotation, value: plain(flow, None if isinstance(annotation, ir.Name) else annotation, value)


def no_default(plain: Callable[..., Any]) -> Callable[..., Any]:
    return lambda flow, annotation, value: plain(flow, annotation, None if isinstance(value, ir.Name) else value)


def first_item(enter: Callable[..., Any]) -> Callable[..., Any]:
    """Of several items in one ``with`` the first alone."""
    return lambda self, node, position, state: enter(self, replace_items(node), position, state)


def replace_items(node: ir.With) -> ir.With:
    import msgspec

    return msgspec.structs.replace(node, items=node.items[:1])


def module_imports(bind: Callable[..., None]) -> Callable[..., None]:
    return lambda statement, scope, module: None if isinstance(scope, Function) else bind(statement, scope, module)


def makes_object(construct: Callable[..., Values]) -> Callable[..., Values]:
    """A constructor whose arguments are forgotten."""
    return lambda self, cls, args, node: frozenset({Instance(cls)})


def own_session(method: Callable[..., Values]) -> Callable[..., Values]:
    """A savepoint is the session."""
    return lambda self, subject, name, args, node: (
        frozenset({subject}) if name == "begin_nested" else method(self, subject, name, args, node)
    )


def torn_down(unwrap: Callable[..., Values]) -> Callable[..., Values]:
    """Dependencies end before the endpoint begins."""

    def unwrapped(self: _Injection, value: Any) -> Values:
        found = unwrap(self, value)
        run = getattr(value, "run", None)
        if isinstance(run, Run) and run.context.exit is not None:
            for theirs, mine in run.tokens.items():
                self.frame.state.tx[mine] = (run.context.exit.tx or {}).get(theirs, 0)
        return found

    return unwrapped


def each_its_own(provide: Callable[..., Values]) -> Callable[..., Values]:
    """A dependency that is made again for everyone who asks."""
    return lambda self, provider, cached: provide(self, provider, False)


def all_the_same(provide: Callable[..., Values]) -> Callable[..., Values]:
    return lambda self, provider, cached: provide(self, provider, True)


def no_scripts(infer: Callable[..., str]) -> Callable[..., str]:
    return lambda module, kinds, **known: infer(module, kinds, **known).replace("script", "service")


HANDLINGS = [
    Handling(
        "01 names are told apart by import",
        "patterns/01_same_name_two_providers",
        around(Names, "_followed", by_name_alone),
    ),
    Handling(
        "02 a provider behind an alias",
        "patterns/02_provider_alias",
        around(
            Flow,
            "_statement",
            lambda plain: (
                lambda self, node: (
                    None if isinstance(node, ir.Assign) and isinstance(node.value, ir.Name) else plain(self, node)
                )
            ),
        ),
    ),
    Handling(
        "02 Annotated[T, Depends(x)] behind a name",
        "patterns/02b_depends_alias",
        around(entrypoints, "_declared_dependency", by_position),
    ),
    Handling(
        "02 Depends(x) behind a name",
        "patterns/02b_depends_alias",
        around(entrypoints, "_declared_dependency", no_default),
    ),
    Handling("02 a class with __call__", "patterns/02c_callable_class.py", unseen(Calls, "call", Instance)),
    Handling(
        "02 contextmanager(generator)(argument)", "patterns/02d_wrapped_generator", call("contextlib.contextmanager")
    ),
    Handling(
        "02 owner or borrower by the argument", "patterns/02e_conditional_owner", gives(ControlFlow, "truth", None)
    ),
    Handling(
        "02 a session is opened if none is given", "patterns/02f_session_if_none.py", gives(ControlFlow, "truth", None)
    ),
    Handling("03 a decorator that begins", "patterns/03_decorator_begins", gives(Evaluator, "apply_decorator", None)),
    Handling(
        "03 a decorator that opens and injects",
        "patterns/03b_decorator_opens",
        gives(Evaluator, "apply_decorator", None),
    ),
    Handling(
        "03 a decorator that is an object",
        "patterns/03c_decorator_objects",
        unseen(Evaluator, "apply_decorator", Instance, result=None),
    ),
    Handling(
        "03 a decorator that is a method",
        "patterns/03c_decorator_objects",
        unseen(Evaluator, "apply_decorator", BoundMethod, result=None),
    ),
    Handling(
        "03 what its other methods do",
        "patterns/03c_decorator_objects",
        puts(Program, "_decorator_classes", frozenset()),
    ),
    Handling("04 request.state", "patterns/04_middleware_session", gives(Names, "shared_value", NOTHING)),
    Handling(
        "04 request.state, given to a helper",
        "patterns/04b_request_state_in_helpers",
        gives(Names, "shared_value", NOTHING),
    ),
    Handling(
        "04 the context of a worker's jobs", "patterns/04c_worker_context.py", gives(Names, "shared_value", NOTHING)
    ),
    Handling(
        "05 constructor injection", "patterns/05_repository_classes", all_of(around(Frame, "construct", makes_object))
    ),
    Handling(
        "05 attributes that a constructor sets", "patterns/05_repository_classes", gives(Flow, "store_attribute", None)
    ),
    Handling("05 base classes", "patterns/05_repository_classes", puts(Class, "lineage", lambda self: (self,))),
    Handling("05 super()", "patterns/05_repository_classes", call("builtins.super")),
    Handling(
        "05 factories of services",
        "patterns/05_repository_classes",
        all_of(around(Flow, "write", no_objects), made_objects),
    ),
    Handling(
        "05 singletons of modules",
        "patterns/05_repository_classes",
        around(
            Flow,
            "construct",
            lambda plain: (
                lambda self, cls, args, node: NOTHING if isinstance(self.unit, Module) else plain(self, cls, args, node)
            ),
        ),
    ),
    Handling("05 properties", "patterns/05b_properties", gives(Attributes, "_bind", NOTHING)),
    Handling(
        "05 a base class of many services", "patterns/05c_many_services", gives(interpreter, "bears_session", False)
    ),
    Handling("06 untyped parameters", "patterns/06_untyped_parameters.py", in_both(without_arguments)),
    Handling("06 **locals()", "patterns/06_untyped_parameters.py", call("builtins.locals")),
    Handling("06 **kwargs", "patterns/06_untyped_parameters.py", in_both(without_keywords)),
    Handling("06 functools.partial", "patterns/06_untyped_parameters.py", call("functools.partial")),
    Handling("06 callbacks passed by name", "patterns/06_untyped_parameters.py", in_both(without_functions)),
    Handling(
        "07 commit flags through several levels",
        "patterns/07b_commit_flag_switched_off.py",
        around(interpreter, "relevant", without_flags),
    ),
    Handling("08 savepoint handles", "patterns/08_savepoint_handles.py", around(Calls, "call_method", own_session)),
    Handling("09 imports in functions", "patterns/09_syntax", around(building, "_bind_import", module_imports)),
    Handling("09 several items in one with", "patterns/09_syntax", around(ControlFlow, "_with", first_item)),
    Handling("09 walrus", "patterns/09_syntax", syntax(ir.Walrus)),
    Handling("09 AsyncExitStack", "patterns/09_syntax", gives(Calls, "_call_external", NOTHING)),
    Handling(
        "09 match",
        "patterns/09_syntax",
        statement(ControlFlow, "statement", ir.Match, lambda self: Outcome(self.state)),
    ),
    Handling("09 except A, B:", "patterns/09b_unparenthesised_except", gives(newer, "block", ())),
    Handling("09 lambdas", "patterns/09_syntax", gives(building, "_lambda", None)),
    Handling("09 nested functions", "patterns/09_syntax", around(Names, "load_from", names_of_modules)),
    Handling(
        "09 class bodies",
        "patterns/09_syntax",
        statement(ControlFlow, "statement", ir.ClassDef, lambda self: Outcome(self.state)),
    ),
    Handling("10 Flask-SQLAlchemy", "patterns/10_flask_sqlalchemy", model("Flask-SQLAlchemy")),
    Handling("10 FastCRUD", "patterns/10b_fastcrud", model("fastcrud")),
    Handling("10 SQLModel", "patterns/10c_sqlmodel", all_of(model("sqlmodel"), without_package("sqlmodel"))),
    Handling("10 fastapi-async-sqlalchemy", "patterns/10d_fastapi_async_sqlalchemy", model("fastapi-async-sqlalchemy")),
    Handling("10 advanced-alchemy", "patterns/10e_advanced_alchemy", model("advanced-alchemy")),
    Handling(
        "10 the session that a library's object holds",
        "patterns/10e_advanced_alchemy",
        gives(models.Models, "holds_session", None),
    ),
    Handling(
        "10 the session that a library's constructor keeps",
        "patterns/10e_advanced_alchemy",
        puts(Frame, "_keeping", lambda self, built, args: built),
    ),
    Handling(
        "10 what a library's configuration makes",
        "patterns/10j_advanced_alchemy_worker",
        gives(models.Models, "made", (None, None)),
    ),
    Handling("10 fastapi-users", "patterns/10f_fastapi_users", model("fastapi-users-db-sqlalchemy")),
    Handling("10 fastapi-sqla", "patterns/10g_fastapi_sqla", model("fastapi-sqla")),
    Handling(
        "10 a user's own model",
        "patterns/10h_user_model",
        puts(models, "_read_model", lambda path, said: models.Model("nothing")),
    ),
    Handling("10 a subclass of a library's class", "patterns/10i_flask_sqlalchemy_subclass", model("Flask-SQLAlchemy")),
    Handling("11 errors swallowed below", "patterns/11_swallowed_two_calls_below.py", gives(failures, "swallow", None)),
    Handling("11 two calls below", "patterns/11_swallowed_two_calls_below.py", gives(Frame, "after_failures", None)),
    Handling("11 contextlib.suppress", "patterns/11_swallowed_two_calls_below.py", gives(Blocks, "suppresses", False)),
    Handling(
        "11 gather(return_exceptions)",
        "patterns/11_swallowed_two_calls_below.py",
        gives(control, "_drops_errors", False),
    ),
    Handling(
        "12 a sentinel that is None or False", "patterns/12_sentinel_then_raise.py", gives(failures, "known_true", None)
    ),
    Handling(
        "12 a sentinel that is asked for", "patterns/12_sentinel_then_raise.py", gives(failures, "known_fine", None)
    ),
    Handling("13 units of work", "patterns/13_unit_of_work", gives(Frame, "_forward", None)),
    Handling(
        "13 who made the session that an object keeps",
        "patterns/13_unit_of_work",
        gives(Program, "owned_by_object", False),
    ),
    Handling("13 ContextVar", "patterns/13b_context_variable", call("contextvars.ContextVar")),
    Handling("13 dependency_overrides", "patterns/13c_dependency_overrides", gives(Calls, "overriding", NOTHING)),
    Handling("13 FromDishka", "patterns/13d_container", type_form("FromDishka")),
    Handling(
        "13 functions that a container calls", "patterns/13e_container_of_functions", gives(Flow, "_contained", None)
    ),
    Handling(
        "13 methods that a container calls",
        "patterns/13e_container_of_functions",
        gives(vocabulary, "is_container", False),
    ),
    Handling("13 that-depends", "patterns/13g_that_depends.py", gives(vocabulary, "is_container", False)),
    Handling(
        "13 what dishka gives by type to endpoints and to what it calls",
        "patterns/13h_dishka",
        gives(TypedProviders, "arguments", {}),
    ),
    Handling(
        "13 the fields of dataclasses that dishka makes", "patterns/13h_dishka", gives(TypedProviders, "fields", {})
    ),
    Handling("13 dishka's alias and AnyOf", "patterns/13h_dishka", gives(typed_providers, "_types", ())),
    Handling("13 dishka's providers as methods", "patterns/13h_dishka", gives(TypedProviders, "_of_method", None)),
    Handling("13 dishka's providers as calls", "patterns/13h_dishka", gives(TypedProviders, "_of_call", None)),
    Handling("13 two sessions of dishka by NewType", "patterns/13h_dishka", new_types_alike),
    Handling(
        "13 functions that say they only raise", "patterns/13h_dishka", gives(interpreter, "_is_said_to_raise", False)
    ),
    Handling("13 protocols", "patterns/13f_overridden_protocol", gives(Attributes, "_overrides", [])),
    Handling(
        "14 one session for a request",
        "patterns/14_one_session_per_request",
        around(_Injection, "_provide", each_its_own),
    ),
    Handling("14 use_cache=False", "patterns/14_one_session_per_request", around(_Injection, "_provide", all_the_same)),
    Handling("14 sub-dependencies", "patterns/14_one_session_per_request", gives(_Injection, "arguments", {})),
    Handling(
        "14 tear-down after the endpoint",
        "patterns/14b_order_of_a_request.py",
        around(_Injection, "_unwrap", torn_down),
    ),
    Handling("15 scripts", "patterns/15_script", around(roles, "_infer", no_scripts)),
    Handling("15 migrations", "patterns/15b_migration", puts(roles, "_MIGRATION", re.compile("$^"))),
]


def forms(*names: str) -> Removal:
    """Types that are written ``name[T]`` say nothing."""

    def make(instantiate: Callable[..., Values]) -> Callable[..., Values]:
        return lambda self, types: instantiate(
            self, frozenset(v for v in types if not (isinstance(v, TypeForm) and v.name in names))
        )

    return around(Annotations, "instantiate", make)


def evaluated(matches: Callable[[Flow, Any], bool]) -> Removal:
    """The flow passes over some statements."""
    return around(
        Flow, "_statement", lambda plain: lambda self, node: None if matches(self, node) else plain(self, node)
    )


def is_type_alias(self: Flow, node: ir.Statement) -> bool:
    return isinstance(node, ir.AnnAssign) and isinstance(node.annotation, ir.Name) and node.annotation.id == "TypeAlias"


def convention(kind: str) -> Removal:
    """What providers do of one kind, after they have handed out a session, is not noted."""

    def make(note: Callable[..., None]) -> Callable[..., None]:
        return lambda self, noted, token: None if noted == kind else note(self, noted, token)

    return around(Actions, "note_convention", make)


def names_first(plain: Callable[..., Values]) -> Callable[..., Values]:
    """A name counts, whatever is known against it."""

    def parameter(self: Frame, function: Function, position: int, param: ir.Parameter, *args: Any) -> Values:
        values = plain(self, function, position, param, *args)
        if param.name not in self.analysis.session_names:
            return values
        token = self.new_token(Token("param", param.name, function.is_async, "name"), states.UNKNOWN)
        return values | {Session(function.is_async, token)}

    return parameter


def static_alike(bind: Callable[..., Values]) -> Callable[..., Values]:
    """Static methods get the object too."""

    def bound(self: Attributes, value: Any, receiver: Any) -> Values:
        if isinstance(value, FunctionValue) and value.function.is_static:
            return NOTHING
        return bind(self, value, receiver)

    return bound


def not_delegated(leave: Callable[..., None]) -> Callable[..., None]:
    """What a context manager does in the end says nothing of the provider around it."""

    def left(self: Blocks, *args: Any) -> None:
        noting, self.note_convention = self.note_convention, lambda kind, token: None  # type: ignore[method-assign]
        try:
            leave(self, *args)
        finally:
            self.note_convention = noting  # type: ignore[method-assign]

    return left


def no_reexports(exported: Callable[..., Binding | None]) -> Callable[..., Binding | None]:
    def found(self: Names, module_name: str, name: str, passed: Any) -> Binding | None:
        module = self.world.index.by_name.get(module_name)
        if module is not None and name in module.links and name not in module.cells:
            return Binding()
        return exported(self, module_name, name, passed)

    return found


def judged_by(policy: str, other: str) -> Removal:
    """Projects that follow a policy are judged by another one."""

    def make(judge: Callable[..., bool]) -> Callable[..., bool]:
        def judged(program: Program, event: Any, followed: str) -> bool:
            followed = other if followed == policy else followed
            return followed != "any" and judge(program, event, followed)

        return judged

    return around(ownership, "_is_forbidden", make)


ALIASES = "rules/SL302/bad_session_aliases.py"
KINDS = "rules/SL302/bad_what_is_a_session.py"
TYPES = "analysis/types.py"
CALLED = "analysis/calls"
OBJECTS = "analysis/objects"
PROVIDERS = "analysis/providers.py"

ITEMS = [
    # What is a session
    Handling("an annotation", KINDS, around(Annotations, "instantiate", lambda plain: lambda self, types: NOTHING)),
    Handling("an import alias", ALIASES, gives(Names, "_followed", None)),
    Handling("NewType", ALIASES, call("typing.NewType")),
    Handling("TypeAlias", ALIASES, evaluated(is_type_alias)),
    Handling("type X = ...", "analysis/newest_types.py", evaluated(lambda self, node: isinstance(node, ir.TypeAlias))),
    Handling("Annotated", ALIASES, forms("Annotated")),
    Handling("a subclass", ALIASES, gives(Annotations, "session_kind_of", None)),
    Handling("Optional", ALIASES, type_form("Optional")),
    Handling("Union", TYPES, type_form("Union")),
    Handling("X | None", ALIASES, type_form("|")),
    Handling("ClassVar", TYPES, type_form("ClassVar")),
    Handling("list[T]", TYPES, forms("list")),
    Handling("tuple[T]", TYPES, forms("tuple")),
    Handling("dict[K, T]", TYPES, forms("dict")),
    Handling("Iterator[T]", TYPES, forms("Iterator")),
    Handling("AbstractContextManager[T]", TYPES, forms("AbstractContextManager")),
    Handling("Awaitable[T]", TYPES, forms("Awaitable")),
    Handling("Callable[..., T]", TYPES, forms("Callable")),
    Handling("type[T]", TYPES, forms("type")),
    Handling("an annotated result", TYPES, gives(Flow, "_annotated", NOTHING)),
    Handling("with ... as", KINDS, unseen(Calls, "enter", Session)),
    Handling("with a context manager as", PROVIDERS, unseen(Calls, "enter", ContextManager)),
    Handling("with factory.begin() as", OBJECTS, unseen(Calls, "enter", Handle)),
    Handling("an annotation in a class", KINDS, evaluated(lambda self, node: isinstance(self.scope, Class))),
    Handling(
        "an annotated attribute in __init__",
        TYPES,
        evaluated(lambda self, node: isinstance(node, ir.AnnAssign) and isinstance(node.target, ir.Attribute)),
    ),
    Handling("attributes through base classes", KINDS, puts(Class, "lineage", lambda self: (self,))),
    Handling("what callers pass", KINDS, in_both(without_arguments)),
    Handling("its name", KINDS, gives(Frame, "_by_name", NOTHING)),
    Handling("never against evidence", KINDS, around(Frame, "_parameter", names_first)),
    Handling("a scoped session", KINDS, puts(vocabulary, "_REGISTRY_CLASSES", {})),
    # Providers
    Handling("a context manager", PROVIDERS, unseen(Calls, "call", ManagerFunction)),
    Handling("a generator dependency", PROVIDERS, around(_Injection, "_unwrap", lambda plain: lambda self, v: NOTHING)),
    Handling("a plain return", "patterns/02f_session_if_none.py", gives(interpreter, "_may_differ", NOTHING)),
    Handling("a coroutine", PROVIDERS, unseen(Calls, "awaited", Coroutine)),
    Handling("__aenter__", PROVIDERS, unseen(Calls, "enter", Instance)),
    Handling(
        "yield from",
        PROVIDERS,
        all_of(gives(Actions, "yielded_from", NOTHING), gives(Flow, "yielded_from", NOTHING)),
    ),
    Handling("commits on exit", PROVIDERS, convention("commit")),
    Handling("begins", PROVIDERS, gives(Blocks, "enter_item", NOTHING)),
    Handling("closes", "rules/SL207/bad_close.py", convention("close")),
    Handling("delegation counts", PROVIDERS, around(Blocks, "_leave_manager", not_delegated)),
    Handling("dependencies of routers", "rules/SL305/bad_auth_dependency", gives(Layers, "of_router", ())),
    Handling("dependencies of routes", "rules/SL306/bad_endpoints", gives(entrypoints, "listed_dependencies", ())),
    Handling("Provide", "rules/SL310/ok_litestar", gives(Layers, "named", {})),
    # Calls
    Handling("re-exports", "rules/SL101/bad_reexported_class", around(Names, "_exported", no_reexports)),
    Handling("star imports", "analysis/star_imports", gives(Names, "_starred", None)),
    Handling("modules", "patterns/09_syntax", unseen(Attributes, "attribute", ModuleValue)),
    Handling(
        "relative imports",
        "rules/SL304/bad_through_reexported_submodule",
        puts(building, "absolute", lambda module, name, level: name),
    ),
    Handling("class methods", OBJECTS, gives(Attributes, "class_attribute", NOTHING)),
    Handling("static methods", OBJECTS, around(Attributes, "_bind", static_alike)),
    Handling(
        "dataclasses", OBJECTS, all_of(gives(flow, "dataclass_fields", {}), gives(interpreter, "dataclass_fields", {}))
    ),
    Handling("__call__", OBJECTS, unseen(Calls, "call", Instance)),
    Handling("__enter__", OBJECTS, unseen(Calls, "enter", Instance)),
    Handling("objects in objects", OBJECTS, puts(Frame, "construct", lambda self, cls, args, node: NOTHING)),
    *(
        Handling(name, CALLED, call(name))
        for name in (
            *("functools.lru_cache", "functools.cache", "contextlib.closing", "contextlib.aclosing", "typing.cast"),
            *("contextlib.nullcontext", "contextlib.asynccontextmanager", "builtins.getattr", "builtins.dict"),
            *("builtins.list", "copy.copy", "sqlalchemy.orm.object_session"),
            *("sqlalchemy.ext.asyncio.async_object_session", "asyncio.gather"),
        )
    ),
    Handling(
        "asyncio.wait_for", CALLED, lambda patch: patch.setattr("session_lint.program.calls._COROUTINE_RUNNERS", ())
    ),
    Handling("asyncio.to_thread", CALLED, lambda patch: patch.setattr("session_lint.program.calls._CALLERS", {})),
    Handling(
        "run_sync",
        CALLED,
        around(
            Calls,
            "call_method",
            lambda plain: (
                lambda self, subject, name, args, node: (
                    NOTHING if name == "run_sync" else plain(self, subject, name, args, node)
                )
            ),
        ),
    ),
    Handling("comprehensions", CALLED, syntax(ir.Comprehension)),
    Handling("a or b", CALLED, syntax(ir.BoolOp)),
    Handling("a if c else b", CALLED, syntax(ir.Conditional)),
    Handling("subscripts", CALLED, syntax(ir.Subscript)),
    Handling("lambdas", CALLED, gives(building, "_lambda", None)),
    # Policies
    Handling("router", "rules/SL302/bad_service_commits.py", judged_by("router", "any")),
    Handling("provider", "rules/SL302/bad_endpoint_under_provider_policy.py", judged_by("provider", "router")),
    Handling("service", "rules/SL302/bad_endpoint_under_service_policy.py", judged_by("service", "router")),
]


@pytest.mark.parametrize("handling", [*HANDLINGS, *ITEMS], ids=lambda handling: handling.what)
def test_a_fixture_fails_without_the_handling(
    handling: Handling, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    case = Case(FIXTURES / handling.case)
    handling.remove(monkeypatch)
    found, _ = lint(case.lay_out(tmp_path), case.rule)
    assert found != case.expected, f"{case.name} shows nothing of: {handling.what}"


def test_every_pattern_is_named_here() -> None:
    fixtures = {f"patterns/{path.name}" for path in (FIXTURES / "patterns").glob("[0-9]*")}
    assert fixtures - {handling.case for handling in HANDLINGS} == {"patterns/07_commit_flag_left_on.py"}
    assert {handling.what[:2] for handling in HANDLINGS} == {f"{number:02}" for number in range(1, 16)}
