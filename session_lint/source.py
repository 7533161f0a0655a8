"""Bytes of a file to its text."""

from __future__ import annotations

import errno
import io
import tokenize
from collections.abc import Mapping
from pathlib import Path

import msgspec

from session_lint.regular import read_regular


class SourceError(Exception):
    """A file's text cannot be had; ``row`` is where it breaks, 1 when that is no place in particular."""

    def __init__(self, message: str, row: int = 1) -> None:
        super().__init__(message)
        self.message = message
        self.row = row


def decode(data: bytes) -> str:
    """Decode a Python file as Python does: byte order mark, then the coding comment of PEP 263, then UTF-8.

    Raises:
        SourceError: the declared encoding is unknown, or the bytes are not in it.
    """
    try:
        encoding, _ = tokenize.detect_encoding(io.BytesIO(data).readline)
    except LookupError as error:  # from Python 3.14 on
        raise SourceError("its coding comment names no text encoding") from error
    except SyntaxError as error:
        try:
            data.decode()
        except UnicodeDecodeError as undecodable:
            raise _undecodable(data, undecodable) from error
        raise SourceError(f"its coding comment is not usable ({error.msg})") from error
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as error:
        raise _undecodable(data, error) from error
    except (LookupError, UnicodeError) as error:
        raise SourceError("its coding comment names no text encoding") from error


def _undecodable(data: bytes, error: UnicodeDecodeError) -> SourceError:
    row = data.count(b"\n", 0, error.start) + 1
    return SourceError(f"it is not valid {error.encoding}: byte 0x{data[error.start]:02x} cannot be decoded", row)


def split_lines(text: str) -> list[str]:
    """Lines as Python counts them, without their ends; ``str.splitlines`` also breaks at form feeds and the like."""
    return text.replace("\r\n", "\n").replace("\r", "\n").split("\n")


class Sources(msgspec.Struct, frozen=True):
    """The texts of a project's files.

    Args:
        root: what paths are relative to.
        max_file_size: bytes above which a file is not read.
        overlay: contents that stand for a file's own, as of an unsaved editor buffer.
    """

    root: Path
    max_file_size: int
    overlay: Mapping[str, bytes] = {}

    def text(self, path: str) -> str:
        """Text of the file at ``path``.

        Raises:
            SourceError: the file cannot be read, is too large, or cannot be decoded.
        """
        return decode(self.read(path))

    def read(self, path: str) -> bytes:
        """Content of the file at ``path``.

        Raises:
            SourceError: the file cannot be read, or is too large.
        """
        data = self.overlay.get(path)
        if data is None:
            try:
                return read_regular(f"{self.root}/{path}", self.max_file_size)
            except OSError as error:
                if error.errno == errno.EFBIG:
                    raise self._too_large((self.root / path).stat().st_size) from error
                raise SourceError(f"it cannot be read ({error.strerror})") from error
        if len(data) > self.max_file_size:
            raise self._too_large(len(data))
        return data

    def _too_large(self, size: int) -> SourceError:
        return SourceError(f"it has {size:,} bytes, more than max-file-size ({self.max_file_size:,})")
