"""Lowering: the text of one file becomes its intermediate representation.

The standard library's ``ast`` is the gate and the ruler, LibCST's tree is what is walked: the two trees are descended side
by side, the nodes of the one telling what is written and those of the other where. This package is the only one that
imports LibCST, and what it returns depends on the text (and the running Python's grammar) alone.
"""

from __future__ import annotations

import gc
import warnings

from session_lint import ir
from session_lint.lowering.comments import suppression_comments
from session_lint.lowering.gate import LoweringError, Source, parse
from session_lint.lowering.statements import block

__all__ = ["LoweringError", "lower"]


def lower(text: str) -> ir.Module:
    """Lower one file.

    Args:
        text: the file's text, decoded and without a byte order mark; any kind of newline.

    Returns:
        The module's statements in source order and its suppression comments.

    Raises:
        LoweringError: the text is no valid Python, or nested too deeply to be read safely.
    """
    collecting = gc.isenabled()
    gc.disable()  # The trees are large and free of garbage: collecting while they grow costs a sixth of the time.
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return _lower(parse(text))
    except RecursionError:
        raise LoweringError("the code is nested too deeply to be read", 1, 1) from None
    finally:
        if collecting:
            gc.enable()


def _lower(source: Source) -> ir.Module:
    try:
        body = tuple([statement for lines, trees in source.parts for statement in block(source.walk, lines, trees)])
    except SyntaxError as error:  # A malformed escape: LibCST does not look into strings.
        raise source.refusal or LoweringError(error.msg, 1, 1) from None
    return ir.Module(body, suppression_comments(source))
