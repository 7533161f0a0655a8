"""What holds for all tests."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

# How long an example takes says something of the machine alone.
settings.register_profile("untimed", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("untimed")


@pytest.fixture(scope="session")
def _home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("caches")


@pytest.fixture(autouse=True)
def _no_cache(monkeypatch: pytest.MonkeyPatch, _home: Path) -> None:
    """Each run looks for itself, whatever rules stood in at the last one; tests of the cache turn it on, away from the user's."""
    monkeypatch.setenv("SESSION_LINT_NO_CACHE", "1")
    monkeypatch.setenv("XDG_CACHE_HOME", str(_home))
