"""A journal or a catalog that was restored from a copy."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Awaitable, Callable
from contextlib import closing

import pytest
from support.engine_stage import PEOPLE, MovedClock, Stage, dead_process, share, write_export
from support.workers import LEASE, claimed, commit, session_1

from importers.errors import LeaseLost
from importers.kinds import Counts
from importers.processes import WorkerProcess, this_process
from importers.sessions import Status
from importers.worker.run import work


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
    assert await stage.reap() == 1
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
    assert await stage.reap() == 1
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
    here, clock.boot_name = clock.boot_name, "first-boot"
    share(stage)
    await claimed(stage, WorkerProcess("first-machine", me.pid, me.start, clock.boot_name))
    clock.boot_name = here
    assert await stage.reap() == 1
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
