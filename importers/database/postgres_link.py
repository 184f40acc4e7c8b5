"""Connections to a server of PostgreSQL: opened anew where they are lost, and that this is so is known."""

from __future__ import annotations

import asyncio
import os
import random
import stat
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from importers.addresses import FILES, SYSTEM, without_secrets
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
    "tcp_user_timeout": 20_000,
    "client_encoding": "UTF8",
}
"""A host that is gone is noticed after half a minute at most."""
RECONNECT_SECONDS = 30.0
"""So long is tried to have a lost connection back before whoever needs it is told."""
PAUSES = (0.1, 2.0)
"""Between tries, growing, each with some chance: not all come at once to a server that is just back."""
OLDEST_SERVER = 15
NOTICING = (
    "SET tcp_keepalives_idle = 10; SET tcp_keepalives_interval = 5; SET tcp_keepalives_count = 3",
    "SET client_connection_check_interval = '5s'",
)
"""So the server notices a client that is gone, and lets go what it held. Not every system of a server can."""
ERA = "(SELECT coalesce(extract(epoch FROM stats_reset)::text, '') FROM pg_stat_archiver)"
"""Since when the server has lost nothing: after a crash it counts anew, after a stop in good order it does not."""


def conninfo(url: str, name: str) -> str:
    """What libpq is given of an address. Raises DatabaseError."""
    try:
        info = make_conninfo(url, application_name=name, **CONNECTING)
    except psycopg.Error:  # it quotes the address
        raise DatabaseError(
            N_("{path}: the address cannot be understood; correct it"), path=without_secrets(url)
        ) from None
    told = conninfo_to_dict(info)
    for option in FILES:  # without it libpq would check less, or have no password
        file = str(told.get(option) or SYSTEM)
        if file != SYSTEM and not os.access(file, os.R_OK):
            raise DatabaseError(
                N_("{path}: cannot read {file}; correct {option}"),
                path=without_secrets(url),
                file=file,
                option=option,
            )
    if passfile := _open_passfile(told):
        raise DatabaseError(
            N_("{path}: others may read the file of passwords; run: chmod 600 {file}"),
            path=without_secrets(url),
            file=passfile,
        )
    return info


def _open_passfile(told: dict[str, Any]) -> str:
    """The file of passwords, where libpq would not use it, and say so on the terminal, across what stands there."""
    if told.get("password") or told.get("service") or os.environ.get("PGPASSWORD"):
        return ""
    named = told.get("passfile") or os.environ.get("PGPASSFILE")
    with suppress(OSError, RuntimeError):  # RuntimeError: an account without a home
        file = Path(str(named)) if named else Path("~/.pgpass").expanduser()
        if file.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
            return str(file)
    return ""


def refuse_old(connection: Connection, url: str) -> None:
    """Raises DatabaseError."""
    if connection.info.server_version < OLDEST_SERVER * 10_000:
        raise DatabaseError(
            N_("{path}: PostgreSQL {found}, obmen needs {oldest} or later; update the server"),
            path=without_secrets(url),
            found=connection.info.server_version // 10_000,
            oldest=OLDEST_SERVER,
        )


class Contact:
    """With the server, over all connections of a database."""

    lost_since: datetime | None = None
    """From when one was lost until the server answers on any of them."""


class Link:
    """A connection of one role. `prepare` is run on each one that is opened."""

    def __init__(self, url: str, name: str, prepare: str, contact: Contact) -> None:
        self._url = url
        self._name = name
        self._prepare = prepare
        self._connection: Connection | None = None
        self._contact = contact
        self.pooled = self._passes_for_a_server = False
        """Whether a pooler stands in between, so that each transaction may have another connection of the server."""
        self.era = ""
        """That of the server when the connection was opened."""

    @property
    def open(self) -> Connection | None:
        """The connection, unless it was lost."""
        return None if self._connection is None or self._connection.closed else self._connection

    async def connection(self) -> Connection:
        """The one that is open, or a new one, for which one waits after a loss. Raises DatabaseError."""
        if connection := self.open:
            return connection
        is_first = self._connection is None
        if self._connection:
            self.note_lost()
            # Its prepared statements went wrong.
            self._passes_for_a_server |= self._connection.prepare_threshold is None and not self.pooled
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
                self._contact.lost_since = None
                return self._connection

    def note_lost(self) -> None:
        if self._contact.lost_since is None:
            self._contact.lost_since = datetime.now(UTC)

    async def close(self) -> None:
        if self._connection:
            await to_the_end(self._connection.close())

    async def _connect(self) -> Connection:
        with plainly(self._url):
            connection = await Connection.connect(
                conninfo(self._url, self._name),
                autocommit=True,
                row_factory=make_rows,
                cursor_factory=psycopg.AsyncRawCursor,
            )
            try:
                refuse_old(connection, self._url)
                adapt(connection)
                cursor = await connection.execute(f"SELECT pg_backend_pid(), {ERA}".encode())
                ((backend, self.era),) = await cursor.fetchall()
                # A pooler tells of another number than the server, and gives every transaction another connection: what
                # was set or prepared on one is unknown to the next.
                self.pooled = self._passes_for_a_server or backend != connection.info.backend_pid
                connection.prepare_threshold = None if self.pooled else 2
                if not self.pooled:
                    await connection.execute(self._prepare.encode())
                    for statement in NOTICING:
                        with suppress(psycopg.errors.DatabaseError):
                            await connection.execute(statement.encode())
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
