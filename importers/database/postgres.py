"""PostgreSQL: the adaptor for statements of every engine, over psycopg 3. It is loaded where an address asks for it."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncGenerator, AsyncIterator, Iterable, Sequence
from contextlib import AbstractContextManager, asynccontextmanager, suppress
from datetime import datetime
from itertools import count
from pathlib import Path
from typing import Any, NamedTuple, Self

import psycopg
from psycopg.rows import tuple_row

from importers.addresses import without_secrets
from importers.clock import Now
from importers.database import many_rows
from importers.database.postgres_errors import plainly
from importers.database.postgres_link import Contact, Link, Listener
from importers.database.postgres_outcome import was_committed
from importers.database.postgres_schema import GATES, apply, migrate, quoted
from importers.database.postgres_values import (
    Connection,
    Row,
    all_of,
    copy_rows,
    copy_text,
    end,
    fetch,
    numbered,
)
from importers.database.postgres_watch import PostgresWatch
from importers.errors import PLACE, ConnectionLost, DatabaseError
from importers.shielding import to_the_end
from importers.texts import N_, Message

STREAM_ROWS = 500
_streams = count(1)


class Timeouts(NamedTuple):
    """Of the statements of a transaction, as PostgreSQL writes them; 0 = none."""

    statement: str
    lock: str
    idle: str


SHORT = Timeouts("5s", "5s", "10s")
"""Of transactions that everybody waits for: whoever stands still in one must not keep the others."""
LONG = Timeouts("0", "10s", "0")
"""Of those that take as long as their work."""


class PostgresDatabase:
    """A `Database` in a schema of a PostgreSQL database: two connections a process, one that reads and one that writes,
    and one that hears of changes once they are watched.

    The server's clock is its clock.
    """

    def __init__(
        self,
        url: str,
        schema: str,
        name: str = "obmen",
        timeouts: Timeouts = LONG,
        *,
        read_only: bool = False,
    ) -> None:
        self.url = url
        self._schema = schema
        path = f"search_path TO {quoted(schema)}"
        # A SELECT may take long, but not because others keep a table for themselves: that is told.
        session = f"SET {path}; SET statement_timeout = 0; SET lock_timeout = '{timeouts.lock}'"
        begin = "BEGIN READ ONLY" if read_only else "BEGIN"
        self._begin = (
            f"{begin}; SET LOCAL {path}; SET LOCAL statement_timeout = '{timeouts.statement}'; "
            f"SET LOCAL lock_timeout = '{timeouts.lock}'; "
            f"SET LOCAL idle_in_transaction_session_timeout = '{timeouts.idle}'"
        ).encode()
        self._contact = contact = Contact()
        self._reader, self._writer = Link(url, name, session, contact), Link(url, name, session, contact)
        self.channel = f"obmen_{hashlib.sha256(schema.encode()).hexdigest()[:16]}"
        self._listener = Listener(Link(url, name, session, contact), self.channel)
        self._reading = asyncio.Lock()
        self._turn = asyncio.Lock()
        self.place = f"{without_secrets(url)}#{schema}"
        self.shared = True

    @classmethod
    async def open(
        cls,
        url: str,
        schema: str,
        folder: Path,
        name: str = "obmen",
        timeouts: Timeouts = LONG,
        *,
        read_only: bool = False,
    ) -> Self:
        """Open the database at `url`, and make or migrate our `schema` in it by the steps in `folder`. `name`: what the
        server calls our connections, for `end_others`; `read_only`: as for `open_database`. Raises
        DatabaseError."""
        database = cls(url, schema, name, timeouts, read_only=read_only)
        try:
            with plainly(url):
                connection = await database._reader.connection()
                if not read_only:
                    await migrate(connection, folder, schema, database.place)
        except BaseException:
            await database.close()
            raise
        return database

    @classmethod
    async def identity(cls, url: str, schema: str) -> str | None:
        """What tells a schema from any other on any server, whatever address leads there, also from one that was
        restored out of its dump; None where this account may not know. Nothing is made. Raises DatabaseError."""
        database = cls(url, schema)
        try:
            ((may_ask,),) = await database.fetch(MAY_IDENTIFY)
            if not may_ask:
                return None
            ((server, number),) = await database.fetch(IDENTIFY)
            return f"{server}.{number}.{schema}"
        finally:
            await database.close()

    @property
    def lost_since(self) -> datetime | None:
        return self._contact.lost_since

    async def close(self) -> None:
        await self._listener.close()
        for link in (self._reader, self._writer):
            await link.close()

    async def now(self) -> Now:
        (row,) = await self.fetch(NOW)
        return Now(*row)

    async def fetch(self, sql: str, *parameters: object) -> Sequence[Row]:
        """A connection that is lost is opened anew, once: nothing was written."""
        async with self._reading:
            for last in (False, True):
                connection = await self._reader.connection()
                try:
                    with plainly(self.url, connection):
                        rows = await self._fetch(connection, sql, parameters)
                except ConnectionLost:
                    self._reader.note_lost()
                    if last:
                        raise
                else:
                    self._contact.lost_since = None
                    return rows
            raise AssertionError

    async def _fetch(self, connection: Connection, sql: str, parameters: Sequence[object]) -> Sequence[Row]:
        if not self._reader.pooled:
            return await fetch(connection, sql, parameters)
        try:
            await connection.execute(self._begin, prepare=False)
            return await fetch(connection, sql, parameters)
        finally:
            await end(connection)

    @asynccontextmanager
    async def transaction(self, gate: str | None = None) -> AsyncIterator[PostgresTransaction]:
        """READ COMMITTED: a statement that waited for another's row looks at it again."""
        async with self._turn:
            db = PostgresTransaction(self, self._writer)
            try:
                await db.begin(self._begin)
                if gate is not None:
                    # Of this schema: catalogs of several shops may be in one database.
                    key = f"{self._schema}.{gate}"
                    await db.fetch("SELECT pg_advisory_xact_lock(?1::int, hashtext(?2))", GATES, key)
                yield db
                await db.commit()
            finally:
                await db.rollback()

    async def state(self, mark: int) -> str | None:
        return None

    async def end_others(self, name: str) -> int:
        rows = await self.fetch(END_OTHERS, name)
        return len(rows)

    def watch(self) -> PostgresWatch:
        return PostgresWatch(self, self._listener)


class PostgresTransaction:
    def __init__(self, database: PostgresDatabase, link: Link) -> None:
        self.committed = False
        self.changes = 0
        self._over = False
        self._database = database
        self._link = link
        self._connection: Connection
        self._era: str
        self._adding: asyncio.Task[None] | None = None
        """Rows that the server has got and still adds: who merges prepares the next ones meanwhile."""

    async def begin(self, statement: bytes) -> None:
        """On a connection that is opened anew where it was lost: nothing was written."""
        for last in (False, False, True):
            self._connection, self._era = await self._link.connection(), self._link.era
            try:
                with self._plainly():
                    await self._connection.execute(statement, prepare=False)
            except ConnectionLost:
                self._link.note_lost()
                if last:
                    raise
            else:
                return

    def _plainly(self) -> AbstractContextManager[None]:
        return plainly(self._database.url, self._connection)

    async def make(self, folder: Path, schema: str) -> None:
        """Our tables in `schema`, by the steps in `folder`: they are there for others once this is committed. What
        follows is done in that schema. Raises DatabaseError."""
        connection = await self._added()
        with self._plainly():
            await apply(connection, folder, schema, f"{without_secrets(self._database.url)}#{schema}")
            await connection.execute(f"SET LOCAL search_path TO {quoted(schema)}".encode())

    async def _added(self) -> Connection:
        """The connection, once it is free. Raises what went wrong with the rows that were added last."""
        adding, self._adding = self._adding, None
        if adding:
            await adding
        return self._connection

    async def commit(self) -> None:
        """Unless it was to be rolled back. A cancellation that comes now is too late: what the server does decides."""
        if self._over:
            return
        await self._added()
        self._over = True
        commit = asyncio.ensure_future(self._commit())
        try:
            await to_the_end(commit)
        finally:
            self.committed = commit.exception() is None

    async def _commit(self) -> None:
        """Where the connection is lost before the server's answer comes, the server is asked what it did."""
        with self._plainly():
            ((transaction_id, _told),) = await fetch(self._connection, COMMITTING, (self._database.channel,))
        try:
            with self._plainly():
                cursor = await self._connection.execute(b"COMMIT", prepare=False)
                if cursor.statusmessage != "COMMIT":
                    raise DatabaseError(PLACE, path=self._database.place, why=Message(FAILED_BEFORE))
        except ConnectionLost:
            if transaction_id is None or await was_committed(self._database, transaction_id, self._era):
                return
            raise

    async def rollback(self) -> None:
        if self._over:
            return
        self._over = True
        if self._adding:
            self._adding.cancel()
            await to_the_end(asyncio.gather(self._adding, return_exceptions=True))
        # Also what was begun when a cancellation came. A connection that is lost has rolled back.
        if connection := self._link.open:
            await end(connection)

    async def now(self) -> Now:
        (row,) = await self.fetch(NOW)
        return Now(*row)

    async def fetch(self, sql: str, *parameters: object) -> Sequence[Row]:
        connection = await self._added()
        with self._plainly():
            cursor = await connection.execute(numbered(sql).encode(), parameters)
            self._note(cursor)
            return await all_of(cursor)

    async def select(self, sql: str, *parameters: object) -> list[tuple[Any, ...]]:
        connection = await self._added()
        with self._plainly():
            async with connection.cursor(row_factory=tuple_row) as cursor:
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
        connection = await self._added()
        with self._plainly():
            await connection.execute(f"DECLARE {name} CURSOR FOR {numbered(sql)}".encode(), parameters)
        try:
            while True:
                await self._added()
                with self._plainly():
                    batch = await fetch(connection, f"FETCH {STREAM_ROWS} FROM {name}")
                if not batch:
                    return
                for row in batch:
                    yield row
        finally:
            with suppress(psycopg.Error, DatabaseError):
                await (await self._added()).execute(f"CLOSE {name}".encode())

    async def execute(self, sql: str, *parameters: object) -> int:
        connection = await self._added()
        with self._plainly():
            cursor = await connection.execute(numbered(sql).encode(), parameters)
        return self._note(cursor)

    async def execute_many(self, sql: str, rows: Iterable[Sequence[object]]) -> None:
        connection = await self._added()
        with self._plainly():
            async with connection.cursor() as cursor:
                await cursor.executemany(numbered(sql).encode(), rows)
                self._note(cursor)

    async def insert(self, table: str, columns: tuple[str, ...], cells: Sequence[object]) -> None:
        if not cells:
            return
        rows = copy_text(cells, len(columns))  # while the server adds those before
        connection = await self._added()
        self.changes += len(cells) // len(columns)
        sent = asyncio.Event()

        async def add() -> None:
            with self._plainly():
                await copy_rows(connection, table, columns, rows, sent)

        self._adding = asyncio.create_task(add())
        self._adding.add_done_callback(lambda _task: sent.set())
        await sent.wait()

    async def update(
        self, table: str, key: tuple[str, ...], columns: tuple[str, ...], rows: Sequence[Sequence[object]]
    ) -> None:
        told = many_rows.as_json((*key, *columns), rows)
        await self.execute(many_rows.update_all(table, key, columns), told)

    async def delete(self, table: str, key: tuple[str, ...], rows: Sequence[Sequence[object]]) -> None:
        await self.execute(many_rows.delete_all(table, key), many_rows.as_json(key, rows))

    def _note(self, cursor: psycopg.AsyncCursor[Any]) -> int:
        """How many rows a statement that writes has touched."""
        verb = (cursor.statusmessage or "").split(" ")[0]
        if verb not in ("INSERT", "UPDATE", "DELETE", "MERGE"):
            return 0
        self.changes += max(cursor.rowcount, 0)
        return max(cursor.rowcount, 0)


TRIGGERS = (
    "SELECT EXISTS (SELECT 1 FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid "
    "WHERE NOT t.tgisinternal AND c.relnamespace = current_schema()::regnamespace)"
)
MAY_IDENTIFY = "SELECT has_function_privilege('pg_control_system()', 'EXECUTE')"
IDENTIFY = (
    "SELECT s.system_identifier, d.oid FROM pg_control_system() s, pg_database d "
    "WHERE d.datname = current_database()"
)
NOW = "SELECT seconds, epoch, utc FROM obmen_now()"
COMMITTING = (
    "SELECT id, CASE WHEN id IS NOT NULL THEN pg_notify(?1, '')::text END "
    "FROM (SELECT pg_current_xact_id_if_assigned()::text AS id) AS this"
)
"""Its number, and a word to all who listen; NULL and no word where nothing was written."""
END_OTHERS = (
    "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE application_name = ?1 "
    "AND pid <> pg_backend_pid() AND usename = current_user"
)
FAILED_BEFORE = N_("a statement of the transaction had failed; nothing was done")
