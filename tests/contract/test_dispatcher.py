"""What every dispatcher promises (`importers.worker.dispatch.Dispatcher`). Only the fixture knows which there are."""

from __future__ import annotations

import asyncio
import os
import signal
import sqlite3
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import msgspec
import pytest
from engine_stage import PEOPLE, Stage, staged

from importers import texts
from importers.catalog import open_catalog
from importers.launch import target_of
from importers.processes import WorkerProcess, this_process
from importers.sessions import Held, Session, Status
from importers.worker.dispatch import Dispatcher, dispatch
from importers.worker.process import ProcessDispatcher


@dataclass
class Sending:
    """A stage whose sessions go through the dispatcher under test, to real workers."""

    stage: Stage
    dispatcher: Dispatcher
    another: Callable[[], Dispatcher]
    """As another process has it, of the same settings."""
    break_down: Callable[[], None]
    """From now on it cannot send."""

    async def launch(self) -> Session:
        result = await self.stage.launch()
        assert result.session is not None, result
        return result.session

    async def active(self) -> Held:
        (found,) = await self.stage.journal.held(target_of(self.stage.settings))
        return found

    @contextmanager
    def catalog_locked(self) -> Iterator[None]:
        """Meanwhile a worker that has claimed its session gets no further."""
        with closing(sqlite3.connect(self.stage.folder / "catalog.sqlite3", isolation_level=None)) as holder:
            holder.execute("BEGIN IMMEDIATE")
            yield

    async def claimed(self) -> tuple[Held, int]:
        """The session once a worker holds it, and that worker's pid."""
        async with asyncio.timeout(40):
            while (active := await self.active()).session.status is not Status.IN_PROGRESS:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        assert active.owner is not None
        assert active.owner.is_here
        return active, active.owner.pid


@pytest.fixture(params=["process"])
async def sending(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Sending]:
    implementations = {
        "process": (ProcessDispatcher, lambda: monkeypatch.setattr("sys.executable", "/nowhere/python"))
    }
    make, break_down = implementations[request.param]
    async with staged(tmp_path) as stage:
        stage.dispatcher = make(stage.settings)
        await (await open_catalog(stage.settings.catalog.url)).close()
        yield Sending(stage, stage.dispatcher, lambda: make(stage.settings), break_down)
        for active in await stage.journal.held(target_of(stage.settings)):  # of a test that failed
            await stage.dispatcher.end(active)


async def lost(dispatcher: Dispatcher, active: Held) -> None:
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
    nobody = Held(session, None, lease_over=False, dispatched=False, age=0.0, dispatches=0, retries=0)
    assert not await sending.dispatcher.is_lost(nobody)
    await sending.dispatcher.end(nobody)


async def test_what_cannot_be_sent_ends_with_the_reason_and_blocks_nobody(sending: Sending) -> None:
    sending.break_down()
    session = await sending.stage.journal.session((await sending.launch()).id)
    reason = texts.render(session.error or "", session.error_args)
    assert session.status is Status.FAILED
    assert reason.startswith("No worker could be started: ")
    assert await sending.stage.journal.active(session.target) is None
    assert session.owner == this_process().name, "no worker is noted that never was"
