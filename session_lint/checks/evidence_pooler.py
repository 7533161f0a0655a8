"""Connection pooler: each engine, and what its arguments say about pooling."""

from __future__ import annotations

from session_lint.checks.engines import ENGINES, EngineMade
from session_lint.checks.evidence import Evidence, Scope
from session_lint.checks.wording import SHOWN, counted, named


def evidence(scope: Scope) -> Evidence:
    """The files' engines; where there are none, those of the project's session modules."""
    everywhere = ENGINES.everywhere(scope.program)
    here = [e for e in ENGINES.within(scope) if e.role != "test"]
    if not here:
        others = [e for e in everywhere if e.role == "session-module"]
        return Evidence(applicable=bool(everywhere), elsewhere=tuple(_stated(scope, others)))
    pooler = scope.program.settings.pooler
    judged = ", so only engines whose URL names a pooler's port are judged" if pooler == "none" else ""
    return Evidence(len(here), (*_stated(scope, here), f'the settings say `pooler = "{pooler}"`{judged}'))


def _stated(scope: Scope, engines: list[EngineMade]) -> list[str]:
    stated = [f"the engine {_place(scope, engine)} has {arguments_of(engine)}" for engine in engines[:SHOWN]]
    if len(engines) > SHOWN:
        stated.append(f"{counted(len(engines) - SHOWN, 'more engine')}")
    return stated


def _place(scope: Scope, engine: EngineMade) -> str:
    place = named(scope, engine.unit, engine.row)
    return f"made {'at' if engine.unit.qualname == '<module>' else 'in'} {place}"


def arguments_of(engine: EngineMade) -> str:
    """What an engine's arguments say about pooling."""
    if engine.connect_args:
        options = f"connect_args {', '.join(f'`{pair}`' for pair in engine.connect_args)}"
    elif engine.connect_args == ():
        options = "empty connect_args"
    elif engine.says_connect_args:
        options = "connect_args whose keys are not known here"
    else:
        options = "no connect_args"
    pool = f"poolclass `{engine.poolclass}`" if engine.poolclass else "no poolclass"
    if engine.default_pool is not None:
        pool += f" (SQLAlchemy's default is `{engine.default_pool}`)"
    rest = ", unless by `**`" if engine.has_rest else ""
    return f"{options} and {pool}{rest}"
