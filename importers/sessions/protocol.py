"""All that the program asks of the journal."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol, TypeVar

from importers.sessions.finding import ALL, ALL_ATTEMPTS, NEWEST

if TYPE_CHECKING:
    from importers.database.protocol import Database, Watch
    from importers.events import Counts, Log, Reject
    from importers.processes import WorkerProcess
    from importers.sessions.details import Detail
    from importers.sessions.finding import (
        AttemptFilter,
        AttemptPage,
        Names,
        Order,
        Page,
        Place,
        SessionFilter,
    )
    from importers.sessions.models import (
        ActiveSession,
        Attempt,
        Known,
        Level,
        LogLine,
        NewSession,
        Outcome,
        Session,
        Status,
        StoredReject,
    )
    from importers.texts import Message

D = TypeVar("D", bound="Detail")
MAX_REJECTS = 10_000
"""So many are kept per session; the counts tell of the rest."""
SEARCH_SECONDS = 0.1
"""Of one search for words, until the next."""


class Journal(Protocol):
    """Every method that writes is one transaction: done and seen by all others when it returns, or, when it raises,
    not done. All hold against any number of processes; of two that would do what only one may, one is told so. All
    raise DatabaseError when the journal cannot be read or written.

    A session is written under the `fence` that its holder read: whoever it was taken from changes nothing any more.
    Times and leases are those of the journal's own clock.
    """

    journal_id: str
    """Random, made with the journal: a catalog can tell the sessions of different journals apart."""
    database: Database
    """Where it is kept, for what is no part of the journal but lies beside it: the launch lock, uploads. Never to be
    closed."""

    # Looking: what was committed before the call is seen

    async def sessions(self, wanted: SessionFilter = ALL, limit: int = 200) -> list[Session]:
        """The newest that match, newest first; however long that takes."""
        ...

    async def find(
        self,
        wanted: SessionFilter = ALL,
        order: Order = NEWEST,
        *,
        after: Place | None = None,
        before: Place | None = None,
        limit: int = 200,
        seconds: float = SEARCH_SECONDS,
    ) -> Page:
        """The first that match behind the place `after`, or the last in front of `before`; without either, the first of
        all. Words, which no index has, are looked for about so many seconds, see `Page.rest`."""
        ...

    async def around(
        self, session_id: int, wanted: SessionFilter = ALL, order: Order = NEWEST, *, limit: int = 200
    ) -> list[Session]:
        """The session, whether it matches or not, between those in front of it and behind it that do: as many as
        `find` gives, half of `limit` each. Raises UnknownSession."""
        ...

    async def count(
        self, wanted: SessionFilter = ALL, order: Order = NEWEST, *, before: Place | None = None
    ) -> int:
        """How many match, or how many of these stand in front of a place. With words it may take seconds, in which
        others get their turn, and can be cancelled."""
        ...

    async def names(self) -> Names:
        """What there is to filter by."""
        ...

    async def session(self, session_id: int) -> Session:
        """Raises UnknownSession."""
        ...

    async def active(self, target: str) -> Session | None:
        """The one session of a target that has not ended."""
        ...

    async def events(
        self,
        session_id: int,
        *,
        after: int = 0,
        before: int | None = None,
        least: Level = "info",
        limit: int = 1000,
    ) -> list[LogLine]:
        """Oldest first, those with an id above `after`, or the last with one below `before`; of the level `least` or a
        worse one. None is ever added below one that was returned; none at all once the session was seen to be final.
        Of a session that there is not: none."""
        ...

    async def line_behind(
        self, session_id: int, *, after: int, count: int, least: Level = "info"
    ) -> int | None:
        """The id of the last of the next `count` of `events`, which are not read for it; None when there are fewer."""
        ...

    async def rejects(
        self, session_id: int, *, after: int = 0, reason: str | None = None, limit: int = 1000
    ) -> list[StoredReject]:
        """As `events`, all or those for one reason."""
        ...

    async def reasons(self, session_id: int) -> list[tuple[str, int]]:
        """Why records of it were rejected (`StoredReject.reason`), and how many; the most frequent one first."""
        ...

    async def detail(self, session_id: int, of: type[D]) -> D | None:
        """What a session tells beside its row, see `details.py`; None: it told nothing of that, or it was pruned."""
        ...

    async def attempts(
        self,
        *,
        request_id: str | None = None,
        kind: str | None = None,
        operator: str | None = None,
        shop: str | None = None,
        limit: int = 200,
    ) -> list[Attempt]:
        """Newest first."""
        ...

    async def find_attempts(
        self,
        wanted: AttemptFilter = ALL_ATTEMPTS,
        *,
        after: Place | None = None,
        before: Place | None = None,
        limit: int = 200,
        seconds: float = SEARCH_SECONDS,
    ) -> AttemptPage:
        """A page of attempts, newest first, as `find` finds sessions."""
        ...

    async def count_attempts(self, wanted: AttemptFilter = ALL_ATTEMPTS) -> int:
        """How many match; all of them are looked at."""
        ...

    def watch(self) -> Watch:
        """Tells its holder, and nobody else, whether any process wrote to the journal."""
        ...

    # Acting on sessions

    async def cancel(self, session_id: int, operator: str) -> Session:
        """Ask for cancellation: `started` → cancelled at once, `in_progress` → cancelling, final ones stay. The session
        as it is then; only the first to ask is noted. Raises UnknownSession."""
        ...

    async def cancelled_by(self, session_id: int) -> str:
        """Who asked for it first; "?" when nobody did."""
        ...

    async def delete(self, session_ids: Sequence[int]) -> list[int]:
        """Delete finished sessions with their events and rejects; the ids deleted. Attempts stay, with the reason
        WAS_DRY_RUN where that was all, and no id is ever given again."""
        ...

    async def prune(self, days: int) -> int:
        """Delete log lines and rejects of sessions that ended more than `days` days ago; how many sessions. 0 days:
        never.

        A clock that is set wrong must not delete them. So a session must be old both by the clock and by the journal's
        own count of time: the steps from each session to the next one, and from the last one to now, of which none
        counts for more than a quarter of `days`, and one backwards for nothing. Many take several transactions.
        """
        ...

    # Launching

    async def begin_attempt(self, attempt: Attempt) -> None:
        """Keep it, without an outcome yet, under its request id, which no other attempt has. The journal adds when."""
        ...

    async def end_attempt(
        self,
        request_id: str,
        outcome: Outcome,
        session_id: int | None,
        lock: str,
        reason: Message | None,
    ) -> None:
        """Give the attempt its outcome, the last one that is told; nothing where it was never begun."""
        ...

    async def find_answer(self, new: NewSession, recency: float) -> tuple[Outcome, Session] | None:
        """Without a promise: would this launch be replayed, mismatch or joined? A cheap way out for most losers.

        A key that comes again is answered as at first: `replayed` with the session that it made, `joined` with the one
        that it joined. Whoever is told `joined` here has had that answer written down. Raises UnknownSession when that
        session was deleted since."""
        ...

    async def create(self, new: NewSession, recency: float, lines: Sequence[Log]) -> tuple[Outcome, Session]:
        """The launch proper, one transaction: the session that the key, the target or the last `recency` seconds
        already have, or a new one with its first log lines, each of which is given its `id`.

        However many call this at once: a key makes one session for ever, and a target has one that is active
        (guarantee 1). Raises UnknownSession as `find_answer`."""
        ...

    async def mark_dispatched(self, session_id: int, by: WorkerProcess) -> int | None:
        """Guarantee 5: whoever turns this mark sends the session to a worker, nobody else. The number of this
        dispatch, None when there is nothing to send. `by` answers for it until `dispatched_to` tells of a worker."""
        ...

    async def dispatched_to(self, session_id: int, number: int, owner: WorkerProcess) -> None:
        """Note which process was started for it, so that its death is noticed before it claims the session. Nothing
        when it has claimed it already, or when there was another dispatch since."""
        ...

    async def unmark_dispatched(self, session_id: int, number: int) -> bool:
        """The worker of this dispatch never came; False when there was another since, or the session was claimed."""
        ...

    async def wait_for(self, session_id: int, number: int, why: Message) -> bool:
        """This dispatch came to nothing, and counts for none: the session waits for what is told, to be marked anew;
        False as `unmark_dispatched`."""
        ...

    async def note_waiting(self, session_id: int, why: Message) -> bool:
        """Tell those who look what a session waits for that no worker has claimed yet; whether that was new."""
        ...

    async def left_queue(self, session_id: int, number: int) -> bool:
        """What this dispatch sent waits no more: whoever took it has as long to claim the session as if it had been
        sent now. False as `unmark_dispatched`."""
        ...

    # Working

    async def claim(self, session_id: int, target: str, owner: WorkerProcess, lease: float) -> Session | None:
        """started → in_progress, once, for `lease` seconds; None when there is nothing to claim: a duplicate delivery,
        a cancel, a session of another target than this worker imports into, or one whose source only another host than
        the owner's sees (`Session.source_host`). The fence of the session returned is
        what its holder writes under. A session has one `received` event, at its first claim."""
        ...

    async def beat(self, session_id: int, fence: int, lease: float) -> Status | None:
        """Renew the lease; the status, None when the session was taken away or has ended."""
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
        details: Sequence[Detail] = (),
    ) -> bool:
        """A batch of the worker's events; of `details` each takes the place of the one of its type. False, and nothing
        written, when the session was taken away or has ended."""
        ...

    async def finish(
        self,
        session_id: int,
        fence: int,
        status: Status,
        by_kind: dict[str, Counts],
        error: Message | None = None,
        line: Log | None = None,
        *,
        lost: bool = False,
    ) -> bool:
        """The end of a session, with its last log line; False when it had ended or was taken away. The source that was
        sent along with it is dropped. `lost`: it is taken from a worker that died or froze, which is counted.

        The fence grows, too: whoever still holds the old one can write nothing any more.
        """
        ...

    async def start_again(self, session_id: int, fence: int) -> bool:
        """A dead worker's session goes back to `started`, for one more try; False when it is not `in_progress` under
        this fence any more."""
        ...

    async def recall(self, target: str, key: str) -> Known | None:
        """What was remembered of the target last under this key."""
        ...

    async def remember(self, target: str, known: Known) -> None:
        """What was told of the target in another state of its catalog is forgotten, and the oldest of many."""
        ...

    async def active_sessions(self, target: str | None = None) -> list[ActiveSession]:
        """Those of a target, or of all, for the reaper, with their leases judged by the clock of the journal: those of
        another epoch of it are over. What is decided upon this must be written under the fence that was read here."""
        ...

    async def close(self) -> None:
        """Let its database go; what was done is kept. Nothing may be asked of it any more."""
        ...
