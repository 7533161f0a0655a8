"""Edits of Python files as people make them, at random places."""

from __future__ import annotations

import ast
import random

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
