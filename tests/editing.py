"""Edits of Python files as people make them, at random places."""

from __future__ import annotations

import ast
import keyword
import random
import re

REMARKS = ("", "# A comment.", "# What follows holds a session: db.commit()", '"""A text that stands alone."""')


def statements(text: str) -> list[tuple[int, int]]:
    """Row and indentation of the statements before which a line can be put: those that begin theirs."""
    lines = text.split("\n")
    found: set[tuple[int, int]] = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.stmt):
            decorators = getattr(node, "decorator_list", [])
            row = min([node.lineno, *(decorator.lineno for decorator in decorators)])
            indentation = lines[row - 1][: node.col_offset]
            if not indentation.strip():
                found.add((row, node.col_offset))
    return sorted(found)


def with_lines(text: str, chance: random.Random, number: int) -> str:
    """The text with comments and blank lines between its statements, after which it says what it said."""
    lines = text.split("\n")
    places = statements(text)
    for row, indentation in sorted(chance.sample(places, min(number, len(places))), reverse=True):
        added = " " * indentation + chance.choice(REMARKS[:3])
        lines[row - 1 : row - 1] = [added.rstrip()] * chance.randrange(1, 3)
    return "\n".join(lines)


def layout(text: str, chance: random.Random) -> str:
    """Comments and blank lines, or another docstring."""
    if chance.randrange(3):
        return with_lines(text, chance, chance.randrange(1, 4))
    return with_docstring(text, chance)


def with_docstring(text: str, chance: random.Random) -> str:
    """The text with a longer docstring, where it has one of one row."""
    lines = text.split("\n")
    found = [
        node
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
        and lines[node.lineno - 1].strip().startswith('"""')
        and lines[node.lineno - 1].strip().endswith('"""')
        and node.lineno == node.end_lineno
    ]
    if found:
        row = chance.choice(found).lineno
        lines[row - 1] = lines[row - 1].rstrip()[:-3] + '\n\n    And it says more now.\n    """'
    return "\n".join(lines)


def code(text: str, chance: random.Random) -> str:
    """Another statement, one less, another order, another constant or name: what people write all day."""
    lines = text.split("\n")
    simple = _simple(text)
    if not simple:
        return text
    node = chance.choice(simple)
    first, last = node.lineno - 1, (node.end_lineno or node.lineno) - 1
    margin = lines[first][: node.col_offset]
    own = lines[first : last + 1]
    match chance.randrange(10):
        case 0 | 1 | 2:
            lines[first:first] = [f"{margin}{line}" for line in chance.choice(WRITTEN).split("\n")]
        case 3:
            lines[first : last + 1] = [f"{margin}pass"]
        case 4:
            lines[first:first] = own
        case 5:
            lines[first : last + 1] = [f"{margin}if True:", *(f"    {line}" for line in own)]
        case 6:
            other = chance.choice(simple)
            copied = lines[other.lineno - 1 : other.end_lineno]
            if len(copied) == 1:
                lines.insert(first, margin + copied[0].strip())
        case 7:
            lines[first] = re.sub(r"\b\d+\b", lambda found: str(int(found[0]) + 1), lines[first])
        case 8:
            words = sorted(set(re.findall(r"\b[a-z_]\w+\b", "\n".join(own))) - set(keyword.kwlist))
            if words:
                lines[first] = re.sub(rf"\b{chance.choice(words)}\b", chance.choice(words), lines[first])
        case _:
            number = chance.randrange(99)
            lines += chance.choice(
                (f"ADDED_{number} = {number}", f"def added_{number}(x):\n    return len(x) + 1")
            ).split("\n")
    return "\n".join(lines)


WRITTEN = (
    "logger.info('%s', 1)",
    "count = 1 + 2",
    "if 1 > 2:\n    raise ValueError('no')",
    "print(len('abc'))",
    "assert True",
    "values = [str(one) for one in range(3)]",
    "note = f'{1} of {2}'",
    "self.noted = 1",
    "session.commit()",
    "await session.commit()",
    "return None",
    "db.add(1)",
)


def _simple(text: str) -> list[ast.stmt]:
    """The statements in functions that have no blocks and rows of their own."""
    lines = text.split("\n")
    kinds = (ast.Assign, ast.Expr, ast.Return, ast.Raise, ast.AugAssign, ast.AnnAssign, ast.Assert, ast.Pass)
    return [
        node
        for function in ast.walk(ast.parse(text))
        if isinstance(function, (ast.FunctionDef, ast.AsyncFunctionDef))
        for node in ast.walk(function)
        if isinstance(node, kinds)
        and not lines[node.lineno - 1][: node.col_offset].strip()
        and not lines[(node.end_lineno or 1) - 1][node.end_col_offset or 0 :].strip()
    ]
