"""SL903 blanket-suppression · a suppression comment names no rule, so it hides every finding.

## What it does
Reports `# session-lint: ignore` and `# session-lint: ignore-file` without codes. A bare `# noqa` is not reported: it
suppresses nothing here.

## Why is this bad?
Without codes the comment hides what it was written for and everything that will ever be wrong there: a session that leaks
beside the commit that was meant, or the finding of a rule that comes with the next version.

## Example
```python
from sqlalchemy.orm import Session


def log_attempt(session: Session) -> None:
    session.commit()  # session-lint: ignore
```

## Use instead
```python
from sqlalchemy.orm import Session


def log_attempt(session: Session) -> None:
    session.commit()  # session-lint: ignore[SL302] -- the attempt must stay when the login is rolled back
```

## When not to use
For files that are generated or copied, leave them out with `exclude` rather than with a comment in each.

## References
- [Ruff, blanket-noqa](https://docs.astral.sh/ruff/rules/blanket-noqa/), the same idea
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from session_lint.findings import Finding, Severity
from session_lint.rules.registry import stage_rule
from session_lint.suppressions import Suppression

BLANKET_SUPPRESSION = stage_rule("SL903", "blanket-suppression", severity=Severity.WARNING, docs=__doc__ or "")


def blanket(path: str, suppressions: Sequence[Suppression]) -> Iterator[Finding]:
    """The suppressions of one file that name no rule."""
    for one in suppressions:
        if not one.codes:
            message = f"`{one.text}` hides every finding; name the rules that are meant, as in `ignore[SL302]`"
            yield BLANKET_SUPPRESSION.finding(path, one.span, message, symbol="<module>")
