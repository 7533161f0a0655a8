"""One JSON object a finding, one a line."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING

from session_lint.report.json_list import as_object

if TYPE_CHECKING:
    from session_lint.result import Result


def render(result: Result, show: Callable[[str], str]) -> str:
    """The objects that the JSON list has, each on a line of its own."""
    return "".join(f"{json.dumps(as_object(finding, show))}\n" for finding in result.findings)
