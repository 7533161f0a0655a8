"""The fix of SL504 takes out what is ignored and leaves the rest of the text as it was."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent

import pytest

from session_lint import check
from session_lint.findings import Fix

HEAD = "from sqlalchemy import select, text\nfrom sqlalchemy.orm import Session\n\n\n"


def fix_of(source: str, folder: Path) -> Fix | None:
    (folder / "app.py").write_text(source)
    (finding,) = (f for f in check([folder], root=folder).findings if f.code == "SL504")
    return finding.fix


def applied(source: str, fix: Fix) -> str:
    rows = source.splitlines(keepends=True)
    starts = [sum(map(len, rows[:row])) for row in range(len(rows) + 1)]
    for edit in sorted(fix.edits, key=lambda edit: edit.span.row, reverse=True):
        begin = starts[edit.span.row - 1] + edit.span.column - 1
        end = starts[edit.span.end_row - 1] + edit.span.end_column - 1
        source = source[:begin] + edit.content + source[end:]
    return source


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (
            'db.execute(QUERY, execution_options={"no_prepare": True})',
            "db.execute(QUERY)",
        ),
        (
            'db.execute(QUERY, execution_options={"no_prepare": True}, params=None)',
            "db.execute(QUERY, params=None)",
        ),
        (
            'db.execute(QUERY, execution_options={"no_prepare": True, "yield_per": 5})',
            'db.execute(QUERY, execution_options={"yield_per": 5})',
        ),
        (
            'db.execute(QUERY, execution_options={"yield_per": 5, "no_prepare": True, "raw_sql": True})',
            'db.execute(QUERY, execution_options={"yield_per": 5})',
        ),
        (
            """
            db.execute(
                QUERY,
                execution_options={
                    "no_prepare": True,
                },
            )
            """,
            """
            db.execute(
                QUERY,
            )
            """,
        ),
        (
            """
            db.execute(
                QUERY,
                execution_options={
                    "yield_per": 5,  # rows
                    "no_prepare": True,  # for the pooler
                    # the rest
                    "stream_results": True,
                    "raw_sql": True
                },
            )
            """,
            """
            db.execute(
                QUERY,
                execution_options={
                    "yield_per": 5,  # rows
                    # the rest
                    "stream_results": True,
                },
            )
            """,
        ),
        ("db.execute(select(1).execution_options(raw_sql=True))", "db.execute(select(1))"),
        (
            "db.execute(select(1).execution_options(raw_sql=True, yield_per=5))",
            "db.execute(select(1).execution_options(yield_per=5))",
        ),
        # What is not plain stays as it is.
        ('db.execute((QUERY), execution_options={"no_prepare": True})', None),
        ('db.execute(QUERY, execution_options={"yield_per": (5), "no_prepare": True})', None),
        ("db.execute((select(1)).execution_options(raw_sql=True))", None),
        ('db.execute(QUERY, execution_options={"isolation_level": "bogus"})', None),
    ],
)
def test_fix(before: str, after: str | None, tmp_path: Path) -> None:
    def program(body: str) -> str:
        indented = dedent(body).strip("\n").replace("\n", "\n    ")
        return f'{HEAD}QUERY = text("SELECT 1")\n\n\ndef run(db: Session) -> None:\n    {indented}\n'

    fix = fix_of(program(before), tmp_path)
    if after is None:
        assert fix is None
    else:
        assert fix is not None
        assert fix.safe
        assert applied(program(before), fix) == program(after)
