"""Bytes to text, as Python reads its own files."""

from __future__ import annotations

from pathlib import Path

import pytest

from session_lint.source import SourceError, Sources, decode, split_lines


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"", ""),
        ("x = 'ä'\n".encode(), "x = 'ä'\n"),
        (b"\xef\xbb\xbfx = 1\n", "x = 1\n"),
        (b"# -*- coding: latin-1 -*-\nx = '\xe4'\n", "# -*- coding: latin-1 -*-\nx = 'ä'\n"),
        (
            b"#!/usr/bin/python\n# vim: set fileencoding=cp1252 :\n'\x80'",
            "#!/usr/bin/python\n# vim: set fileencoding=cp1252 :\n'€'",
        ),
        (b"a\r\nb\r\n", "a\r\nb\r\n"),
    ],
)
def test_decodes(data: bytes, text: str) -> None:
    assert decode(data) == text


@pytest.mark.parametrize(
    ("data", "message", "row"),
    [
        (b"a = 1\nb = '\xff'\n", "it is not valid utf-8: byte 0xff cannot be decoded", 2),
        (b"a\nb\nc\nd = '\xff'\n", "it is not valid utf-8: byte 0xff cannot be decoded", 4),
        (b"# coding: nonsense\n", "its coding comment is not usable", 1),
        (b"# coding: rot13\nk = 1\n", "its coding comment names no text encoding", 1),
        (b"\xef\xbb\xbf# coding: latin-1\n", "its coding comment is not usable", 1),
    ],
)
def test_says_why_it_cannot(data: bytes, message: str, row: int) -> None:
    with pytest.raises(SourceError) as raised:
        decode(data)
    assert raised.value.message.startswith(message)
    assert raised.value.row == row


def test_lines_are_pythons() -> None:
    assert split_lines("a\x0cb\r\nc\rd\u2028e\n") == ["a\x0cb", "c", "d\u2028e", ""]


def test_large_and_missing_files(tmp_path: Path) -> None:
    (tmp_path / "big.py").write_bytes(b"#" * 11)
    sources = Sources(tmp_path, 10, {"buffer.py": b"x", "large.py": b"#" * 11})
    assert sources.text("buffer.py") == "x"
    for path in ("big.py", "large.py"):
        with pytest.raises(SourceError, match=r"it has 11 bytes, more than max-file-size \(10\)"):
            sources.text(path)
    with pytest.raises(SourceError, match=r"it cannot be read \(No such file"):
        sources.text("gone.py")
