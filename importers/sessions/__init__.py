"""The journal: sessions, attempts, events and rejects. `open_journal(url)` gives its store."""

from importers.sessions.models import (
    ACTIVE,
    FINAL,
    ActiveSession,
    Attempt,
    Known,
    LogLine,
    NewSession,
    Outcome,
    Session,
    Status,
    StoredReject,
)
from importers.sessions.opening import open_journal
from importers.sessions.protocol import MAX_REJECTS, Journal

__all__ = [
    "ACTIVE",
    "FINAL",
    "MAX_REJECTS",
    "ActiveSession",
    "Attempt",
    "Journal",
    "Known",
    "LogLine",
    "NewSession",
    "Outcome",
    "Session",
    "Status",
    "StoredReject",
    "open_journal",
]
