"""Opening SQLite files: where they may lie, who may write them, and what is said when they cannot be used."""

from __future__ import annotations

import asyncio
import errno
import os
import sqlite3
import stat
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import aiosqlite
import pytest
from support.engine_stage import CancelledAt

from importers.database import sqlite
from importers.database.sqlite import connect, migrate, transaction
from importers.errors import DatabaseError
from importers.logs import log_to
from importers.mounts import network_file_system
from importers.sessions import open_journal
from importers.sessions.opening import SCHEMA
from importers.shared_files import make_folder


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "journal.sqlite3"


async def opened(path: Path) -> None:
    await (await open_journal(f"sqlite:///{path}")).close()


async def test_missing_folders_are_made(tmp_path: Path) -> None:
    await opened(tmp_path / "a" / "b" / "journal.sqlite3")


def test_a_file_that_is_no_database(path: Path) -> None:
    path.write_text("notes " * 1000)
    with pytest.raises(DatabaseError, match=r"journal\.sqlite3: not a SQLite database; choose another file"):
        asyncio.run(opened(path))
    assert path.read_text().startswith("notes")


async def test_a_file_in_place_of_a_folder(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(DatabaseError, match="file"):
        await opened(tmp_path / "file" / "journal.sqlite3")


async def test_a_newer_schema(path: Path) -> None:
    await opened(path)
    with closing(sqlite3.connect(path)) as db:
        db.execute("UPDATE obmen_schema SET version = 99")
        db.commit()
    with pytest.raises(DatabaseError, match=r"newer obmen \(schema 99, this one knows 7\); update obmen"):
        await opened(path)


async def test_a_step_that_fails_leaves_nothing_of_itself(tmp_path: Path, path: Path) -> None:
    (tmp_path / "001_a.sql").write_text("CREATE TABLE a (x);")
    (tmp_path / "002_b.sql").write_text("CREATE TABLE b (x);\nCREATE TABLE b (x);")
    connection = await connect(path, synchronous="NORMAL")
    try:
        with pytest.raises(DatabaseError, match="table b already exists"):
            await migrate(connection, tmp_path)
        assert await connection.execute_fetchall("SELECT name FROM sqlite_schema") == []
        (tmp_path / "002_b.sql").write_text("CREATE TABLE b (x); -- once;\nCREATE TABLE c (x);")
        await migrate(connection, tmp_path)
        tables = await connection.execute_fetchall("SELECT name FROM sqlite_schema ORDER BY 1")
        assert [name for (name,) in tables] == ["a", "b", "c", "obmen_schema"]
    finally:
        await connection.close()


async def test_locked_by_another_program(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqlite, "PATIENCE_SECONDS", 0.1)
    journal = await open_journal(f"sqlite:///{path}")
    try:
        with closing(sqlite3.connect(path, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            with pytest.raises(
                DatabaseError, match=rf"journal\.sqlite3: locked by process {os.getpid()}; wait"
            ):
                await journal.cancel(1, "anna")
    finally:
        await journal.close()


async def test_a_writer_waits_for_its_turn(path: Path) -> None:
    await opened(path)
    mine, theirs = [await connect(path, synchronous="NORMAL") for _ in range(2)]
    try:
        order: list[str] = []

        async def second() -> None:
            async with transaction(path, theirs):
                order.append("theirs")

        async with transaction(path, mine):
            waiting = asyncio.create_task(second())
            await asyncio.sleep(0.05)
            order.append("mine")
        await waiting
        assert order == ["mine", "theirs"]
    finally:
        await mine.close()
        await theirs.close()


async def test_a_transaction_that_is_cancelled_anywhere_leaves_nothing_open(path: Path) -> None:
    """Done whole or not at all, and the next one begins at once."""
    connection = await connect(path, synchronous="NORMAL")
    await connection.execute("CREATE TABLE pair (n)")
    await connection.create_function("busy", 0, lambda: time.sleep(0.01))

    async def write(n: int) -> None:
        # The connection's thread has something to do yet, so every statement waits for its turn.
        nonlocal before
        before = asyncio.ensure_future(connection.execute_fetchall("SELECT busy()"))
        await asyncio.sleep(0)
        async with transaction(path, connection):
            await connection.execute("INSERT INTO pair VALUES (?)", (n,))
            await connection.execute("INSERT INTO pair VALUES (?)", (n,))

    before: asyncio.Future[Any]
    try:
        for stop in range(1, 100):
            run = CancelledAt(write(stop), stop)
            task = asyncio.create_task(run.awaited())
            await asyncio.wait([task])
            await before
            await connection.execute("SELECT 1")  # whatever was queued is done
            assert not connection.in_transaction
            ((written,),) = await connection.execute_fetchall(
                "SELECT count(*) FROM pair WHERE n = ?", (stop,)
            )
            assert written in (0, 2)
            if run.stops < stop:
                break
            assert task.cancelled()
        assert stop > 4
        assert written == 2
    finally:
        await connection.close()


async def test_what_sqlite_itself_has_rolled_back_is_not_committed_in_silence(path: Path) -> None:
    """As it does on some errors; whoever passes over such an error must not take the rest for done."""
    connection = await connect(path, synchronous="NORMAL")

    async def write() -> None:
        async with transaction(path, connection) as db:
            await db.execute("CREATE TABLE pair (n)")
            await db.execute("ROLLBACK")

    try:
        with pytest.raises(sqlite3.OperationalError, match="no transaction is active"):
            await write()
    finally:
        await connection.close()


async def test_the_disk_is_full(path: Path) -> None:
    await opened(path)
    connection = await connect(path, synchronous="NORMAL")
    try:
        await connection.execute("PRAGMA max_page_count = 1")

        async def fill() -> None:
            async with transaction(path, connection) as db:
                await db.execute("CREATE TABLE big AS SELECT randomblob(1000000)")

        with pytest.raises(DatabaseError, match="the disk is full; free some space"):
            await fill()
        assert not connection.in_transaction
    finally:
        await connection.close()


@pytest.mark.parametrize(
    ("number", "told"),
    [
        (errno.EACCES, "give this account"),
        (errno.EROFS, "give this account"),
        (errno.ENOSPC, "free some space"),
    ],
)
async def test_what_the_file_system_refuses_has_a_cure(
    path: Path, monkeypatch: pytest.MonkeyPatch, number: int, told: str
) -> None:
    """As for root, who may write everything."""

    def refuse(*_: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(sqlite, "make_file", refuse)
    with pytest.raises(DatabaseError, match=rf"journal\.sqlite3: .*{told}"):
        await opened(path)


@pytest.mark.parametrize(
    ("mounts", "path", "kind"),
    [
        ("/dev/sda / ext4 rw 0 0\nserver:/x /srv nfs4 rw 0 0\n", "/srv/obmen/journal.sqlite3", "nfs4"),
        ("/dev/sda / ext4 rw 0 0\nserver:/x /srv nfs4 rw 0 0\n", "/srvx/journal.sqlite3", None),
        ("/dev/sda / ext4 rw 0 0\n//w/x /mnt/1C\\040обмен cifs rw 0 0\n", "/mnt/1C обмен/j.sqlite3", "cifs"),
        ("s:/ / nfs rw 0 0\n/dev/sdb /srv ext4 rw 0 0\n", "/srv/journal.sqlite3", None),
        ("s:/a /srv nfs rw 0 0\n/dev/sdb /srv xfs rw 0 0\n", "/srv/journal.sqlite3", None),
    ],
)
def test_network_file_systems_are_known(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mounts: str, path: str, kind: str | None
) -> None:
    (tmp_path / "mounts").write_text(mounts, encoding="utf-8")
    monkeypatch.setattr("importers.mounts.MOUNTS", tmp_path / "mounts")
    assert network_file_system(Path(path)) == kind


def test_network_file_systems_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, path: Path
) -> None:
    (tmp_path / "mounts").write_text("server:/x / nfs rw 0 0\n")
    monkeypatch.setattr("importers.mounts.MOUNTS", tmp_path / "mounts")
    with pytest.raises(DatabaseError, match=r"on a network file system \(nfs\).*choose a local disk"):
        asyncio.run(opened(path))
    assert not path.exists()


# Files follow their folder


@pytest.fixture
def strict_umask() -> Any:
    before = os.umask(0o077)
    yield
    os.umask(before)


def share(folder: Path) -> None:
    folder.chmod(0o2770)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.mark.usefixtures("strict_umask")
async def test_in_a_shared_folder_the_group_may_write_all_files(tmp_path: Path) -> None:
    share(tmp_path)
    folder = tmp_path / "made"
    journal = await open_journal(f"sqlite:///{folder}/journal.sqlite3")
    try:
        async with journal.database.transaction():
            pass
        log_to(str(folder / "logs" / "obmen.log")).info("line")
        assert {file.name: mode(file) for file in folder.rglob("*") if file.is_file()} == {
            "journal.sqlite3": 0o660, "journal.sqlite3-wal": 0o660, "journal.sqlite3-shm": 0o660, "obmen.log": 0o660,
        }  # fmt: skip
        assert (mode(folder), mode(folder / "logs")) == (0o2770, 0o2770)
    finally:
        await journal.close()


@pytest.mark.usefixtures("strict_umask")
async def test_elsewhere_the_umask_decides(tmp_path: Path) -> None:
    await opened(tmp_path / "made" / "journal.sqlite3")
    assert (mode(tmp_path / "made"), mode(tmp_path / "made" / "journal.sqlite3")) == (0o700, 0o600)


def test_a_folder_that_another_process_makes_meanwhile(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "made"
    mkdir = Path.mkdir

    def late(self: Path, mode: int) -> None:
        mkdir(folder, mode)
        mkdir(self, mode)

    monkeypatch.setattr(Path, "mkdir", late)
    make_folder(folder)
    assert folder.is_dir()


async def test_aiosqlite_leaves_no_thread_when_it_cannot_open(tmp_path: Path) -> None:
    with pytest.raises(DatabaseError, match="cannot be opened"):
        await connect(tmp_path, synchronous="NORMAL")
    assert aiosqlite.__version__


@pytest.mark.parametrize(
    "sql",
    [
        "CREATE TABLE session (x)",
        "CREATE TABLE lock (key TEXT PRIMARY KEY, token, until_clock, boot_id)",
    ],
)
async def test_tables_of_another_program_are_told_and_left_alone(path: Path, sql: str) -> None:
    with closing(sqlite3.connect(path)) as db:
        db.executescript(sql)
    with pytest.raises(
        DatabaseError, match=r"its tables are not those that obmen made: .*; choose another file"
    ):
        await open_journal(f"sqlite:///{path}")
    with closing(sqlite3.connect(path)) as db:
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        names = db.execute("SELECT name FROM sqlite_schema WHERE name NOT LIKE 'sqlite%'").fetchall()
    assert len(names) == 1, "nothing of ours is added"


@pytest.mark.parametrize("row", ["(1)", "(7)", "('theirs')", "(1), (2)", "(NULL)"])
async def test_a_schema_version_of_another_program_is_left_alone(path: Path, row: str) -> None:
    with closing(sqlite3.connect(path)) as db:
        db.executescript(f"CREATE TABLE schema_version (version); INSERT INTO schema_version VALUES {row}")
        before = db.execute("SELECT * FROM schema_version").fetchall()
    await opened(path)
    await opened(path)
    with closing(sqlite3.connect(path)) as db:
        assert db.execute("SELECT * FROM schema_version").fetchall() == before


@pytest.mark.parametrize("version", [1, 2])
async def test_a_journal_of_before_keeps_its_sessions_and_their_leases(path: Path, version: int) -> None:
    with closing(sqlite3.connect(path)) as db:
        for step in sorted(SCHEMA.glob("[0-9]*_*.sql"))[:version]:
            db.executescript(step.read_text(encoding="utf-8"))
        db.executescript(
            f"CREATE TABLE schema_version (version INTEGER NOT NULL); INSERT INTO schema_version VALUES ({version});"
            "UPDATE meta SET journal_id = 'kept';"
            "INSERT INTO session (request_id, idempotency_key, task_id, kinds, source, options, target, status, "
            "operator, host, created_at, created_clock, boot_id, owner_boot, lease_until"
            + (", lease_epoch) " if version > 1 else ") ")
            + "VALUES ('r', 'k', 't', '[]', '', '{}', '', 'in_progress', '', '', '', 0, 'boot', 'boot', 30"
            + (", 'boot')" if version > 1 else ")")
        )
    journals = await asyncio.gather(*(open_journal(f"sqlite:///{path}") for _ in range(4)))
    assert {journal.journal_id for journal in journals} == {"kept"}
    for journal in journals:
        await journal.close()
    with closing(sqlite3.connect(path)) as db:
        names = [name for (name,) in db.execute("SELECT name FROM sqlite_schema WHERE name LIKE '%schema%'")]
        assert db.execute("SELECT lease_until, lease_epoch FROM session").fetchall() == [(30, "boot")]
        assert db.execute("SELECT count(*) FROM known").fetchone() == (0,)
    assert sorted(names) == ["obmen_schema", "obmen_schema_oldest"]
