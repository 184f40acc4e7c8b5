"""Ending what dead workers left behind, and sending what nobody claimed. Anyone may run it, as often as they like.

Every decision is guarded inside its own statement by the fence that it was made upon, so a late reaper changes
nothing (docs/guarantees.md, "Ways to go wrong": a reaper acts on a stale read).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING

import msgspec

from importers.errors import BrokerDown, ObmenError, SettingsError
from importers.events import Counts, Log
from importers.logs import log_to, unexpected
from importers.sessions.models import CANCELLED_BY, Status
from importers.sessions.rules import LOST_SECONDS, Due, is_due
from importers.sessions.uploads import Uploads
from importers.targets import target_with
from importers.texts import N_, Message

if TYPE_CHECKING:
    from importers.sessions import ActiveSession, Journal
    from importers.settings import Settings
    from importers.targets import Target
    from importers.worker.dispatch import Dispatcher

Trouble = Callable[[ObmenError], None]

GRACE_SECONDS = 1.0
"""When a machine wakes from sleep all leases are over: a live worker gets so long to renew its own."""

DIED = N_("The worker {owner} died while it ran; nothing is changed. Start the import again")
FROZEN = N_("The worker {owner} gave no sign of life for its lease and was ended; nothing is changed")
IN_QUEUE = N_("waiting for a worker that is free")
NOBODY_THERE = N_("No worker came on {host}, which has the source {source}; start the import again there")
NEVER_CAME = N_("No worker came, tries: {count}; see the log {path}")


async def reap(
    journal: Journal,
    settings: Settings,
    trouble: Trouble | None = None,
    *,
    dispatcher: Dispatcher | None = None,
) -> int:
    """Settle the sessions of all shops of the settings; how many were ended, started again, or sent. `trouble` is
    given what kept one from being settled. `dispatcher`: the one of the settings."""
    from importers.worker.dispatch import OneLook, dispatcher_for

    dispatcher = OneLook(dispatcher or dispatcher_for(settings))
    await journal.prune(settings.journal.keep_events_days)
    await Uploads(journal.database).drop_orphans()
    acted = 0
    for active in await journal.active_sessions():
        try:
            target = await target_with(settings, active.session)
            if target is None:  # another installation's
                continue
            if active.session.status is Status.STARTED:
                acted += await _send(active, dispatcher, settings, journal)
            else:
                acted += await _settle(active, target, dispatcher, settings, journal)
        except ObmenError as error:  # it is tried again, and nobody's listing should fail for it
            log_to(settings.log.path).warning("session %d: %s", active.session.id, error)
            if trouble:
                trouble(error)
        except Exception as error:  # noqa: BLE001 (the same for a bug)
            log_to(settings.log.path).error("session %d", active.session.id, exc_info=error)
            if trouble:
                trouble(ObmenError(unexpected(error, settings.log.path)))
    return acted


async def _send(active: ActiveSession, dispatcher: Dispatcher, settings: Settings, journal: Journal) -> bool:
    """A session that waits for a worker."""
    from importers.worker.dispatch import WAITING, dispatch

    session = active.session
    if not dispatcher.reaches(session):
        if active.age < 2 * LOST_SECONDS:  # its own host sends it again meanwhile, if somebody is there
            return False
        nobody = Message.of(NOBODY_THERE, host=session.source_host, source=session.source)
        return await _finish(active, Status.FAILED, journal, nobody)
    due = is_due(active, dispatcher.lost_seconds, is_lost=await dispatcher.is_lost(active))
    # Long before it would be lost: else nobody knew that it was in the queue until a moment ago.
    may_wait = active.dispatched and active.age > dispatcher.lost_seconds / 2
    if due is Due.NOTHING and not may_wait:
        return False
    try:
        dispatcher.check()
    except SettingsError as error:  # nobody with these settings will ever send it
        return due is not Due.NOTHING and await _finish(active, Status.FAILED, journal, error.message)
    try:
        if active.dispatched and await dispatcher.is_waiting(active):
            await journal.note_waiting(session.id, Message(IN_QUEUE))
            return False
    except BrokerDown as error:  # what it has may come to light again
        await journal.note_waiting(session.id, ObmenError(WAITING, error=error).message)
        return False
    if session.waiting == Message(IN_QUEUE) and await journal.left_queue(session.id, active.dispatches):
        return False  # between the queue and the claim it is nowhere to be seen, and not lost
    if due is Due.NOTHING:
        return False
    if due is Due.GIVE_UP:
        why = Message.of(NEVER_CAME, count=active.dispatches, path=settings.log.path)
        return await _finish(active, Status.FAILED, journal, why)
    if due is Due.SEND_AGAIN and not await journal.unmark_dispatched(session.id, active.dispatches):
        return False
    return await dispatch(session, dispatcher, journal)


async def _settle(
    active: ActiveSession, target: Target, dispatcher: Dispatcher, settings: Settings, journal: Journal
) -> bool:
    """A session that a worker holds: is it alive?"""
    from importers.catalog import open_catalog, session_name
    from importers.kinds.waiting_images import put_waiting_in_place
    from importers.worker.dispatch import dispatch

    session, owner = active.session, active.owner
    if owner is None:
        return False
    reason = DIED
    if not await dispatcher.is_lost(active):
        if not active.lease_over:
            return False
        await asyncio.sleep(GRACE_SECONDS)
        if not await _is_still_over(active, journal):
            return False
        # It may be frozen inside its transaction: ended, it can neither commit later nor keep the catalog locked.
        await dispatcher.end(active)
        reason = FROZEN
    catalog = await open_catalog(target.catalog)
    try:
        # On whatever host it is: nothing of it can be committed from here on, and the catalog is free.
        await catalog.end_others(session_name(journal.journal_id, session.id, session.fence))
        if lines := await put_waiting_in_place(catalog):
            await journal.write(
                session.id, session.fence, lines, [], done=session.done, total=session.total,
                running_kind=session.running_kind, by_kind=session.by_kind,
            )  # fmt: skip
        # Decided while nobody else can commit: a worker that could not be ended may stand right before its own
        # commit, with its last check behind it. Then this fails as locked, and a later reaper finds what became of it.
        async with catalog.transaction(
            journal_id=journal.journal_id,
            session_id=session.id,
            task_id=session.task_id,
            fence=session.fence,
            dry_run=True,
        ) as transaction:
            await transaction.begin()
            note = await catalog.applied(journal_id=journal.journal_id, task_id=session.task_id)
            if note is not None:
                by_kind = msgspec.json.decode(note, type=dict[str, Counts])
                line = Log("info", N_("Completed; the worker died after its commit"))
                return await journal.finish(
                    session.id, session.fence, Status.COMPLETED, by_kind, line=line, lost=True
                )
            if session.status is Status.CANCELLING:
                by = Message.of(CANCELLED_BY, operator=await journal.cancelled_by(session.id))
                return await _finish(active, Status.CANCELLED, journal, by)
            if active.retries >= settings.worker.retries:
                return await _finish(active, Status.FAILED, journal, Message.of(reason, owner=owner.name))
            if not await journal.start_again(session.id, session.fence):
                return False
    finally:
        await catalog.close()
    return await dispatch(await journal.session(session.id), dispatcher, journal)


async def _is_still_over(active: ActiveSession, journal: Journal) -> bool:
    return any(
        (now.session.id, now.session.fence, now.lease_over) == (active.session.id, active.session.fence, True)
        for now in await journal.active_sessions(active.session.target)
    )


async def _finish(active: ActiveSession, status: Status, journal: Journal, why: Message) -> bool:
    session = active.session
    line = Log.of("error", why)
    lost = session.status is not Status.STARTED
    return await journal.finish(session.id, session.fence, status, session.by_kind, why, line, lost=lost)
