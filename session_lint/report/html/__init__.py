"""The audit report as one HTML page that needs no network.

Everything from the linted project reaches the page in one of two ways: through the template, which spells out what would hide and
escapes the rest, or as JSON in a data block, from which the page's script makes text nodes. A Content-Security-Policy lets only our own style and script take
effect, by their hashes.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from importlib import resources
from typing import TYPE_CHECKING, Any

from session_lint import __version__
from session_lint.report.html.page import WEIGHTS, make_page
from session_lint.report.html.prose import pieces
from session_lint.report.html.visible import script_json, visible
from session_lint.report.style import without_commands
from session_lint.report.wrapping import sentences
from session_lint.tracing import UNCOMMITTED

if TYPE_CHECKING:
    from session_lint.result import Result


def render(result: Result, paths: Sequence[str] = (), root: str | None = None) -> str:
    """The page; paths in it are relative to the project's root; ``paths`` and ``root`` are as in `audit_report`."""
    from jinja2 import Environment, StrictUndefined
    from markupsafe import Markup

    environment = Environment(
        autoescape=True, finalize=_shown, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters |= {"pieces": pieces, "sentences": sentences}
    style, script = _own("page.css"), _own("page.js")
    page = make_page(result, paths, root)
    return environment.from_string(_own("page.html")).render(
        page=page,
        version=__version__,
        uncommitted=UNCOMMITTED,
        weights={severity.value: weight for severity, weight in WEIGHTS.items()},
        policy=_policy(style, script),
        # Both are files of this package; the data has no character that HTML knows.
        style=Markup(style),  # noqa: S704
        script=Markup(script),  # noqa: S704
        drawings=Markup(without_commands(script_json(page.drawings), "json")),  # noqa: S704
    )


def _shown(value: Any) -> Any:
    """What the template writes: text with nothing hidden in it; markup of our own as it is."""
    return visible(value) if type(value) is str else value


def _own(name: str) -> str:
    return resources.files(__name__).joinpath(name).read_text("utf-8")


def _policy(style: str, script: str) -> str:
    return (
        f"default-src 'none'; style-src '{_hash(style)}'; script-src '{_hash(script)}'; "
        "base-uri 'none'; form-action 'none'; require-trusted-types-for 'script'; trusted-types 'none'"
    )


def _hash(text: str) -> str:
    """As in the policy: of exactly what stands between the tags."""
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"
