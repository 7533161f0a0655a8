"""A statement's digest is that of what it says, wherever and however it stands."""

from __future__ import annotations

import re

import pytest

from session_lint import ir
from session_lint.lowering import lower


def digest(text: str) -> str:
    return lower(text).body[0].digest


def nested(text: str) -> str:
    """The digest of the same statement, two blocks deeper."""
    indented = "".join(f"\t\t\t{line}" for line in text.splitlines(keepends=True))
    statement = lower(f"a = 1\n\nclass C:\n\tpass\n\n\tdef f():\n{indented}\n").body[1]
    assert isinstance(statement, ir.ClassDef)
    function = statement.body[1]
    assert isinstance(function, ir.FunctionDef)
    return function.body[0].digest


STATEMENTS = [
    "x = f(a, b)\n",
    "x = f(\n    a,  # first\n    b,\n)\n",
    "@a(1)\n@b\ndef f(x: int = 1) -> None:\n    # comment\n    return x\n",
    "class A(B): pass\n",
    "if a and b:  # why\n    c\nelse:\n    d\n",
    "with a() as b, c: d\n",
    "try: a\nexcept B: c\n",
    "for a in b: c\n",
    "while a: b\n",
    "match a:\n    case b: c\n",
    "return \\\n  a\n",
    "import a, b\n",
]


@pytest.mark.parametrize("text", STATEMENTS)
def test_moving_and_indenting_change_nothing(text: str) -> None:
    assert re.fullmatch("[0-9a-f]{16}", digest(text))
    assert nested(text) == digest(text)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("x = f(a, b)\n", "x=f( a,\n b)  # comment\n"),
        ("x = f(a, b)\n", "x = f(a,  # comment\n  # another\n  b)\n"),
        ("f('#a')\n", "f(  # b\n  '#a')\n"),
        ("if a: b\n", "if a:  # c\n    # d\n\n    e\nelse: f\n"),
        ("def f(a): b\n", "def f(a):\n    '''text'''\n    c\n"),
        ("with a: b\n", "with a:\n    c\n"),
        ("match a:\n  case b: c\n", "match a:\n  case d: e\n"),
        ("return a\n", "return \\\n    a\n"),
    ],
)
def test_layout_comments_and_bodies_change_nothing(one: str, other: str) -> None:
    assert digest(one) == digest(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("x = 'a#b'\n", "x = 'a#c'\n"),
        ("x = 'a#b'  # c\n", "x = 'a#c'  # b\n"),
        ("@a\ndef f(): b\n", "def f(): b\n"),
        ("if a: b\n", "while a: b\n"),
        ("with a as b: c\n", "with a as d: c\n"),
        ("x = 'é'\n", "x = 'è'\n"),
    ],
)
def test_other_code_has_another_digest(one: str, other: str) -> None:
    assert digest(one) != digest(other)
