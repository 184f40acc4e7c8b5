"""What every dispatcher promises (`importers.worker.dispatch.Dispatcher`)."""

from __future__ import annotations

import asyncio
import os
import signal

import msgspec
from dispatch_bench import Sending
from support.engine_stage import PEOPLE

from importers.processes import WorkerProcess, this_process
from importers.sessions import ActiveSession, Status
from importers.worker.dispatch import Dispatcher, dispatch


async def lost(dispatcher: Dispatcher, active: ActiveSession) -> None:
    """A process that was killed may take a moment to go."""
    async with asyncio.timeout(20):
        while not await dispatcher.is_lost(active):  # noqa: ASYNC110 (another process)
            await asyncio.sleep(0.01)


async def test_a_session_that_is_sent_is_imported(sending: Sending) -> None:
    sending.dispatcher.check()
    session = await sending.stage.ended((await sending.launch()).id)
    assert (session.status, session.error) == (Status.COMPLETED, None)
    assert sending.stage.customers() == PEOPLE


async def test_sent_twice_it_is_received_once(sending: Sending) -> None:
    session = await sending.launch()
    await sending.another().send(session)
    assert (await sending.stage.ended(session.id)).status is Status.COMPLETED
    async with asyncio.timeout(40):
        while "session 1: nothing to claim" not in sending.stage.log():  # noqa: ASYNC110 (another process)
            await asyncio.sleep(0.01)
    assert sending.stage.rows("SELECT count(*) FROM event WHERE type = 'received'") == [(1,)]


async def test_a_session_is_dispatched_once(sending: Sending) -> None:
    with sending.catalog_locked():
        session = await sending.launch()
        assert not await dispatch(session, sending.another(), sending.stage.journal)
    assert (await sending.stage.ended(session.id)).status is Status.COMPLETED
    assert sending.stage.rows("SELECT dispatches FROM session") == [(1,)]


async def test_what_is_on_its_way_or_at_work_is_not_lost(sending: Sending) -> None:
    with sending.catalog_locked():
        session = await sending.launch()
        for dispatcher in (sending.dispatcher, sending.another()):
            assert not await dispatcher.is_lost(await sending.active())
        active, _pid = await sending.claimed()
        for dispatcher in (sending.dispatcher, sending.another()):
            assert not await dispatcher.is_lost(active)
    assert (await sending.stage.ended(session.id)).status is Status.COMPLETED


async def test_a_worker_that_was_killed_is_lost(sending: Sending) -> None:
    with sending.catalog_locked():
        await sending.launch()
        active, pid = await sending.claimed()
        os.kill(pid, signal.SIGKILL)
        await lost(sending.dispatcher, active)
        await lost(sending.another(), active)
        await sending.another().end(active)


async def test_a_frozen_worker_is_not_lost_but_can_be_ended(sending: Sending) -> None:
    """By whoever finds its lease over, and when that returns it can commit nothing more."""
    with sending.catalog_locked():
        await sending.launch()
        active, pid = await sending.claimed()
        os.kill(pid, signal.SIGSTOP)
        assert not await sending.dispatcher.is_lost(active)
        await sending.another().end(active)
        assert await sending.dispatcher.is_lost(active)
        await sending.dispatcher.end(active)
    assert sending.stage.customers() == {}


async def test_a_worker_of_elsewhere_is_neither_lost_nor_ended(sending: Sending) -> None:
    with sending.catalog_locked():
        session = await sending.launch()
        active, pid = await sending.claimed()
        assert active.owner is not None
        elsewhere = WorkerProcess("elsewhere", pid, active.owner.start, active.owner.boot)
        away = msgspec.structs.replace(active, owner=elsewhere)
        assert not await sending.dispatcher.is_lost(away)
        await sending.dispatcher.end(away)
        assert not await sending.dispatcher.is_lost(active), "a stranger with its number is left alone"
    assert (await sending.stage.ended(session.id)).status is Status.COMPLETED


async def test_nobody_is_neither_lost_nor_ended(sending: Sending) -> None:
    session = await sending.launch()
    await sending.stage.ended(session.id)
    nobody = ActiveSession(
        session, None, lease_over=False, dispatched=False, age=0.0, dispatches=0, retries=0
    )
    assert not await sending.dispatcher.is_lost(nobody)
    await sending.dispatcher.end(nobody)


async def test_what_cannot_be_sent_ends_with_the_reason_and_blocks_nobody(sending: Sending) -> None:
    sending.break_down()
    session = await sending.stage.journal.session((await sending.launch()).id)
    reason = str(session.error)
    assert session.status is Status.FAILED
    assert reason.startswith("No worker could be started: ")
    assert await sending.stage.journal.active(session.target) is None
    assert session.owner == this_process().name, "no worker is noted that never was"
