"""The order in which things are found does not depend on Python's hashes, which differ from run to run."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

FIXTURES = Path(__file__).parents[2] / "fixtures"
COMMAND = ["check", "--isolated", "--select", "ALL", "--preview", "--output-format", "json", "--exit-zero", "--verbose"]


def report(seed: int) -> tuple[str, str]:
    """The findings, and the numbers of ``--verbose``."""
    env = {**os.environ, "PYTHONHASHSEED": str(seed), "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    ran = subprocess.run(
        [sys.executable, "-m", "session_lint", *COMMAND, "--root", str(FIXTURES), str(FIXTURES)],
        env=env,
        capture_output=True,
        text=True,
        check=True,
    )
    return ran.stdout, "".join(line for line in ran.stderr.splitlines(keepends=True) if " s " not in line)


HASHES = """
import typing
from types import SimpleNamespace
from session_lint.program.values import *
from session_lint.program.values import Value
place = SimpleNamespace(place_hash=1)
one, none = frozenset({Symbol("a")}), Const(None)
values = [
    Symbol("a"), External("a", one), ModuleValue("a"), Session(True, None), Factory(True, None), Engine(True, None),
    Connection(True), Handle("a", none), Method(none, "a"), Coroutine(one), Generator(one, None, True),
    ContextManager(one, None, True), Container((one,), True), DictValue((("a", one),)), Const("a"), Number(1), TypeForm("a", (one,)),
    Dependency(one), Partial(none, (one,), ()), ManagerFunction(none, True), FunctionValue(place), ClassValue(place), Instance(place),
    BoundMethod(place, none), Super(place, none), Wrapped(none, place),
]
assert {type(value) for value in values} == set(typing.get_args(Value))
print([hash(value) for value in values])
"""


def hashes(seed: int) -> str:
    env = {**os.environ, "PYTHONHASHSEED": str(seed), "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    return subprocess.run([sys.executable, "-c", HASHES], env=env, capture_output=True, text=True, check=True).stdout


def test_every_kind_of_value_has_the_same_hash_in_every_run() -> None:
    # Memory is laid out anew with every process, so that addresses in a hash show without another seed, too.
    assert hashes(1) == hashes(1) == hashes(2) == hashes(3)


def test_runs_with_other_hashes_are_alike() -> None:
    first = report(1)
    assert "evaluations" in first[1]
    assert report(2) == first
    assert report(3) == first
