"""The sections of a rule's documentation, and the Python in them."""

from __future__ import annotations

import re

_PYTHON = re.compile(r"```python\n(.*?)```", re.DOTALL)


def sections(docs: str) -> dict[str, str]:
    """The text of each section by its title."""
    parts = re.split(r"^## (.+)$", docs, flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def example(docs: str, title: str) -> str:
    """The Python of one section, as one module."""
    return "\n".join(_PYTHON.findall(sections(docs)[title]))
