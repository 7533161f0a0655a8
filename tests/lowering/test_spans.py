"""Places: those read from ``ast`` must equal LibCST's own, of every node in the IR.

The two come about independently, the one from CPython's tokenizer, the other by generating the code anew, so that each is
the other's oracle; and the comparison shows as well that the path for syntax newer than the running Python loses nothing.
"""

from __future__ import annotations

import random
import sysconfig
from collections.abc import Iterator
from pathlib import Path

import libcst
import msgspec
import pytest
from libcst.metadata import MetadataWrapper, PositionProvider

from session_lint import ir
from session_lint.lowering import LoweringError, gate, lower
from session_lint.lowering.spans import NO_TREE, Walk, position_ruler
from session_lint.lowering.statements import block

SNIPPETS = [
    "a.b.c(d, *e, f=g, **h)\n",
    "x = [a, *b]; y = {c: d, **e}; z = {f, *g}; w = a, b\n",
    "with a() as b, (c) as (d, e): pass\n",
    "with (a, b): pass\nwith (a as b, c,): pass\nwith ((a, b)) as c: pass\nwith (a): pass\nwith (a), (b): pass\n",
    "async def f():\n    async with a as b: await c\n    async for d in e: yield d\n    return [g async for g in h]\n",
    "try:\n    a\nexcept (B):\n    c\nexcept (D, E)  as f :  # why: not\n    g\nexcept H: i\nexcept: j\nelse: k\nfinally: l\n",
    "try: a\nexcept* B as c: d\nexcept* (E, F): g\n",
    "if a: b\nelif c:\n    d\nelse:\n    if e: f\n",
    "for a, b in c, d: e\nelse: f\nwhile g: h\nelse: i\n",
    "@a\n@b.c(1)\n# comment\n\n@ (d)\nasync  def f(a: int = 1, /, b=2, *c: 'D', e, g=3, **h: I) -> J: pass\n",
    "@(\n  a\n)\nclass  A(B, *c, metaclass=D, **e): x: int = 1\n",
    "if a:\n\t@b\n\tdef \\\n\t  c(): pass\n",
    "lambda a, /, b=1, *c, d=2, **e: (yield)\n",
    "a[1:2, ::3, b, *c]\na[b]\na[(b, c)]\na[b,]\na[:]\na[*b]\n",
    "not a and -b or ~c ** +d if e else f\n",
    "(((a))) + (b - (c)) * d @ e // f\n",
    "a < b <= c is not d not in e\n",
    "(a and b) and c and (d or (e)) and f\n",
    "print((yield a), (yield from b), (c := d))\n",
    "f(a for b in c)\nf((a for b in c), d)\nf (\n  a for b in c\n)\n{a: b for c in d if e if g for h in i}\n",
    "'a' 'b'\n('c'\n  'd')\nb'e' b'f'\n1_0, 0x1F, 1e3, 2j, ...\n",
    "f'{a!r:>{b}}' 'c' f'{d=}'\n",
    "del a, b\ndel (c, d), e\ndel (f)\ndel g[h], i.j\n",
    "global a, b\nimport a.b.c as d, e\nfrom . import f\nfrom ..g.h import (i as j, k,)\nfrom l import *\n",
    "assert a, b\nraise C from d\nraise\nreturn a, b\na += b\na @= b\na = b = c\n(a) = b\n",
    "match a, b:\n    case {'k': v, **rest}: pass\n    case A.B | None | -1 | 1+2j | 'a' 'b' as w if g: pass\n",
    "match a:\n    case C(1, x, y=z), [*_, (d)]: pass\n    case (e, *f): pass\n    case _: pass\n",
    "match (a):\n  case {**ab}: pass\n  case {'a': (b), 'c': {** d , }}: pass\n",
    "x: 'list[A]' = 1\ny: (A) = 2\nz: Literal['a'] | Annotated['A', 'b']\n",
    "é = 'ü€😀'; f(é, ß.ö)\nif é: ä = 'x'  # ü\n",
    "def f(é: 'ü', *ö) -> 'ß': return  é . ü\n",
    "if a:\n\tb\n\tif c:\n\t\td(e)\n",
    "a = '''x\n  é\ty''' + b\n",
    "a = \\\n  b . \\\n  c\n",
    "a; b ; c\nif d: e; f\n",
]


def from_positions(text: str) -> tuple[ir.Statement, ...]:
    """Lower with the positions of LibCST's provider."""
    source = gate.parse(text)
    wrapper = MetadataWrapper(libcst.parse_module(source.text), unsafe_skip_copy=True)
    ruler = position_ruler(wrapper.resolve(PositionProvider), source.text, source.walk.offsets)
    return block(Walk(ruler, source.text, source.walk.offsets), wrapper.module.body, NO_TREE)


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
            yield from differences(getattr(one, field), getattr(other, field), lines)
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


def real_files() -> list[Path]:
    """A sample of what is installed: the standard library and LibCST."""
    library = Path(sysconfig.get_paths()["stdlib"])
    files = sorted([*library.glob("[a-z]*.py"), *library.glob("asyncio/*.py"), *library.glob("email/*.py")])
    files += sorted(Path(libcst.__file__).parent.glob("_nodes/*.py"))
    files = [file for file in files if 1000 < file.stat().st_size < 60_000]
    return random.Random(7).sample(files, 40)


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


@pytest.mark.parametrize(
    "text",
    [
        *SNIPPETS,
        "# a\n\n@b  # c\n\n@(\nd)\ndef e(): pass\n  # f\n# g\nh = i\n\n# j",
        "a; \\\nb\n\\\nc\nd ; \\\n e; f\nif g: \\\n  h\ni",
        "if a:\n\tb\n\t# c\n  # d\n\fe\n\f\n\fclass F: pass\n",
        *[path.read_text(encoding="utf-8") for path in real_files()[:12]],
    ],
    ids=lambda text: text[:20],
)
def test_slices_change_nothing(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = lower(text)
    monkeypatch.setattr(gate, "SLICE", 1)
    assert lower(text) == whole


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
