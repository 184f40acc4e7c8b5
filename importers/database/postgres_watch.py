"""Who waits for changes in a database of PostgreSQL."""

from __future__ import annotations

import asyncio

from importers.database.postgres_link import Listener
from importers.database.protocol import Reader

POLL_SECONDS = 0.1
"""How often one asks for changes where nobody tells of them."""


class PostgresWatch:
    """Told by the server; where it cannot tell, by what every transaction that writes changes when it ends: of a busy
    server often, never too seldom."""

    def __init__(self, database: Reader, listener: Listener) -> None:
        self._database = database
        self._listener = listener
        self._heard = -1
        self._snapshot = ""

    async def changed(self, seconds: float = 0) -> bool:
        if not seconds:
            return await self._ask()
        loop = asyncio.get_running_loop()
        end = loop.time() + seconds
        self._listener.start()
        while True:
            if self._heard != self._listener.heard or (not self._listener.listening and await self._ask()):
                self._heard = self._listener.heard
                return True
            if (left := end - loop.time()) <= 0:
                return False
            await self._listener.until(
                self._heard, left if self._listener.listening else min(left, POLL_SECONDS)
            )

    async def _ask(self) -> bool:
        ((snapshot,),) = await self._database.fetch("SELECT pg_current_snapshot()::text")
        before, self._snapshot = self._snapshot, str(snapshot)
        return before != self._snapshot
