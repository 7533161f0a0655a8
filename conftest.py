"""What holds for all tests."""

from __future__ import annotations

import pytest


@pytest.fixture(autouse=True)
def _no_cache(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each run looks for itself, whatever rules stood in at the last one; tests of the cache turn it on."""
    monkeypatch.setenv("SESSION_LINT_NO_CACHE", "1")
