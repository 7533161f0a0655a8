"""The audit report: how a project handles sessions, as data (see `model`) that is worked out once for all formats."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from session_lint import __version__
from session_lint.auditing.details import details_of
from session_lint.auditing.model import SCHEMA_VERSION, Report, Table, TableRow
from session_lint.auditing.recommendations import next_steps_of, recommendations_of
from session_lint.auditing.summary import summary_of
from session_lint.auditing.undecided import undecided_of
from session_lint.auditing.view import View
from session_lint.checks import table

if TYPE_CHECKING:
    from session_lint.result import Result

__all__ = ["Report", "audit_report"]


def audit_report(
    result: Result, show: Callable[[str], str] = str, paths: Sequence[str] = (), root: str | None = None
) -> Report:
    """Everything that an audit says.

    Args:
        result: a run, of all rules that the report is to speak of.
        show: spells a path for the reader.
        paths: the files and folders that were asked for, as they are typed, for the commands that it proposes.
        root: the project's root, where it was given, likewise.
    """
    view = View(result, show, paths, root)
    recommendations = recommendations_of(view)
    undecided = undecided_of(view)
    details = details_of(view)
    whole = _table(view, table.whole_table(result, view.spell))
    modules = tuple(_table(view, one) for one in table.module_tables(result, view.spell))
    steps = next_steps_of(view, details, recommendations, undecided)
    return Report(
        SCHEMA_VERSION,
        __version__,
        summary_of(view),  # the last to be worked out, as it says how much of the others failed
        whole,
        modules,
        details,
        undecided,
        recommendations,
        steps,
    )


def _table(view: View, source: table.Table) -> Table:
    return Table(
        view.show(source.path) if source.path is not None else None,
        source.role,
        tuple(TableRow(r.check.id, r.check.pattern, r.result, r.analysis, r.violated) for r in source.rows),
    )
