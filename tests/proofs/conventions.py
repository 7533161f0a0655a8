"""Rules that no run of a program can prove, each with the reason."""

from __future__ import annotations

CONVENTIONS = {
    "SL503": "The endpoint answers the same with and without the parameter; what is wrong is what its signature tells the reader.",
    "SL901": "It is about a comment, which no program runs.",
    "SL903": "It is about a comment, which no program runs.",
    "SL904": "It is about a comment, which no program runs.",
    "SL905": "It is about the settings of the lint, which no program reads.",
}
