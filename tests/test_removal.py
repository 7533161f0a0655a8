"""Fixes that take a ``with`` or a call away leave code that means the rest."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent

import pytest

from session_lint import check
from session_lint.findings import Fix

HEAD = "from sqlalchemy.orm import Session\n\n\n"


def fix_of(source: str, folder: Path) -> Fix | None:
    (folder / "app.py").write_text(source)
    (finding,) = (f for f in check([folder], root=folder).findings if f.code == "SL207")
    return finding.fix


def applied(source: str, fix: Fix) -> str:
    lines = source.splitlines(keepends=True)
    starts = [sum(map(len, lines[:row])) for row in range(len(lines) + 1)]
    for edit in sorted(fix.edits, key=lambda edit: (edit.span.row, edit.span.column), reverse=True):
        begin = starts[edit.span.row - 1] + edit.span.column - 1
        end = starts[edit.span.end_row - 1] + edit.span.end_column - 1
        source = source[:begin] + edit.content + source[end:]
    return source


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (
            '''
            def add(db: Session) -> None:
                with db:
                    db.add(1)

                    # one more
                    db.execute("""
            SELECT 1
                    """)
                    for row in range(3):
                        db.add(
                            row,
                        )
                print("done")
            ''',
            '''
            def add(db: Session) -> None:
                db.add(1)

                    # one more
                db.execute("""
            SELECT 1
                    """)
                for row in range(3):
                    db.add(
                            row,
                        )
                print("done")
            ''',
        ),
        (
            """
            def add(db: Session) -> None:
                with db: db.add(1)
            """,
            """
            def add(db: Session) -> None:
                db.add(1)
            """,
        ),
        (
            """
            def add(db: Session) -> None:
                db.add(1)
                db.close()
            """,
            """
            def add(db: Session) -> None:
                db.add(1)

            """,
        ),
        (
            """
            def add(db: Session) -> None:
                db.add(1)
                db.close()  # at once
                print("done")
            """,
            """
            def add(db: Session) -> None:
                db.add(1)
                print("done")
            """,
        ),
        (
            """
            def add(db: Session) -> None:
                try:
                    db.add(1)
                finally:
                    db.close()
            """,
            """
            def add(db: Session) -> None:
                try:
                    db.add(1)
                finally:
                    pass
            """,
        ),
    ],
)
def test_what_is_left(before: str, after: str, tmp_path: Path) -> None:
    source = HEAD + dedent(before)
    fix = fix_of(source, tmp_path)
    assert fix is not None
    assert not fix.safe
    mended = applied(source, fix)
    assert mended == HEAD + dedent(after)
    compile(mended, "app.py", "exec")


@pytest.mark.parametrize(
    "body",
    [
        "with db as other:\n        other.add(1)",
        "with db, open('log'):\n        db.add(1)",
        "with db:\n        if db.new:\n            db.add(1)\n        else:\n            db.add(2)",
        "db.add(1); db.close()",
    ],
)
def test_what_has_no_plain_layout_is_left_alone(body: str, tmp_path: Path) -> None:
    assert fix_of(f"{HEAD}def add(db: Session) -> None:\n    {body}\n", tmp_path) is None
