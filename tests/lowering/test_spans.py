"""Places: those read from ``ast`` must equal LibCST's own, of every node in the IR.

The two come about independently, the one from CPython's tokenizer, the other by generating the code anew, so that each is
the other's oracle; and the comparison shows as well that the path for syntax newer than the running Python loses nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import libcst
import msgspec
import pytest
from libcst.metadata import MetadataWrapper, PositionProvider
from samples import SNIPPETS, real_files

from session_lint import ir
from session_lint.lowering import LoweringError, lower
from session_lint.lowering.newer import position_ruler
from session_lint.lowering.spans import NO_TREE, Walk, line_offsets
from session_lint.lowering.statements import block


def from_positions(text: str) -> tuple[ir.Statement, ...]:
    """Lower with the positions of LibCST's provider."""
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    offsets = line_offsets(text)
    wrapper = MetadataWrapper(libcst.parse_module(text), unsafe_skip_copy=True)
    ruler = position_ruler(wrapper.resolve(PositionProvider), text, offsets)
    return block(Walk(ruler, text, offsets), wrapper.module.body, NO_TREE)


def differences(one: object, other: object, lines: list[str]) -> Iterator[tuple[object, object]]:
    """Unequal parts of two trees, except what CPython itself places otherwise."""
    if one == other:
        return
    if type(one) is not type(other):
        yield one, other
    elif isinstance(one, ir.FString):
        return  # Before Python 3.12, ``ast`` has no place for what stands in an f-string.
    elif isinstance(one, ir.Span) and isinstance(other, ir.Span):
        # A block on one row includes its last semicolon.
        shortened = ir.Span(one.row, one.column, one.end_row, one.end_column - 1)
        if lines[one.end_row - 1][one.end_column - 2] != ";" or (
            shortened != other and lines[other.end_row - 1][other.end_column - 1 : one.end_column].strip() != ";"
        ):
            yield one, other
    elif isinstance(one, msgspec.Struct):
        for field in one.__struct_fields__:
            name = field.replace("place", "span")
            yield from differences(getattr(one, name), getattr(other, name), lines)
    elif isinstance(one, tuple) and isinstance(other, tuple) and len(one) == len(other):
        for left, right in zip(one, other, strict=True):
            yield from differences(left, right, lines)
    else:
        yield one, other


def assert_places(text: str) -> None:
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    assert list(differences(lower(text).body, from_positions(text), lines))[:3] == []


@pytest.mark.parametrize("text", SNIPPETS)
def test_places_equal_libcst(text: str) -> None:
    assert_places(text)


@pytest.mark.parametrize("text", SNIPPETS)
def test_newlines_do_not_matter(text: str) -> None:
    module = lower(text)
    assert lower(text.replace("\n", "\r\n")) == module
    assert lower(text.replace("\n", "\r")) == module
    assert lower(text.removesuffix("\n")) == module


@pytest.mark.parametrize("path", real_files(), ids=lambda path: f"{path.parent.name}/{path.name}")
def test_places_equal_libcst_on_real_files(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    try:
        module = lower(text)
    except LoweringError as error:  # A few forms that LibCST does not know.
        pytest.skip(error.message)
    assert_places(text)
    assert lower(text) == module
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(module), type=ir.Module) == module


@pytest.mark.parametrize("row", [0, 1, 65_535, 65_536, (1 << 20) - 1, 1 << 20, 1 << 40])
@pytest.mark.parametrize("rows", [0, 1, 65_535, 65_536])
@pytest.mark.parametrize("column", [0, 1, 255, 256, 16_383, 16_384, 1 << 40])
@pytest.mark.parametrize("end_column", [0, 1, 255, 256, 16_383, 16_384, 1 << 40])
def test_a_node_keeps_any_span(row: int, rows: int, column: int, end_column: int) -> None:
    span = ir.Span(row, column, row + rows, end_column)
    module = ir.Module((ir.Jump(ir.packed(row, column, row + rows, end_column), "", "pass"),), ())
    (statement,) = module.body
    assert statement.span == span
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(module), type=ir.Module) == module


def test_long_rows_and_files() -> None:
    text = "\n" * 70_000 + f"a = [\n{'0, ' * 10_000}b,\n" + "\n" * 70_000 + "]\n"
    (statement,) = lower(text).body
    assert isinstance(statement, ir.Assign)
    assert isinstance(statement.value, ir.Collection)
    assert slice_of(text, statement.span) == text.strip()
    assert slice_of(text, statement.targets[0].span) == "a"
    assert slice_of(text, statement.value.items[-1].span) == "b"
    assert {slice_of(text, item.span) for item in statement.value.items[-3:]} == {"0", "b"}
    assert_places(text)


def slice_of(text: str, span: ir.Span) -> str:
    rows = text.split("\n")[span.row - 1 : span.end_row]
    rows[-1] = rows[-1][: span.end_column - 1]
    rows[0] = rows[0][span.column - 1 :]
    return "\n".join(rows)


def test_names_of_definitions_are_found() -> None:
    text = "@a\nasync  def \\\n  fé(): pass\nclass\tAé: pass\nif x:\n    async def  g(): pass\n"
    function, class_, branch = lower(text).body
    assert isinstance(function, ir.FunctionDef)
    assert isinstance(class_, ir.ClassDef)
    assert isinstance(branch, ir.If)
    (inner,) = branch.body
    assert isinstance(inner, ir.FunctionDef)
    assert slice_of(text, function.name_span) == "fé"
    assert slice_of(text, class_.name_span) == "Aé"
    assert slice_of(text, inner.name_span) == "g"
    assert slice_of(text, function.span).startswith("@a\n")


def test_form_feeds_count_as_characters() -> None:
    text = "a\n\f\nb\n\fdef f(): pass\n\f@a\n\fclass A: pass\n"
    assert [slice_of(text, statement.span) for statement in lower(text).body] == [
        "a",
        "b",
        "def f(): pass",
        "@a\n\fclass A: pass",
    ]
    assert len(from_positions(text)) == 4  # LibCST drops them, so there its columns are off.


def test_handlers_cover_their_header() -> None:
    text = "try: a\nexcept (\n  B,  # :\n  C) as e : d\nexcept (F): g\nexcept: h\n"
    (statement,) = lower(text).body
    assert isinstance(statement, ir.Try)
    headers = [slice_of(text, handler.span) for handler in statement.handlers]
    assert headers == ["except (\n  B,  # :\n  C) as e", "except (F)", "except"]
