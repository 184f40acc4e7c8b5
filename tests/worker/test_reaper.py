"""What dead and frozen workers leave behind, and who is left alone."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
from contextlib import suppress
from pathlib import Path

import msgspec
import pytest
from support.engine_stage import PEOPLE, MovedClock, Stage, dead_process, share, staged
from support.workers import LEASE, claimed, commit, session_1

from importers.errors import DatabaseError, ObmenError
from importers.kinds import Counts
from importers.processes import WorkerProcess, process_of, this_process
from importers.sessions import Status
from importers.worker import reaper
from importers.worker.reaper import reap

# Dead


async def test_a_dead_worker_is_noticed_at_once(stage: Stage) -> None:
    owner = dead_process()
    await claimed(stage, owner)
    assert await stage.reap() == 1
    status, error = await session_1(stage)
    assert status is Status.FAILED
    assert error == f"The worker {owner.name} died while it ran; nothing is changed. Start the import again"
    assert (await stage.journal.events(1))[-1].type == "summary"
    assert await stage.reap() == 0


async def test_a_pid_that_was_given_again_is_not_the_worker(
    stage: Stage, sleeper: subprocess.Popen[bytes]
) -> None:
    now = process_of(sleeper.pid)
    await claimed(stage, WorkerProcess(now.host, now.pid, "1", now.boot))
    assert await stage.reap() == 1
    assert sleeper.poll() is None, "a stranger is left alone"
    assert (await session_1(stage))[0] is Status.FAILED


async def test_a_reboot_ends_every_worker(stage: Stage, clock: MovedClock) -> None:
    await claimed(stage, this_process())
    clock.boot_name, clock.seconds = "boot-2", 1.0
    assert await stage.reap() == 1
    assert (await session_1(stage))[0] is Status.FAILED


async def test_leases_of_another_boot_are_over(stage: Stage, clock: MovedClock) -> None:
    """Whatever their number says: the clock began anew."""
    me = this_process()
    share(stage)
    await claimed(stage, WorkerProcess("another-container", 1, "1", me.boot))
    clock.boot_name, clock.seconds = "boot-2", 1.0
    (held,) = await stage.journal.active_sessions(f"sqlite:///{stage.folder}/catalog.sqlite3")
    assert held.lease_over


async def test_a_live_worker_is_left_alone(stage: Stage, clock: MovedClock) -> None:
    await claimed(stage, this_process())
    clock.seconds += LEASE - 1
    assert await stage.reap() == 0
    assert (await session_1(stage))[0] is Status.IN_PROGRESS


async def test_a_worker_of_elsewhere_has_its_lease(stage: Stage, clock: MovedClock) -> None:
    share(stage)
    await claimed(stage, WorkerProcess("another-container", 1, "1", this_process().boot))
    clock.seconds += LEASE - 1
    assert await stage.reap() == 0
    clock.seconds += 2
    assert await stage.reap() == 1
    assert (await session_1(stage))[0] is Status.FAILED


async def test_died_after_its_commit_is_completed(stage: Stage) -> None:
    session = await claimed(stage, dead_process())
    await commit(stage, session, x="X")
    assert await stage.reap() == 1
    found = await stage.journal.session(1)
    assert (found.status, found.error, found.counts) == (Status.COMPLETED, None, Counts(read=1, created=1))


async def test_died_while_cancelling_is_cancelled(stage: Stage) -> None:
    await claimed(stage, dead_process())
    await stage.journal.cancel(1, "anna")
    await stage.reap()
    assert await session_1(stage) == (
        Status.CANCELLED,
        "Cancelled by anna; the catalog is as before",
    )


async def test_committed_before_it_was_cancelled_is_completed(stage: Stage) -> None:
    session = await claimed(stage, dead_process())
    await commit(stage, session, x="X")
    await stage.journal.cancel(1, "anna")
    await stage.reap()
    assert (await session_1(stage))[0] is Status.COMPLETED


async def test_it_is_tried_again_as_often_as_the_setting_says(stage: Stage) -> None:
    stage.settings = msgspec.structs.replace(
        stage.settings, worker=msgspec.structs.replace(stage.settings.worker, retries=1)
    )
    await claimed(stage, dead_process())
    await stage.reap()
    assert (await session_1(stage))[0] is Status.STARTED
    assert stage.sent == [1, 1], "it is sent at once"
    assert await stage.journal.claim(1, f"sqlite:///{stage.folder}/catalog.sqlite3", dead_process(), LEASE)
    await stage.reap()
    assert (await session_1(stage))[0] is Status.FAILED
    types = [line.type for line in await stage.journal.events(1)]
    assert types.count("received") == 1
    assert "Taken up again by worker {owner}" in [line.message for line in await stage.journal.events(1)]


async def test_kill_9_in_the_middle(tmp_path: Path) -> None:
    """The catalog is as before, the session ends with a reason, the next launch is not blocked."""
    async with staged(tmp_path) as stage:
        result = await stage.launch()
        assert result.session is not None
        async with asyncio.timeout(30):
            while not (session := await stage.journal.session(1)).status.final:
                if session.status is Status.IN_PROGRESS and session.owner:
                    with suppress(ProcessLookupError):
                        os.kill(int(session.owner.rpartition(":")[2]), signal.SIGKILL)
                await stage.reap()
        assert session.status in (Status.FAILED, Status.COMPLETED)
        assert stage.customers() == ({} if session.status is Status.FAILED else PEOPLE)
        stage.change("UPDATE session SET created_clock = 0")
        again = await stage.launch()
        assert again.session is not None
        assert (await stage.ended(again.session.id)).status is Status.COMPLETED
        assert stage.customers() == PEOPLE


# Frozen


async def test_a_frozen_worker_is_ended_when_its_lease_is_over(
    stage: Stage, clock: MovedClock, sleeper: subprocess.Popen[bytes]
) -> None:
    sleeper.send_signal(signal.SIGSTOP)
    await claimed(stage, process_of(sleeper.pid))
    assert await stage.reap() == 0
    clock.seconds += LEASE + 1
    assert await stage.reap() == 1
    assert sleeper.wait(5) == -signal.SIGKILL
    status, error = await session_1(stage)
    assert (status, "gave no sign of life for its lease and was ended" in error) == (Status.FAILED, True)


async def test_a_machine_that_wakes_from_sleep_gives_its_workers_a_moment(
    stage: Stage, clock: MovedClock, sleeper: subprocess.Popen[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reaper, "GRACE_SECONDS", 0.5)
    session = await claimed(stage, process_of(sleeper.pid))
    clock.seconds += 8 * 3600
    reaping = asyncio.create_task(stage.reap())
    await asyncio.sleep(0.1)
    assert await stage.journal.beat(1, session.fence, LEASE) is Status.IN_PROGRESS
    assert await reaping == 0
    assert sleeper.poll() is None


async def test_anothers_frozen_worker_is_told_to_the_operator(
    stage: Stage, clock: MovedClock, sleeper: subprocess.Popen[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    def forbidden(*_: object) -> None:
        raise PermissionError

    monkeypatch.setattr(signal, "pidfd_send_signal", forbidden)
    await claimed(stage, process_of(sleeper.pid))
    clock.seconds += LEASE + 1
    assert await stage.reap() == 0
    assert f"kill -9 {sleeper.pid}" in stage.log()
    assert (await session_1(stage))[0] is Status.IN_PROGRESS, (
        "it may hold the catalog, so nobody else could work"
    )


# What keeps the reaper from it


async def test_what_cannot_be_looked_into_now_is_left_for_later(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    await claimed(stage, dead_process())

    async def locked(_url: str) -> None:
        raise DatabaseError("catalog.sqlite3: locked by another program")

    with monkeypatch.context() as patch:
        patch.setattr("importers.catalog.open_catalog", locked)
        assert await stage.reap() == 0
    assert "session 1: catalog.sqlite3: locked" in stage.log()
    assert await stage.reap() == 1


async def test_a_bug_in_the_reaper_fails_nobodys_listing(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    await claimed(stage, dead_process())

    async def bug(*_args: object) -> bool:
        raise ZeroDivisionError("by nothing")

    told: list[ObmenError] = []
    with monkeypatch.context() as patch:
        patch.setattr(reaper, "_settle", bug)
        assert await stage.reap(told.append) == 0
    assert [str(error) for error in told] == [
        f"unexpected ZeroDivisionError: by nothing; the log {stage.folder}/obmen.log has the details"
    ]
    assert "Traceback" in stage.log()


async def test_what_keeps_a_dead_workers_session_from_its_end_is_told(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A full disk, say: who waits for the session hears of it."""
    await claimed(stage, dead_process())

    async def full(*_args: object, **_rest: object) -> bool:
        raise DatabaseError("journal.sqlite3: the disk is full")

    with monkeypatch.context() as patch:
        patch.setattr(type(stage.journal), "finish", full)
        told: list[ObmenError] = []
        assert await stage.reap(told.append) == 0
    assert [str(error) for error in told] == ["journal.sqlite3: the disk is full"]


async def test_sessions_of_another_catalog_are_not_ours(stage: Stage) -> None:
    await claimed(stage, dead_process())
    other = msgspec.structs.replace(
        stage.settings, catalog=type(stage.settings.catalog)(url=f"sqlite:///{stage.folder}/other.sqlite3")
    )
    assert await reap(stage.journal, other) == 0
    assert (await session_1(stage))[0] is Status.IN_PROGRESS
