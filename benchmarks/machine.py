"""What the figures were measured with, and on which machine."""

from __future__ import annotations

import importlib.metadata
import os
import platform
from datetime import datetime, timezone
from pathlib import Path

from session_lint import __version__
from session_lint.lowering.pool import processors

_BUSY = 0.25
"""Load for each processor above which other work is worth a remark."""


def load() -> float:
    """How many processes waited for a processor of late, those of this harness included."""
    return os.getloadavg()[0]


def description(before: float) -> str:
    """One paragraph; ``before`` is the load before the first measurement."""
    libcst = importlib.metadata.version("libcst")
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    lines = [
        f"session-lint {__version__}, CPython {platform.python_version()}, LibCST {libcst};",
        f"{platform.system()} on {_processor()}, {processors()} processors, {memory:.0f} GiB;",
        f"{datetime.now(timezone.utc):%Y-%m-%d}.",
    ]
    if before > _BUSY * processors():
        lines.append(
            f"**The machine was busy with other work** (load {before:.1f} before the start): wall times are too long, most "
            "of all those of programs that use several processors; CPU times and ratios suffer less."
        )
    return " ".join(lines)


def _processor() -> str:
    information = Path("/proc/cpuinfo")
    if information.exists():
        for line in information.read_text("utf-8").splitlines():
            key, _, value = line.partition(":")
            if key.strip() == "model name":
                return value.strip()
    return platform.processor() or platform.machine()
