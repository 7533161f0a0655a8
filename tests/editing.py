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
