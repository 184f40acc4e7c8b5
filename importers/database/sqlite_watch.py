"""Whether anybody wrote to a file of SQLite."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from importers.database.sqlite import SqliteDatabase

POLL_SECONDS = 0.1
"""Nobody tells of a change: one has to ask."""


class SqliteWatch:
    """The reading connection never writes, so PRAGMA data_version tells of our own writes, too."""

    def __init__(self, database: SqliteDatabase) -> None:
        self._database = database
        self._version: int | None = None

    async def changed(self, seconds: float = 0) -> bool:
        end = time.monotonic() + seconds
        while True:
            ((version,),) = await self._database.fetch("PRAGMA data_version")
            before, self._version = self._version, int(version)
            if before != self._version:
                self._database.was_written = True
                return True
            if (left := end - time.monotonic()) <= 0:
                return False
            await asyncio.sleep(min(left, POLL_SECONDS))
