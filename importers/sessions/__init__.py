"""The journal: sessions, attempts, events and rejects. `open_journal(url)` gives its store."""

from importers.sessions.finding import (
    ALL,
    NEWEST,
    By,
    Names,
    Order,
    Page,
    Place,
    SessionFilter,
    Word,
    place_of,
)
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
from importers.sessions.opening import await_journal, open_journal
from importers.sessions.protocol import MAX_REJECTS, Journal

__all__ = [
    "ACTIVE",
    "ALL",
    "FINAL",
    "MAX_REJECTS",
    "NEWEST",
    "ActiveSession",
    "Attempt",
    "By",
    "Journal",
    "Known",
    "LogLine",
    "Names",
    "NewSession",
    "Order",
    "Outcome",
    "Page",
    "Place",
    "Session",
    "SessionFilter",
    "Status",
    "StoredReject",
    "Word",
    "await_journal",
    "open_journal",
    "place_of",
]
