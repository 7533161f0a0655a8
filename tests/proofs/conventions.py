"""Rules that no program can prove, each with the reason: what they ask for is a convention, or is not about programs that run."""

from __future__ import annotations

CONVENTIONS = {
    "SL902": "The example is a file that Python cannot read; there is nothing to run.",
}
