"""The journal: sessions, attempts, events and rejects. `open_journal(url)` gives its store."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Protocol

from importers.sessions.models import (
    ACTIVE,
    FINAL,
    ActiveSession,
    Attempt,
    LogLine,
    NewSession,
    Outcome,
    Session,
    Status,
    StoredReject,
)

if TYPE_CHECKING:
    from importers.clock import Clock
    from importers.events import Counts, Log, Reject
    from importers.processes import Owner

__all__ = [
    "ACTIVE",
    "FINAL",
    "ActiveSession",
    "Attempt",
    "Journal",
    "LogLine",
    "NewSession",
    "Outcome",
    "Session",
    "Status",
    "StoredReject",
    "open_journal",
]  # fmt: skip


MAX_REJECTS = 10_000
"""So many are kept per session; the counts tell of the rest."""


class Journal(Protocol):
    """All that the program asks of the journal. Every method that writes is one transaction."""

    clock: Clock
    journal_id: str
    """Random, made with the journal: a catalog can tell the sessions of different journals apart."""

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
        """Ask for cancellation: `started` → cancelled at once, `in_progress` → cancelling, final ones stay."""
        ...

    async def cancelled_by(self, session_id: int) -> str:
        """Who asked for it first."""
        ...

    async def delete(self, session_ids: Sequence[int]) -> list[int]:
        """Delete finished sessions with their events and rejects; the ids deleted. Attempts stay."""
        ...

    async def changed(self) -> bool:
        """Whether any process wrote to the journal since this was last asked (cheap: PRAGMA data_version)."""
        ...

    async def prune(self, days: int) -> int:
        """Delete log lines and rejects of sessions that ended more than `days` days ago; how many sessions.

        A clock that is set wrong must not delete them. So a session must be old both by the clock and by the journal's
        own count of time: the steps from each session to the next one, and from the last one to now, of which none
        counts for more than a quarter of `days`, and one backwards for nothing.
        """
        ...

    # Launching

    async def begin_attempt(self, attempt: Attempt) -> None: ...

    async def end_attempt(
        self,
        request_id: str,
        outcome: Outcome,
        session_id: int | None,
        lock: str,
        reason: str | None,
        reason_args: dict[str, str],
    ) -> None: ...

    async def find_answer(self, new: NewSession, recency: float) -> tuple[Outcome, Session] | None:
        """Without a promise: would this launch be replayed, mismatch or joined? A cheap way out for most losers.

        A key that comes again is answered as at first: `replayed` with the session that it made, `joined` with the one
        that it joined."""
        ...

    async def create(self, new: NewSession, recency: float, lines: Iterable[Log]) -> tuple[Outcome, Session]:
        """The launch proper, one transaction: the session that the key, the target or the last seconds already have,
        or a new one with its first log lines."""
        ...

    async def take_lock(self, key: str, token: str, seconds: float) -> bool:
        """SET key token NX PX, where our own token counts as ours."""
        ...

    async def release_lock(self, key: str, token: str) -> bool:
        """Compare and delete."""
        ...

    async def mark_dispatched(self, session_id: int, by: Owner) -> int | None:
        """Guarantee 5: whoever turns this mark sends the session to a worker, nobody else. The number of this
        dispatch, None when there is nothing to send."""
        ...

    async def dispatched_to(self, session_id: int, number: int, owner: Owner) -> None:
        """Note which process was started for it, so that its death is noticed before it claims the session."""
        ...

    async def unmark_dispatched(self, session_id: int, number: int) -> bool:
        """The worker of this dispatch never came; False when there was another since."""
        ...

    # Working

    async def claim(self, session_id: int, target: str, owner: Owner, lease: float) -> Session | None:
        """started → in_progress, once; None when there is nothing to claim: a duplicate delivery, a cancel, or a
        session of another target than this worker imports into."""
        ...

    async def beat(self, session_id: int, fence: int, lease: float) -> Status | None:
        """Renew the lease; the status, None when the session was taken away."""
        ...

    async def status_of(self, session_id: int, fence: int) -> Status | None:
        """As `beat`, only looking."""
        ...

    async def write(
        self,
        session_id: int,
        fence: int,
        lines: Sequence[Log],
        rejects: Sequence[Reject],
        *,
        done: int,
        total: int,
        running_kind: str | None,
        by_kind: dict[str, Counts],
    ) -> bool:
        """A batch of the worker's events; False, and nothing written, when the session was taken away."""
        ...

    async def finish(
        self,
        session_id: int,
        fence: int,
        status: Status,
        by_kind: dict[str, Counts],
        error: str | None = None,
        error_args: dict[str, str] | None = None,
        line: Log | None = None,
    ) -> bool:
        """The end of a session, with its last log line; False when it had ended or was taken away.

        The fence grows, too: whoever still holds the old one can write nothing any more.
        """
        ...

    async def start_again(self, session_id: int, fence: int) -> bool:
        """A dead worker's session goes back to `started`, for one more try."""
        ...

    async def active_sessions(self, target: str) -> list[ActiveSession]:
        """The active sessions of a target, for the reaper. Leases of another boot are over."""
        ...

    async def close(self) -> None: ...


async def open_journal(url: str) -> Journal:
    """Open (and create or migrate) the journal at `url`: `sqlite:///path`. Raises SettingsError for another address,
    DatabaseError."""
    from importers.addresses import SQLITE, sqlite_path
    from importers.sessions.sqlite import SqliteJournal

    return await SqliteJournal.open(SQLITE + sqlite_path(url))
