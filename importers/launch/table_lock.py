"""The launch lock in a table of the journal's database, for those who share that database and have no Redis.

It goes through the database that the journal has open (`Journal.database`): another connection would check the tables
once more at every launch. The semantics are those of SET NX PX, the table is made with the journal's.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from importers.database.repeating import repeated
from importers.launch.lock import Locked

if TYPE_CHECKING:
    from importers.database.protocol import Database

_HELD = "SELECT 1 FROM lock WHERE key = ?1 AND token <> ?2 AND until_clock > ?3 AND boot_id = ?4"
_ACQUIRE = (
    "INSERT INTO lock VALUES (?1, ?2, ?3, ?4) ON CONFLICT (key) DO UPDATE SET token = excluded.token, "
    "until_clock = excluded.until_clock, boot_id = excluded.boot_id "
    "WHERE lock.until_clock <= ?5 OR lock.boot_id <> ?4 OR lock.token = excluded.token"
)
_RELEASE = "DELETE FROM lock WHERE key = ?1 AND token = ?2"


class TableLock:
    """Expires by the clock of the database; one of another epoch is free."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @repeated
    async def acquire(self, key: str, token: str, seconds: float) -> Locked:
        now = await self._database.now()
        if await self._database.fetch(_HELD, key, token, now.seconds, now.epoch):
            # Without a write: those who wait for the holder must not keep it from the journal.
            return Locked.BUSY
        async with self._database.transaction() as db:
            acquired = await db.execute(_ACQUIRE, key, token, now.seconds + seconds, now.epoch, now.seconds)
        return Locked.ACQUIRED if acquired == 1 else Locked.BUSY

    @repeated
    async def release(self, key: str, token: str) -> bool:
        async with self._database.transaction() as db:
            return await db.execute(_RELEASE, key, token) == 1

    async def close(self) -> None:
        """The database stays open: it is the journal's."""
