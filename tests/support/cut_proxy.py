"""A way to a PostgreSQL server that can be cut at a COMMIT, and closed for a while."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from enum import Enum
from pathlib import Path

COMMIT = b"Q\x00\x00\x00\x0bCOMMIT\x00"
"""The message of a simple query."""


class Cut(Enum):
    BEFORE = "the server does not get it, and sees that the client is gone"
    AFTER = "the server has done it, and its answer is lost"
    SILENT = "the server does not get it, and does not see that the client is gone"


class CutProxy:
    """Passes all on between clients on a socket of its own and the server. Of the test's own event loop."""

    def __init__(self, server: str, folder: Path) -> None:
        address, _option, place = server.partition("host=")
        self.url = f"{address}host={folder}"
        self.cuts: list[Cut | None] = []
        """What is to happen to the next COMMITs, one after the other; None: nothing."""
        self.cut = 0
        """How many have met with it."""
        self._server = f"{place}/.s.PGSQL.5432"
        self._socket = folder / ".s.PGSQL.5432"
        self._passing: set[asyncio.Task[None]] = set()
        self._listening: asyncio.Server | None = None
        self._thawed = asyncio.Event()
        self._thawed.set()

    async def open(self) -> None:
        self._listening = await asyncio.start_unix_server(self._enter, self._socket)

    def shut(self) -> None:
        """Nobody new is let in."""
        if self._listening:
            self._listening.close()
            self._listening = None
            self._socket.unlink(missing_ok=True)

    async def close(self) -> None:
        """Nobody is let in, and all who were are cut off."""
        self.shut()
        for passing in self._passing:
            passing.cancel()
        if self._passing:
            await asyncio.wait(self._passing)

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """Nothing comes from the server."""
        self._thawed.clear()
        try:
            yield
        finally:
            self._thawed.set()

    def _enter(self, client: asyncio.StreamReader, to_client: asyncio.StreamWriter) -> None:
        passing = asyncio.create_task(self._pass(client, to_client))
        self._passing.add(passing)
        passing.add_done_callback(self._passing.discard)

    async def _pass(self, client: asyncio.StreamReader, to_client: asyncio.StreamWriter) -> None:
        server, to_server = await asyncio.open_unix_connection(self._server)
        down = asyncio.create_task(self._down(server, to_client))
        try:
            with suppress(OSError):
                cut = await self._up(client, to_server)
                down.cancel()
                await asyncio.wait([down])
                if cut is Cut.AFTER:
                    to_server.write(COMMIT)
                    assert b"COMMIT\x00" in await server.read(65536)
                to_client.transport.abort()
                if cut is Cut.SILENT:
                    await server.read()  # until the server itself ends it
        finally:
            down.cancel()
            to_client.transport.abort()
            to_server.transport.abort()

    async def _up(self, client: asyncio.StreamReader, to_server: asyncio.StreamWriter) -> Cut | None:
        """Until the client is gone, or is to be cut off."""
        while data := await client.read(65536):
            if self.cuts and data == COMMIT and (cut := self.cuts.pop(0)):
                self.cut += 1
                return cut
            to_server.write(data)
        return None

    async def _down(self, server: asyncio.StreamReader, to_client: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while data := await server.read(65536):
                await self._thawed.wait()
                to_client.write(data)
        to_client.transport.abort()


@asynccontextmanager
async def cut_proxy(server: str) -> AsyncIterator[CutProxy]:
    folder = Path(tempfile.mkdtemp(prefix="obmen-cut-"))
    proxy = CutProxy(server, folder)
    await proxy.open()
    try:
        yield proxy
    finally:
        await proxy.close()
        shutil.rmtree(folder)
