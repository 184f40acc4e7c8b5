"""Ending what dead workers left behind, and sending what nobody took. Anyone may run it, as often as they like.

Every decision is guarded inside its own statement by the fence that it was made upon, so a late reaper changes
nothing (LAUNCH.md: reaper acting on a stale read).
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import msgspec

from importers.errors import ObmenError
from importers.kinds import Counts, Log
from importers.logs import log_to
from importers.sessions.models import Status
from importers.texts import N_

if TYPE_CHECKING:
    from importers.sessions import Held, Journal
    from importers.settings import Settings

UNSENT_SECONDS = 3.0
"""A launch dispatches within milliseconds; a session that waits so long was made by a process that died."""
LOST_SECONDS = 60.0
"""A dispatched session that no worker claims for so long is sent again."""
MAX_DISPATCHES = 3

DIED = N_("The worker {owner} died while it ran; nothing is changed. Start the import again")
FROZEN = N_("The worker {owner} gave no sign of life for its lease and was ended; nothing is changed")
NEVER_CAME = N_("No worker came after {count} tries; see the log {path}")


async def reap(journal: Journal, settings: Settings) -> int:
    """Look after the sessions of this catalog; how many were ended, started again, or sent."""
    from importers.launch import target_of

    await journal.prune(settings.journal.keep_events_days)
    acted = 0
    for held in await journal.held(target_of(settings)):
        if held.session.status is Status.STARTED:
            acted += await _send(held, settings, journal)
        else:
            acted += await _look_after(held, settings, journal)
    return acted


async def _send(held: Held, settings: Settings, journal: Journal) -> bool:
    """A session that waits for a worker."""
    from importers.worker.dispatch import dispatch

    session = held.session
    if held.dispatched and held.age >= LOST_SECONDS:
        if held.dispatches >= MAX_DISPATCHES:
            args = {"count": str(held.dispatches), "path": settings.log.path}
            return await _finish(held, Status.FAILED, journal, NEVER_CAME, args)
        if not await journal.unmark_dispatched(session.id, held.dispatches):
            return False
    elif held.dispatched or held.age < UNSENT_SECONDS:
        return False
    try:
        return await dispatch(session, settings, journal)
    except ObmenError as error:
        log_to(settings.log.path).warning("session %d: %s", session.id, error)
        return False


async def _look_after(held: Held, settings: Settings, journal: Journal) -> bool:
    """A session that a worker holds: is it alive?"""
    from importers.catalog import open_catalog

    session, owner = held.session, held.owner
    if owner is None:
        return False
    reason = DIED
    if not owner.is_dead():
        if not held.lease_over:
            return False
        # It may be frozen inside its transaction: ended, it can neither commit later nor keep the catalog locked.
        await asyncio.to_thread(owner.kill)
        reason = FROZEN
    catalog = await open_catalog(settings.catalog.url)
    try:
        note = await catalog.applied(journal_id=journal.journal_id, session_id=session.id)
    finally:
        await catalog.close()
    if note is not None:
        by_kind = msgspec.json.decode(note, type=dict[str, Counts])
        line = Log("info", N_("Completed; the worker died after its commit"))
        return await journal.finish(session.id, session.fence, Status.COMPLETED, by_kind, line=line)
    if session.status is Status.CANCELLING:
        return await _finish(held, Status.CANCELLED, journal, reason, {"owner": owner.name})
    if held.retries < settings.worker.retries:
        return await journal.start_again(session.id, session.fence)
    return await _finish(held, Status.FAILED, journal, reason, {"owner": owner.name})


async def _finish(held: Held, status: Status, journal: Journal, reason: str, args: dict[str, str]) -> bool:
    session = held.session
    line = Log("error", reason, dict(args))
    return await journal.finish(session.id, session.fence, status, {}, reason, args, line)
