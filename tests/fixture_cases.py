"""The fixture cases: where they are, what they expect, how one is laid out to be linted alone."""

from __future__ import annotations

import re
import shutil
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

FIXTURES = Path(__file__).resolve().parent.parent / "fixtures"

_EXPECT = re.compile(r"#\s*expect:\s*(SL\d{3}(?:\s*,\s*SL\d{3})*)")
_SETTING = re.compile(r"^#\s*settings:\s*(.+)$", re.MULTILINE)

Expectation = tuple[str, int, str]
"""File (relative to the case's root, forward slashes), row, rule code."""


@dataclass(frozen=True, slots=True)
class Case:
    """One fixture: a file or a directory that is a project of its own."""

    path: Path

    @property
    def name(self) -> str:
        return self.path.relative_to(FIXTURES).as_posix()

    @property
    def rule(self) -> str:
        """The rule it is a case of, which is selected where it runs; empty where it is a case of none."""
        folder = self.path.parent
        return folder.name if folder.parent.name == "rules" else ""

    @property
    def sources(self) -> list[Path]:
        """Its Python files, those that cannot be parsed included."""
        if self.path.is_file():
            return [self.path]
        return sorted(path for path in self.path.rglob("*.py*") if path.suffix in (".py", ".pyi"))

    @property
    def settings_files(self) -> list[Path]:
        """Its settings files, which can hold expectations too."""
        return sorted(self.path.rglob("*.toml")) if self.path.is_dir() else []

    @property
    def expected(self) -> Counter[Expectation]:
        """What its ``# expect:`` comments ask for."""
        root = self.path.parent if self.path.is_file() else self.path
        return Counter(
            (path.relative_to(root).as_posix(), row, code)
            for path in (*self.sources, *self.settings_files)
            for row, line in enumerate(_text(path).split("\n"), start=1)
            for match in [_EXPECT.search(line)]
            if match
            for code in re.split(r"\s*,\s*", match[1])
        )

    def lay_out(self, folder: Path) -> Path:
        """Copy the case below ``folder`` as a project with settings of its own; returns the project's root."""
        root = folder / "project"
        if self.path.is_dir():
            shutil.copytree(self.path, root, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            root.mkdir(parents=True)
            shutil.copy(self.path, root)
        settings = root / "pyproject.toml"
        if not settings.exists():
            lines = [line for path in self.sources for line in _SETTING.findall(_text(path))]
            settings.write_text("\n".join(["[tool.session-lint]", *lines, ""]), encoding="utf-8")
        return root


def cases() -> list[Case]:
    """Every case, in a stable order."""
    return sorted(_cases(), key=lambda case: case.name)


def rule_cases(code: str, prefix: str) -> list[Case]:
    """The cases of one rule: those that fire (``bad_``) or those that stay silent (``ok_``)."""
    return [Case(path) for path in sorted((FIXTURES / "rules" / code).glob(f"{prefix}*")) if _is_case(path)]


def _cases() -> Iterator[Case]:
    for pattern in ("rules/*/bad_*", "rules/*/ok_*", "patterns/[0-9]*", "analysis/*", "never/*.py", "batch_scraper/*"):
        yield from (Case(path) for path in FIXTURES.glob(pattern) if _is_case(path))


def _is_case(path: Path) -> bool:
    return path.suffix == ".py" if path.is_file() else path.name != "__pycache__"


def _text(path: Path) -> str:
    return path.read_bytes().decode("utf-8", errors="replace")
