"""Who waits for changes of a database of PostgreSQL: told by the server, or by looking where that cannot be."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import psycopg
from psycopg.pq.abc import PGconn

from importers.database.postgres_connection import Connector, pauses
from importers.database.postgres_values import quoted
from importers.errors import DatabaseError
from importers.shielding import to_the_end

POLL_SECONDS = 0.1
"""How often one looks where the server does not tell."""
LISTENING_POLL_SECONDS = 2.0
"""How often one asks whether the server is still there to tell."""
ANSWER_SECONDS = 5.0
SNAPSHOT = "SELECT pg_current_snapshot()::text"
"""What every transaction that writes changes when it ends: on a busy server, often; never too seldom."""


def channel_of(schema: str) -> str:
    """What a transaction that wrote notifies. Two that share one by their first letters are woken too often."""
    return f"obmen.{schema}"[:63]


class Listener:
    """The connection on which the server tells that somebody wrote, one for all watches of a database.

    libpq is asked itself: who waits for a notice must not keep others from asking whether there was one.
    """

    def __init__(self, connect: Connector) -> None:
        self.news = 0
        """Grows with each notice, and whenever one may have been missed."""
        self._connect = connect
        self._server: PGconn | None = None
        self._task: asyncio.Task[None] | None = None
        self._tried = asyncio.Event()
        self._gone = asyncio.Event()
        self._next: asyncio.Future[None] | None = None
        self._answer: asyncio.Future[None] | None = None

    @property
    def hears(self) -> bool:
        return self._server is not None

    async def start(self) -> None:
        """Once it has heard or failed for the first time. A pooler is left at once: it passes no notice on."""
        if self._task is None:
            self._task = asyncio.create_task(self._listen())
        await self._tried.wait()

    async def close(self) -> None:
        if self._task:
            self._task.cancel()
            await asyncio.wait([self._task])

    def tell(self) -> None:
        self.news += 1
        if self._next:
            self._next.set_result(None)
            self._next = None

    async def next(self, seconds: float) -> None:
        """Sleep until there is news, or so long."""
        self._next = self._next or asyncio.get_running_loop().create_future()
        await asyncio.wait([self._next], timeout=seconds)

    async def catch_up(self) -> None:
        """All that was committed before is heard then, unless the server is lost: it answers a question after that."""
        while self._answer:  # the question was put before
            await asyncio.wait([self._answer])
        if not self._server:
            return
        answer = self._answer = asyncio.get_running_loop().create_future()
        try:
            self._server.send_query(b"")
            self._server.flush()
        except psycopg.Error:
            self._lost()
        done, _waiting = await asyncio.wait([answer], timeout=ANSWER_SECONDS)
        if not done:
            self._lost()

    async def _listen(self) -> None:
        waits = pauses()
        while True:
            try:
                if await self._listen_once():
                    waits = pauses()
                else:
                    return
            except (psycopg.Error, DatabaseError):
                self._connect.lost()
            finally:
                self._tried.set()
            await asyncio.sleep(next(waits))

    async def _listen_once(self) -> bool:
        """Until the connection is lost; False where nothing would be heard on it."""
        connection = await self._connect()
        loop, socket = asyncio.get_running_loop(), connection.fileno()
        try:
            if connection.pooled:
                return False
            await connection.execute(f"LISTEN {quoted(channel_of(self._connect.schema))}".encode())
            self._gone.clear()
            self._server = connection.pgconn
            loop.add_reader(socket, self._read)
            self.tell()  # what was written before
            self._tried.set()
            await self._gone.wait()
            self._connect.lost()
            return True
        finally:
            loop.remove_reader(socket)
            self._lost()
            await to_the_end(connection.close())

    def _read(self) -> None:
        if not self._server:
            return
        try:
            self._server.consume_input()
            answered = False
            while self._answer and not answered and not self._server.is_busy():
                answered = self._server.get_result() is None
            heard = False
            while self._server.notifies():
                heard = True
        except psycopg.Error:
            self._lost()
            return
        if heard:
            self.tell()
        if answered:
            self._answered()

    def _answered(self) -> None:
        if self._answer:
            self._answer.set_result(None)
            self._answer = None

    def _lost(self) -> None:
        self._gone.set()
        self._answered()
        if self._server:
            self._server = None
            self.tell()


class PostgresWatch:
    """By what the listener hears, else by looking. `look`: what tells a state of the database from others."""

    def __init__(self, listener: Listener, look: Callable[[], Awaitable[str]]) -> None:
        self._listener = listener
        self._look = look
        self._seen: int | str | None = None

    async def changed(self) -> bool:
        await self._listener.start()
        if self._listener.hears:
            await self._listener.catch_up()
        # What was heard tells nothing while nothing is heard.
        state = self._listener.news if self._listener.hears else await self._look()
        before, self._seen = self._seen, state
        return before != state

    async def wait(self, seconds: float) -> bool:
        loop = asyncio.get_running_loop()
        end = loop.time() + seconds
        while not await self.changed():
            left = end - loop.time()
            if left <= 0:
                return False
            most = LISTENING_POLL_SECONDS if self._listener.hears else POLL_SECONDS
            await self._listener.next(min(left, most))
        return True
