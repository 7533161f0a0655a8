"""SL904 suppression-without-reason · a suppression comment does not say why.

## What it does
Reports a suppression without a reason: text after `--`, in `# session-lint: ignore[SL302] -- why` and in
`# noqa: SL302 -- why`. Off by default; switch it on with `extend-select = ["SL904"]`.

## Why is this bad?
A suppression is a decision against the rule. Without its reason nobody can tell later whether it still holds, and it is
copied along with the code around it.

## Example
```python
from sqlalchemy.orm import Session


def log_attempt(session: Session) -> None:
    session.commit()  # session-lint: ignore[SL302]
```

## Use instead
```python
from sqlalchemy.orm import Session


def log_attempt(session: Session) -> None:
    session.commit()  # session-lint: ignore[SL302] -- the attempt must stay when the login is rolled back
```

`session-lint check --add-ignores "why"` writes suppressions with their reason.

## When not to use
Where the review already asks for the reason elsewhere, say in the commit.

## References
- [ESLint, disabling rules with a description](https://eslint.org/docs/latest/use/configure/rules), whose `--` this follows
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from session_lint.findings import Finding, Severity
from session_lint.rules.registry import stage_rule
from session_lint.suppressions import Suppression

SUPPRESSION_WITHOUT_REASON = stage_rule(
    "SL904", "suppression-without-reason", severity=Severity.INFO, docs=__doc__ or "", default=False
)


def without_reason(path: str, suppressions: Sequence[Suppression]) -> Iterator[Finding]:
    """The suppressions of one file that do not say why."""
    for one in suppressions:
        if not one.reason:
            message = f"`{one.text}` does not say why; add the reason after `--`"
            yield SUPPRESSION_WITHOUT_REASON.finding(path, one.span, message, symbol="<module>")
