"""PostgreSQL: the adaptor for statements of every engine, over psycopg 3. It is loaded where an address asks for it."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncGenerator, AsyncIterator, Iterable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from functools import lru_cache
from itertools import count
from pathlib import Path
from typing import Any, ClassVar, Self

import psycopg
from psycopg.abc import Buffer
from psycopg.adapt import Dumper, Loader
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.rows import tuple_row
from psycopg.types.string import TextLoader

from importers.addresses import without_secrets
from importers.clock import Now
from importers.database.postgres_schema import GATES, migrate, quoted
from importers.errors import PLACE, DatabaseError
from importers.shielding import to_the_end
from importers.texts import N_, Message

STREAM_ROWS = 500
_streams = count(1)
CONNECTING: dict[str, int | str] = {
    "connect_timeout": 5,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "client_encoding": "UTF8",
}
"""A host that is gone is noticed after half a minute at most."""
TIMEOUTS = "SET statement_timeout = 0; SET lock_timeout = '10s'; SET idle_in_transaction_session_timeout = 0"
Connection = psycopg.AsyncConnection[Any]


class Row(tuple[Any, ...]):
    """Columns by name or place. A type of its own for each list of names."""

    __slots__ = ()
    places: ClassVar[dict[str, int]] = {}

    def __getitem__(self, column: Any) -> Any:
        return tuple.__getitem__(self, self.places[column] if isinstance(column, str) else column)

    def keys(self) -> Sequence[str]:
        return list(self.places)


@lru_cache(maxsize=256)
def _row_type(names: tuple[str, ...]) -> type[Row]:
    return type("Row", (Row,), {"__slots__": (), "places": {name: at for at, name in enumerate(names)}})


def _rows(cursor: psycopg.AsyncCursor[Any]) -> Any:
    names = tuple(column.name for column in cursor.description or ())
    return _row_type(names) if names else tuple


class _AsText(Dumper):
    """What stands in a statement without a type, so that the column decides: 1 is true in one and 1.0 in another."""

    oid = 0

    def dump(self, obj: Any) -> Buffer:
        return str(obj).encode()


class _Bit(Loader):
    """SQLite's 0 and 1."""

    def load(self, data: Buffer) -> int:
        return int(bytes(data) == b"t")


@lru_cache(maxsize=512)
def numbered(sql: str) -> str:
    """With $1 $2 in place of ?1 ?2, and of ? one after the other."""
    numbers = count(1)
    return re.sub(r"\?(\d*)", lambda found: f"${found[1] or next(numbers)}", sql)


class PostgresDatabase:
    """A `Database` in a schema of a PostgreSQL database: two connections a process, one that reads and one that writes.

    The server's clock is its clock.
    """

    def __init__(self, url: str, schema: str) -> None:
        self._url = url
        self._schema = schema
        self._reader: Connection | None = None
        self._writer: Connection | None = None
        self._reading = asyncio.Lock()
        self._turn = asyncio.Lock()
        self.place = f"{without_secrets(url)}#{schema}"
        self.shared = True

    @classmethod
    async def open(cls, url: str, schema: str, folder: Path) -> Self:
        """Open the database at `url`, and make or migrate our `schema` in it by the steps in `folder`. Raises
        DatabaseError."""
        database = cls(url, schema)
        try:
            with plainly(url):
                database._reader = reader = await database._connect()
                await migrate(reader, folder, schema, database.place)
        except BaseException:
            await database.close()
            raise
        return database

    async def close(self) -> None:
        for connection in (self._reader, self._writer):
            if connection:
                await to_the_end(connection.close())

    async def now(self) -> Now:
        (row,) = await self.fetch(NOW)
        return Now(*row)

    async def fetch(self, sql: str, *parameters: object) -> Sequence[Row]:
        """A connection that is lost is opened anew, once: nothing was written."""
        async with self._reading:
            with plainly(self._url):
                if self._reader and not self._reader.broken:
                    try:
                        return await _fetch(self._reader, sql, parameters)
                    except psycopg.OperationalError:
                        if not self._reader.broken:
                            raise
                self._reader = await self._connect()
                return await _fetch(self._reader, sql, parameters)

    @asynccontextmanager
    async def transaction(self, gate: str | None = None) -> AsyncIterator[PostgresTransaction]:
        """READ COMMITTED: a statement that waited for another's row looks at it again."""
        async with self._turn:
            db = PostgresTransaction(self._url, await self._begin())
            try:
                if gate is not None:
                    await db.fetch("SELECT pg_advisory_xact_lock(?1::int, hashtext(?2))", GATES, gate)
                yield db
                await db.commit()
            finally:
                await db.rollback()

    async def state(self, mark: int) -> str | None:
        return None

    def watch(self) -> PostgresWatch:
        return PostgresWatch(self)

    async def _begin(self) -> Connection:
        """The writing connection, in a transaction."""
        with plainly(self._url):
            if self._writer and not self._writer.broken:
                try:
                    await self._writer.execute(b"BEGIN")
                except psycopg.OperationalError:
                    if not self._writer.broken:
                        raise
                else:
                    return self._writer
            self._writer = await self._connect()
            await self._writer.execute(b"BEGIN")
            return self._writer

    async def _connect(self) -> Connection:
        connection = await Connection.connect(
            make_conninfo(self._url, application_name="obmen", **CONNECTING),
            autocommit=True,
            row_factory=_rows,
            cursor_factory=psycopg.AsyncRawCursor,
        )
        for type_ in (int, float):
            connection.adapters.register_dumper(type_, _AsText)
        connection.adapters.register_loader("bool", _Bit)
        connection.adapters.register_loader("numeric", TextLoader)
        connection.prepare_threshold = 2
        await connection.execute(f"SET search_path TO {quoted(self._schema)}; {TIMEOUTS}".encode())
        return connection


class PostgresTransaction:
    def __init__(self, url: str, connection: Connection) -> None:
        self.committed = False
        self.changes = 0
        self._over = False
        self._url = url
        self._connection = connection

    async def commit(self) -> None:
        """Unless it was to be rolled back. A cancellation that comes now is too late: what the server does decides."""
        if self._over:
            return
        self._over = True
        commit = asyncio.ensure_future(self._connection.execute(b"COMMIT"))
        try:
            with plainly(self._url):
                await to_the_end(commit)
        finally:
            self.committed = commit.exception() is None

    async def rollback(self) -> None:
        if self._over:
            return
        self._over = True
        # A connection that is lost has rolled back.
        with suppress(psycopg.OperationalError):
            await to_the_end(self._connection.execute(b"ROLLBACK"))

    async def now(self) -> Now:
        (row,) = await self.fetch(NOW)
        return Now(*row)

    async def fetch(self, sql: str, *parameters: object) -> Sequence[Row]:
        with plainly(self._url):
            cursor = await self._connection.execute(numbered(sql).encode(), parameters)
            self._note(cursor)
            return await _all_of(cursor)

    async def select(self, sql: str, *parameters: object) -> list[tuple[Any, ...]]:
        with plainly(self._url):
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
        with plainly(self._url):
            await self._connection.execute(f"DECLARE {name} CURSOR FOR {numbered(sql)}".encode(), parameters)
        try:
            while True:
                with plainly(self._url):
                    batch = await _fetch(self._connection, f"FETCH {STREAM_ROWS} FROM {name}", ())
                if not batch:
                    return
                for row in batch:
                    yield row
        finally:
            with suppress(psycopg.Error):
                await self._connection.execute(f"CLOSE {name}".encode())

    async def execute(self, sql: str, *parameters: object) -> int:
        with plainly(self._url):
            cursor = await self._connection.execute(numbered(sql).encode(), parameters)
        return self._note(cursor)

    async def execute_many(self, sql: str, rows: Iterable[Sequence[object]]) -> None:
        with plainly(self._url):
            async with self._connection.cursor() as cursor:
                await cursor.executemany(numbered(sql).encode(), rows)
                self._note(cursor)

    async def insert(self, table: str, columns: tuple[str, ...], cells: Sequence[object]) -> None:
        if not cells:
            return
        width = len(columns)
        statement = f"COPY {table} ({', '.join(columns)}) FROM STDIN".encode()
        with plainly(self._url):
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


class PostgresWatch:
    """By what every transaction that writes changes when it ends: of a busy server, often; never too seldom."""

    def __init__(self, database: PostgresDatabase) -> None:
        self._database = database
        self._snapshot = ""

    async def changed(self) -> bool:
        ((snapshot,),) = await self._database.fetch("SELECT pg_current_snapshot()::text")
        before, self._snapshot = self._snapshot, str(snapshot)
        return before != self._snapshot


TRIGGERS = (
    "SELECT EXISTS (SELECT 1 FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid "
    "WHERE NOT t.tgisinternal AND c.relnamespace = current_schema()::regnamespace)"
)
NOW = "SELECT seconds, epoch, utc FROM obmen_now()"


async def _fetch(connection: Connection, sql: str, parameters: Sequence[object]) -> Sequence[Row]:
    return await _all_of(await connection.execute(numbered(sql).encode(), parameters))


async def _all_of(cursor: psycopg.AsyncCursor[Any]) -> Sequence[Row]:
    return await cursor.fetchall() if cursor.description else []


@contextmanager
def plainly(url: str) -> Iterator[None]:
    """Turn what PostgreSQL says, and what keeps from reaching it, into a DatabaseError that names place and cure."""
    try:
        yield
    except psycopg.Error as error:
        place = without_secrets(url)
        state = error.sqlstate or ""
        for prefix, cure in _CURES.items():
            if state.startswith(prefix):
                raise DatabaseError(PLACE, path=place, why=Message(cure)) from error
        if isinstance(error, psycopg.OperationalError) and not state:
            raise DatabaseError(
                N_("{path}: cannot be reached: {error}; start it, or correct the address"),
                path=place,
                error=_said(error, url),
            ) from error
        raise


def _said(error: psycopg.Error, url: str) -> str:
    """The last line of it without the password."""
    text = str(error).strip().splitlines()[-1] if str(error).strip() else type(error).__name__
    password = str(conninfo_to_dict(url).get("password") or "")
    return text.replace(password, "…") if password else text


_CURES = {
    "28": N_("the server refuses this account; correct user and password"),
    "3D": N_("there is no such database; create it, or correct the address"),
    "42501": N_("this account may not do that; grant it the right"),
    "53100": N_("the server's disk is full; free some space"),
    "53300": N_("the server has too many connections; allow it more"),
    "25006": N_("read-only: this is a standby, or the account may only read"),
    "55P03": N_("somebody holds a lock on it for long; wait, or end what holds it"),
    "57014": N_("it took too long and was ended; try again"),
    "57P": N_("the server ends connections; try again when it is back"),
    "08": N_("the connection to the server is lost; try again"),
}
"""By SQLSTATE."""
