"""What the interpreter carries along a path: variables, and the transaction state of each session."""

from __future__ import annotations

from dataclasses import dataclass, field

import msgspec

from session_lint.program.contexts import Failure, Mark
from session_lint.program.values import Values

# Transaction states are bits, so that a join of paths is a union.
NONE = 1  # no transaction
AUTOBEGUN = 2  # a statement began one implicitly
BLOCK = 4  # inside ``with session.begin()``
BEGUN = 8  # begun by an explicit ``session.begin()``
CLOSED = 16
UNKNOWN = 32  # what the caller did is not known
FAILED = 64
OPEN = AUTOBEGUN | BLOCK | BEGUN | FAILED  # a transaction, and so a connection

BEFORE_YIELD, RESUMED, THROWN = 1, 2, 4


@dataclass(slots=True)
class State:
    """One abstract state: ``tx`` maps session tokens to bits.

    ``rolled_back`` holds the rollbacks on the way here, ``phase`` tells whether a generator has been resumed or thrown into.
    ``failed`` has the sessions whose last call, of that name, may be what raised the exception that is on its way; ``marks``
    the errors that were swallowed. ``sent`` has the sessions on which a statement was sent in the transaction at hand,
    ``ended`` those that this function has rolled back or closed, whichever way it came here.
    """

    env: dict[str, Values] = field(default_factory=dict)
    tx: dict[int, int] = field(default_factory=dict)
    rolled_back: frozenset[int] = frozenset()
    phase: int = BEFORE_YIELD
    failed: frozenset[Failure] = frozenset()
    marks: frozenset[Mark] = frozenset()
    sent: frozenset[int] = frozenset()
    ended: frozenset[int] = frozenset()

    def copy(self) -> State:
        env, tx = dict(self.env), dict(self.tx)
        return State(env, tx, self.rolled_back, self.phase, self.failed, self.marks, self.sent, self.ended)


def join(left: State | None, right: State | None) -> State | None:
    """The state after two paths meet; None is a path that never arrives."""
    if left is None or right is None:
        return left or right
    if left is right:
        return left
    env = dict(left.env)
    if right.env != env:
        for name, values in right.env.items():
            mine = env.get(name)
            if mine is not values:
                env[name] = values if mine is None else mine | values
    tx = dict(left.tx)
    if right.tx != tx:
        for token, bits in right.tx.items():
            tx[token] = tx.get(token, 0) | bits
    return State(
        env,
        tx,
        left.rolled_back | right.rolled_back,
        left.phase | right.phase,
        left.failed | right.failed,
        left.marks | right.marks,
        left.sent | right.sent,
        left.ended & right.ended,
    )


class Outcome(msgspec.Struct):
    """Where executing a block can lead: on, out by return (with ``values``), out by break, or to the next iteration."""

    normal: State | None = None
    returned: State | None = None
    values: Values = frozenset()
    broken: State | None = None
    continued: State | None = None

    @property
    def leaves(self) -> bool:
        """Whether it leads anywhere but out by an exception."""
        return any(state is not None for state in (self.normal, self.returned, self.broken, self.continued))

    def absorb(self, other: Outcome) -> None:
        """Add the other's ways out, but not its normal end."""
        if other.returned is None and other.broken is None and other.continued is None:
            self.values |= other.values
            return
        self.returned = join(self.returned, other.returned)
        self.values |= other.values
        self.broken = join(self.broken, other.broken)
        self.continued = join(self.continued, other.continued)
