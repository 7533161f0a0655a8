"""Lowering the few files of a tree that are new, on the spot, to see what is new in them.

LibCST is not imported for that: where sessions turn out to be concerned, the program is linked, and LibCST reads the files then.
"""

from __future__ import annotations

from collections.abc import Sequence

from session_lint.lowering.outcome import encode_outcome, outcome_of

MOST = 16
"""Files; for more, processes pay."""

_MOST_BYTES = 256 * 1024
"""Of one file: a larger one may take so long, or so much memory, that a process of its own has to bound it."""


def lower_few(files: Sequence[bytes]) -> list[bytes] | None:
    """The encoded outcomes of files; None where they are too large, or where one may come out otherwise next time."""
    if len(files) > MOST or any(len(data) > _MOST_BYTES for data in files):
        return None
    encoded = []
    for data in files:
        outcome = outcome_of(data, plainly=True)
        if outcome.refusal is not None and outcome.refusal.passing:
            return None
        encoded.append(encode_outcome(outcome))
    return encoded
