"""The worker's sign of life, from a thread: parsing and SQL can keep the event loop busy, but not this."""

from __future__ import annotations

import asyncio
import threading
from types import TracebackType
from typing import TYPE_CHECKING, Self

from importers.clock import Clock
from importers.errors import LeaseLost, ObmenError
from importers.sessions.models import Status
from importers.texts import N_

if TYPE_CHECKING:
    from importers.sessions import Journal
    from importers.sessions.models import Session
    from importers.settings import Settings

POLL_SECONDS = 0.2
"""How often it asks whether somebody wants the session to stop."""
TAKEN = N_("the session was taken from this worker, which gave no sign of life; nothing is changed")


class CancelRequested(ObmenError):
    """The operator asked the session to stop."""


class Heartbeat:
    """Renews the lease of a session while entered; `check` raises once the work must stop."""

    def __init__(self, session: Session, settings: Settings) -> None:
        self._session = session
        self._settings = settings
        self._stop = threading.Event()
        self._status: Status | None = Status.IN_PROGRESS
        self._beat_at = float("-inf")  # begin with a beat: the claim may be old already
        self._thread = threading.Thread(
            target=lambda: asyncio.run(self._run()), daemon=True, name="heartbeat"
        )

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self._thread.join()

    def check(self) -> None:
        """Raises CancelRequested or LeaseLost."""
        must_go_on(self._status)

    async def _run(self) -> None:
        """A journal that cannot be reached for a while is no reason to stop: the last check before the commit is the
        worker's own."""
        from importers.sessions import open_journal

        pause = min(POLL_SECONDS, self._settings.worker.heartbeat_seconds)
        journal: Journal | None = None
        try:
            while True:
                try:
                    if journal is None:
                        journal = await open_journal(self._settings.journal.url)
                    await self._check_lease(journal)
                except ObmenError:
                    pass
                if self._status is not Status.IN_PROGRESS or self._stop.wait(pause):
                    return
        finally:
            if journal:
                await journal.close()

    async def _check_lease(self, journal: Journal) -> None:
        """Renew it when that is due, else look at the status."""
        worker = self._settings.worker
        now = Clock().boot()  # it counts a sleeping machine's time as well: after waking, beat at once
        if now - self._beat_at >= worker.heartbeat_seconds:
            self._status = await journal.beat(self._session.id, self._session.fence, worker.lease_seconds)
            self._beat_at = now
        else:
            self._status = await journal.status_of(self._session.id, self._session.fence)


def must_go_on(status: Status | None) -> None:
    """`status`: as the journal has it for the fence of this worker. Raises CancelRequested, or LeaseLost when the
    session is no longer this worker's."""
    if status is Status.CANCELLING:
        raise CancelRequested
    if status is not Status.IN_PROGRESS:
        raise LeaseLost(TAKEN)
