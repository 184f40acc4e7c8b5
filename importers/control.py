"""What operators can do: launch, wait for, follow, cancel, retry, delete. Command line, screens and doctor call it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

import msgspec

from importers.errors import DatabaseError, ObmenError, ReadOnly
from importers.launch import LaunchRequest, LaunchResult, launch, new_key, retry_request
from importers.processes import account
from importers.sessions.models import Outcome
from importers.texts import N_

if TYPE_CHECKING:
    from importers.database.protocol import Watch
    from importers.sessions import Journal, LogLine, Session
    from importers.settings import Settings
    from importers.targets import Target
    from importers.texts import Message
    from importers.upload import Report
    from importers.worker.reaper import Trouble

REAP_SECONDS = 5.0
"""How often dead workers are looked for while one waits."""


class Control:
    """Acts on the sessions of a journal, under these settings. Each method can be called by many at once; those that
    change something raise ReadOnly where the settings are for watching only."""

    def __init__(self, settings: Settings, journal: Journal) -> None:
        self.settings = settings
        self.journal = journal

    async def launch(
        self, request: LaunchRequest, wait: float = 0, report: Report | None = None
    ) -> LaunchResult:
        """One confirm; before it, imports that run are waited for so many seconds, and so is whoever was faster.
        `report` is told how much of the source was sent along."""
        self._require_writable()
        loop = asyncio.get_running_loop()
        end = loop.time() + wait
        watch = self.journal.watch()
        while True:
            while loop.time() < end and await self._is_busy(request.target):
                await self._next_change(watch, end)
            result = await launch(request, self.settings, self.journal, report=report)
            running = result.outcome is Outcome.JOINED and result.session and not result.session.status.final
            if not running or loop.time() >= end:
                return result
            request = msgspec.structs.replace(request, idempotency_key=new_key())

    async def _is_busy(self, target: Target) -> bool:
        """Whether an import of it runs; not when its catalog does not answer, of which the launch tells."""
        with suppress(DatabaseError):
            return await self.journal.active(await target.key()) is not None
        return False

    async def retry(self, session_id: int) -> LaunchResult:
        """A new confirm of what a finished session imported. Raises UnknownSession, ObmenError for one that goes on."""
        self._require_writable()
        session = await self.journal.session(session_id)
        if not session.status.final:
            raise ObmenError(N_("Session {id} has not ended yet; wait for it or cancel it"), id=session_id)
        return await self.launch(retry_request(session, self.settings))

    async def cancel(self, session_id: int) -> Session:
        """Ask for the end of a session; what it is then: one that had ended stays. Raises UnknownSession."""
        self._require_writable()
        return await self.journal.cancel(session_id, account())

    async def delete(self, session_ids: Sequence[int]) -> list[int]:
        """Delete those that have ended; the ids deleted."""
        self._require_writable()
        return await self.journal.delete(session_ids)

    def _require_writable(self) -> None:
        if self.settings.read_only:
            raise ReadOnly

    async def follow(
        self,
        session_id: int,
        present: Callable[[list[LogLine]], None] | None = None,
        *,
        seconds: float | None = None,
        trouble: Trouble | None = None,
        waiting: Callable[[Message], None] | None = None,
    ) -> Session:
        """The session after its end, or as it is when the seconds are over. `present` is given its log lines as they
        are written; `trouble` what keeps a dead worker's session from its end; `waiting` why no worker has it yet,
        each time that is another reason. Raises UnknownSession."""
        loop = asyncio.get_running_loop()
        until = None if seconds is None else loop.time() + seconds
        watch = self.journal.watch()
        last, why = 0, None
        while True:
            session = await self.journal.session(session_id)  # before the events: after its end no line comes
            while present and (lines := await self.journal.events(session_id, after=last)):
                present(lines)
                last = lines[-1].id
            if waiting and session.waiting and session.waiting != why:
                waiting(session.waiting)
            why = session.waiting
            if session.status.final or (until is not None and loop.time() >= until):
                return session
            await self._next_change(watch, until, trouble)

    async def _next_change(
        self, watch: Watch, until: float | None = None, trouble: Trouble | None = None
    ) -> None:
        """Sleep until somebody writes to the journal; dead workers are noticed meanwhile."""
        from importers.worker.reaper import reap

        loop = asyncio.get_running_loop()
        while not await watch.changed(
            min(REAP_SECONDS, max(0, until - loop.time()) if until else REAP_SECONDS)
        ):
            if until is not None and loop.time() >= until:
                return
            if not self.settings.read_only:
                await reap(self.journal, self.settings, trouble)
