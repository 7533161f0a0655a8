"""SL901 unused-suppression · a comment suppresses a finding that is not there.

## What it does
Reports a suppression comment, or a code in one, that hides no finding: because the fault is gone, because the comment
stands on the wrong line, because the code means no rule, or because the comment is not written as a suppression
(`# session-lint: disable[SL302]`). Where something near it tells what was meant, the message says so.

Only codes of rules that ran are judged, and only where the run reports on the whole project; a comment without codes, only
where all rules ran that run by default. A comment that is not written as a suppression is reported always. In `# noqa`,
only codes of session-lint's own rules count: other codes, and a bare `# noqa`, are other linters' business.

The fix takes the code out, or the comment where nothing is left of it; other comments on the line stay. There is none where
the message tells what was meant.

## Why is this bad?
A suppression that hides nothing today hides the next fault on that line, which nobody has judged. One on the wrong line, or
with a wrong code, looks like a decision and is none: the finding that it was meant for is still reported.

## Example
```python
from sqlalchemy.orm import Session


def rename(session: Session, name: str) -> None:
    session.flush()  # session-lint: ignore[SL302] -- the name must be visible at once
```

## Use instead
```python
from sqlalchemy.orm import Session


def rename(session: Session, name: str) -> None:
    session.flush()
```

## When not to use
In a shared code base that several versions of session-lint check, a newer one may need fewer suppressions than an older.

## References
- [Ruff, unused-noqa](https://docs.astral.sh/ruff/rules/unused-noqa/), the same idea
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from session_lint import ir
from session_lint.findings import Edit, Finding, Fix, Severity
from session_lint.rules.registry import Rule, stage_rule
from session_lint.suppressions import ABOUT_SUPPRESSIONS, Filtered, Suppression, nearly_suppressions, removal

UNUSED_SUPPRESSION = stage_rule(
    "SL901", "unused-suppression", severity=Severity.WARNING, docs=__doc__ or "", fix="safe"
)

_NEAR = 5


def unused(
    path: str,
    suppressions: Sequence[Suppression],
    filtered: Filtered,
    rules: Sequence[Rule],
    rules_run: frozenset[str],
    lines: Sequence[str],
) -> Iterator[Finding]:
    """The suppressions of one file, or codes in them, that hide nothing.

    Args:
        path: the file.
        suppressions: its suppressions.
        filtered: what they hid.
        rules: all rules there are.
        rules_run: codes of those that ran.
        lines: the file's lines.
    """
    codes = {spelled: rule.code for rule in rules for spelled in (rule.code, rule.name)}
    all_ran = rules_run >= {rule.code for rule in rules if rule.default and not rule.preview}
    for index, suppression in enumerate(suppressions):
        used = filtered.used.get(index, frozenset())
        if not suppression.codes:
            if all_ran and not used:
                yield _finding(path, suppression, (), "", removal(suppression, (), lines[suppression.span.row - 1]))
            continue
        idle = [
            item for item in suppression.codes if item not in used and _is_judged(item, suppression, codes, rules_run)
        ]
        if idle:
            hint = _hint(idle, suppression, filtered.kept, codes)
            edit = None if hint else removal(suppression, idle, lines[suppression.span.row - 1])
            yield _finding(path, suppression, idle, hint, edit)


def misspelled(path: str, comments: Sequence[ir.Comment]) -> Iterator[Finding]:
    """Comments of a file that are meant to suppress and do not."""
    for comment, text in nearly_suppressions(comments):
        message = f"`{text.strip()}` suppresses nothing; write `# session-lint: ignore[SL302] -- why` with the rule's own code"
        yield UNUSED_SUPPRESSION.finding(path, comment.span, message, symbol="<module>")


def _is_judged(item: str, suppression: Suppression, codes: dict[str, str], rules_run: frozenset[str]) -> bool:
    """Whether a code or name can be said to hide nothing: its rule ran, or there is no such rule."""
    code = codes.get(item.upper()) or codes.get(item)
    if code is None:
        return not suppression.is_noqa
    return code in rules_run and code not in ABOUT_SUPPRESSIONS


def _finding(path: str, suppression: Suppression, idle: Sequence[str], hint: str, edit: Edit | None) -> Finding:
    named = ", ".join(f"`{item}`" for item in idle)
    whole = len(idle) == len(suppression.codes)
    what = f"`{suppression.text}`" if whole else f"{named} in `{suppression.text}`"
    message = f"{what} hides no finding; {hint or 'remove it'}"
    fix = None if edit is None else Fix("Take out what hides nothing", safe=True, edits=(edit,))
    return UNUSED_SUPPRESSION.finding(path, suppression.span, message, symbol="<module>", fix=fix)


def _hint(idle: Sequence[str], suppression: Suppression, kept: Sequence[Finding], codes: dict[str, str]) -> str:
    """What was probably meant: another spelling, or another line."""
    for item in idle:
        code = codes.get(item.upper()) or codes.get(item)
        if code is None:
            import difflib  # for the wrong code alone

            close = difflib.get_close_matches(item, codes, n=1) or difflib.get_close_matches(item.upper(), codes, n=1)
            meant = f"; did you mean `{close[0]}`?" if close else "; `session-lint rule` lists the rules"
            return f"`{item}` means no rule{meant}"
        if suppression.rows is not None:
            first, last = suppression.rows
            near = [one.span.row for one in kept if one.code == code and first - _NEAR <= one.span.row <= last + _NEAR]
            if near:
                row = min(near, key=lambda row: min(abs(row - first), abs(row - last)))
                return f"the next {code} is reported on line {row}, so move the comment there"
    return ""
