"""The IR in short, without places and digests, to compare by eye."""

from __future__ import annotations

import msgspec

from session_lint.lowering import lower


def shown(text: str) -> str:
    """Lower a text and show its statements, one a line."""
    return "\n".join(_show(statement) for statement in lower(text).body)


def _show(value: object) -> str:
    if isinstance(value, tuple):
        return "[" + " ".join(_show(item) for item in value) + "]"
    if isinstance(value, msgspec.Struct):
        shown_fields = [name for name in value.__struct_fields__ if name not in {"place", "digest", "name_place"}]
        fields = {name: getattr(value, name) for name in shown_fields}
        kind = type(value).__name__
        if kind == "Name":
            return str(fields["id"])
        if kind == "Constant":
            return repr(fields["value"])
        parts = [f"{name}={_show(item)}" for name, item in fields.items() if item not in (None, (), False, 0)]
        return f"{kind}({', '.join(parts)})"
    return str(value)
