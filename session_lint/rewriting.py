"""Texts back into files: the encoding, byte order mark, newlines and mode that a file has are those it keeps."""

from __future__ import annotations

import codecs
import io
import os
import stat
import tempfile
import tokenize
from pathlib import Path

from session_lint.errors import UserError
from session_lint.project import repository


def encode(text: str, original: bytes) -> bytes:
    """The text in the encoding of the file that it comes from, with a byte order mark where that has one.

    Raises:
        UnicodeEncodeError: the encoding lacks a character of the text.
    """
    encoding, _ = tokenize.detect_encoding(io.BytesIO(original).readline)
    return text.encode(codecs.lookup(encoding).name)


def refuse_outside(path: Path, root: Path, remedy: str) -> None:
    """Let settings and links that came with the code not say that anything outside its repository is written.

    Raises:
        UserError: the file would lie there; ``remedy`` says what to do.
    """
    if not Path(os.path.realpath(path)).is_relative_to(repository(root).resolve()):
        raise UserError(f"{path} lies outside the project, so it is not written: {remedy}.")


def create_or_write(path: Path, content: bytes) -> None:
    """Give a file this content, be it there or not.

    Raises:
        UserError: the file cannot be written.
    """
    try:
        if not path.exists():
            with path.open("xb") as file:
                file.write(content)
        before = path.read_bytes()
    except OSError as error:
        raise UserError(f"{path} cannot be written: {error.strerror}.") from error
    if before != content:
        write(path, before, content)


def write(path: Path, before: bytes, after: bytes) -> None:
    """Replace the content of a file at once, so that nobody ever reads half of it; a link stays, its target is written.

    Args:
        path: the file.
        before: the content that ``after`` was made from.
        after: the new content.

    Raises:
        UserError: the file cannot be written, or somebody else has changed it meanwhile.
    """
    target = path.resolve()
    temporary = None
    try:
        if target.read_bytes() != before:
            raise UserError(f"{path} was changed while it was checked, so it is left alone; run again.")
        mode = stat.S_IMODE(target.stat().st_mode)
        if not mode & stat.S_IWUSR:
            raise UserError(f"{path} cannot be written: it is read-only.")
        descriptor, temporary = tempfile.mkstemp(prefix=f".{target.name}.", suffix=".tmp", dir=target.parent)
        with os.fdopen(descriptor, "wb") as file:
            file.write(after)
        os.chmod(temporary, mode)  # noqa: PTH101  (a name as mkstemp gives it)
        os.replace(temporary, target)  # noqa: PTH105
        temporary = None
    except OSError as error:
        raise UserError(f"{path} cannot be written: {error.strerror}.") from error
    finally:
        if temporary is not None:
            Path(temporary).unlink(missing_ok=True)
