"""SL902: what Python cannot read, nobody can check."""

from __future__ import annotations

import pytest
from harness import Database


def test_python_cannot_read_it_either(sqlite: Database) -> None:
    with pytest.raises(SyntaxError, match=r"^expected ':'"):
        sqlite.load("SL902", "Example")


def test_it_can_read_what_to_use_instead(sqlite: Database) -> None:
    assert callable(sqlite.load("SL902", "Use instead").create_batch)
