"""A source that was sent along, in the hands of a worker."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from support.counts import COUNTS
from support.engine_stage import PEOPLE, Stage, no_processes, staged, write_export
from support.workers import worked

from importers import upload
from importers.kinds import Options
from importers.processes import this_process
from importers.sample import EXPORT
from importers.sessions import Session, Status
from importers.sessions.uploads import Uploads
from importers.upload import Parcel, received, send
from importers.worker.run import work


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    async with staged(tmp_path) as made:
        no_processes(made)
        yield made


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where temporary files are."""
    place = tmp_path / "tmp"
    place.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(place))
    return place


def names_in(folder: Path) -> set[str]:
    return {entry.name for entry in folder.iterdir()}


def told(session: Session) -> dict[str, dict[str, int]]:
    return {
        kind: {name: getattr(counts, name) for name in COUNTS} for kind, counts in session.by_kind.items()
    }


async def test_the_same_is_imported_as_of_the_folder(tmp_path: Path, folder: Path) -> None:
    """Pictures included, which are left out where nobody wants them."""
    kinds = ("catalog", "stocks", "prices", "customers", "images")
    ways = []
    for send_along in (False, True):
        async with staged(tmp_path / str(send_along)) as stage:
            no_processes(stage)
            session = await worked(stage, *kinds, source=str(EXPORT), send_along=send_along)
            assert session.status is Status.COMPLETED, session.error
            pictures = sorted(path.name for path in (stage.folder / "images").rglob("*.png"))
            ways.append((told(session), pictures))
            assert stage.rows("SELECT * FROM upload") == []
    assert ways[0] == ways[1]
    assert names_in(folder) == set()


async def test_the_source_is_needed_no_more(stage: Stage) -> None:
    result = await stage.launch(send_along=True)
    assert result.session
    shutil.rmtree(stage.settings.source.path)
    assert await work(1, stage.settings) == 0
    assert stage.customers() == PEOPLE
    line = next(line for line in await stage.journal.events(1) if "sent along" in line.message)
    assert line.args == {"host": result.session.host, "size": 1}


async def test_a_dry_run_and_a_second_try_are_as_ever(stage: Stage) -> None:
    dry = await worked(stage, send_along=True, options=Options(dry_run=True))
    assert (dry.status, dry.counts.created, stage.customers()) == (Status.COMPLETED, 3, {})
    assert stage.rows("SELECT * FROM upload") == []
    result = await stage.launch(send_along=True)
    assert result.session
    claimed = await stage.journal.claim(2, result.session.target, this_process(), 30)
    assert claimed
    assert await stage.journal.start_again(2, claimed.fence)
    assert await work(2, stage.settings) == 0
    assert stage.customers() == PEOPLE


async def test_what_is_gone_is_told(stage: Stage) -> None:
    await stage.launch(send_along=True)
    stage.change("DELETE FROM upload")
    assert await work(1, stage.settings) == 1
    assert str((await stage.journal.session(1)).error) == (
        "the source that was sent along is no longer in the journal; launch the import again"
    )


@pytest.mark.parametrize("broken", ["damaged", "nested", "bad file", "nothing of it"])
async def test_errors_name_the_source_as_the_launch_did(stage: Stage, tmp_path: Path, broken: str) -> None:
    source = write_export(tmp_path / "1c")
    if broken == "bad file":
        (source / "contragents_1_1.xml").write_bytes(b"<")
    elif broken == "nothing of it":
        (source / "contragents_1_1.xml").write_text("<КоммерческаяИнформация/>", encoding="utf-8")
    await stage.launch(source=str(source), send_along=True)
    if broken == "damaged":
        stage.change("UPDATE upload SET piece = ?1", b"no archive")
    elif broken == "nested":
        stage.change("UPDATE upload SET piece = ?1", nested_too_large(tmp_path))
    assert await work(1, stage.settings) == 1
    error = str((await stage.journal.session(1)).error)
    assert upload.PREFIX not in error
    expected = {
        "damaged": f"{source}: the archive is damaged",
        "nested": f"{source}: inner.zip cannot be read",
        "bad file": "contragents_1_1.xml",
        "nothing of it": str(source),
    }
    assert expected[broken] in error


def nested_too_large(folder: Path) -> bytes:
    """An archive in an archive that unpacks to more than it may."""
    inner, outer = folder / "inner.zip", folder / "outer.zip"
    with zipfile.ZipFile(inner, "w") as archive:
        archive.writestr("contragents.xml", bytes(8 << 20))
    with zipfile.ZipFile(outer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.write(inner, "inner.zip")
    return outer.read_bytes()


async def test_it_is_private(stage: Stage, folder: Path) -> None:
    uploads = Uploads(stage.journal.database)
    await send(Parcel(stage.settings.source.path, pictures=False), uploads, "a")
    async with received(uploads, "a", "/1c/export", lambda: None) as (path, size):
        assert (path.name, path.stat().st_size) == ("export.zip", size)
        assert [path.stat().st_mode & 0o777, path.parent.stat().st_mode & 0o777] == [0o600, 0o700]
        assert path.parent.parent == folder
    assert names_in(folder) == set()


HOLD = """
import asyncio, sys
from importers.sessions import open_journal
from importers.sessions.uploads import Uploads
from importers.upload import received

async def hold():
    journal = await open_journal(sys.argv[1])
    async with received(Uploads(journal.database), "a", "/1c/export", lambda: None) as (path, _size):
        print(path, flush=True)
        sys.stdin.read()

asyncio.run(hold())
"""


def holding(stage: Stage, folder: Path) -> subprocess.Popen[str]:
    """A worker that has received it, and goes on till its stdin ends."""
    return subprocess.Popen(
        [sys.executable, "-c", HOLD, stage.settings.journal.url],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "TMPDIR": str(folder)},
    )


async def test_what_a_killed_worker_left_is_removed_by_the_next(
    stage: Stage, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And not what another one holds, nor what it is about to lock."""
    uploads = Uploads(stage.journal.database)
    await send(Parcel(stage.settings.source.path, pictures=False), uploads, "a")

    async def look() -> set[str]:
        async with received(uploads, "a", "/1c/export", lambda: None) as (path, _size):
            return names_in(folder) - {path.parent.name}

    workers = [holding(stage, folder) for _worker in range(2)]
    try:
        places = []
        for worker in workers:
            assert worker.stdout
            places.append(Path((await asyncio.to_thread(worker.stdout.readline)).strip()).parent.name)
        workers[0].send_signal(signal.SIGKILL)
        workers[0].wait()
        assert await look() == set(places), "it is young"
        monkeypatch.setattr(upload, "YOUNG_SECONDS", 0.0)
        assert await look() == {places[1]}
        assert await look() == {places[1]}, "it lives"
    finally:
        for worker in workers:
            worker.kill()
            worker.communicate()
    assert await look() == set()
