"""Real files with something wrong: what an editor, a merge or a tool leaves behind."""

from __future__ import annotations

from random import Random

SPLICES = (
    "(", ")", "[", "]", "{", "}", '"', "'", '"""', "\\", "\n", " ", "\t", 'f"', "#", "\x0c", "\r", "é", "\x00", "\ufeff", "\u2028",
    "async ", "await ", "*", ":", ",", ";", "@", "\n    ", "match x:\n", "except A, B:\n", "lambda: ", " if x else ", ":= ", "->",
    "# session-lint: ignore[SL302]\n", "# noqa\n", "<<<<<<< HEAD\n", "{{ name }}",
)  # fmt: skip


def mutated(text: str, chance: Random) -> str:
    """The text after one to three changes."""
    for _ in range(chance.randint(1, 3)):
        text = _changed(text, chance)
    return text


def _changed(text: str, chance: Random) -> str:
    lines = text.splitlines(keepends=True) or [""]
    at, row = chance.randrange(len(text) + 1), chance.randrange(len(lines))
    block = lines[row : row + chance.randint(1, 12)]
    match chance.randrange(9):
        case 0:
            del lines[row]
        case 1:
            lines[row:row] = block
        case 2:
            lines[row : row + len(block)] = [f"    {line}" for line in block]
        case 3:
            lines[row : row + len(block)] = [line.removeprefix("    ") for line in block]
        case 4:
            words = [word for word in text.replace("(", " ").replace(".", " ").split() if word.isidentifier()]
            return text.replace(chance.choice(words or ["x"]), chance.choice(words or ["y"]))
        case 5:
            return text[:at] + text[at + chance.randint(1, 40) :]
        case 6:
            return text[:at] + chance.choice(SPLICES) + text[at:]
        case 7:
            return text[:at] + text[at : at + 200] + text[at:]
        case _:
            other = chance.randrange(len(lines))
            lines[row], lines[other] = lines[other], lines[row]
    return "".join(lines)
