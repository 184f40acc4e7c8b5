"""Who waits for changes of a database of SQLite, and looks for them."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from importers.database.protocol import Reader

POLL_SECONDS = 0.1
"""How often one who waits looks."""


class SqliteWatch:
    """The reading connection never writes, so PRAGMA data_version tells of our own writes, too."""

    def __init__(self, database: Reader) -> None:
        self._database = database
        self._version: int | None = None

    async def changed(self) -> bool:
        ((version,),) = await self._database.fetch("PRAGMA data_version")
        before, self._version = self._version, int(version)
        return before != self._version

    async def wait(self, seconds: float) -> bool:
        loop = asyncio.get_running_loop()
        end = loop.time() + seconds
        while not await self.changed():
            left = end - loop.time()
            if left <= 0:
                return False
            await asyncio.sleep(min(POLL_SECONDS, left))
        return True
