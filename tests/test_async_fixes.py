"""What the fixes of the rules on async code make of a line."""

from __future__ import annotations

from pathlib import Path

import pytest

from session_lint import check
from session_lint.findings import Edit

HEAD = """\
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Session


async def work(session: AsyncSession, sync: Session, query):
"""


def fixed(body: str, folder: Path, code: str, head: str = HEAD, indent: str = "    ") -> str | None:
    """The body after the fixes of a rule's findings; None when one of them has no fix."""
    (folder / "pyproject.toml").write_text('[project]\nname = "example"\n')
    text = head + "\n".join(indent + line for line in body.split("\n")) + "\n"
    (folder / "app.py").write_text(text)
    findings = [f for f in check([folder], root=folder).findings if f.code == code]
    assert findings, f"no {code}"
    edits: list[Edit] = []
    for finding in findings:
        if finding.fix is None:
            return None
        edits += finding.fix.edits
    for edit in sorted(edits, key=lambda e: (e.span.row, e.span.column), reverse=True):
        text = applied(text, edit)
    compile(text, "app.py", "exec")
    after = text[len(head) :].rstrip("\n")
    return "\n".join(line[len(indent) :] for line in after.split("\n"))


def applied(text: str, edit: Edit) -> str:
    rows = text.split("\n")
    start = sum(len(row) + 1 for row in rows[: edit.span.row - 1]) + edit.span.column - 1
    end = sum(len(row) + 1 for row in rows[: edit.span.end_row - 1]) + edit.span.end_column - 1
    return text[:start] + edit.content + text[end:]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("session.flush()", "await session.flush()"),
        ("session.flush", "await session.flush()"),
        ("sync.flush", "sync.flush()"),
        ("_ = session.flush()", "_ = await session.flush()"),
        ("x = session.execute(query).scalars()", "x = (await session.execute(query)).scalars()"),
        (
            "return await session.execute(query).scalars().all()",
            "return (await session.execute(query)).scalars().all()",
        ),
        ("return session.execute(query)[0]", "return (await session.execute(query))[0]"),
        ("return await session.stream(query).scalars().all()", None),
        (
            "for row in session.scalars(query):\n    print(row)",
            "for row in await session.scalars(query):\n    print(row)",
        ),
        ("return [row for row in session.scalars(query)]", "return [row for row in await session.scalars(query)]"),
        ("return sum(row for row in session.scalars(query))", None),
        ("return lambda: session.execute(query).all()", None),
        ("if not session.scalar(query):\n    return", "if not await session.scalar(query):\n    return"),
        ("r = session.execute(query)\nreturn r.scalars()", "r = await session.execute(query)\nreturn r.scalars()"),
        ("r = session.execute(query)\nreturn await r.scalars()", None),
    ],
)
def test_unawaited_calls(before: str, after: str | None, tmp_path: Path) -> None:
    assert fixed(before, tmp_path, "SL401") == after


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("await session.add(query)", "session.add(query)"),
        ("sync.commit()\nawait sync.flush()", "sync.commit()\nsync.flush()"),
        ("sync.commit()\nx = await sync.get(query, 1)", "sync.commit()\nx = sync.get(query, 1)"),
        ("await (session.add(query))", None),
    ],
)
def test_awaited_sync_calls(before: str, after: str | None, tmp_path: Path) -> None:
    assert fixed(before, tmp_path, "SL402") == after


FACTORY = "from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker\n\n\nfactory = "


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("async_sessionmaker(engine)", "async_sessionmaker(engine, expire_on_commit=False)"),
        ("async_sessionmaker()", "async_sessionmaker(expire_on_commit=False)"),
        ("async_sessionmaker(\n    make(),\n)", "async_sessionmaker(\n    make(), expire_on_commit=False,\n)"),
        ("async_sessionmaker(e, expire_on_commit=True)", "async_sessionmaker(e, expire_on_commit=False)"),
        ("async_sessionmaker(engine or (other))", None),
    ],
)
def test_expiry(before: str, after: str | None, tmp_path: Path) -> None:
    assert fixed(before, tmp_path, "SL404", FACTORY, indent="") == after
