"""What dead, frozen and lost workers leave behind, and that a late worker or reaper can change nothing."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import msgspec
import pytest
from engine_stage import PEOPLE, MovedClock, Stage, dead_process, no_processes, staged, write_export

from importers import processes, texts
from importers.catalog import open_catalog
from importers.errors import DatabaseError, LeaseLost, ObmenError
from importers.kinds import Counts, Log
from importers.processes import Owner, process, this_process
from importers.sessions import Session, Status, rules
from importers.worker import dispatch as dispatching
from importers.worker import reaper
from importers.worker.heartbeat import must_go_on
from importers.worker.reaper import reap
from importers.worker.run import _Run, work

LEASE = 30.0


@pytest.fixture
def clock() -> MovedClock:
    return MovedClock()


@pytest.fixture
async def stage(tmp_path: Path, clock: MovedClock, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Stage]:
    """A clock that tests move; the machine's boot is that of the clock; no process is started by itself."""
    monkeypatch.setattr(processes, "boot_id", lambda: clock.boot_name)
    monkeypatch.setattr(reaper, "GRACE_SECONDS", 0.0)
    async with staged(tmp_path, clock) as made:
        no_processes(monkeypatch, made)
        yield made


@pytest.fixture
def sleeper() -> Iterator[subprocess.Popen[bytes]]:
    """A process that lives."""
    child = subprocess.Popen(["/bin/sleep", "600"])
    yield child
    child.kill()
    child.wait()


async def claimed(stage: Stage, owner: Owner, **rest: Any) -> Session:
    result = await stage.launch(**rest)
    assert result.session is not None
    session = await stage.journal.claim(result.session.id, result.session.target, owner, LEASE)
    assert session is not None
    return session


async def session_1(stage: Stage) -> tuple[Status, str]:
    session = await stage.journal.session(1)
    return session.status, texts.render(session.error or "", session.error_args)


async def commit(stage: Stage, session: Session, **people: str) -> None:
    """As the worker that claimed `session` would."""
    catalog = await open_catalog(stage.settings.catalog.url)
    try:
        async with catalog.transaction(
            journal_id=stage.journal.journal_id,
            session_id=session.id,
            task_id=session.task_id,
            fence=session.fence,
        ) as transaction:
            for key, name in people.items():
                await transaction.execute(
                    "INSERT OR REPLACE INTO customer (id, name, removed) VALUES (?, ?, 0)", key, name
                )
            transaction.note = msgspec.json.encode(
                {"customers": Counts(read=len(people), created=len(people))}
            )

            async def may_commit() -> None:
                must_go_on(await stage.journal.beat(session.id, session.fence, LEASE))

            transaction.before_commit = may_commit
    finally:
        await catalog.close()


# Dead


async def test_a_dead_worker_is_noticed_at_once(stage: Stage) -> None:
    owner = dead_process()
    await claimed(stage, owner)
    assert await reap(stage.journal, stage.settings) == 1
    status, error = await session_1(stage)
    assert status is Status.FAILED
    assert error == f"The worker {owner.name} died while it ran; nothing is changed. Start the import again"
    assert (await stage.journal.events(1))[-1].type == "summary"
    assert await reap(stage.journal, stage.settings) == 0


async def test_a_pid_that_was_given_again_is_not_the_worker(
    stage: Stage, sleeper: subprocess.Popen[bytes]
) -> None:
    now = process(sleeper.pid)
    await claimed(stage, Owner(now.host, now.pid, "1", now.boot))
    assert await reap(stage.journal, stage.settings) == 1
    assert sleeper.poll() is None, "a stranger is left alone"
    assert (await session_1(stage))[0] is Status.FAILED


async def test_a_reboot_ends_every_worker(stage: Stage, clock: MovedClock) -> None:
    await claimed(stage, this_process())
    clock.boot_name, clock.seconds = "boot-2", 1.0
    assert await reap(stage.journal, stage.settings) == 1
    assert (await session_1(stage))[0] is Status.FAILED


async def test_leases_of_another_boot_are_over(stage: Stage, clock: MovedClock) -> None:
    """Whatever their number says: the clock began anew."""
    me = this_process()
    await claimed(stage, Owner("another-container", 1, "1", me.boot))
    clock.boot_name, clock.seconds = "boot-2", 1.0
    (held,) = await stage.journal.active_sessions(f"sqlite:///{stage.folder}/catalog.sqlite3")
    assert held.lease_over


async def test_a_live_worker_is_left_alone(stage: Stage, clock: MovedClock) -> None:
    await claimed(stage, this_process())
    clock.seconds += LEASE - 1
    assert await reap(stage.journal, stage.settings) == 0
    assert (await session_1(stage))[0] is Status.IN_PROGRESS


async def test_a_worker_of_elsewhere_has_its_lease(stage: Stage, clock: MovedClock) -> None:
    await claimed(stage, Owner("another-container", 1, "1", this_process().boot))
    clock.seconds += LEASE - 1
    assert await reap(stage.journal, stage.settings) == 0
    clock.seconds += 2
    assert await reap(stage.journal, stage.settings) == 1
    assert (await session_1(stage))[0] is Status.FAILED


async def test_died_after_its_commit_is_completed(stage: Stage) -> None:
    session = await claimed(stage, dead_process())
    await commit(stage, session, x="X")
    assert await reap(stage.journal, stage.settings) == 1
    found = await stage.journal.session(1)
    assert (found.status, found.error, found.counts) == (Status.COMPLETED, None, Counts(read=1, created=1))


async def test_died_while_cancelling_is_cancelled(stage: Stage) -> None:
    await claimed(stage, dead_process())
    await stage.journal.cancel(1, "anna")
    await reap(stage.journal, stage.settings)
    assert await session_1(stage) == (
        Status.CANCELLED,
        "Cancelled by anna; the catalog is as before",
    )


async def test_committed_before_it_was_cancelled_is_completed(stage: Stage) -> None:
    session = await claimed(stage, dead_process())
    await commit(stage, session, x="X")
    await stage.journal.cancel(1, "anna")
    await reap(stage.journal, stage.settings)
    assert (await session_1(stage))[0] is Status.COMPLETED


async def test_it_is_tried_again_as_often_as_the_setting_says(stage: Stage) -> None:
    stage.settings = msgspec.structs.replace(
        stage.settings, worker=msgspec.structs.replace(stage.settings.worker, retries=1)
    )
    await claimed(stage, dead_process())
    await reap(stage.journal, stage.settings)
    assert (await session_1(stage))[0] is Status.STARTED
    assert stage.sent == [1, 1], "it is sent at once"
    assert await stage.journal.claim(1, f"sqlite:///{stage.folder}/catalog.sqlite3", dead_process(), LEASE)
    await reap(stage.journal, stage.settings)
    assert (await session_1(stage))[0] is Status.FAILED
    types = [line.type for line in await stage.journal.events(1)]
    assert types.count("received") == 1
    assert "Taken up again by worker {owner}" in [line.message for line in await stage.journal.events(1)]


async def test_what_cannot_be_looked_into_now_is_left_for_later(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    await claimed(stage, dead_process())

    async def locked(_url: str) -> None:
        raise DatabaseError("catalog.sqlite3: locked by another program")

    with monkeypatch.context() as patch:
        patch.setattr("importers.catalog.open_catalog", locked)
        assert await reap(stage.journal, stage.settings) == 0
    assert "session 1: catalog.sqlite3: locked" in stage.log()
    assert await reap(stage.journal, stage.settings) == 1


# Frozen


async def test_a_frozen_worker_is_ended_when_its_lease_is_over(
    stage: Stage, clock: MovedClock, sleeper: subprocess.Popen[bytes]
) -> None:
    sleeper.send_signal(signal.SIGSTOP)
    await claimed(stage, process(sleeper.pid))
    assert await reap(stage.journal, stage.settings) == 0
    clock.seconds += LEASE + 1
    assert await reap(stage.journal, stage.settings) == 1
    assert sleeper.wait(5) == -signal.SIGKILL
    status, error = await session_1(stage)
    assert (status, "gave no sign of life for its lease and was ended" in error) == (Status.FAILED, True)


async def test_a_machine_that_wakes_from_sleep_gives_its_workers_a_moment(
    stage: Stage, clock: MovedClock, sleeper: subprocess.Popen[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reaper, "GRACE_SECONDS", 0.5)
    session = await claimed(stage, process(sleeper.pid))
    clock.seconds += 8 * 3600
    reaping = asyncio.create_task(reap(stage.journal, stage.settings))
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
    await claimed(stage, process(sleeper.pid))
    clock.seconds += LEASE + 1
    assert await reap(stage.journal, stage.settings) == 0
    assert f"kill -9 {sleeper.pid}" in stage.log()
    assert (await session_1(stage))[0] is Status.IN_PROGRESS, (
        "it may hold the catalog, so nobody else could work"
    )


# Lost on the way to a worker


async def test_a_session_that_nobody_sent_is_sent(stage: Stage, clock: MovedClock) -> None:
    await stage.launch()
    stage.change("UPDATE session SET dispatched_clock = NULL, owner = NULL, dispatches = 0")
    stage.sent.clear()
    assert await reap(stage.journal, stage.settings) == 0, "its launch may be about to"
    clock.seconds += rules.UNSENT_SECONDS + 0.1
    assert await reap(stage.journal, stage.settings) == 1
    assert stage.sent == [1]


@pytest.mark.parametrize("seconds", [0.1, 61.0])
async def test_a_lost_dispatch_is_made_again(stage: Stage, clock: MovedClock, seconds: float) -> None:
    """At once when the process that was to claim the session is gone, else after a minute."""
    await stage.launch()
    if seconds < 1:
        await stage.journal.dispatched_to(1, 1, dead_process())
    clock.seconds += seconds
    assert await reap(stage.journal, stage.settings) == 1
    assert stage.sent == [1, 1]
    assert await reap(stage.journal, stage.settings) == 0


async def test_a_worker_that_was_gone_before_anybody_looked(stage: Stage) -> None:
    await stage.launch()
    gone = dead_process()
    await stage.journal.dispatched_to(1, 1, process(gone.pid))
    assert await reap(stage.journal, stage.settings) == 1
    assert stage.sent == [1, 1]


async def test_a_launcher_that_died_before_it_sent(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dispatching, "this_process", dead_process)
    monkeypatch.setattr(type(stage.journal), "dispatched_to", lambda *_: asyncio.sleep(0))
    await stage.launch()
    assert await reap(stage.journal, stage.settings) == 1
    assert stage.sent == [1, 1]


async def test_a_worker_that_never_comes_ends_the_session(stage: Stage, clock: MovedClock) -> None:
    await stage.launch()
    for _ in range(rules.MAX_DISPATCHES):
        clock.seconds += rules.LOST_SECONDS + 1
        await reap(stage.journal, stage.settings)
    status, error = await session_1(stage)
    assert (status, error) == (
        Status.FAILED,
        f"No worker came after 3 tries; see the log {stage.folder}/obmen.log",
    )
    assert stage.sent == [1, 1, 1]


async def test_sessions_of_another_catalog_are_not_ours(stage: Stage) -> None:
    await claimed(stage, dead_process())
    other = msgspec.structs.replace(
        stage.settings, catalog=type(stage.settings.catalog)(url=f"sqlite:///{stage.folder}/other.sqlite3")
    )
    assert await reap(stage.journal, other) == 0
    assert (await session_1(stage))[0] is Status.IN_PROGRESS


async def test_what_these_settings_can_never_send_ends(stage: Stage, clock: MovedClock) -> None:
    await stage.launch()
    clock.seconds += rules.LOST_SECONDS + 1
    celery = msgspec.structs.replace(
        stage.settings, worker=msgspec.structs.replace(stage.settings.worker, engine="celery")
    )
    assert await reap(stage.journal, celery) == 1
    status, error = await session_1(stage)
    assert (status, "not available yet" in error) == (Status.FAILED, True)


async def test_a_worker_that_ends_before_it_claims(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It cannot read its settings, say. A real process, which nobody waits for."""
    monkeypatch.setattr("sys.executable", "/bin/false")
    async with staged(tmp_path) as stage:
        await stage.launch()
        async with asyncio.timeout(30):
            while (await session_1(stage))[0] is Status.STARTED:
                await reap(stage.journal, stage.settings)
        assert (await session_1(stage))[1].startswith("No worker came after 3 tries; see the log")


async def test_a_bug_in_the_reaper_fails_nobodys_listing(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    await claimed(stage, dead_process())

    async def bug(*_args: object) -> bool:
        raise ZeroDivisionError("by nothing")

    told: list[ObmenError] = []
    with monkeypatch.context() as patch:
        patch.setattr(reaper, "_look_after", bug)
        assert await reap(stage.journal, stage.settings, told.append) == 0
    assert [str(error) for error in told] == [
        f"unexpected ZeroDivisionError: by nothing; the log {stage.folder}/obmen.log has the details"
    ]
    assert "Traceback" in stage.log()


# What the system does not tell


@pytest.fixture
def hidden(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As /proc of other accounts' processes with hidepid=2."""
    monkeypatch.setattr(processes, "PROC", tmp_path / "no-proc")


@pytest.fixture
def forbidden(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As with hidepid=1, and kill(2) of another account."""

    class Forbidden(Path):
        _flavour = type(tmp_path)._flavour  # type: ignore[attr-defined]

        def read_text(self, *_: Any, **__: Any) -> str:
            raise PermissionError(1, "Operation not permitted", str(self))

    real = os.kill

    def kill(pid: int, number: int) -> None:
        if not number:
            raise PermissionError(1, "Operation not permitted")
        real(pid, number)

    monkeypatch.setattr(processes, "PROC", Forbidden("/proc"))
    monkeypatch.setattr(os, "kill", kill)


@pytest.mark.parametrize("view", ["hidden", "forbidden"])
async def test_a_worker_that_cannot_be_looked_at_has_its_lease(
    stage: Stage,
    clock: MovedClock,
    sleeper: subprocess.Popen[bytes],
    view: str,
    request: pytest.FixtureRequest,
) -> None:
    await claimed(stage, process(sleeper.pid))
    request.getfixturevalue(view)
    clock.seconds += LEASE - 1
    assert await reap(stage.journal, stage.settings) == 0
    clock.seconds += 2
    assert await reap(stage.journal, stage.settings) == 1
    assert (await session_1(stage))[0] is Status.FAILED
    assert sleeper.poll() is None, "it may be a stranger with the worker's number"


@pytest.mark.usefixtures("hidden")
async def test_a_hidden_worker_that_is_gone_is_noticed_at_once(stage: Stage) -> None:
    await claimed(stage, dead_process())
    assert await reap(stage.journal, stage.settings) == 1
    assert (await session_1(stage))[0] is Status.FAILED


@pytest.mark.usefixtures("hidden")
async def test_a_hidden_worker_in_its_transaction_keeps_its_session(
    stage: Stage, clock: MovedClock, sleeper: subprocess.Popen[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It could commit later: nobody says that nothing is changed before the catalog is free."""
    monkeypatch.setattr("importers.database.sqlite.BUSY_SECONDS", 0.05)
    await claimed(stage, process(sleeper.pid))
    await (await open_catalog(stage.settings.catalog.url)).close()
    clock.seconds += LEASE + 1
    with closing(sqlite3.connect(stage.folder / "catalog.sqlite3", isolation_level=None)) as theirs:
        theirs.execute("BEGIN IMMEDIATE")
        assert await reap(stage.journal, stage.settings) == 0
        assert (await session_1(stage))[0] is Status.IN_PROGRESS
    assert await reap(stage.journal, stage.settings) == 1


async def test_a_boot_that_is_not_told_is_no_other_boot(stage: Stage, clock: MovedClock) -> None:
    """Mount option subset=pid hides the boot id."""
    await claimed(stage, this_process())
    clock.boot_name = ""
    assert await reap(stage.journal, stage.settings) == 0
    clock.seconds += LEASE + 1
    (held,) = await stage.journal.active_sessions(f"sqlite:///{stage.folder}/catalog.sqlite3")
    assert held.lease_over
    assert held.owner is not None
    assert not held.owner.is_dead()


# A journal that was restored from a copy


def keep(stage: Stage) -> Callable[[], Awaitable[None]]:
    """Copy the journal; what is returned puts the copy in its place, as a backup is restored."""
    file, copy = stage.folder / "journal.sqlite3", stage.folder / "copy.sqlite3"
    with closing(sqlite3.connect(file)) as now, closing(sqlite3.connect(copy)) as kept:
        now.backup(kept)

    async def restore() -> None:
        await stage.journal.close()
        for name in ("journal.sqlite3", "journal.sqlite3-wal", "journal.sqlite3-shm"):
            (stage.folder / name).unlink(missing_ok=True)
        copy.rename(file)
        stage.journal = await stage.another_journal()

    return restore


async def test_numbers_of_sessions_come_again(stage: Stage, clock: MovedClock) -> None:
    restore = keep(stage)
    for _ in range(3):
        await stage.launch()
        assert await work(len(await stage.journal.sessions()), stage.settings) == 0
        write_export(stage.folder / "export", {"c1": f"Name {clock.seconds}"})
        clock.seconds += 60
    await restore()
    write_export(stage.folder / "export", {"new": "New"})
    await stage.launch()
    assert await work(1, stage.settings) == 0
    session = await stage.journal.session(1)
    assert (session.status, session.counts) == (Status.COMPLETED, Counts(read=1, created=1))
    assert stage.customers()["new"] == "New"


@pytest.mark.parametrize("committed", [True, False])
async def test_the_note_of_another_session_of_that_number_proves_nothing(
    stage: Stage, clock: MovedClock, committed: bool
) -> None:
    restore = keep(stage)
    await commit(stage, await claimed(stage, this_process()), old="Old")
    await restore()
    session = await claimed(stage, dead_process())
    if committed:
        await commit(stage, session, new="New")
    assert await reap(stage.journal, stage.settings) == 1
    assert (await session_1(stage))[0] is (Status.COMPLETED if committed else Status.FAILED)
    assert stage.customers() == ({"old": "Old", "new": "New"} if committed else {"old": "Old"})


async def test_a_copy_made_while_the_session_ran_learns_that_it_was_committed(
    stage: Stage, clock: MovedClock
) -> None:
    session = await claimed(stage, dead_process())
    restore = keep(stage)
    await commit(stage, session, x="X")
    await stage.journal.finish(1, session.fence, Status.COMPLETED, {})
    clock.seconds += 60
    await stage.launch()
    second = await stage.journal.claim(2, session.target, this_process(), LEASE)
    assert second is not None
    await commit(stage, second, y="Y")
    await restore()
    assert await reap(stage.journal, stage.settings) == 1
    assert (await session_1(stage))[0] is Status.COMPLETED


async def test_a_worker_of_before_does_not_take_a_new_session_for_its_own(stage: Stage) -> None:
    restore = keep(stage)
    old = await claimed(stage, this_process())
    await restore()
    new = await claimed(stage, this_process())
    assert old.id == new.id
    assert await stage.journal.beat(old.id, old.fence, LEASE) is None
    with pytest.raises(LeaseLost):
        await commit(stage, old, x="old")
    assert not await stage.journal.finish(old.id, old.fence, Status.COMPLETED, {})


async def test_a_catalog_that_was_restored_goes_on(stage: Stage, clock: MovedClock) -> None:
    await stage.launch()
    assert await work(1, stage.settings) == 0
    catalog, copy = stage.folder / "catalog.sqlite3", stage.folder / "copy.sqlite3"
    with closing(sqlite3.connect(catalog)) as now, closing(sqlite3.connect(copy)) as kept:
        now.backup(kept)
    for number, people in ((2, {"c9": "Ninth"}), (3, {"c9": "Ninth"})):
        write_export(stage.folder / "export", people)
        clock.seconds += 60
        await stage.launch()
        assert await work(number, stage.settings) == 0
        for file in stage.folder.glob("catalog.sqlite3*"):
            file.unlink()
        shutil.copy(copy, catalog)
    clock.seconds += 60
    await stage.launch()
    assert await work(4, stage.settings) == 0
    assert stage.customers() == {**PEOPLE, "c9": "Ninth"}


async def test_a_copied_journal_on_another_machine(stage: Stage, clock: MovedClock) -> None:
    """What ran on the first one is over there, and blocks nobody once its lease is."""
    me = this_process()
    await claimed(stage, Owner("first-machine", me.pid, me.start, "first-boot"))
    assert await reap(stage.journal, stage.settings) == 1
    assert (await session_1(stage))[0] is Status.FAILED
    clock.seconds += 60
    await stage.launch()
    assert await work(2, stage.settings) == 0
    assert stage.customers() == PEOPLE


async def test_a_session_whose_worker_is_refused_by_the_catalog_ends(stage: Stage) -> None:
    """The journal was restored to before a later worker of the very session had committed."""
    result = await stage.launch()
    assert result.session is not None
    restore = keep(stage)
    first = await stage.journal.claim(1, result.session.target, this_process(), LEASE)
    assert first is not None
    assert await stage.journal.start_again(1, first.fence)
    second = await stage.journal.claim(1, first.target, this_process(), LEASE)
    assert second is not None
    await commit(stage, second, x="X")
    await restore()
    assert await work(1, stage.settings) == 1
    assert await session_1(stage) == (
        Status.FAILED,
        "session 1 was taken over by a later worker, which has already changed the catalog",
    )


# Late


async def taken_over(stage: Stage) -> tuple[Session, Session]:
    """A worker that only seemed dead, and the one that took its session up again."""
    first = await claimed(stage, dead_process())
    assert await stage.journal.start_again(1, first.fence)
    second = await stage.journal.claim(1, first.target, this_process(), LEASE)
    assert second is not None
    return first, second


async def test_a_late_worker_can_write_nothing(stage: Stage) -> None:
    first, second = await taken_over(stage)
    lines = await stage.journal.events(1)
    assert await stage.journal.beat(1, first.fence, LEASE) is None
    assert await stage.journal.status_of(1, first.fence) is None
    assert not await stage.journal.write(
        1, first.fence, [Log("info", "late")], [], done=9, total=9, running_kind="x", by_kind={}
    )
    assert not await stage.journal.finish(1, first.fence, Status.FAILED, {}, "late")
    assert not await stage.journal.start_again(1, first.fence)
    assert await stage.journal.events(1) == lines
    assert await stage.journal.session(1) == second


async def test_a_late_worker_cannot_commit_before_the_other(stage: Stage) -> None:
    first, second = await taken_over(stage)
    with pytest.raises(LeaseLost):
        await commit(stage, first, x="late")
    await commit(stage, second, x="right")
    assert stage.customers() == {"x": "right"}


async def test_a_late_worker_cannot_commit_after_the_other(stage: Stage) -> None:
    first, second = await taken_over(stage)
    await commit(stage, second, x="right")
    await stage.journal.finish(1, second.fence, Status.COMPLETED, {})
    with pytest.raises(LeaseLost):
        await commit(stage, first, x="late")
    assert stage.customers() == {"x": "right"}


async def test_a_late_worker_leaves_the_end_to_whoever_took_the_session(stage: Stage) -> None:
    first, _second = await taken_over(stage)

    class Alive:
        def check(self) -> None:
            pass

    before = await stage.journal.session(1)
    code = await _Run(first, stage.settings, stage.journal, Alive()).run()  # type: ignore[arg-type]
    assert (code, stage.customers()) == (1, {})
    assert await stage.journal.session(1) == before


async def test_a_late_reaper_can_change_nothing(stage: Stage, clock: MovedClock) -> None:
    """It read the lease as over; the worker finished meanwhile (River#1302)."""
    session = await claimed(stage, dead_process())
    held = await stage.journal.active_sessions(session.target)
    await commit(stage, session, x="X")
    await stage.journal.finish(1, session.fence, Status.COMPLETED, {"customers": Counts(read=1, created=1)})
    before = await stage.journal.session(1)
    assert not await reaper._look_after(held[0], stage.settings, stage.journal)
    assert await stage.journal.session(1) == before


async def test_a_late_reaper_does_not_fail_a_session_that_was_claimed(
    stage: Stage, clock: MovedClock
) -> None:
    await stage.launch()
    stage.change("UPDATE session SET dispatches = 3")
    clock.seconds += rules.LOST_SECONDS + 1
    target = f"sqlite:///{stage.folder}/catalog.sqlite3"
    (held,) = await stage.journal.active_sessions(target)
    assert await stage.journal.claim(1, target, this_process(), LEASE)
    assert not await reaper._send(held, stage.settings, stage.journal)
    assert (await session_1(stage))[0] is Status.IN_PROGRESS


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
        assert await reap(stage.journal, stage.settings, told.append) == 0
    assert [str(error) for error in told] == ["journal.sqlite3: the disk is full"]


# With real processes


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
                await reap(stage.journal, stage.settings)
        assert session.status in (Status.FAILED, Status.COMPLETED)
        assert stage.customers() == ({} if session.status is Status.FAILED else PEOPLE)
        stage.change("UPDATE session SET created_clock = 0")
        again = await stage.launch()
        assert again.session is not None
        assert (await stage.ended(again.session.id)).status is Status.COMPLETED
        assert stage.customers() == PEOPLE


async def test_two_workers_for_one_session(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A duplicate delivery: one claims, the other leaves."""
    async with staged(tmp_path) as stage:
        no_processes(monkeypatch, stage)
        await stage.launch()
        await asyncio.gather(work(1, stage.settings), work(1, stage.settings))
        assert stage.rows("SELECT count(*) FROM event WHERE type = 'received'") == [(1,)]
        assert stage.log().count("nothing to claim") == 1
        assert stage.customers() == PEOPLE


# Pictures

PICTURES = {f"i/{n}.jpg": bytes([n]) * 100 for n in range(20)}
DYING = """
import asyncio, itertools, os, signal, sys
from importers import settings
from importers.worker.run import work
rename, calls = os.rename, itertools.count()
def rename_or_die(*args, **rest):
    if next(calls) == 7:
        os.kill(os.getpid(), signal.SIGKILL)
    rename(*args, **rest)
os.rename = rename_or_die
asyncio.run(work(1, settings.load()))
"""


async def test_the_pictures_of_a_worker_that_was_killed_after_its_commit_are_put_in_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with staged(tmp_path) as stage:
        no_processes(monkeypatch, stage)
        write_pictures(tmp_path / "export", PICTURES)
        await stage.launch("catalog", "images")
        worker = await asyncio.create_subprocess_exec(
            sys.executable, "-c", DYING, env={**os.environ, **stage.settings.to_env()}
        )
        assert await worker.wait() == -signal.SIGKILL
        there = [path for path in PICTURES if (tmp_path / "images" / path).exists()]
        assert 0 < len(there) < len(PICTURES)
        assert await reap(stage.journal, stage.settings) == 1
        assert (await session_1(stage))[0] is Status.COMPLETED
        found = {path: (tmp_path / "images" / path).read_bytes() for path in PICTURES}
        assert found == PICTURES
        assert sorted(path.name for path in (tmp_path / "images/i").iterdir()) == sorted(
            Path(path).name for path in PICTURES
        )


async def test_pictures_that_cannot_be_put_in_place_are_told_in_the_session(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with staged(tmp_path) as stage:
        no_processes(monkeypatch, stage)
        write_pictures(tmp_path / "export", PICTURES)
        check = _Run._may_commit

        async def in_the_way(self: _Run) -> None:
            (tmp_path / "images/i/3.jpg").mkdir()
            await check(self)

        monkeypatch.setattr(_Run, "_may_commit", in_the_way)
        await stage.launch("catalog", "images")
        await work(1, stage.settings)
        assert (await session_1(stage))[0] is Status.COMPLETED
        (line,) = [line for line in await stage.journal.events(1) if line.level == "error"]
        assert (line.args["count"], line.args["path"]) == (1, "i/3.jpg")

        # A session of any type tries again, even one that fails.
        monkeypatch.setattr(_Run, "_may_commit", check)
        (tmp_path / "images/i/3.jpg").rmdir()
        await stage.launch("customers")
        (tmp_path / "export/contragents_1_1.xml").write_text("<")
        await work(2, stage.settings)
        assert (await stage.journal.session(2)).status is Status.FAILED
        assert (tmp_path / "images/i/3.jpg").read_bytes() == PICTURES["i/3.jpg"]


async def test_pictures_alone_can_be_launched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with staged(tmp_path) as stage:
        no_processes(monkeypatch, stage)
        write_pictures(tmp_path / "export", PICTURES)
        await stage.launch("catalog")
        await work(1, stage.settings)
        source = tmp_path / "alone"
        for path, content in PICTURES.items():
            (source / path).parent.mkdir(parents=True, exist_ok=True)
            (source / path).write_bytes(content)
        assert (await stage.launch("prices", source=str(source))).session is None
        result = await stage.launch("images", source=str(source))
        assert result.session
        await work(result.session.id, stage.settings)
        session = await stage.journal.session(result.session.id)
        assert (session.status, session.counts.created) == (Status.COMPLETED, len(PICTURES))


def write_pictures(folder: Path, pictures: dict[str, bytes]) -> None:
    """Beside what is there: a product with these pictures."""
    named = "".join(f"<Картинка>{path}</Картинка>" for path in pictures)
    (folder / "import.xml").write_text(
        '<?xml version="1.0" encoding="UTF-8"?><КоммерческаяИнформация><Каталог><Ид>c</Ид><Товары><Товар><Ид>p</Ид>'
        f"<Наименование>P</Наименование>{named}</Товар></Товары></Каталог></КоммерческаяИнформация>",
        encoding="utf-8",
    )
    for path, content in pictures.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(content)
