"""The journal: sessions, attempts, events and rejects. `open_journal(url)` gives its store."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from importers.sessions.models import (
    ACTIVE,
    FINAL,
    Attempt,
    LogLine,
    Outcome,
    Session,
    Status,
    StoredReject,
)

__all__ = [
    "ACTIVE", "FINAL", "Attempt", "Journal", "LogLine", "Outcome", "Session", "Status", "StoredReject",
    "open_journal",
]  # fmt: skip


class Journal(Protocol):
    """What screens, command line and doctor ask of the journal. Launch and worker have their own methods beside."""

    async def sessions(
        self,
        *,
        status: str | None = None,
        kind: str | None = None,
        limit: int = 200,
        before: int | None = None,
    ) -> list[Session]:
        """Newest first; `kind` = any of its kinds; `before`: only ids below it (paging)."""
        ...

    async def session(self, session_id: int) -> Session:
        """Raises UnknownSession."""
        ...

    async def active(self, target: str) -> Session | None: ...

    async def events(self, session_id: int, *, after: int = 0, limit: int = 1000) -> list[LogLine]: ...

    async def rejects(self, session_id: int, *, after: int = 0, limit: int = 1000) -> list[StoredReject]: ...

    async def attempts(
        self,
        *,
        request_id: str | None = None,
        kind: str | None = None,
        operator: str | None = None,
        limit: int = 200,
    ) -> list[Attempt]:
        """Newest first."""
        ...

    async def cancel(self, session_id: int) -> Session:
        """Ask for cancellation: `started` → cancelled at once, `in_progress` → cancelling. Final ones stay as they are."""
        ...

    async def delete(self, session_ids: Sequence[int]) -> list[int]:
        """Delete finished sessions with their events and rejects; the ids deleted. Attempts stay."""
        ...

    async def changed(self) -> bool:
        """Whether any process wrote to the journal since this was last asked (cheap: PRAGMA data_version)."""
        ...

    async def close(self) -> None: ...


async def open_journal(url: str) -> Journal:
    """Open (and create or migrate) the journal at `url`: `sqlite:///path`. Raises DatabaseError."""
    from importers.sessions.sqlite import SqliteJournal

    return await SqliteJournal.open(url)
