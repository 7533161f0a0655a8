"""What cannot be read ends in one LoweringError: no traceback, no crash of the process."""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable

import msgspec
import pytest

from session_lint import ir
from session_lint.lowering import LoweringError, lower

# Syntax of Python 3.14, which sends the file down the path of LibCST alone on every older Python.
NEWER = "try: pass\nexcept A, B: pass\n"

CHAINS: dict[str, Callable[[int], str]] = {
    "brackets": lambda n: "(" * n + "a" + ")" * n,
    "brackets in an f-string": lambda n: "f'{" + "(" * n + "a" + ")" * n + "}'",
    "sum": lambda n: "+".join("a" * n),
    "and": lambda n: " and ".join("a" * n),
    "comparison": lambda n: "<".join("a" * n),
    "power": lambda n: "**".join("a" * n),
    "minus": lambda n: "-" * n + "a",
    "not": lambda n: "not " * n + "a",
    "lambda": lambda n: "lambda:" * n + "a",
    "attribute": lambda n: "a" + ".b" * n,
    "call": lambda n: "a" + "()" * n,
    "fluent": lambda n: "a" + ".b(1, 2)\\\n" * n,
    "conditional": lambda n: "a if b else " * n + "a",
    "elif": lambda n: "if a:\n b\n" + "elif a:\n b\n" * n,
    "strings": lambda n: "'a' " * n,
    "statements": lambda n: "a\n" * n,
    "list": lambda n: "[" + "(1, -2.5), " * n + "]",
}


@pytest.mark.parametrize("newer", [False, True])
@pytest.mark.parametrize("size", [100, 600, 5000])
@pytest.mark.parametrize("kind", CHAINS)
def test_deep_code_is_lowered_or_refused(kind: str, size: int, newer: bool) -> None:
    text = (NEWER if newer else "") + CHAINS[kind](size) + "\n"
    try:
        module = lower(text)
    except LoweringError:
        refused = True
    else:
        refused = False
        assert msgspec.msgpack.decode(msgspec.msgpack.encode(module), type=ir.Module) == module
    assert not (refused and size == 100)


@pytest.mark.parametrize("kind", sorted(CHAINS.keys() - {"list", "statements", "comparison", "strings"}))
def test_endless_chains_do_not_end_the_process(kind: str) -> None:
    for text in (CHAINS[kind](30_000), NEWER + CHAINS[kind](30_000)):
        with pytest.raises(LoweringError, match="nested too deeply"):
            lower(text)


@pytest.mark.parametrize("test", ["a", "session"])
def test_a_long_chain_of_branches_is_lowered_by_either(test: str) -> None:
    (statement,) = lower(CHAINS["elif"](290).replace("a:", f"{test}:")).body
    assert isinstance(statement, ir.If)


PATTERNS: dict[str, Callable[[int], str]] = {
    "lists": lambda n: "[" * n + "x" + "]" * n,
    "groups": lambda n: "(" * n + "x" + ")" * n,
    "tuples": lambda n: "(" * n + "x" + ",)" * n,
    "classes": lambda n: "A(" * n + "x" + ")" * n,
    "keywords": lambda n: "A(x=" * n + "x" + ")" * n,
    "mappings": lambda n: "{'(': " * n + "x" + "}" * n,
}


@pytest.mark.parametrize("newer", [False, True])
@pytest.mark.parametrize("kind", PATTERNS)
def test_patterns_that_take_for_ever_are_refused(kind: str, newer: bool) -> None:
    """Each level takes LibCST two to four times as long as the last: at thirty, years."""

    def match(levels: int, times: int = 1) -> str:
        case = f"    case {PATTERNS[kind](levels)} if f(((((((((((((x))))))))))))): pass\n"
        return f"{NEWER if newer else ''}match session:\n{case * times}"

    assert lower(match(5)).body
    for text in (match(30), match(6, times=1000)):
        with pytest.raises(LoweringError, match="match patterns are nested too deeply") as caught:
            lower(text)
        assert caught.value.row >= 2


@pytest.mark.parametrize(
    "text",
    [
        "match session:\n case 1: pass\nx = case(((((((((((((session)))))))))))))\n",
        "match session:\n case b:  # (((((((((((((\n  pass\n",
        "match session:\n case '((((((((((((' | \"[[[[[[[[[[[[[\": f(((((((((((((1)))))))))))))\n",
        "match session:\n case [b, # )\n  c] if (((((((((((((d))))))))))))): pass\n",
        "match session:\n case 1: pass\n'\\\ncase when 1: ((((((((((((1))))))))))))'\n",
    ],
)
def test_other_brackets_are_no_patterns(text: str) -> None:
    assert lower(text).body


@pytest.mark.parametrize("kind", ["list", "statements"])
def test_flat_code_is_not_deep(kind: str) -> None:
    assert lower(CHAINS[kind](5000) + "\n").body
    assert lower(NEWER + CHAINS[kind](2000) + "\n").body


def test_a_long_sum_is_kept_flat() -> None:
    (statement,) = lower(CHAINS["sum"](500)).body
    assert isinstance(statement, ir.ExprStatement)
    assert isinstance(statement.value, ir.Opaque)
    assert len(statement.value.children) == 500


@pytest.mark.parametrize(
    ("text", "row", "column", "message"),
    [
        ("x = (\n", 1, 5, "'(' was never closed"),
        ("a\na b\n", 2, 3, "invalid syntax"),
        ("é = 1\né b\n", 2, 3, "invalid syntax"),
        ("if a:\nb\n", 2, 1, "expected an indented block"),
        ("a\n" + "(" * 3000 + ")" * 3000, 2, 201, "nested too deeply"),
    ],
)
def test_errors_say_what_and_where(text: str, row: int, column: int, message: str) -> None:
    with pytest.raises(LoweringError) as caught:
        lower(text)
    assert message in caught.value.message
    assert (caught.value.row, caught.value.column) == (row, column)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("text", ["a\nb\0", "b = '\\x'", "a = '\ud800'", NEWER + "x = '\\x'", NEWER + "a b"])
def test_unreadable_text_is_refused(text: str) -> None:
    if sys.version_info >= (3, 14) and text.startswith(NEWER):
        pytest.skip("this Python reads the newer syntax itself")
    with pytest.raises(LoweringError):
        lower(text)


def test_the_null_byte_is_located() -> None:
    with pytest.raises(LoweringError) as caught:
        lower("a\nbc\0d\n")
    assert "null bytes" in caught.value.message
    assert (caught.value.row, caught.value.column) == (2, 3)


@pytest.mark.parametrize("text", ["", "\n", "# only a comment", "\f\n", "   \n\t\n"])
def test_a_file_without_statements_is_empty(text: str) -> None:
    assert lower(text) == ir.Module((), ())


@pytest.mark.parametrize("enabled", [True, False])
def test_the_garbage_collector_is_left_as_it_was(enabled: bool) -> None:
    try:
        (gc.enable if enabled else gc.disable)()
        lower("a")
        assert gc.isenabled() is enabled
        with pytest.raises(LoweringError):
            lower("(")
        assert gc.isenabled() is enabled
    finally:
        gc.enable()


def test_warnings_of_the_linted_code_stay_silent() -> None:
    assert lower("a = '\\d'\nb = f'\\d{a}'\nassert (a, b)\n1 is 1\n").body  # Warnings are errors in these tests.


def test_nodes_built_later_are_still_validated() -> None:
    import libcst as cst

    lower("a")
    with pytest.raises(cst.CSTValidationError):
        cst.Name("")
