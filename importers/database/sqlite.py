"""SQLite files, opened the same way everywhere: WAL, patience, migrations, and errors that an operator understands.

`SqliteDatabase` is the adaptor for statements of every engine; who speaks to SQLite itself takes `connect`.
"""

from __future__ import annotations

import asyncio
import random
import sqlite3
import time
from collections.abc import AsyncGenerator, AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Self, cast
from urllib.parse import quote

from importers.clock import Clock, Now, boot_id
from importers.database import many_rows, migrations
from importers.database.sqlite_errors import plainly
from importers.database.sqlite_file import OpenedFile, whole_identity
from importers.database.sqlite_watch import SqliteWatch
from importers.errors import DatabaseError
from importers.identity import seconds_to_settle
from importers.mounts import has_our_clock, network_file_system
from importers.shared_files import make_file
from importers.shielding import to_the_end
from importers.texts import N_

if TYPE_CHECKING:
    import aiosqlite

BUSY_SECONDS = 5.0
"""How long a statement waits for another process's lock before DatabaseError."""
PATIENCE_SECONDS = 10.0
"""The same for the start of a `transaction`."""
FIRST_PAUSE_SECONDS = 0.005
LONGEST_PAUSE_SECONDS = 0.1
"""Waiting for it: many waiters that ask every few milliseconds would keep the processor from the one who works."""
INSERT_ROWS = 200
"""So many rows one INSERT adds: a fifth cheaper than one by one, as the B-tree's cursor stays where it is."""
STREAM_ROWS = 500

# Without an adapter sqlite3 looks in vain for one at each NULL that it binds, which takes longer than all else of a
# row.
sqlite3.register_adapter(type(None), lambda none: none)


class SqliteDatabase:
    """A `Database` in a file: two connections a process, one that reads and one that writes.

    The machine's boot clock is its clock, as no file is shared by machines.
    """

    def __init__(
        self, path: str, reader: aiosqlite.Connection, clock: Clock, pragmas: Sequence[str] = ()
    ) -> None:
        self.place = str(Path(path).resolve())
        self._path = path
        self._file = OpenedFile(path)
        self._reader = reader
        self._clock = clock
        self._pragmas = pragmas
        self._writer: aiosqlite.Connection | None = None
        self._turn = asyncio.Lock()
        self.shared = False
        self.was_written = False
        """Noticed by a watch: then all of it may have been moved to a server."""

    @classmethod
    async def open(
        cls,
        path: str,
        schema: Path,
        clock: Clock | None = None,
        *,
        page_size: int = 4096,
        pragmas: Sequence[str] = (),
    ) -> Self:
        """As `connect`; `pragmas`: `name = value`, of each connection. What was committed outlives a loss of power."""
        reader = await connect(path, synchronous="FULL", schema=schema, page_size=page_size, pragmas=pragmas)
        reader.row_factory = sqlite3.Row
        return cls(path, reader, clock or Clock(), pragmas)

    @property
    def lost_since(self) -> None:
        return None

    async def close(self) -> None:
        await self._reader.close()
        if self._writer:
            await self._writer.close()

    async def now(self) -> Now:
        return self._clock.read()

    async def fetch(self, sql: str, *parameters: object) -> Sequence[sqlite3.Row]:
        self._file.require()
        with plainly(self._path):
            if self.was_written:
                await migrations.refuse_moved(self._reader)
                self.was_written = False
            return list(await self._reader.execute_fetchall(sql, parameters))

    @asynccontextmanager
    async def transaction(self, gate: str | None = None) -> AsyncIterator[SqliteTransaction]:
        """On the writing connection, one task at a time. BEGIN IMMEDIATE is the one gate of all who write."""
        async with self._turn:
            with plainly(self._path):
                if self._writer is None:
                    self._file.require()  # or a new one would be made in its place
                    self._writer = await self._open_writer()
            async with transaction(self._path, self._writer, self._clock, self._file) as db:
                yield db

    async def state(self, mark: int) -> str | None:
        """With all of -wal in the file itself, under the lock of all who write, and none of them there since."""
        if self._writer is None or not has_our_clock(Path(self._path)):
            return None
        async with self._turn:
            with plainly(self._path):
                ((busy, *_),) = await self._writer.execute_fetchall("PRAGMA wal_checkpoint(TRUNCATE)")
            if busy:  # somebody reads an older state, or writes
                return None
        async with self.transaction() as db:
            try:
                if await db.mark() != mark:
                    return None
                identity = whole_identity(self._path)
                wait = seconds_to_settle([identity], time.time_ns()) if identity else None
                if wait is None:
                    return None
                await asyncio.sleep(wait)
                return await db.state() if whole_identity(self._path) == identity else None
            finally:
                await db.rollback()

    async def end_others(self, name: str) -> int:
        return 0

    def watch(self) -> SqliteWatch:
        return SqliteWatch(self)

    async def _open_writer(self) -> aiosqlite.Connection:
        writer = await connect(self._path, synchronous="FULL", pragmas=(*self._pragmas, "busy_timeout = 0"))
        writer.row_factory = sqlite3.Row
        return writer


class SqliteTransaction:
    def __init__(
        self, path: str | Path, connection: aiosqlite.Connection, clock: Clock, file: OpenedFile | None
    ) -> None:
        self.committed = False
        self._file = file
        self._rolled_back = False
        self._path = path
        self._connection = connection
        self._clock = clock
        self._changes_before = connection.total_changes

    @property
    def changes(self) -> int:
        return self._connection.total_changes - self._changes_before

    async def begin(self) -> None:
        with plainly(self._path):
            await patiently(self._connection, "BEGIN IMMEDIATE")
            self._require_file()
            if self._file:
                await migrations.refuse_moved(self._connection)

    async def commit(self) -> None:
        """Unless it was to be rolled back, or is done: where SQLite itself has rolled back, it says so. A cancellation
        that comes now is too late: what SQLite does decides."""
        if self._rolled_back or self.committed:
            return
        self._require_file()
        commit = asyncio.ensure_future(self._connection.execute("COMMIT"))
        try:
            with plainly(self._path):
                await to_the_end(commit)
        finally:
            self.committed = commit.exception() is None

    def _require_file(self) -> None:
        """What is done to a file that is gone is lost: it is not to be called done."""
        if self._file:
            self._file.require()

    async def state(self) -> str | None:
        identity = whole_identity(self._path)
        return " ".join(map(str, (boot_id(), *identity))) if identity and boot_id() else None

    async def mark(self) -> int:
        """Other connections' commits change it, its own do not."""
        ((version,),) = await self.fetch("PRAGMA data_version")
        return int(version)

    async def has_triggers(self) -> bool:
        ((found,),) = await self.fetch("SELECT EXISTS (SELECT 1 FROM sqlite_schema WHERE type = 'trigger')")
        return bool(found)

    async def rollback(self) -> None:
        self._rolled_back = True
        # SQLite itself rolls back on some errors. A statement that was cancelled is done before this one.
        if self._connection.in_transaction:
            with plainly(self._path):
                await to_the_end(self._connection.execute("ROLLBACK"))

    async def now(self) -> Now:
        return self._clock.read()

    async def fetch(self, sql: str, *parameters: object) -> Sequence[sqlite3.Row]:
        with plainly(self._path):
            return list(await self._connection.execute_fetchall(sql, parameters))

    async def select(self, sql: str, *parameters: object) -> list[tuple[Any, ...]]:
        self._connection.row_factory = None
        try:
            with plainly(self._path):
                return cast("list[tuple[Any, ...]]", await self._connection.execute_fetchall(sql, parameters))
        finally:
            self._connection.row_factory = sqlite3.Row

    async def stream(self, sql: str, *parameters: object) -> AsyncGenerator[sqlite3.Row]:
        with plainly(self._path):
            cursor = await self._connection.execute(sql, parameters)
        try:
            while True:
                with plainly(self._path):
                    batch = await cursor.fetchmany(STREAM_ROWS)
                if not batch:
                    return
                for row in batch:
                    yield row
        finally:
            await cursor.close()

    async def execute(self, sql: str, *parameters: object) -> int:
        before = self.changes
        with plainly(self._path):
            cursor = await self._connection.execute(sql, parameters)
        # Without what triggers of the shop wrote; but -1 for a statement that begins with WITH.
        return cursor.rowcount if cursor.rowcount >= 0 else self.changes - before

    async def execute_many(self, sql: str, rows: Iterable[Sequence[object]]) -> None:
        with plainly(self._path):
            await self._connection.executemany(sql, rows)

    async def insert(self, table: str, columns: tuple[str, ...], cells: Sequence[object]) -> None:
        size = INSERT_ROWS * len(columns)
        whole = len(cells) - len(cells) % size
        for start, stop, rows in ((0, whole, INSERT_ROWS), (whole, len(cells), 1)):
            step = rows * len(columns)
            if start < stop:
                pieces = [cells[at : at + step] for at in range(start, stop, step)]
                await self.execute_many(many_rows.insert(table, columns, rows), pieces)

    async def update(
        self, table: str, key: tuple[str, ...], columns: tuple[str, ...], rows: Sequence[Sequence[object]]
    ) -> None:
        await self.execute_many(many_rows.update(table, key, columns), rows)

    async def delete(self, table: str, key: tuple[str, ...], rows: Sequence[Sequence[object]]) -> None:
        await self.execute_many(many_rows.delete(table, key), rows)


async def connect(
    path: str | Path,
    *,
    synchronous: Literal["NORMAL", "FULL"],
    schema: Path | None = None,
    page_size: int = 4096,
    pragmas: Sequence[str] = (),
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
            await connection.execute_fetchall(f"PRAGMA page_size = {page_size}")
            await patiently(connection, "PRAGMA journal_mode = WAL")
            for pragma in (f"synchronous = {synchronous}", *pragmas):
                await connection.execute_fetchall(f"PRAGMA {pragma}")
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
        address = address_as_it_is(path)
        if not _is_there(path, address):
            return
        connection = await aiosqlite.connect(address, uri=True, isolation_level=None, timeout=0)
        try:
            await _is_newest(connection, folder)
            await patiently(connection, "BEGIN IMMEDIATE")
            await to_the_end(connection.execute("ROLLBACK"))
        finally:
            await to_the_end(connection.close())


def address_as_it_is(path: Path) -> str:
    """An address under which a database is not made anew; nor is it switched to WAL."""
    return f"file:{quote(str(path))}?mode=rw"


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
            # Fetched to the end: a statement that is still open keeps a COMMIT from being done.
            await to_the_end(connection.execute_fetchall(statement))
        except sqlite3.OperationalError as error:
            # The low byte: BUSY_RECOVERY, after a killed process, is BUSY as well.
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or loop.time() > end:
                raise
            await asyncio.sleep(random.uniform(0, pause))  # noqa: S311 (nothing secret)
            pause = min(pause * 1.3, LONGEST_PAUSE_SECONDS)
        else:
            return


@asynccontextmanager
async def transaction(
    path: str | Path,
    connection: aiosqlite.Connection,
    clock: Clock | None = None,
    file: OpenedFile | None = None,
) -> AsyncIterator[SqliteTransaction]:
    """BEGIN IMMEDIATE … COMMIT, rolled back on any exception; a cancellation leaves nothing open or half done."""
    db = SqliteTransaction(path, connection, clock or Clock(), file)
    try:
        await db.begin()
        yield db
        await db.commit()
    finally:
        await db.rollback()


async def migrate(connection: aiosqlite.Connection, folder: Path) -> None:
    """Bring the database to the schema of the steps in `folder`, all of them or none. See `migrations.apply`."""
    path = await migrations.path_of(connection)
    with plainly(path):
        if await _is_newest(connection, folder):
            return
        async with transaction(path, connection):
            await migrations.apply(connection, folder)


async def _is_newest(connection: aiosqlite.Connection, folder: Path) -> bool:
    """On one state of a database that others may be migrating."""
    await connection.execute("BEGIN")
    try:
        return await migrations.is_newest(connection, folder)
    finally:
        await to_the_end(connection.execute("ROLLBACK"))
