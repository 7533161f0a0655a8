"""Only real comments that mention the tool or noqa are kept, where they stand."""

from __future__ import annotations

import pytest

from session_lint.lowering import lower


def comments(text: str) -> list[tuple[int, int, str]]:
    found = lower(text).comments
    assert all(item.span.end_column - item.span.column == len(item.text) for item in found)
    return [(item.span.row, item.span.column, item.text) for item in found]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a  # noqa\n", [(1, 4, "# noqa")]),
        (
            "a  # NoQA: SL302 -- why\nb\n# Session-Lint: disable\n",
            [(1, 4, "# NoQA: SL302 -- why"), (3, 1, "# Session-Lint: disable")],
        ),
        ("a  # other\n", []),
        ("a = '# noqa'\nb = '''\n# noqa\n'''\n", []),
        ("a = '\\'# noqa'  # noqa\n", [(1, 17, "# noqa")]),
        ("a = r'\\\\'  # noqa\n", [(1, 12, "# noqa")]),
        ("a = ('b'  # noqa\n     'c')\n", [(1, 11, "# noqa")]),
        ("é = 'ü'  # noqa\n", [(1, 10, "# noqa")]),
        ("if a:\n\tb  # noqa\r\n", [(2, 5, "# noqa")]),
        ("a = f'{b}'  # noqa\n", [(1, 13, "# noqa")]),
        ("a = f'{b} # noqa'\n", []),
        ("a = \"it's\"  # it's noqa\n", [(1, 13, "# it's noqa")]),
        ('"""noqa"""\n# it\'s a """\nb  # noqa', [(3, 4, "# noqa")]),
    ],
)
def test_comments_are_found(text: str, expected: list[tuple[int, int, str]]) -> None:
    assert comments(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a = f'{b['# noqa']}'\n", []),
        ("a = f'{b['c']}'  # noqa\n", [(1, 18, "# noqa")]),
        ("type A = B  # noqa\n", [(1, 13, "# noqa")]),
        ("def f[T](): pass  # noqa: X\n# session-lint: y\n", [(1, 19, "# noqa: X"), (2, 1, "# session-lint: y")]),
        ("try: pass\nexcept A, B: pass  # noqa\n", [(2, 20, "# noqa")]),
    ],
)
def test_comments_beside_newer_syntax(text: str, expected: list[tuple[int, int, str]]) -> None:
    assert comments(text) == expected
