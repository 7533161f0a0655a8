"""Fixes as text edits: which go together, and what becomes of the text and of places in it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from session_lint.findings import Confidence, Edit, Finding, Fix, Severity
from session_lint.fixing import Lines, apply_edits, apply_fixes
from session_lint.ir import Span


def finding(*edits: tuple[int, int, int, int, str]) -> Finding:
    fix = Fix("mend", safe=True, edits=tuple(Edit(Span(*edit[:4]), edit[4]) for edit in edits))
    return Finding("SL302", "x", "m", "a.py", Span(*edits[0][:4]), Severity.ERROR, Confidence.HIGH, "f", fix=fix)


def test_edits_in_any_order() -> None:
    edits = [Edit(Span(2, 1, 2, 2), "B"), Edit(Span(1, 1, 1, 2), "A"), Edit(Span(2, 4, 2, 4), "!")]
    assert apply_edits("abc\nbcd\n", edits) == "Abc\nBcd!\n"


@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
def test_newlines_stay(newline: str) -> None:
    text = newline.join(["one", "two", "three", ""])
    assert apply_edits(text, [Edit(Span(2, 1, 3, 1), "")]) == newline.join(["one", "three", ""])
    assert apply_edits(text, [Edit(Span(2, 1, 2, 1), "a\nb\n")]) == newline.join(["one", "a", "b", "two", "three", ""])


def test_a_form_feed_ends_no_row() -> None:
    assert apply_edits("a\x0cb\nc", [Edit(Span(2, 1, 2, 2), "C")]) == "a\x0cb\nC"


def test_the_last_line_without_a_newline() -> None:
    assert apply_edits("a\nb", [Edit(Span(2, 1, 3, 1), "")]) == "a\n"


def test_an_overlapping_fix_waits() -> None:
    outer = finding((1, 1, 1, 1, "("), (1, 9, 1, 9, ")"))
    inner = finding((1, 3, 1, 5, "xx"))
    behind = finding((1, 10, 1, 11, "z"))
    fixed = apply_fixes("abcdefghijk", [behind, inner, outer])
    assert fixed.text == "(abcdefgh)izk"
    assert fixed.applied == (outer, behind)
    assert apply_fixes("abcdefghijk", [inner, behind]).text == "abxxefghizk"


def test_the_same_fix_is_made_once() -> None:
    one, two = finding((1, 1, 1, 1, "await ")), finding((1, 1, 1, 1, "await "))
    fixed = apply_fixes("f()", [one, two])
    assert (fixed.text, len(fixed.applied)) == ("await f()", 2)


def test_two_insertions_at_one_place_do_not_go_together() -> None:
    fixed = apply_fixes("f()", [finding((1, 1, 1, 1, "a ")), finding((1, 1, 1, 1, "b "))])
    assert len(fixed.applied) == 1


def test_edits_that_overlap_each_other_are_no_fix() -> None:
    assert apply_fixes("abcdef", [finding((1, 1, 1, 4, "x"), (1, 3, 1, 5, "y"))]).text == "abcdef"


def test_places_move() -> None:
    fixed = apply_fixes("abc def ghi", [finding((1, 5, 1, 8, "d")), finding((1, 1, 1, 1, "++"))])
    assert fixed.text == "++abc d ghi"
    assert fixed.moved(0) == (0, 2)
    assert fixed.moved(2) == (4, 4)
    assert fixed.moved(4) == (6, 7)
    assert fixed.moved(8) == (8, 8)


@given(st.text("ab\r\n\x0c\u00e9", max_size=12), st.data())
def test_offsets_and_places_are_inverse(text: str, data: st.DataObject) -> None:
    lines = Lines(text)
    offset = data.draw(st.integers(0, len(text)))
    if text[offset - 1 : offset + 1] != "\r\n":
        assert lines.offset(*lines.place(offset)) == offset
