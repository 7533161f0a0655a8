"""Python that the tests of lowering read: pieces with a syntax each, and files as they are installed."""

from __future__ import annotations

import random
import sysconfig
from pathlib import Path

import libcst

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


def real_files() -> list[Path]:
    """A sample of what is installed: the standard library and LibCST."""
    library = Path(sysconfig.get_paths()["stdlib"])
    files = sorted([*library.glob("[a-z]*.py"), *library.glob("asyncio/*.py"), *library.glob("email/*.py")])
    files += sorted(Path(libcst.__file__).parent.glob("_nodes/*.py"))
    files = [file for file in files if 1000 < file.stat().st_size < 60_000]
    return random.Random(7).sample(files, 40)
