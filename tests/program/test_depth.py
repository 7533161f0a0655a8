"""Programs that nest or call deeply are followed as far as that goes, and never end the run."""

from __future__ import annotations

from pathlib import Path

from session_lint import check

DEPTH = 40


def calls(nesting: int) -> str:
    """A chain of functions that lend a session on, each call inside nested conditions; the last one commits."""
    lines = ["from sqlalchemy.orm import Session"]
    for number in range(DEPTH):
        lines.append(f"def step{number}(session: Session, x):")
        lines += ["    " * (level + 1) + f"if x[{level}]:" for level in range(nesting)]
        lines.append("    " * (nesting + 1) + f"step{number + 1}(session, x)")
    lines += [f"def step{DEPTH}(session: Session, x):", "    session.commit()"]
    return "\n".join(lines) + "\n"


def findings(source: str, folder: Path) -> list[str]:
    (folder / "pyproject.toml").write_text("[tool.session-lint]\n")
    (folder / "deep.py").write_text(source)
    return [finding.code for finding in check([folder], root=folder).findings]


def test_long_chains_of_calls(tmp_path: Path) -> None:
    assert findings(calls(1), tmp_path) == ["SL302"]


def test_long_chains_of_calls_in_nested_conditions(tmp_path: Path) -> None:
    assert findings(calls(17), tmp_path) == ["SL302"]


def test_long_chains_of_constructors_in_nested_conditions(tmp_path: Path) -> None:
    nesting = 17
    lines = ["from sqlalchemy.orm import Session"]
    for number in range(DEPTH):
        lines += [f"class Step{number}:", "    def __init__(self, session: Session, x):"]
        lines += ["    " * (level + 2) + f"if x[{level}]:" for level in range(nesting)]
        lines.append("    " * (nesting + 2) + f"self.next = Step{number + 1}(session, x)")
    lines += [f"class Step{DEPTH}:", "    def __init__(self, session: Session, x):", "        session.commit()"]
    assert findings("\n".join(lines) + "\n", tmp_path) == ["SL302"]


def test_recursion(tmp_path: Path) -> None:
    source = (
        "from sqlalchemy.orm import Session\n"
        "def even(session: Session, n):\n    return n == 0 or odd(session, n - 1)\n"
        "def odd(session: Session, n):\n    session.commit()\n    return n != 0 and even(session, n - 1)\n"
    )
    assert findings(source, tmp_path) == ["SL302"]
