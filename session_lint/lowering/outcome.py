"""Bytes of a file to what lowering makes of them, in a form that travels between processes and lies in caches."""

from __future__ import annotations

import traceback
from functools import cache

import msgspec

from session_lint import ir
from session_lint.source import SourceError, decode


class Refusal(msgspec.Struct, frozen=True, array_like=True):
    """Why a file could not be lowered, fit to be shown, and where; ``passing`` when that may be otherwise next time."""

    message: str
    row: int = 1
    column: int = 1
    passing: bool = False
    trace: str = ""
    """Where the failure is our own: its traceback."""


class Outcome(msgspec.Struct, frozen=True, array_like=True):
    """Either is set: the file's IR, or why there is none; and how many bytes of it LibCST parsed."""

    module: ir.Module | None
    refusal: Refusal | None = None
    parsed: int = 0


_ENCODER = msgspec.msgpack.Encoder()


@cache
def _decoder() -> msgspec.msgpack.Decoder[Outcome]:
    """Made when it is needed: it has to learn all types of nodes."""
    return msgspec.msgpack.Decoder(Outcome, dec_hook=ir.shared)


def outcome_of(data: bytes, *, plainly: bool = False) -> Outcome:
    """Decode and lower the bytes of one file; the outcome depends on them and the running Python alone.

    Args:
        data: the bytes.
        plainly: leave to LibCST only what ``ast`` alone does not tell.
    """
    from session_lint.lowering import LoweringError, lower_and_count  # not every run needs it

    try:
        module, parsed = lower_and_count(decode(data), plainly=plainly)
        return Outcome(module, None, parsed)
    except SourceError as error:
        return Outcome(None, Refusal(error.message, error.row))
    except LoweringError as error:
        return Outcome(None, Refusal(error.message, error.row, error.column))
    except MemoryError:
        return Outcome(
            None, Refusal("parsing it takes more memory than max-file-memory allows, or than there is", passing=True)
        )
    except Exception as error:  # noqa: BLE001  (one file's failure is no reason to lose the others)
        what = f"session-lint failed on it ({type(error).__name__}: {error})"
        return Outcome(None, Refusal(what, passing=True, trace=traceback.format_exc()))


def encode_outcome(outcome: Outcome) -> bytes:
    """The outcome as MessagePack."""
    return _ENCODER.encode(outcome)


def decode_outcome(data: bytes | memoryview) -> Outcome:
    """What ``encode_outcome`` was given.

    Raises:
        ValueError: the bytes are nothing of the kind.
    """
    try:
        outcome = _decoder().decode(data)
    except (msgspec.DecodeError, RecursionError, MemoryError) as error:
        raise ValueError(str(error)) from error
    if (outcome.module is None) is (outcome.refusal is None):
        raise ValueError("neither a module nor a refusal")
    return outcome


def lower_batch(files: list[bytes]) -> list[bytes]:
    """Lower several files: what an executor, perhaps on another machine, is given to do."""
    return [encode_outcome(outcome_of(data)) for data in files]
