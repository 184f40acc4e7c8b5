"""PostgreSQL: the adaptor for statements of every engine, over psycopg 3. It is loaded where an address asks for it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Iterable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from itertools import count
from pathlib import Path
from typing import Any, Self

import psycopg
from psycopg.rows import tuple_row

from importers.addresses import without_secrets
from importers.clock import Now
from importers.database.postgres_connection import Connection, Connector, Link
from importers.database.postgres_errors import plainly
from importers.database.postgres_outcome import learn
from importers.database.postgres_schema import GATES, migrate
from importers.database.postgres_values import Row, numbered
from importers.database.postgres_watch import SNAPSHOT, Listener, PostgresWatch, channel_of
from importers.errors import DatabaseError
from importers.shielding import to_the_end
from importers.texts import N_

STREAM_ROWS = 500
END_SECONDS = 5
_streams = count(1)


class PostgresDatabase:
    """A `Database` in a schema of a PostgreSQL database: one connection that reads, one that writes, and one that
    listens once somebody watches. Each is opened anew when it was lost.

    The server's clock is its clock.
    """

    def __init__(self, url: str, schema: str, name: str = "obmen", *, long: bool = False) -> None:
        self.place = f"{without_secrets(url)}#{schema}"
        self._url = url
        self._schema = schema
        connect = self._connect = Connector(url, schema, name, long=long)
        self._reader = Link(connect)
        self._writer = Link(connect)
        self._listener = Listener(connect)
        self._reading = asyncio.Lock()
        self._turn = asyncio.Lock()

    @classmethod
    async def open(
        cls, url: str, schema: str, folder: Path, name: str = "obmen", *, long: bool = False
    ) -> Self:
        """Open the database at `url`, and make or migrate our `schema` in it by the steps in `folder`.

        `name`: of its connections, at most 63 bytes, for `end_session`. `long`: its transactions may take as long as
        they like; else the server ends one that takes more than some seconds. Raises DatabaseError.
        """
        database = cls(url, schema, name, long=long)
        try:
            with plainly(url):
                await migrate(await database._reader.open(), folder, schema, database.place)
        except BaseException:
            await database.close()
            raise
        return database

    async def close(self) -> None:
        await to_the_end(self._listener.close())
        await self._reader.close()
        await self._writer.close()

    @property
    def lost_since(self) -> str | None:
        return self._connect.lost_since

    async def now(self) -> Now:
        (row,) = await self.fetch(NOW)
        return Now(*row)

    async def fetch(self, sql: str, *parameters: object) -> Sequence[Row]:
        async def read(connection: Connection) -> Sequence[Row]:
            if not connection.pooled:
                return await _fetch(connection, sql, parameters)
            try:
                await connection.execute(connection.begin, prepare=False)
                return await _fetch(connection, sql, parameters)
            finally:
                await connection.end()

        async with self._reading:
            with plainly(self._url):
                return await self._reader.repeat(read)

    @asynccontextmanager
    async def transaction(self, gate: str | None = None) -> AsyncIterator[PostgresTransaction]:
        """READ COMMITTED: a statement that waited for another's row looks at it again."""
        async with self._turn:
            db = PostgresTransaction(self._url, self._writer, channel_of(self._schema))
            try:
                await db.begin()
                if gate is not None:
                    # Of this schema: catalogs of several shops may be in one database.
                    await db.fetch(
                        "SELECT pg_advisory_xact_lock(?1::int, hashtext(?2))", GATES, f"{self._schema}.{gate}"
                    )
                yield db
                await db.commit()
            finally:
                await db.rollback()
        if db.committed:  # the server's notice comes later
            self._listener.tell()

    async def state(self, mark: int) -> str | None:
        return None

    def watch(self) -> PostgresWatch:
        async def look() -> str:
            ((snapshot,),) = await self.fetch(SNAPSHOT)
            return str(snapshot)

        return PostgresWatch(self._listener, look)

    async def end_session(self, name: str) -> int:
        ended = await self.fetch(END_SESSION, name, END_SECONDS * 1000)
        if not all(gone for (gone,) in ended):
            raise DatabaseError(
                N_("{path}: the server does not end the connection {name}; end it there, then try again"),
                path=self.place,
                name=name,
            )
        return len(ended)


class PostgresTransaction:
    def __init__(self, url: str, link: Link, channel: str) -> None:
        self.committed = False
        self.changes = 0
        self._over = False
        self._url = url
        self._link = link
        self._channel = channel
        self._connection: Connection

    async def begin(self) -> None:
        async def begin(connection: Connection) -> Connection:
            await connection.execute(connection.begin, prepare=False)
            return connection

        with plainly(self._url):
            self._connection = await self._link.repeat(begin)

    async def commit(self) -> None:
        """Unless it was to be rolled back. A cancellation that comes now is too late: what the server does decides."""
        if self._over:
            return
        self._over = True
        commit = asyncio.ensure_future(self._commit())
        try:
            await to_the_end(commit)
        finally:
            self.committed = commit.exception() is None

    async def _commit(self) -> None:
        """Whoever watches is told. Where the answer is lost, the server is asked what came of it."""
        with self._plainly():
            ((xid, _told),) = await _fetch(self._connection, TELL, (self._channel,))
        try:
            with self._plainly():
                await self._connection.execute(b"COMMIT", prepare=False)
        except DatabaseError:
            if not self._connection.closed:
                raise  # it was refused
            if xid is not None:  # else nothing was written
                await learn(self._link, self._connection.era, xid, self._url)

    async def rollback(self) -> None:
        if self._over:
            return
        self._over = True
        # Also what was begun when a cancellation came. A connection that is lost has rolled back.
        if self._link.current:
            await self._link.current.end()

    async def now(self) -> Now:
        (row,) = await self.fetch(NOW)
        return Now(*row)

    async def fetch(self, sql: str, *parameters: object) -> Sequence[Row]:
        with self._plainly():
            cursor = await self._connection.execute(numbered(sql).encode(), parameters)
            self._note(cursor)
            return await _all_of(cursor)

    async def select(self, sql: str, *parameters: object) -> list[tuple[Any, ...]]:
        with self._plainly():
            async with self._connection.cursor(row_factory=tuple_row) as cursor:
                await cursor.execute(numbered(sql).encode(), parameters)
                return await cursor.fetchall()

    async def state(self) -> str | None:
        """None: nothing that the server tells changes with each write and with nothing else."""
        return None

    async def mark(self) -> int:
        return 0

    async def has_triggers(self) -> bool:
        ((found,),) = await self.fetch(TRIGGERS)
        return bool(found)

    async def stream(self, sql: str, *parameters: object) -> AsyncGenerator[Row]:
        name = f"stream_{next(_streams)}"
        with self._plainly():
            await self._connection.execute(f"DECLARE {name} CURSOR FOR {numbered(sql)}".encode(), parameters)
        try:
            while True:
                with self._plainly():
                    batch = await _fetch(self._connection, f"FETCH {STREAM_ROWS} FROM {name}", ())
                if not batch:
                    return
                for row in batch:
                    yield row
        finally:
            with suppress(psycopg.Error):
                await self._connection.execute(f"CLOSE {name}".encode())

    async def execute(self, sql: str, *parameters: object) -> int:
        with self._plainly():
            cursor = await self._connection.execute(numbered(sql).encode(), parameters)
        return self._note(cursor)

    async def execute_many(self, sql: str, rows: Iterable[Sequence[object]]) -> None:
        with self._plainly():
            async with self._connection.cursor() as cursor:
                await cursor.executemany(numbered(sql).encode(), rows)
                self._note(cursor)

    async def insert(self, table: str, columns: tuple[str, ...], cells: Sequence[object]) -> None:
        if not cells:
            return
        width = len(columns)
        statement = f"COPY {table} ({', '.join(columns)}) FROM STDIN".encode()
        with self._plainly():
            async with self._connection.cursor() as cursor, cursor.copy(statement) as copy:
                for at in range(0, len(cells), width):
                    await copy.write_row(cells[at : at + width])
        self.changes += len(cells) // width

    def _note(self, cursor: psycopg.AsyncCursor[Any]) -> int:
        """How many rows a statement that writes has touched."""
        verb = (cursor.statusmessage or "").split(" ")[0]
        if verb not in ("INSERT", "UPDATE", "DELETE", "MERGE"):
            return 0
        self.changes += max(cursor.rowcount, 0)
        return max(cursor.rowcount, 0)

    @contextmanager
    def _plainly(self) -> Iterator[None]:
        with plainly(self._url):
            try:
                yield
            except psycopg.Error as error:
                self._link.is_lost(self._connection, error)
                raise


TRIGGERS = (
    "SELECT EXISTS (SELECT 1 FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid "
    "WHERE NOT t.tgisinternal AND c.relnamespace = current_schema()::regnamespace)"
)
NOW = "SELECT seconds, epoch, utc FROM obmen_now()"
TELL = (
    "SELECT xid::text, CASE WHEN xid IS NOT NULL THEN pg_notify($1, '')::text END "
    "FROM (SELECT pg_current_xact_id_if_assigned()) AS ours(xid)"
)
"""Who reads only has no number, and nothing to tell."""
END_SESSION = (
    "SELECT pg_terminate_backend(pid, ?2) FROM pg_stat_activity "
    "WHERE application_name = ?1 AND usename = current_user AND pid <> pg_backend_pid()"
)


async def _fetch(connection: Connection, sql: str, parameters: Sequence[object]) -> Sequence[Row]:
    return await _all_of(await connection.execute(numbered(sql).encode(), parameters))


async def _all_of(cursor: psycopg.AsyncCursor[Any]) -> Sequence[Row]:
    return await cursor.fetchall() if cursor.description else []
