"""What the parts of a report share: the run, the files that it speaks of, and how it spells them."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterable, Sequence
from functools import cached_property
from typing import TYPE_CHECKING

from session_lint.auditing.model import Fault, Place
from session_lint.checks.evidence import Scope
from session_lint.inference import Inference, infer
from session_lint.program.symbols import Function
from session_lint.report.style import printable

if TYPE_CHECKING:
    from session_lint.faults import Fault as OwnFault
    from session_lint.findings import Finding
    from session_lint.program import Program
    from session_lint.program.symbols import Unit
    from session_lint.result import Result


class View:
    """A run as a report sees it.

    Args:
        result: the run.
        show: spells a path for the reader.
        paths: the files and folders that were asked for, as they are typed.
        root: the project's root, where it was given.
    """

    def __init__(
        self, result: Result, show: Callable[[str], str], paths: Sequence[str] = (), root: str | None = None
    ) -> None:
        self.result = result
        self.show = show
        self._paths = paths
        self._root = root

    def command(self, name: str, *args: str, paths: bool = False) -> str:
        """A command on this project; with ``paths``, on the part of it that the run reports on."""
        root = ("--root", self._root) if self._root is not None else ()
        return shlex.join(["session-lint", name, *args, *root, *(self._paths if paths else ())])

    def spell(self, text: str) -> str:
        """A path as it stands in a sentence, in which backticks mark code."""
        return plain(self.show(text))

    @cached_property
    def program(self) -> Program:
        return self.result.program

    @cached_property
    def scope(self) -> Scope:
        """The files that the run reports on."""
        return Scope(self.program, frozenset(self.result.reported), self.spell)

    @property
    def is_whole(self) -> bool:
        """Whether the run reports on all files of the project."""
        return len(self.result.reported) == len(self.result.files.discovery.known)

    @cached_property
    def inference(self) -> Inference:
        return infer(self.program)

    @property
    def faults(self) -> list[OwnFault]:
        """Errors of ours, to which the parts of the report add theirs."""
        return self.result.faults

    @cached_property
    def _by_function(self) -> dict[tuple[str, str], list[Finding]]:
        found: dict[tuple[str, str], list[Finding]] = {}
        for finding in self.result.findings:
            found.setdefault((finding.filename, finding.symbol), []).append(finding)
        return found

    def place(self, unit: Unit, row: int = 0) -> Place:
        """A row of a unit, that of its name where none is given."""
        own = unit.name_span.row if isinstance(unit, Function) else 1
        return Place(self.show(unit.module.path), row or own, unit.qualname)

    def place_at(self, path: str, row: int, symbol: str) -> Place:
        return Place(self.show(path), row, symbol)

    def fault(self, finding: Finding, *, below: bool = False) -> Fault:
        return Fault(
            finding.code,
            finding.name,
            finding.severity.value,
            sentence(finding.message),
            Place(self.show(finding.filename), finding.span.row, finding.symbol),
            below,
        )

    def faults_in(self, path: str, symbols: Iterable[str]) -> tuple[Fault, ...]:
        """What is reported in functions of a file, those nested in them included."""
        wanted = tuple(symbols)
        return tuple(
            self.fault(finding)
            for (filename, symbol), findings in self._by_function.items()
            if filename == path and any(symbol == one or symbol.startswith(f"{one}.") for one in wanted)
            for finding in findings
        )

    def faults_below(self, functions: Iterable[tuple[str, str]]) -> tuple[Fault, ...]:
        """What is reported in functions, by file and name, that something lends its session to."""
        return tuple(
            self.fault(finding, below=True)
            for function in dict.fromkeys(functions)
            for finding in self._by_function.get(function, ())
        )


def plain(text: str) -> str:
    """Text from the linted project, in which nothing steers a terminal or ends a code span."""
    return printable(text).replace("`", "'")


def sentence(text: str) -> str:
    """A message, whose backticks mark code, unless one of them comes from the project."""
    return printable(text) if text.count("`") % 2 == 0 else plain(text)
