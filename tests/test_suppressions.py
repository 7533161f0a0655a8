"""Suppression comments: grammar and reach."""

from __future__ import annotations

import pytest

from session_lint.findings import Confidence, Finding, Severity
from session_lint.fixing import apply_edits
from session_lint.ir import Span
from session_lint.lowering import lower
from session_lint.suppressions import apply_suppressions, nearly_suppressions, removal, suppressions_of


def finding(row: int, code: str = "SL302", name: str = "service-commits") -> Finding:
    return Finding(code, name, "message.", "a.py", Span(row, 1, row, 2), Severity.ERROR, Confidence.HIGH, "f")


def hidden_rows(text: str, code: str = "SL302") -> list[int]:
    rows = range(1, text.count("\n") + 2)
    filtered = apply_suppressions([finding(row, code) for row in rows], suppressions_of(lower(text)))
    return [one.span.row for one in filtered.hidden]


@pytest.mark.parametrize(
    "comment",
    [
        "# session-lint: ignore[SL302]",
        "#session-lint:ignore[SL302]",
        "# session-lint: ignore[SL304, SL302] -- the audit log must survive",
        "# session-lint: ignore[sl302]",
        "# session-lint: ignore[service-commits]",
        "# type: ignore  # session-lint: ignore[SL302]",
        "# session-lint: ignore[SL302]  # noqa",
        "# session-lint: ignore",
        "# session-lint: ignore -- legacy",
        "# noqa: SL302",
        "#noqa:E501,SL302",
        "# noqa: SL302 text after it",
        "# NOQA: E501 SL302",
    ],
)
def test_comments_that_suppress(comment: str) -> None:
    assert hidden_rows(f"a()\nb()  {comment}\nc()\n") == [2]


@pytest.mark.parametrize(
    "comment",
    [
        "# noqa",
        "# noqa: E501",
        "# session-lint: ignore[SL304]",
        "# session-lint: ignore[SL30]",
        "# session-lint: ignored[SL302]",
        "# session-lint: ignore SL302",
        "# see session-lint: ignore[SL302]",
        "# session-lint: disable[SL302]",
        "# noqa: SLF001, SLOT000",
    ],
)
def test_comments_that_do_not(comment: str) -> None:
    assert hidden_rows(f"a()\nb()  {comment}\nc()\n") == []


def test_reason_and_codes_are_kept() -> None:
    (one,) = suppressions_of(lower("b()  # session-lint: ignore[SL302,SL304] -- must survive # noqa\n"))
    assert (one.codes, one.reason, one.rows) == (("SL302", "SL304"), "must survive", (1, 1))


@pytest.mark.parametrize(
    ("comment", "reason"),
    [
        ("# session-lint: ignore -- see #12 for C# code", "see #12 for C# code"),
        ("# session-lint: ignore[SL302] -- must survive  # type: ignore", "must survive"),
        ("# noqa: SL302 -- must survive", "must survive"),
        ("# noqa: SL302", ""),
    ],
)
def test_reasons(comment: str, reason: str) -> None:
    (one,) = suppressions_of(lower(f"b()  {comment}\n"))
    assert one.reason == reason


def test_codes_of_others_are_theirs() -> None:
    (one,) = suppressions_of(lower("b()  # noqa: E501, SL302, SLF001\n"))
    assert one.codes == ("SL302",)


def test_rules_on_suppressions_are_hidden_by_name_alone() -> None:
    assert hidden_rows("b()  # session-lint: ignore\n", "SL903") == []
    assert hidden_rows("b()  # session-lint: ignore[SL903]\n", "SL903") == [1]


def test_any_row_of_the_statement() -> None:
    text = "a()\nsession.execute(  # session-lint: ignore[SL302]\n    one,\n    two,\n)\nb()\n"
    assert hidden_rows(text) == [2, 3, 4, 5]
    assert hidden_rows(text.replace("  # session-lint: ignore[SL302]", "").replace(")\nb", ")  # noqa: SL302\nb")) == [
        2,
        3,
        4,
        5,
    ]


def test_a_header_does_not_stand_for_its_block() -> None:
    text = "with (\n    one as a,\n    two as b,  # session-lint: ignore[SL302]\n):\n    a()\n    b()\n"
    assert hidden_rows(text) == [1, 2, 3, 4]


DEFINITION = """\
@decorator
def f(
    session,
):{0}
    session.commit()

    class Inner:{1}
        x = session.commit()
        def g(self): ...
    return 1
after()
"""


def test_a_definition_line_stands_for_its_whole_body() -> None:
    comment = "  # session-lint: ignore[SL302]"
    assert hidden_rows(DEFINITION.format(comment, "")) == list(range(1, 11))
    assert hidden_rows(DEFINITION.format("", comment)) == [7, 8, 9]
    assert hidden_rows(DEFINITION.format("  # noqa: SL302", "")) == [1, 2, 3, 4]


def test_a_comment_above_the_first_statement_of_a_block_is_its_own() -> None:
    assert hidden_rows("def f(\n    session,\n):\n    # session-lint: ignore[SL302]\n    session.commit()\n") == [4]
    assert hidden_rows("def f(\n    session,\n):  # session-lint: ignore[SL302]\n    session.commit()\n") == [
        1,
        2,
        3,
        4,
    ]


def test_inside_blocks() -> None:
    text = "try:\n    a()\nexcept E:\n    b()  # noqa: SL302\nelse:\n    c()\nfinally:\n    d()  # noqa: SL302\nmatch x:\n    case 1:\n        e()  # noqa: SL302\n"
    assert hidden_rows(text) == [4, 8, 11]


def test_a_file() -> None:
    assert hidden_rows("a()\n# session-lint: ignore-file[SL302]\nb()\n") == [1, 2, 3, 4]
    assert hidden_rows("a()\n# session-lint: ignore-file[SL304]\n") == []


def test_strings_do_not_suppress() -> None:
    assert hidden_rows("a('# session-lint: ignore[SL302]')\n") == []


def test_used_ones_are_known() -> None:
    module = lower("a()  # session-lint: ignore[SL302]\nb()  # session-lint: ignore[SL304]\n")
    filtered = apply_suppressions([finding(1), finding(2)], suppressions_of(module))
    assert filtered.used == {0: frozenset({"SL302"})}
    assert [one.span.row for one in filtered.kept] == [2]


@pytest.mark.parametrize(
    "comment",
    [
        "# session-lint: disable[SL302]",
        "# session-lint: ignore SL302",
        "# session-lint ignore[SL302]",
        "# session-lint: disable=SL302",
        "# session-lint: ignored[SL302]",
        "# session-lint: noqa",
        "# x  # session-lint: SL302",
    ],
)
def test_comments_that_nearly_suppress(comment: str) -> None:
    ((_, text),) = nearly_suppressions(lower(f"b()  {comment}\n").comments)
    assert comment.endswith(text)


@pytest.mark.parametrize(
    "comment",
    [
        "# session-lint: ignore[SL302]",
        "# what session-lint ignores",
        "# session-lint reports SL302 here",
        "# session-lint: see the docs",
        "# as session-lint: ignore",
    ],
)
def test_comments_that_do_not_mean_to(comment: str) -> None:
    assert not nearly_suppressions(lower(f"b()  {comment}\n").comments)


@pytest.mark.parametrize(
    ("line", "codes", "expected"),
    [
        ("b()  # session-lint: ignore[SL302]", ["SL302"], "b()"),
        ("b()  # session-lint: ignore[SL302] -- why", ["SL302"], "b()"),
        ("b()  # session-lint: ignore[SL302, SL304] -- why", ["SL304"], "b()  # session-lint: ignore[SL302] -- why"),
        ("b()  # session-lint: ignore[SL302, SL304]", ["SL302"], "b()  # session-lint: ignore[SL304]"),
        ("b()  # session-lint: ignore", [], "b()"),
        ("b()  # type: ignore  # session-lint: ignore[SL302]", ["SL302"], "b()  # type: ignore"),
        ("b()  # session-lint: ignore[SL302]  # noqa", ["SL302"], "b()  # noqa"),
        ("# session-lint: ignore-file[SL302]", ["SL302"], ""),
        ("b()  # noqa: E501,SL302", ["SL302"], "b()  # noqa: E501"),
        ("b()  # noqa: SL302, E501", ["SL302"], "b()  # noqa: E501"),
        ("b()  # noqa: SL302", ["SL302"], "b()"),
        ("b()  # noqa: SL302, SL304", ["SL304"], "b()  # noqa: SL302"),
        ("b()  # noqa: SL302 for once", ["SL302"], "b()  # for once"),
    ],
)
def test_codes_are_taken_out(line: str, codes: list[str], expected: str) -> None:
    text = f"a()\n{line}\nc()\n"
    (one,) = suppressions_of(lower(text))
    edit = removal(one, codes, line)
    assert apply_edits(text, [edit]) == (f"a()\n{expected}\nc()\n" if expected else "a()\nc()\n")
