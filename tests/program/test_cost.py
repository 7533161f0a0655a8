"""What linking costs: counts of its work, which are the same on every machine."""

from __future__ import annotations

from session_lint.program.remapping import bears_session
from session_lint.program.values import Const, Partial, Value


def test_values_that_are_shared_are_looked_at_once() -> None:
    value: Value = Const(1)
    for _ in range(60):
        held = frozenset({value})
        value = Partial(Const(2), (held, held), ())
    assert not bears_session(value)
