"""Connections to a server of PostgreSQL: opened anew where they are lost, and that this is so is known."""

from __future__ import annotations

import asyncio
import random
from contextlib import suppress
from datetime import UTC, datetime

import psycopg
from psycopg.conninfo import make_conninfo

from importers.addresses import without_secrets
from importers.database.postgres_errors import plainly
from importers.database.postgres_values import Connection, adapt, make_rows
from importers.errors import DatabaseError
from importers.shielding import to_the_end
from importers.texts import N_

CONNECTING: dict[str, int | str] = {
    "connect_timeout": 5,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "client_encoding": "UTF8",
}
"""A host that is gone is noticed after half a minute at most."""
RECONNECT_SECONDS = 30.0
"""So long is tried to have a lost connection back before whoever needs it is told."""
PAUSES = (0.1, 2.0)
"""Between tries, growing, each with some chance: not all come at once to a server that is just back."""
OLDEST_SERVER = 15


class Link:
    """A connection of one role. `prepare` is run on each one that is opened; `lost_since`: None while all is well, or
    nothing was tried."""

    def __init__(self, url: str, name: str, prepare: str) -> None:
        self._url = url
        self._name = name
        self._prepare = prepare
        self._connection: Connection | None = None
        self.lost_since: datetime | None = None
        self.pooled = False
        """Whether a pooler stands in between, so that each transaction may have another connection of the server."""

    @property
    def open(self) -> Connection | None:
        """The connection, unless it was lost."""
        return None if self._connection is None or self._connection.closed else self._connection

    async def connection(self) -> Connection:
        """The one that is open, or a new one, for which one waits after a loss. Raises DatabaseError."""
        if connection := self.open:
            return connection
        is_first = self._connection is None
        if not is_first:
            self.note_lost()
        loop = asyncio.get_running_loop()
        end, (pause, longest) = loop.time() + RECONNECT_SECONDS, PAUSES
        while True:
            try:
                self._connection = await self._connect()
            except DatabaseError:
                if is_first or loop.time() > end:
                    raise
                await asyncio.sleep(pause * random.uniform(0.5, 1.5))  # noqa: S311 (no secret)
                pause = min(2 * pause, longest)
            else:
                self.lost_since = None
                return self._connection

    def note_lost(self) -> None:
        if self.lost_since is None:
            self.lost_since = datetime.now(UTC)

    async def close(self) -> None:
        if self._connection:
            await to_the_end(self._connection.close())

    async def _connect(self) -> Connection:
        with plainly(self._url):
            connection = await Connection.connect(
                make_conninfo(self._url, application_name=self._name, **CONNECTING),
                autocommit=True,
                row_factory=make_rows,
                cursor_factory=psycopg.AsyncRawCursor,
            )
            try:
                if connection.info.server_version < OLDEST_SERVER * 10_000:
                    raise DatabaseError(
                        N_("{path}: PostgreSQL {found}, obmen needs {oldest} or later; update the server"),
                        path=without_secrets(self._url),
                        found=connection.info.server_version // 10_000,
                        oldest=OLDEST_SERVER,
                    )
                adapt(connection)
                ((backend,),) = await (await connection.execute(b"SELECT pg_backend_pid()")).fetchall()
                # A pooler tells of another number than the server, and gives every transaction another connection: what
                # was set or prepared on one is unknown to the next.
                self.pooled = backend != connection.info.backend_pid
                connection.prepare_threshold = None if self.pooled else 2
                if not self.pooled:
                    await connection.execute(self._prepare.encode())
                    with suppress(psycopg.Error):  # not every system of a server can look after its clients
                        await connection.execute(b"SET client_connection_check_interval = '5s'")
            except BaseException:
                await to_the_end(connection.close())
                raise
            return connection


class Listener:
    """Hears of changes that others commit, on a connection of its own; `heard` counts them."""

    def __init__(self, link: Link, channel: str) -> None:
        self.link = link
        self._channel = channel
        self._task: asyncio.Task[None] | None = None
        self._waiting: set[asyncio.Event] = set()
        self.heard = 0
        self.listening = False
        """False while the connection is lost, and where a pooler stands in between: then one has to ask."""

    def start(self) -> None:
        if self._task is None:
            self._task = asyncio.create_task(self._listen(), name="listener")

    async def close(self) -> None:
        if self._task:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        await self.link.close()

    async def until(self, heard: int, seconds: float) -> None:
        """Until more was heard than that, or listening has begun or ended, or the seconds are over."""
        woken = asyncio.Event()
        self._waiting.add(woken)
        try:
            if self.heard == heard:
                async with asyncio.timeout(seconds):
                    await woken.wait()
        except TimeoutError:
            pass
        finally:
            self._waiting.discard(woken)

    def _hear(self) -> None:
        self.heard += 1
        for waiting in self._waiting:
            waiting.set()

    async def _listen(self) -> None:
        while True:
            try:
                connection = await self.link.connection()
                if self.link.pooled:
                    return
                await connection.execute(f'LISTEN "{self._channel}"'.encode())
                self.listening = True
                self._hear()  # what came while nobody listened
                async for _notification in connection.notifies():
                    self._hear()
            except (psycopg.Error, DatabaseError):
                self.link.note_lost()
            finally:
                self.listening = False
                self._hear()
            await asyncio.sleep(PAUSES[0])
