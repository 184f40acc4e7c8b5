"""SQLite files, opened the same way everywhere: WAL, patience, migrations, and errors that an operator understands.

`SqliteDatabase` is the adaptor for statements of every engine; who speaks to SQLite itself takes `connect`.
"""

from __future__ import annotations

import asyncio
import errno
import random
import re
import sqlite3
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Self
from urllib.parse import quote

from importers.clock import Clock, Now
from importers.database import migrations
from importers.errors import PLACE, DatabaseError
from importers.mounts import network_file_system
from importers.processes import is_stopped
from importers.shared_files import make_file
from importers.shielding import to_the_end
from importers.texts import N_, Message

if TYPE_CHECKING:
    import aiosqlite

BUSY_SECONDS = 5.0
"""How long a statement waits for another process's lock before DatabaseError."""
PATIENCE_SECONDS = 10.0
"""The same for the start of a `transaction`."""
FIRST_PAUSE_SECONDS = 0.005
LONGEST_PAUSE_SECONDS = 0.1
"""Waiting for it: many waiters that ask every few milliseconds would keep the processor from the one who works."""
LOCKS = Path("/proc/locks")


# Without an adapter sqlite3 looks in vain for one at each NULL that it binds, which takes longer than all else of a
# row.
sqlite3.register_adapter(type(None), lambda none: none)


class SqliteDatabase:
    """A `Database` in a file: two connections a process, one that reads and one that writes.

    The machine's boot clock is its clock, as no file is shared by machines.
    """

    def __init__(self, path: str, reader: aiosqlite.Connection, clock: Clock) -> None:
        self._path = path
        self._reader = reader
        self._clock = clock
        self._writer: aiosqlite.Connection | None = None
        self._turn = asyncio.Lock()

    @classmethod
    async def open(cls, path: str, schema: Path, clock: Clock | None = None) -> Self:
        """As `connect`. What was committed outlives a loss of power."""
        reader = await connect(path, synchronous="FULL", schema=schema)
        reader.row_factory = sqlite3.Row
        return cls(path, reader, clock or Clock())

    async def close(self) -> None:
        await self._reader.close()
        if self._writer:
            await self._writer.close()

    async def now(self) -> Now:
        return self._clock.read()

    async def fetch(self, sql: str, *parameters: object) -> Sequence[sqlite3.Row]:
        with plainly(self._path):
            return list(await self._reader.execute_fetchall(sql, parameters))

    @asynccontextmanager
    async def transaction(self, gate: str | None = None) -> AsyncIterator[SqliteTransaction]:
        """On the writing connection, one task at a time. BEGIN IMMEDIATE is the one gate of all who write."""
        async with self._turn:
            with plainly(self._path):
                if self._writer is None:
                    self._writer = await self._open_writer()
                async with transaction(self._writer):
                    yield SqliteTransaction(self._writer, self._clock)

    def watch(self) -> SqliteWatch:
        return SqliteWatch(self)

    async def _open_writer(self) -> aiosqlite.Connection:
        writer = await connect(self._path, synchronous="FULL")
        try:
            writer.row_factory = sqlite3.Row
            await writer.execute("PRAGMA busy_timeout = 0")
            await writer.execute("PRAGMA foreign_keys = ON")
        except BaseException:
            await to_the_end(writer.close())
            raise
        return writer


class SqliteTransaction:
    def __init__(self, connection: aiosqlite.Connection, clock: Clock) -> None:
        self._connection = connection
        self._clock = clock

    async def now(self) -> Now:
        return self._clock.read()

    async def fetch(self, sql: str, *parameters: object) -> Sequence[sqlite3.Row]:
        return list(await self._connection.execute_fetchall(sql, parameters))

    async def execute(self, sql: str, *parameters: object) -> int:
        return (await self._connection.execute(sql, parameters)).rowcount

    async def execute_many(self, sql: str, rows: Iterable[Sequence[object]]) -> None:
        await self._connection.executemany(sql, rows)


class SqliteWatch:
    """The reading connection never writes, so PRAGMA data_version tells of our own writes, too."""

    def __init__(self, database: SqliteDatabase) -> None:
        self._database = database
        self._version: int | None = None

    async def changed(self) -> bool:
        ((version,),) = await self._database.fetch("PRAGMA data_version")
        before, self._version = self._version, int(version)
        return before != self._version


async def connect(
    path: str | Path,
    *,
    synchronous: Literal["NORMAL", "FULL"],
    schema: Path | None = None,
    page_size: int = 4096,
) -> aiosqlite.Connection:
    """Open (and create) the database at `path` in WAL mode, autocommit: transactions are begun by hand.

    `page_size`: in bytes, of a database that is new. With the folder of a `schema` it is brought to that, and another
    program's database is refused before anything in it is changed. Raises DatabaseError.
    """
    import aiosqlite

    path = Path(path)
    with plainly(path):
        _refuse_network(path)
        make_file(path)
        # aiosqlite leaves a thread to a loop that may be gone already when a file cannot be opened: try it first.
        sqlite3.connect(path).close()
        connection = await aiosqlite.connect(path, isolation_level=None, timeout=BUSY_SECONDS)
        try:
            is_newest = schema and await _is_newest(connection, schema)
            await connection.execute(f"PRAGMA page_size = {page_size}")
            await patiently(connection, "PRAGMA journal_mode = WAL")
            await connection.execute(f"PRAGMA synchronous = {synchronous}")
            if schema and not is_newest:
                await migrate(connection, schema)
        except BaseException:
            await to_the_end(connection.close())
            raise
        return connection


async def examine(path: Path, folder: Path) -> None:
    """Look, and change nothing: can the database at `path` be used as it is, are its tables those of the scripts in
    `folder`, may it be written now? One that is not there yet is in order. Raises DatabaseError."""
    import aiosqlite

    with plainly(path):
        _refuse_network(path)
        address = f"file:{quote(str(path))}?mode=rw"  # not made anew, not switched to WAL
        if not _is_there(path, address):
            return
        connection = await aiosqlite.connect(address, uri=True, isolation_level=None, timeout=0)
        try:
            await _is_newest(connection, folder)
            await patiently(connection, "BEGIN IMMEDIATE")
            await to_the_end(connection.execute("ROLLBACK"))
        finally:
            await to_the_end(connection.close())


def _is_there(path: Path, address: str) -> bool:
    there = path.exists()
    if there:
        sqlite3.connect(address, uri=True).close()  # as in `connect`
    return there


def _refuse_network(path: Path) -> None:
    if kind := network_file_system(path):
        raise DatabaseError(
            N_("{path}: on a network file system ({kind}), where SQLite loses data; choose a local disk"),
            path=path,
            kind=kind,
        )


async def patiently(connection: aiosqlite.Connection, statement: str) -> None:
    """Execute a statement that takes a lock. Waiting in random steps is fairer than SQLite's own way."""
    loop = asyncio.get_running_loop()
    end = loop.time() + PATIENCE_SECONDS
    pause = FIRST_PAUSE_SECONDS
    while True:
        try:
            await to_the_end(connection.execute(statement))
        except sqlite3.OperationalError as error:
            # The low byte: BUSY_RECOVERY, after a killed process, is BUSY as well.
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or loop.time() > end:
                raise
            await asyncio.sleep(random.uniform(0, pause))  # noqa: S311 (nothing secret)
            pause = min(pause * 1.3, LONGEST_PAUSE_SECONDS)
        else:
            return


@asynccontextmanager
async def transaction(connection: aiosqlite.Connection) -> AsyncIterator[None]:
    """BEGIN IMMEDIATE … COMMIT, rolled back on any exception; a cancellation leaves nothing open or half done."""
    try:
        await patiently(connection, "BEGIN IMMEDIATE")
        yield
        await to_the_end(connection.execute("COMMIT"))
    except BaseException:
        # SQLite itself rolls back on some errors. A statement that was cancelled is done before this one.
        if connection.in_transaction:
            await to_the_end(connection.execute("ROLLBACK"))
        raise


async def migrate(connection: aiosqlite.Connection, folder: Path) -> None:
    """Bring the database to the schema of the steps in `folder`, all of them or none. See `migrations.apply`."""
    with plainly(await migrations.path_of(connection)):
        if await _is_newest(connection, folder):
            return
        async with transaction(connection):
            await migrations.apply(connection, folder)


async def _is_newest(connection: aiosqlite.Connection, folder: Path) -> bool:
    """On one state of a database that others may be migrating."""
    await connection.execute("BEGIN")
    try:
        return await migrations.is_newest(connection, folder)
    finally:
        await to_the_end(connection.execute("ROLLBACK"))


@contextmanager
def plainly(path: str | Path) -> Iterator[None]:
    """Turn errors of SQLite and of the file system into a DatabaseError that names file and cure."""
    try:
        yield
    except sqlite3.DatabaseError as error:
        name = getattr(error, "sqlite_errorname", "")
        for prefix, cure in _CURES.items():
            if name.startswith(prefix):
                args = {"who": _holder(Path(path))} if "{who}" in cure else {}
                raise DatabaseError(PLACE, path=path, why=Message.of(cure, **args)) from error
        if name == "SQLITE_CONSTRAINT_TRIGGER":  # RAISE() with words of its author; we have none
            raise DatabaseError(
                N_("{path}: a trigger of the shop refused the change: {error}; change that trigger"),
                path=path,
                error=error,
            ) from error
        if _FOREIGN.search(str(error)):
            raise DatabaseError(
                N_("{path}: its tables are not those that obmen made: {error}; choose another file"),
                path=path,
                error=error,
            ) from error
        raise
    except OSError as error:
        cure = _CURES.get(_ERRNO.get(error.errno or 0, ""), error.strerror or str(error))
        raise DatabaseError(PLACE, path=path, why=Message(cure)) from error


def _holder(path: Path) -> Message:
    """Who keeps others from writing the database at `path`, as far as the system tells."""
    pid = lock_holder(path)
    if pid is None:
        return Message(N_("another program"))
    if is_stopped(pid):
        return Message.of(N_("process {pid}, which is stopped (to wake it: kill -CONT {pid})"), pid=pid)
    return Message.of(N_("process {pid}"), pid=pid)


def lock_holder(path: Path) -> int | None:
    """The process that keeps SQLite's write lock: bytes 120 to 122 of -shm with WAL, else bytes of the file from 2^30.

    Read from /proc/locks: to ask with F_GETLK the file must be opened, and closing it would drop our own locks.
    """
    ranges = ((Path(f"{path}-shm"), 120, 122), (path, 2**30, 2**30 + 511))
    try:
        places = {str(file.stat().st_ino): (low, high) for file, low, high in ranges if file.exists()}
        locks = LOCKS.read_text(encoding="ascii")
    except OSError:
        return None
    for pid, inode, first, last in _LOCK.findall(locks):
        low, high = places.get(inode, (1, 0))
        if int(pid) > 0 and int(first) <= high and low <= int(last):
            return int(pid)
    return None


_LOCK = re.compile(r"^\d+: POSIX +\w+ +WRITE +(-?\d+) +\S+:(\d+) +(\d+) +(\d+)$", re.MULTILINE)
"""1: POSIX  ADVISORY  WRITE 20145 fe:00:2507921 120 120 (one of another container: 0; waiters: -> before POSIX)."""


_FOREIGN = re.compile(r"no such (table|column)|already exists|has no column")
"""What SQLite says of tables that another program made, or changed."""
_ERRNO = {
    errno.EACCES: "SQLITE_READONLY",
    errno.EPERM: "SQLITE_READONLY",
    errno.EROFS: "SQLITE_READONLY",
    errno.ENOSPC: "SQLITE_FULL",
    errno.EDQUOT: "SQLITE_FULL",
}
"""What the file system says before SQLite can."""
_CURES = {
    "SQLITE_BUSY": N_("locked by {who}; wait until it is done, or close it"),
    "SQLITE_LOCKED": N_("locked by {who}; wait until it is done, or close it"),
    "SQLITE_READONLY": N_("cannot be written; give this user the right to write the file and its folder"),
    "SQLITE_PERM": N_("cannot be written; give this user the right to write the file and its folder"),
    "SQLITE_CANTOPEN": N_("cannot be opened; check that the path is right and this user may write there"),
    "SQLITE_FULL": N_(
        "the disk is full; free some space (temporary files may be on another disk, see $TMPDIR)"
    ),
    "SQLITE_NOTADB": N_("not a SQLite database; choose another file"),
    "SQLITE_CORRUPT": N_("damaged; restore it from a copy"),
    "SQLITE_IOERR": N_("the disk cannot be read or written; check it and the free space on it"),
}
