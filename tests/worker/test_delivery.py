"""Sessions that are lost on the way to a worker, or delivered twice."""

from __future__ import annotations

import asyncio
from pathlib import Path

import msgspec
import pytest
from support.dispatchers import RecordingDispatcher
from support.engine_stage import PEOPLE, MovedClock, Stage, dead_process, no_processes, staged
from support.workers import session_1

from importers.processes import process_of
from importers.sessions import Session, Status, rules
from importers.worker import dispatch as dispatching
from importers.worker.reaper import reap
from importers.worker.run import work


async def test_a_session_that_nobody_sent_is_sent(stage: Stage, clock: MovedClock) -> None:
    await stage.launch()
    stage.change("UPDATE session SET dispatched_clock = NULL, owner = NULL, dispatches = 0")
    stage.sent.clear()
    assert await stage.reap() == 0, "its launch may be about to"
    clock.seconds += rules.UNSENT_SECONDS + 0.1
    assert await stage.reap() == 1
    assert stage.sent == [1]


@pytest.mark.parametrize("seconds", [0.1, 61.0])
async def test_a_lost_dispatch_is_made_again(stage: Stage, clock: MovedClock, seconds: float) -> None:
    """At once when the process that was to claim the session is gone, else after a minute."""
    await stage.launch()
    if seconds < 1:
        await stage.journal.dispatched_to(1, 1, dead_process())
    clock.seconds += seconds
    assert await stage.reap() == 1
    assert stage.sent == [1, 1]
    assert await stage.reap() == 0


async def test_a_worker_that_was_gone_before_anybody_looked(stage: Stage) -> None:
    await stage.launch()
    gone = dead_process()
    await stage.journal.dispatched_to(1, 1, process_of(gone.pid))
    assert await stage.reap() == 1
    assert stage.sent == [1, 1]


async def test_a_launcher_that_died_before_it_sent(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """Until a worker is known, whoever marked the session stands for it."""

    class OfNoKnownProcess(RecordingDispatcher):
        async def send(self, session: Session) -> None:  # type: ignore[override]
            await super().send(session)

    stage.dispatcher = OfNoKnownProcess(stage.settings)
    monkeypatch.setattr(dispatching, "this_process", dead_process)
    await stage.launch()
    assert await stage.reap() == 1
    assert stage.sent == [1, 1]


async def test_a_worker_that_never_comes_ends_the_session(stage: Stage, clock: MovedClock) -> None:
    await stage.launch()
    for _ in range(rules.MAX_DISPATCHES):
        clock.seconds += rules.LOST_SECONDS + 1
        await stage.reap()
    status, error = await session_1(stage)
    assert (status, error) == (
        Status.FAILED,
        f"No worker came, tries: 3; see the log {stage.folder}/obmen.log",
    )
    assert stage.sent == [1, 1, 1]


async def test_what_these_settings_can_never_send_ends(stage: Stage, clock: MovedClock) -> None:
    await stage.launch()
    clock.seconds += rules.LOST_SECONDS + 1
    celery = msgspec.structs.replace(
        stage.settings, worker=msgspec.structs.replace(stage.settings.worker, engine="celery")
    )
    assert await reap(stage.journal, celery) == 1
    status, error = await session_1(stage)
    assert (status, "needs redis.url" in error) == (Status.FAILED, True)


async def test_a_worker_that_ends_before_it_claims(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It cannot read its settings, say. A real process, which nobody waits for."""
    monkeypatch.setattr("sys.executable", "/bin/false")
    async with staged(tmp_path) as stage:
        await stage.launch()
        async with asyncio.timeout(30):
            while (await session_1(stage))[0] is Status.STARTED:
                await stage.reap()
        assert (await session_1(stage))[1].startswith("No worker came, tries: 3; see the log")


async def test_two_workers_for_one_session(tmp_path: Path) -> None:
    """A duplicate delivery: one claims, the other leaves."""
    async with staged(tmp_path) as stage:
        no_processes(stage)
        await stage.launch()
        await asyncio.gather(work(1, stage.settings), work(1, stage.settings))
        assert stage.rows("SELECT count(*) FROM event WHERE type = 'received'") == [(1,)]
        assert stage.log().count("nothing to claim") == 1
        assert stage.customers() == PEOPLE
