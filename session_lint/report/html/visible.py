"""Text from linted files and their names, made safe to look at: what would hide or reorder it is spelled out."""

from __future__ import annotations

import json
from typing import Any


def visible(text: str) -> str:
    """The text with control, bidirectional, invisible and undecodable characters as escapes, ``\\x00`` and ``\\u202e`` say."""
    return text if text.isprintable() else "".join(char if char.isprintable() else _escape(char) for char in text)


def _escape(char: str) -> str:
    code = ord(char)
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def script_json(data: Any) -> str:
    """JSON that can stand in a ``<script>`` element: ASCII, and nothing in it ends the element or opens a comment."""
    text = json.dumps(data, ensure_ascii=True, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")
