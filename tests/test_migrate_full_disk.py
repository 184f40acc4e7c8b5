"""Disks that are full while it is moved: that of the server, and that of the files, which get their marks last."""

from __future__ import annotations

import os
import sqlite3
import subprocess
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import psycopg
import pytest
from support.postgres import PostgresServer, binaries

from importers import migrate
from importers.catalog import open_catalog
from importers.errors import DatabaseError
from importers.sessions import open_journal
from importers.settings import Catalog, Journal, Settings
from tests.conftest import Obmen

if TYPE_CHECKING:
    from importers.database.protocol import Transaction

Disk = Callable[[int], Path]


@pytest.fixture
def disk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Disk]:
    """One of its own, of so many MB."""
    folder = tmp_path_factory.mktemp("disk")

    def mounted(megabytes: int) -> Path:
        options = f"size={megabytes}m,mode=777"
        done = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", options, "none", folder],
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            pytest.skip(f"a disk of its own needs the right to mount one: {done.stderr.strip()}")
        return folder

    yield mounted
    subprocess.run(["umount", "--lazy", folder], check=False, stderr=subprocess.DEVNULL)


def fill(disk: Path, but: int) -> Path:
    """All but so many bytes of it."""
    room = os.statvfs(disk)
    filler = disk / "filler"
    filler.write_bytes(bytes(room.f_bavail * room.f_frsize - but))
    return filler


@pytest.mark.parametrize("on_disk", ["catalog", "journal"])
async def test_of_the_files(
    obmen: Obmen, database: str, disk: Disk, on_disk: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All is on the server but not committed, and the mark finds no room: files and server are as they were."""
    folder = disk(8)
    settings = in_files(
        obmen, folder if on_disk == "catalog" else None, folder if on_disk == "journal" else None
    )
    await use(settings)
    with monkeypatch.context() as patch:
        mark = migrate.mark
        fillers = []

        async def find_no_room(file: Transaction) -> int:
            version = await mark(file)
            fillers[:] = fillers or [fill(folder, 0)]
            return version

        patch.setattr(migrate, "mark", find_no_room)
        with pytest.raises(
            DatabaseError, match=rf"{folder}/{on_disk}\.sqlite3: the disk is full; free some space"
        ):
            await migrate.migrate(settings, database)
    assert moved_keys(database) == 0
    fillers[0].unlink()
    await use(settings)
    assert [one.before for one in await migrate.migrate(settings, database)] == [False, False]
    with pytest.raises(DatabaseError, match="everything in it was moved"):
        await use(settings)


async def test_of_the_server(obmen: Obmen, disk: Disk) -> None:
    folder = disk(100)
    settings = in_files(obmen, None, None)
    await use(settings)
    with closing(sqlite3.connect(obmen.catalog)) as db:
        db.executemany(
            "INSERT INTO customer (id, name, removed) VALUES (?, ?, 0)",
            [(f"c{n}", "x" * 200) for n in range(8000)],
        )
        db.commit()
    server = PostgresServer(folder, binaries())
    server.start()
    try:
        filler = fill(folder, 1_500_000)
        with pytest.raises(DatabaseError, match=r"postgres…: the server's disk is full; free some space$"):
            await migrate.migrate(settings, server.url)
        assert moved_keys(server.url) == 0
        await use(settings)
        filler.unlink()
        assert [one.before for one in await migrate.migrate(settings, server.url)] == [False, False]
    finally:
        server.stop()


def in_files(obmen: Obmen, catalog: Path | None, journal: Path | None) -> Settings:
    return msgspec.structs.replace(
        obmen.settings,
        catalog=Catalog(f"sqlite:///{catalog or obmen.folder}/catalog.sqlite3"),
        journal=Journal(f"sqlite:///{journal or obmen.folder}/journal.sqlite3"),
    )


async def use(settings: Settings) -> None:
    """Raises DatabaseError where they cannot be used."""
    journal = await open_journal(settings.journal.url)
    async with journal.database.transaction() as db:
        await db.execute("INSERT INTO launch_key VALUES ('a', 'b', 1) ON CONFLICT DO NOTHING")
    await journal.close()
    catalog = await open_catalog(settings.catalog.url)
    await catalog.close()


def moved_keys(database: str) -> int:
    with psycopg.connect(database) as db:
        if db.execute("SELECT to_regclass('obmen.launch_key')").fetchone() == (None,):
            return 0
        return len(db.execute("SELECT * FROM obmen.launch_key").fetchall())
