"""SL902 unreadable-file · a file or folder cannot be read, so nothing in it was checked.

## What it does
Reports a Python file with a syntax error, one that is not in the encoding it declares (UTF-8 where it declares none), one
above `max-file-size`, one with syntax that the parser does not know yet, and a folder that cannot be listed.

## Why is this bad?
What cannot be read cannot be checked. A run that passed over such a file in silence would look clean and would not be.
All other files are still checked.

## Example
```python
def create_batch(session)  # the colon is missing
    session.add(Batch())
```

## Use instead
```python
def create_batch(session):
    session.add(Batch())
```

Or, for a file that is meant to be so:

```toml
[tool.session-lint]
extend-exclude = ["templates/"]
max-file-size = 5_000_000
```

## When not to use
The rule cannot be switched off, by no setting and no comment: what a run did not look at has to be said. A file that no
run should look at, such as a template, is left out with `exclude`.

## References
- [PEP 263, source code encodings](https://peps.python.org/pep-0263/)
"""

from __future__ import annotations

from session_lint.findings import Finding, Severity
from session_lint.ir import Span
from session_lint.rules.registry import stage_rule

UNREADABLE_FILE = stage_rule("SL902", "unreadable-file", severity=Severity.ERROR, docs=__doc__ or "", always=True)


def unreadable(filename: str, reason: str, row: int = 1, column: int = 1) -> Finding:
    """The finding for a file that could not be read, decoded or parsed; ``reason`` completes "cannot be checked:"."""
    message = f"{filename} cannot be checked: {reason}; nothing in it was looked at"
    return UNREADABLE_FILE.finding(filename, Span(row, column, row, column + 1), message, symbol="<module>")
