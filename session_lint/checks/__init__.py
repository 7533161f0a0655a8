"""The checks: rows of the compliance table, each a group of rules and the evidence for them.

A check's ``evidence`` lives in a module ``evidence_*.py`` beside this one.
"""

from __future__ import annotations

from session_lint.checks import (
    evidence_async,
    evidence_background,
    evidence_drivers,
    evidence_endpoints,
    evidence_engine_use,
    evidence_engines,
    evidence_lifetime,
    evidence_options,
    evidence_pooler,
    evidence_services,
    evidence_sessions,
    evidence_transactions,
)
from session_lint.checks.evidence import Evidence, EvidenceFunction, no_evidence
from session_lint.record import Record

__all__ = ["CHECKS", "Check", "Evidence"]


class Check(Record, frozen=True):
    """One row.

    Args:
        id: what rules name it by.
        pattern: its first column, Markdown.
        rules: codes of its rules, whether they exist yet or not.
        searched: it searches for a construct (``Not found``, ``Found (n)``); else it judges what is there (``Compliant``).
        evidence: what it can state about some files.
    """

    id: str
    pattern: str
    rules: tuple[str, ...]
    searched: bool = False
    evidence: EvidenceFunction = no_evidence


CHECKS = (
    Check(
        "direct-sessions",
        "`Session(` direct session creation",
        ("SL101", "SL103"),
        searched=True,
        evidence=evidence_sessions.evidence,
    ),
    Check(
        "direct-engines",
        "`create_engine` / `create_async_engine`",
        ("SL102", "SL106", "SL210"),
        searched=True,
        evidence=evidence_engines.evidence,
    ),
    Check(
        "engine-use",
        "Engine use (`AsyncEngine`, `engine.connect()`)",
        ("SL105",),
        searched=True,
        evidence=evidence_engine_use.evidence,
    ),
    Check(
        "driver-connections",
        "`psycopg2` and other direct driver connections",
        ("SL104",),
        searched=True,
        evidence=evidence_drivers.evidence,
    ),
    Check(
        "execution-options",
        "`execution_options`",
        ("SL502", "SL504"),
        searched=True,
        evidence=evidence_options.evidence,
    ),
    Check(
        "session-lifetime",
        "Session lifetime",
        ("SL201", "SL202", "SL203", "SL204", "SL207", "SL208", "SL209"),
        evidence=evidence_lifetime.evidence,
    ),
    Check(
        "background-tasks",
        "Background task session handling",
        ("SL205", "SL206"),
        evidence=evidence_background.evidence,
    ),
    Check(
        "service-transactions",
        "Service transaction handling",
        ("SL301", "SL302", "SL303"),
        evidence=evidence_services.evidence,
    ),
    Check(
        "router-endpoints",
        "Router endpoint handling",
        ("SL305", "SL306", "SL312", "SL503"),
        evidence=evidence_endpoints.evidence,
    ),
    Check(
        "transaction-discipline",
        "Transaction discipline",
        ("SL304", "SL307", "SL308", "SL309", "SL310", "SL311"),
        evidence=evidence_transactions.evidence,
    ),
    Check(
        "async-correctness",
        "Async correctness",
        ("SL401", "SL402", "SL403", "SL404", "SL405", "SL406"),
        evidence=evidence_async.evidence,
    ),
    Check(
        "connection-pooler",
        "Connection pooler compatibility",
        ("SL501", "SL505", "SL506"),
        evidence=evidence_pooler.evidence,
    ),
)
