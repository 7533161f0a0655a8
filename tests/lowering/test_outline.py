"""The IR does not depend on how much of a file LibCST reads: from none of it to all of it, and in slices of any size."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from samples import SNIPPETS, real_files
from test_syntax import SYNTAX

from session_lint import ir
from session_lint.lowering import LoweringError, lower, lower_and_count, outline, slices
from session_lint.lowering.spans import Walk

Mentions = Callable[[Walk], Sequence[int]]


def all_rows(walk: Walk) -> Sequence[int]:
    return range(1, len(walk.offsets))


def no_rows(walk: Walk) -> Sequence[int]:
    """None that mentions anything: ``match`` is read by LibCST always."""
    return [row for row, line in enumerate(walk.text.split("\n"), 1) if "match" in line]


MORE = [
    "# a\n\n@b  # c\n\n@(\nd)\ndef e(): pass\n  # f\n# g\nh = i\n\n# j",
    "a; \\\nb\n\\\nc\nd ; \\\n e; f\nif g: \\\n  h\ni",
    "if a:\n\tb\n\t# c\n  # d\n\fe\n\f\n\fclass F: pass\n",
    "class A:\n    '''b\nc'''\n\n    @d(\n  '''e\nf''')\n    def g(self, h='''i\n j'''):\n        return '''k\nl'''\n",
    "if a: b; c;\nelif d: e\nelse:\n    if f: g\n    else: h\n",
    "if a:\n  b\nelse:\n  if c: d\n  # e\nwhile f: g; h\nelse: i ;\nj\n",
    "try: a;\nexcept B: c;\nexcept (D): e\nelse: f;\nfinally: g ; h\ni\n",
    "def a():\n  match b:\n    # c\n    case d: e\n    case f:\n      # g\n      h\n      # i\n  return j\n",
    "with a:\n  @b\n  # c\n  class D:\n    @e\n    async def f(g): await h\n",
    "a: Dict[('b', 'C')] = d\nb: Callable[[*Ts, 'A'], *Us]\nc: tuple[()] = e[()]\nd: A['b':'c', *d]\n",
    "f(*a, b=1, *c, **d, e=2)\nclass A(B, *C, k=1, **d): pass\n",
    "f'{a=}' f'{ b = }' f'{c=!r:>{d}}' f'{{e}}'\n",
]


def lowered(text: str, mentions: Mentions, monkeypatch: pytest.MonkeyPatch, size: int = slices.SLICE) -> ir.Module:
    with monkeypatch.context() as patch:
        patch.setattr(outline, "mentioning_rows", mentions)
        patch.setattr(slices, "SLICE", size)
        return lower(text)


def assert_same(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = lowered(text, all_rows, monkeypatch)
    assert lowered(text, all_rows, monkeypatch, size=1) == whole
    assert lower(text) == whole
    if text.isascii():
        assert lowered(text, no_rows, monkeypatch) == whole


@pytest.mark.parametrize("text", [*SNIPPETS, *MORE, *[f"{text}\n" for text, _ in SYNTAX]])
def test_syntax(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert_same(text, monkeypatch)


@pytest.mark.parametrize("path", real_files(), ids=lambda path: f"{path.parent.name}/{path.name}")
def test_real_files(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert_same(path.read_text(encoding="utf-8"), monkeypatch)


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("a = b\nc = d\n", ""),
        ("a = b\nsession.commit()\n", "session.commit()\n"),
        ("'''about\nsessions'''\n", "'''about\nsessions'''\n"),
        ("def f(a):\n    b\n    db.commit()\n    c\n", "db.commit()\n"),
        ("def f(session):\n    b\n    c\n", "def f(session):\n    pass\n"),
        ("class A:\n    def f(session): # b\n        c\n", "if 1:\n    def f(session): # b\n        pass\n"),
        ("if a: b\nelif session:\n  c\nelse: d\n", "if a: pass\nelif session:\n  pass\nelse: pass\n"),
        ("try:\n  a\nexcept B:\n  session.rollback()\n", "session.rollback()\n"),
        ("try:\n  a\nexcept SessionError:\n  b\n", "try:\n  pass\nexcept SessionError:\n  pass\n"),
        ("é = a\n", "é = a\n"),
    ],
)
def test_libcst_reads_what_speaks_of_sessions(text: str, read: str, monkeypatch: pytest.MonkeyPatch) -> None:
    given: list[str] = []
    parse = slices._parse_vouched

    def record(text: str) -> object:
        given.append(text)
        return parse(text)

    monkeypatch.setattr(slices, "_parse_vouched", record)
    assert lower_and_count(text)[1] == len(read.encode())
    assert "".join(given) == read


def test_what_libcst_does_not_know_is_lowered_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    text = "session = 1\nclass Session(x=1, *b): pass\nengine = 2\n"
    assert lower(text) == lowered(text, no_rows, monkeypatch)
    assert lower(text) == lowered(text, all_rows, monkeypatch, size=1)


def test_a_pattern_that_libcst_does_not_know_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(slices, "_parse", lambda _: [])
    with pytest.raises(LoweringError) as caught:
        lower("a\nmatch b:\n  case c: d\n")
    assert str(caught.value) == "LibCST cannot parse this syntax yet (row 2, column 1)"
