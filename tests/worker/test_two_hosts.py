"""A session runs where its source is, or where that was sent along: with two hosts on one journal, whose directories
are their own and whose clocks differ by an hour."""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from support import hosts
from support.clocks import COMPILER, shifted
from support.engine_stage import PEOPLE, Stage, no_processes, share, staged, write_export
from support.engines import PostgresHand
from support.hosts import OTHER_HOST, bind, worked_elsewhere, worker_elsewhere

from importers.processes import account, this_process
from importers.sessions import LogLine, Session, Status
from importers.worker.run import work

HERE = this_process().host


@pytest.fixture(
    scope="module", params=[3600, pytest.param(-3600, marks=pytest.mark.chaos)], ids=["", "behind"]
)
def their_clock(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    return shifted(tmp_path_factory.mktemp("clock"), request.param) if COMPILER else {}


@pytest.fixture(autouse=True)
def elsewhere(their_clock: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hosts, "ITS_CLOCK", their_clock)


@pytest.fixture
async def stage(tmp_path: Path, hand: PostgresHand) -> AsyncIterator[Stage]:
    """The journal is on a server; no process is started by itself."""
    async with staged(tmp_path, hand=hand) as made:
        no_processes(made)
        yield made


@pytest.fixture
def theirs(stage: Stage, tmp_path: Path) -> Path:
    """What the other host sees as the source: the same files, with times as a network file system may tell them."""
    there = tmp_path / "theirs"
    shutil.copytree(stage.settings.source.path, there)
    for path in there.iterdir():
        seconds = (Path(stage.settings.source.path) / path.name).stat().st_mtime_ns // 10**9
        os.utime(path, ns=(0, seconds * 10**9))
    return there


async def launched(stage: Stage, *, send_along: bool = False) -> Session:
    result = await stage.launch(send_along=send_along)
    assert result.session is not None, result
    return result.session


async def warned(stage: Stage, session_id: int) -> LogLine:
    """The first warning of a session that another process works at."""
    watch = stage.journal.watch()
    async with asyncio.timeout(60):
        while True:
            for line in await stage.journal.events(session_id):
                if line.level == "warning":
                    return line
            while not await watch.changed():  # noqa: ASYNC110 (another process tells by its writing only)
                await asyncio.sleep(0.01)


def source(stage: Stage) -> Path:
    return Path(stage.settings.source.path)


async def test_a_local_source_is_read_on_its_host_alone(stage: Stage, theirs: Path) -> None:
    """Though another one has the same files at that path, and gets the message."""
    session = await launched(stage)
    assert await worked_elsewhere(stage, session.id, bind(theirs, source(stage))) == 0
    assert f"session {session.id}: nothing to claim" in stage.log()
    assert (await stage.journal.session(session.id)).status is Status.STARTED
    assert await work(session.id, stage.settings) == 0
    assert stage.customers() == PEOPLE


async def test_a_local_source_that_changed_since_the_launch_is_imported_as_it_is(stage: Stage) -> None:
    session = await launched(stage)
    write_export(source(stage), {"c9": "Ninth"})
    assert await work(session.id, stage.settings) == 0
    assert stage.customers() == {"c9": "Ninth"}


async def test_a_shared_source_is_read_anywhere(stage: Stage, theirs: Path) -> None:
    share(stage)
    session = await launched(stage)
    assert await worked_elsewhere(stage, session.id, bind(theirs, source(stage))) == 0
    ended = await stage.journal.session(session.id)
    assert (ended.status, (ended.owner or "").partition(":")[0]) == (Status.COMPLETED, OTHER_HOST)
    assert stage.customers() == PEOPLE


async def test_a_host_that_sees_something_else_refuses(stage: Stage, theirs: Path) -> None:
    share(stage)
    write_export(theirs, {"c9": "Ninth"})
    (theirs / "prices.xml").write_bytes(b"")
    session = await launched(stage)
    assert await worked_elsewhere(stage, session.id, bind(theirs, source(stage))) == 1
    ended = await stage.journal.session(session.id)
    assert ended.status is Status.FAILED
    assert str(ended.error) == (
        f"{source(stage)} on {OTHER_HOST} is not what {account()} launched on {HERE}: files there: 1, here: 2; the "
        "first that differs: contragents_1_1.xml. Wait until 1C has finished writing and launch again; if only "
        f"{HERE} sees this folder, set source.shared = false there, or send it along: --upload"
    )
    assert not (stage.folder / "catalog.sqlite3").exists()


@pytest.mark.parametrize("there", ["empty", "nowhere"])
async def test_a_host_that_sees_nothing_refuses_at_once(stage: Stage, tmp_path: Path, there: str) -> None:
    share(stage)
    session = await launched(stage)
    (tmp_path / "empty").mkdir()
    # With all that lies below it, the catalog included.
    mount = bind(tmp_path / "empty", source(stage) if there == "empty" else tmp_path)
    with worker_elsewhere(stage, session.id, mount, settle=1000) as worker:
        await asyncio.to_thread(worker.communicate, timeout=60)
    ended = await stage.journal.session(session.id)
    assert ended.status is Status.FAILED
    assert "files there: 1, here: 0; the first that differs: contragents_1_1.xml" in str(ended.error)


async def test_what_another_host_sees_late_is_waited_for(stage: Stage, theirs: Path) -> None:
    """Its file system may remember for a while what a folder held."""
    share(stage)
    now, new = theirs / "contragents_1_1.xml", stage.folder / "new.xml"
    now.rename(new)
    (theirs / "old.xml").write_bytes(b"")
    session = await launched(stage)
    with worker_elsewhere(stage, session.id, bind(theirs, source(stage)), settle=60) as worker:
        warning = await warned(stage, session.id)
        new.rename(now)
        (theirs / "old.xml").unlink()
        await asyncio.to_thread(worker.communicate, timeout=60)
    assert (await stage.journal.session(session.id)).status is Status.COMPLETED
    assert warning.args["why"] == "files there: 1, here: 1; the first that differs: contragents_1_1.xml"


async def test_one_who_waits_for_a_source_can_be_cancelled(stage: Stage, theirs: Path) -> None:
    share(stage)
    write_export(theirs, {"c9": "Ninth"})
    session = await launched(stage)
    with worker_elsewhere(stage, session.id, bind(theirs, source(stage)), settle=1000) as worker:
        await warned(stage, session.id)
        await stage.journal.cancel(session.id, "anna")
        await asyncio.to_thread(worker.communicate, timeout=60)
    assert (await stage.journal.session(session.id)).status is Status.CANCELLED


async def test_what_was_sent_along_is_read_anywhere(stage: Stage, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "tmp").mkdir()
    session = await launched(stage, send_along=True)
    mount = bind(tmp_path / "empty", source(stage))
    assert await worked_elsewhere(stage, session.id, mount, tmp=tmp_path / "tmp") == 0
    assert (await stage.journal.session(session.id)).status is Status.COMPLETED
    assert stage.customers() == PEOPLE
    assert stage.rows("SELECT * FROM upload") == []
    assert list((tmp_path / "tmp").iterdir()) == []


async def test_no_room_for_what_was_sent_along(stage: Stage, tmp_path: Path) -> None:
    (source(stage) / "more.xml").write_bytes(os.urandom(1 << 20))
    (tmp_path / "tmp").mkdir()
    session = await launched(stage, send_along=True)
    tmpfs = ("-t", "tmpfs", "-o", "size=256k", "none", tmp_path / "tmp")
    assert await worked_elsewhere(stage, session.id, tmpfs, tmp=tmp_path / "tmp") == 1
    ended = await stage.journal.session(session.id)
    assert str(ended.error) == (
        f"{tmp_path / 'tmp'}: cannot hold temporary files: No space left on device; free some space or set $TMPDIR"
    )
    assert stage.rows("SELECT * FROM upload") == []
