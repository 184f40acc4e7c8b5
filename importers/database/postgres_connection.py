"""Connections to PostgreSQL: how one is opened, what it does to values, and how a lost one is opened anew."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Iterator
from contextlib import suppress
from typing import Any, TypeVar

import psycopg
from psycopg.conninfo import make_conninfo
from psycopg.pq import TransactionStatus

from importers.addresses import without_secrets
from importers.clock import Clock
from importers.database.postgres_errors import FOREIGN, is_lost
from importers.database.postgres_values import adapt, quoted, row_factory, value
from importers.errors import DatabaseError
from importers.shielding import to_the_end
from importers.texts import N_

T = TypeVar("T")
OLDEST_SERVER = 15
CONNECTING: dict[str, int | str] = {
    "connect_timeout": 5,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 20_000,
    "client_encoding": "UTF8",
}
"""A host that is gone is noticed after half a minute at most."""
SHORT = {"statement_timeout": "5s", "lock_timeout": "5s", "idle_in_transaction_session_timeout": "10s"}
LONG = {"statement_timeout": "0", "lock_timeout": "10s", "idle_in_transaction_session_timeout": "0"}
NOTICING = (
    "SET tcp_keepalives_idle = 10; SET tcp_keepalives_interval = 5; SET tcp_keepalives_count = 3",
    "SET client_connection_check_interval = '5s'",
)
"""So the server notices a client that is gone. Not every system can."""
PATIENCE_SECONDS = 10.0
"""How long a statement waits for a server that was there before."""
READ_TRIES = 3
_FIRST_PAUSE_SECONDS, _LONGEST_PAUSE_SECONDS = 0.1, 2.0
ERA = "(SELECT coalesce(extract(epoch FROM stats_reset)::text, '') FROM pg_stat_archiver)"
"""Since when the server has lost nothing: after a crash it counts anew, after a stop in good order it does not."""
_WHO = f"SELECT pg_backend_pid(), {ERA}"


class Connection(psycopg.AsyncConnection[Any]):
    """To the server itself, or to a pooler, which gives each transaction any of its own connections."""

    pooled: bool
    begin: bytes
    """The statements that begin a transaction."""
    era: str

    async def end(self) -> None:
        """Roll back what goes on; where that cannot be known, close it. Raises nothing."""
        status = self.info.transaction_status
        with suppress(psycopg.Error):
            if status in (TransactionStatus.INTRANS, TransactionStatus.INERROR):
                await to_the_end(self.execute(b"ROLLBACK", prepare=False))
        if self.info.transaction_status is not TransactionStatus.IDLE:
            await to_the_end(self.close())


class Connector:
    """Opens connections that see one schema, under one name.

    `long`: their transactions may take as long as they like, else they hold nobody up for more than some seconds.
    """

    def __init__(self, url: str, schema: str, name: str, *, long: bool) -> None:
        self.url = url
        self.schema = schema
        self._name = name
        self.lost_since: str | None = None
        """UTC, from when a connection was lost until the server answers, on that one or another."""
        self._long = long
        self.pooled = False
        """Known by what went wrong."""
        limits = {name: value(text) for name, text in (LONG if long else SHORT).items()}
        self._settings = {"search_path": quoted(schema), **limits}

    async def __call__(self) -> Connection:
        """Raises psycopg.Error, DatabaseError."""
        connection = await Connection.connect(
            conninfo(self.url, self._name),
            autocommit=True,
            row_factory=row_factory,
            cursor_factory=psycopg.AsyncRawCursor,
        )
        try:
            await self._prepare(connection)
        except BaseException:
            await to_the_end(connection.close())
            raise
        self.lost_since = None
        return connection

    def lost(self) -> None:
        self.lost_since = self.lost_since or Clock().now()

    async def _prepare(self, connection: Connection) -> None:
        require_new(connection, self.url)
        adapt(connection)
        connection.prepare_threshold = None
        ((pid, connection.era),) = await (await connection.execute(_WHO.encode())).fetchall()
        # A pooler tells a number of its own.
        connection.pooled = self.pooled or pid != connection.info.backend_pid
        connection.begin = b"BEGIN"
        if connection.pooled:
            local = [f"SET LOCAL {name} = {text}" for name, text in self._settings.items()]
            connection.begin = "; ".join(["BEGIN", *local]).encode()
            return
        connection.prepare_threshold = 2
        settings = [f"SET {name} = {text}" for name, text in self._settings.items()]
        await connection.execute("; ".join(settings).encode())
        for statement in NOTICING if self._long else NOTICING[:1]:
            with suppress(psycopg.errors.DatabaseError):
                await connection.execute(statement.encode())


def conninfo(url: str, name: str) -> str:
    """What libpq is given of an address. Raises DatabaseError."""
    try:
        return make_conninfo(url, application_name=name, **CONNECTING)
    except psycopg.Error:  # it quotes the address
        raise DatabaseError(
            N_("{path}: the address cannot be understood; correct it"), path=without_secrets(url)
        ) from None


def require_new(connection: psycopg.AsyncConnection[Any], url: str) -> None:
    """Raises DatabaseError for a server that is too old."""
    if connection.info.server_version // 10_000 < OLDEST_SERVER:
        raise DatabaseError(
            N_("{path}: PostgreSQL {version}: obmen needs {oldest} or later"),
            path=without_secrets(url),
            version=connection.info.parameter_status("server_version"),
            oldest=OLDEST_SERVER,
        )


class Link:
    """A connection for one purpose, opened when it is first needed, and anew when it was lost."""

    def __init__(self, connect: Connector) -> None:
        self.current: Connection | None = None
        self._connect = connect

    async def open(self) -> Connection:
        """At once or not at all. Raises psycopg.Error, DatabaseError."""
        self.current = await self._connect()
        return self.current

    async def connection(self) -> Connection:
        """One that is open as far as one knows. Waits for a server that is away. Raises as `open`."""
        if self.current and not self.current.closed:
            return self.current
        end = asyncio.get_running_loop().time() + PATIENCE_SECONDS
        for pause in pauses():
            try:
                return await self.open()
            except psycopg.Error as error:
                self._connect.lost()
                if not is_lost(error) or asyncio.get_running_loop().time() + pause > end:
                    raise
            await asyncio.sleep(pause)
        raise AssertionError("pauses have no end")

    async def repeat(self, act: Callable[[Connection], Awaitable[T]]) -> T:
        """What `act` makes of a connection; on another one if it was lost: it must not write."""
        tries = READ_TRIES
        while True:
            connection = await self.connection()
            try:
                made = await act(connection)
            except psycopg.Error as error:
                tries -= 1
                if not self.is_lost(connection, error) or not tries:
                    raise
            else:
                self._connect.lost_since = None
                return made

    def is_lost(self, connection: Connection, error: psycopg.Error) -> bool:
        """Whether `connection` is, which met with that error. Then it is closed."""
        lost = is_lost(error) or connection.closed
        if lost:
            self._connect.lost()
            connection.pgconn.finish()
        # A pooler that passes for the server itself has given us a session in which others prepared statements.
        if error.sqlstate in FOREIGN:
            self._connect.pooled = True
        return lost

    async def close(self) -> None:
        if self.current:
            await to_the_end(self.current.close())


def pauses() -> Iterator[float]:
    """Seconds between tries to reach a server, without end: those who lost it at once do not come back at once."""
    longest = 2 * _FIRST_PAUSE_SECONDS
    while True:
        yield random.uniform(_FIRST_PAUSE_SECONDS, longest)  # noqa: S311 (nothing secret)
        longest = min(2 * longest, _LONGEST_PAUSE_SECONDS)
