"""Patterns decide as pathspec, whose answers are the oracle."""

from __future__ import annotations

import random
import re

import pytest
from pathspec import GitIgnoreSpec

from session_lint.patterns import Patterns
from session_lint.settings import DEFAULT_EXCLUDE

LINES = [
    *("build", "build/", "*.py[cod]", "/site", "docs/_build/", "**/x", "a/**/b", "a/**", "!keep", "*$py.class", "foo*"),
    *(
        "a?b",
        ".venv",
        "x/*",
        "/*.py",
        " ",
        "# note",
        "# no\\te ",
        "",
        "/",
        "//",
        "!",
        "*",
        "**",
        "*/",
        "a/b",
        "/a/b/",
        "!a/b.py",
    ),
    *("[a-c]x", "[!a]", "a\\b", "\\#x", "trailing ", " leading", "a//b", "**/a/b", "**/", "b/**/", "x.*", "*.", "a**b"),
    *(
        "[ab]",
        "[._]*.s[a-v][a-z]",
        "[._]x",
        "[a-cx-z]",
        "[z-a]",
        "[a-]",
        "[-a]",
        "[.-/]",
        "!/a",
        "!*.py",
        "a/*/b",
        "é",
        "a.b+c",
        "(a)",
        "a|b",
        "^a",
        "a$",
        "{a,b}",
        "!!a",
        "[]",
        "[a",
        "a]",
        "/**/a",
    ),
]
NAMES = [
    "._a.svn",
    ".x",
    "a",
    "b",
    "x",
    "build",
    "site",
    "keep",
    "foo1",
    "a.py",
    "x.pyc",
    ".venv",
    "docs",
    "_build",
    "é",
    "a.b+c",
    "b.",
    "(a)",
]


@pytest.mark.parametrize("seed", range(40))
def test_patterns_decide_as_pathspec(seed: int) -> None:
    chance = random.Random(seed)
    for _ in range(60):
        lines = chance.sample(LINES, chance.randrange(1, 5))
        try:
            spec = GitIgnoreSpec.from_lines(lines)
        except (ValueError, re.error):
            continue
        patterns = Patterns(lines)
        for _ in range(30):
            path = "/".join(chance.choice(NAMES) for _ in range(chance.randrange(1, 5))) + chance.choice(["", "/"])
            assert patterns.verdict(path) == spec.check_file(path).include, (lines, path)


@pytest.mark.parametrize("line", [*LINES, *DEFAULT_EXCLUDE])
def test_one_pattern_decides_as_pathspec(line: str) -> None:
    chance = random.Random(line)
    try:
        spec = GitIgnoreSpec.from_lines([line])
    except (ValueError, re.error):
        assert Patterns([line]).verdict("a/b.py") is None
        assert Patterns(["b.py", line]).verdict("a/b.py") is None
        return
    patterns = Patterns([line])
    names = [*NAMES, *({line.strip("!/*"), f"{line.strip('/')}.py"} - {"", "."})]
    for _ in range(300):
        path = "/".join(chance.choice(names) for _ in range(chance.randrange(1, 4))) + chance.choice(["", "/"])
        path = path.strip("/") or "a"
        assert patterns.verdict(path) == spec.check_file(path).include, path


@pytest.mark.parametrize("seed", range(40))
def test_nothing_is_said_of_others_than_it_is_among(seed: int) -> None:
    chance = random.Random(seed)
    said = silent = 0
    for _ in range(200):
        patterns = Patterns(chance.sample(LINES, chance.randrange(1, 3)))
        folder = "".join(f"{chance.choice(NAMES)}/" for _ in range(chance.randrange(3)))
        if patterns.speaks_of(folder):
            continue
        among = patterns.among(folder, set(NAMES))
        said += len(among)
        for name in set(NAMES) - among:
            silent += 1
            assert patterns.verdict(f"{folder}{name}") is None, (folder, name)
            assert patterns.verdict(f"{folder}{name}/") is None, (folder, name)
    assert said
    assert silent
