"""Every syntax that Python has had from 3.8 to 3.14, and what the IR keeps of it."""

from __future__ import annotations

import pytest
from shown import shown

from session_lint import ir
from session_lint.lowering import lower

# Syntax of Python 3.14, which sends the file down the path of LibCST alone on every older Python.
NEWER = "try: pass\nexcept A, B: pass\n"

SYNTAX = [
    (
        "a.b(c, *d, e=f, **g)",
        "ExprStatement(value=Call(func=Attribute(value=a, name=b), args=[Argument(value=c) Argument(value=d, star=1) Argument(value=f, keyword=e) Argument(value=g, star=2)]))",
    ),
    ("await a", "ExprStatement(value=Await(value=a))"),
    (
        "1, 2.5, 'b', True, None, 1_000, 0xFF",
        "ExprStatement(value=Collection(kind=tuple, items=[1 2.5 'b' True None 1000 255]))",
    ),
    (
        "b'x', ..., 2j, 99999999999999999999",
        "ExprStatement(value=Collection(kind=tuple, items=[Opaque() Opaque() Opaque() Opaque()]))",
    ),
    ("'a' \"b\" r'\\n' 'c\\n'", "ExprStatement(value='ab\\\\nc\\n')"),
    ("'\\ud800'", "ExprStatement(value='\\\\ud800')"),
    ("f'a{b}c{{}}' 'd' f'{e!r:>{f}}'", "ExprStatement(value=FString(parts=['a' b 'c{}d' e f]))"),
    ("f'{a=}{ b = !r:>{c}}'", "ExprStatement(value=FString(parts=['a=' a ' b = ' b c]))"),
    (
        'rf\'\\d{a}\\\\\' f\'\\n{b}"\' f"""{c}\\""""',
        "ExprStatement(value=FString(parts=['\\\\d' a '\\\\\\\\\\n' b '\"' c '\"']))",
    ),
    ("{a: b, **c}", "ExprStatement(value=Dict(keys=[a None], values=[b c]))"),
    (
        "[a, *b], (c,), {d}",
        "ExprStatement(value=Collection(kind=tuple, items=[Collection(kind=list, items=[a Starred(value=b)]) Collection(kind=tuple, items=[c]) Collection(kind=set, items=[d])]))",
    ),
    (
        "a and b and (c and d) or e",
        "ExprStatement(value=BoolOp(op=or, values=[BoolOp(op=and, values=[a b BoolOp(op=and, values=[c d])]) e]))",
    ),
    ("not -a", "ExprStatement(value=Unary(op=not, value=Unary(op=-, value=a)))"),
    ("a + b * c", "ExprStatement(value=Binary(op=+, left=a, right=Binary(op=*, left=b, right=c)))"),
    ("a < b is not c not in d", "ExprStatement(value=Compare(left=a, ops=[< is not not in], rights=[b c d]))"),
    ("a if b else c", "ExprStatement(value=Conditional(test=b, body=a, orelse=c))"),
    (
        "a[b], a[b, c], a[(b, c)], a[b:c], a[:, d], a[*b]",
        "ExprStatement(value=Collection(kind=tuple, items=[Subscript(value=a, index=[b]) Subscript(value=a, index=[b c]) Subscript(value=a, index=[b c]) Subscript(value=a, index=[Opaque(children=[b c])]) Subscript(value=a, index=[Opaque() d]) Subscript(value=a, index=[Starred(value=b)])]))",
    ),
    (
        "lambda a, /, b=1, *c, d=2, **e: f",
        "ExprStatement(value=Lambda(params=[Parameter(name=a, kind=positional-only) Parameter(name=b, kind=positional, default=1) Parameter(name=c, kind=vararg) Parameter(name=d, kind=keyword, default=2) Parameter(name=e, kind=kwarg)], body=f))",
    ),
    (
        "[a for b in c if d if e for f in g]",
        "ExprStatement(value=Comprehension(kind=list, element=a, clauses=[Clause(target=b, iterable=c, conditions=[d e]) Clause(target=f, iterable=g)]))",
    ),
    (
        "{a: b for c in d}, {a for b in c}, (a for b in c)",
        "ExprStatement(value=Collection(kind=tuple, items=[Comprehension(kind=dict, element=a, value=b, clauses=[Clause(target=c, iterable=d)]) Comprehension(kind=set, element=a, clauses=[Clause(target=b, iterable=c)]) Comprehension(kind=generator, element=a, clauses=[Clause(target=b, iterable=c)])]))",
    ),
    (
        "[a async for b in c]",
        "ExprStatement(value=Comprehension(kind=list, element=a, clauses=[Clause(target=b, iterable=c, is_async=True)]))",
    ),
    ("(a := b)", "ExprStatement(value=Walrus(target=a, value=b))"),
    ("yield", "ExprStatement(value=Yield())"),
    ("yield a", "ExprStatement(value=Yield(value=a))"),
    ("a = yield from b", "Assign(targets=[a], value=YieldFrom(value=b))"),
    ("a = b = c", "Assign(targets=[a b], value=c)"),
    ("a, b = c", "Assign(targets=[Collection(kind=tuple, items=[a b])], value=c)"),
    ("a: 'B' = c", "AnnAssign(target=a, annotation=B, value=c)"),
    (
        "a: 'list[B] | None'",
        "AnnAssign(target=a, annotation=Binary(op=|, left=Subscript(value=list, index=[B]), right=None))",
    ),
    ("a: Optional['B']", "AnnAssign(target=a, annotation=Subscript(value=Optional, index=[B]))"),
    ("a: Literal['b']", "AnnAssign(target=a, annotation=Subscript(value=Literal, index=['b']))"),
    (
        "a: Annotated['B', 'c', Depends(d)]",
        "AnnAssign(target=a, annotation=Subscript(value=Annotated, index=[B 'c' Call(func=Depends, args=[Argument(value=d)])]))",
    ),
    (
        "a: Callable[['B'], 'C']",
        "AnnAssign(target=a, annotation=Subscript(value=Callable, index=[Collection(kind=list, items=[B]) C]))",
    ),
    ("a: 'two words'", "AnnAssign(target=a, annotation='two words')"),
    ("a: 'B[\"C\"]'", "AnnAssign(target=a, annotation=Subscript(value=B, index=[C]))"),
    ("a += b", "AugAssign(target=a, op=+=, value=b)"),
    ("a >>= b", "AugAssign(target=a, op=>>=, value=b)"),
    ("return", "Return()"),
    ("return a, b", "Return(value=Collection(kind=tuple, items=[a b]))"),
    ("raise", "Raise()"),
    ("raise a from b", "Raise(exception=a, cause=b)"),
    ("assert a, b", "Assert(test=a, message=b)"),
    ("del a, b", "Delete(targets=[a b])"),
    ("del (a, b)", "Delete(targets=[Collection(kind=tuple, items=[a b])])"),
    ("pass; break; continue", "Jump(kind=pass)\nJump(kind=break)\nJump(kind=continue)"),
    ("global a, b", "ScopeStatement(kind=global, names=[a b])"),
    ("nonlocal c", "ScopeStatement(kind=nonlocal, names=[c])"),
    ("import a.b as c, d.e", "Import(names=[Alias(name=a.b, asname=c) Alias(name=d.e)])"),
    ("from ..a.b import c as d, e", "ImportFrom(module=a.b, level=2, names=[Alias(name=c, asname=d) Alias(name=e)])"),
    ("from . import f", "ImportFrom(module=, level=1, names=[Alias(name=f)])"),
    ("from g import *", "ImportFrom(module=g, names=[Alias(name=*)])"),
    ("from __future__ import annotations", "ImportFrom(module=__future__, names=[Alias(name=annotations)])"),
    ("type A = 'B'", "TypeAlias(name=A, value=B)"),
    ("type A[T: int] = list[T]", "TypeAlias(name=A, value=Subscript(value=list, index=[T]))"),
    (
        "if a: b\nelif c: d\nelse: e",
        "If(test=a, body=[ExprStatement(value=b)], orelse=[If(test=c, body=[ExprStatement(value=d)], orelse=[ExprStatement(value=e)])])",
    ),
    ("while a: b\nelse: c", "While(test=a, body=[ExprStatement(value=b)], orelse=[ExprStatement(value=c)])"),
    (
        "for a, b in c: d\nelse: e",
        "For(target=Collection(kind=tuple, items=[a b]), iterable=c, body=[ExprStatement(value=d)], orelse=[ExprStatement(value=e)])",
    ),
    (
        "async def f():\n async for a in b: c",
        "FunctionDef(name=f, body=[For(target=a, iterable=b, body=[ExprStatement(value=c)], is_async=True)], is_async=True)",
    ),
    (
        "try: a\nexcept B as c: d\nexcept (E, F): g\nexcept: h\nelse: i\nfinally: j",
        "Try(body=[ExprStatement(value=a)], handlers=[Handler(type=B, name=c, body=[ExprStatement(value=d)]) Handler(type=Collection(kind=tuple, items=[E F]), body=[ExprStatement(value=g)]) Handler(body=[ExprStatement(value=h)])], orelse=[ExprStatement(value=i)], final=[ExprStatement(value=j)])",
    ),
    (
        "try: a\nexcept* B: c",
        "Try(body=[ExprStatement(value=a)], handlers=[Handler(type=B, body=[ExprStatement(value=c)])], is_star=True)",
    ),
    (
        "try: a\nexcept B, C: d",
        "Try(body=[ExprStatement(value=a)], handlers=[Handler(type=Collection(kind=tuple, items=[B C]), body=[ExprStatement(value=d)])])",
    ),
    ("try: a\nfinally: b", "Try(body=[ExprStatement(value=a)], final=[ExprStatement(value=b)])"),
    (
        "with a() as b, c: d",
        "With(items=[WithItem(context=Call(func=a), target=b) WithItem(context=c)], body=[ExprStatement(value=d)])",
    ),
    (
        "with (a as b, c as (d, e),): f",
        "With(items=[WithItem(context=a, target=b) WithItem(context=c, target=Collection(kind=tuple, items=[d e]))], body=[ExprStatement(value=f)])",
    ),
    (
        "async def f():\n async with a: b",
        "FunctionDef(name=f, body=[With(items=[WithItem(context=a)], body=[ExprStatement(value=b)], is_async=True)], is_async=True)",
    ),
    (
        "match a:\n case 1 | 'b' | None: c\n case D.E if f: g\n case _: h",
        "Match(subject=a, cases=[Case(values=[1 'b' None], body=[ExprStatement(value=c)]) Case(values=[Attribute(value=D, name=E)], guard=f, body=[ExprStatement(value=g)]) Case(body=[ExprStatement(value=h)])])",
    ),
    (
        "match a:\n case {'k': b, **c}: d\n case E(f, g=h) as i: j\n case [k, *l, _]: m\n case -1: n",
        "Match(subject=a, cases=[Case(bindings=[b c], values=['k'], body=[ExprStatement(value=d)]) Case(bindings=[f h i], values=[E], body=[ExprStatement(value=j)]) Case(bindings=[k l], body=[ExprStatement(value=m)]) Case(values=[Unary(op=-, value=1)], body=[ExprStatement(value=n)])])",
    ),
    (
        "@a\n@b(1)\ndef f(c, d: E = 1, /, g: 'H' = 2, *i: int, j, k=3, **l) -> 'M': return n",
        "FunctionDef(name=f, params=[Parameter(name=c, kind=positional-only) Parameter(name=d, kind=positional-only, annotation=E, default=1) Parameter(name=g, kind=positional, annotation=H, default=2) Parameter(name=i, kind=vararg, annotation=int) Parameter(name=j, kind=keyword) Parameter(name=k, kind=keyword, default=3) Parameter(name=l, kind=kwarg)], returns=M, decorators=[a Call(func=b, args=[Argument(value=1)])], body=[Return(value=n)])",
    ),
    ("def f(*, a): pass", "FunctionDef(name=f, params=[Parameter(name=a, kind=keyword)], body=[Jump(kind=pass)])"),
    (
        "def f(*args: *Ts): pass",
        "FunctionDef(name=f, params=[Parameter(name=args, kind=vararg, annotation=Starred(value=Ts))], body=[Jump(kind=pass)])",
    ),
    (
        "def f[T](a: T): pass",
        "FunctionDef(name=f, params=[Parameter(name=a, kind=positional, annotation=T)], body=[Jump(kind=pass)])",
    ),
    (
        "def f():\n yield 1\n def g(): return 2",
        "FunctionDef(name=f, body=[ExprStatement(value=Yield(value=1)) FunctionDef(name=g, body=[Return(value=2)])], is_generator=True)",
    ),
    (
        "def f():\n def g(): yield 1\n h = lambda: (yield)\n return 2",
        "FunctionDef(name=f, body=[FunctionDef(name=g, body=[ExprStatement(value=Yield(value=1))], is_generator=True) Assign(targets=[h], value=Lambda(body=Yield())) Return(value=2)])",
    ),
    (
        "def f(a=(yield)): pass",
        "FunctionDef(name=f, params=[Parameter(name=a, kind=positional, default=Yield())], body=[Jump(kind=pass)])",
    ),
    (
        "def f():\n a = f'{(yield b)}'",
        "FunctionDef(name=f, body=[Assign(targets=[a], value=FString(parts=[Yield(value=b)]))], is_generator=True)",
    ),
    (
        "async def f():\n return [a async for a in b]",
        "FunctionDef(name=f, body=[Return(value=Comprehension(kind=list, element=a, clauses=[Clause(target=a, iterable=b, is_async=True)]))], is_async=True)",
    ),
    (
        "@a\nclass A(B, *c, metaclass=D, **e):\n f: int = 1\n def g(self): pass",
        "ClassDef(name=A, bases=[Argument(value=B) Argument(value=c, star=1) Argument(value=D, keyword=metaclass) Argument(value=e, star=2)], decorators=[a], body=[AnnAssign(target=f, annotation=int, value=1) FunctionDef(name=g, params=[Parameter(name=self, kind=positional)], body=[Jump(kind=pass)])])",
    ),
    (
        "class A[T](B[T]): pass",
        "ClassDef(name=A, bases=[Argument(value=Subscript(value=B, index=[T]))], body=[Jump(kind=pass)])",
    ),
    ("t'a{b}c'", "ExprStatement(value=Opaque(children=[b]))"),
    ("f'{a['b']}'", "ExprStatement(value=FString(parts=[Subscript(value=a, index=['b'])]))"),
    (
        "def f():\n def g():\n  class H:\n   def i(): j",
        "FunctionDef(name=f, body=[FunctionDef(name=g, body=[ClassDef(name=H, body=[FunctionDef(name=i, body=[ExprStatement(value=j)])])])])",
    ),
]


@pytest.mark.parametrize(("text", "expected"), SYNTAX)
def test_syntax(text: str, expected: str) -> None:
    assert shown(text + "\n") == expected


@pytest.mark.parametrize(("text", "expected"), SYNTAX)
def test_the_path_for_newer_syntax_keeps_the_same(text: str, expected: str) -> None:
    assert shown(NEWER + text + "\n").split("\n", 1)[1] == expected


def test_quoted_annotations_stand_where_the_string_stands() -> None:
    (statement,) = lower("a: Annotated['B[C]', 'd']\n").body
    assert isinstance(statement, ir.AnnAssign)
    assert isinstance(statement.annotation, ir.Subscript)
    quoted = statement.annotation.index[0]
    assert isinstance(quoted, ir.Subscript)
    assert quoted.span == quoted.value.span == quoted.index[0].span == ir.Span(1, 14, 1, 20)


def test_names_stay_as_written() -> None:
    (statement,) = lower("\ufb01 = \xe9\n").body  # A ligature, which Python itself reads as two letters.
    assert isinstance(statement, ir.Assign)
    assert statement.targets == (ir.Name(ir.packed(1, 1, 1, 2), "\ufb01"),)
