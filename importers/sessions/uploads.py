"""Exports that were sent along with a launch, in pieces, until their session ends.

They lie beside the journal, in its database, so that whoever can claim a session can read its source. The journal drops
what a session came with when that ends; what a launch left that came to no session is dropped here.
"""

from __future__ import annotations

import secrets
from collections.abc import AsyncGenerator
from itertools import count
from typing import TYPE_CHECKING

from importers.database.repeating import repeated
from importers.errors import ObmenError
from importers.sessions import statements as sql
from importers.texts import N_

if TYPE_CHECKING:
    from importers.database.protocol import Database

PIECE_BYTES = 256 * 1024
"""Of each piece but the last one, which has fewer, so that one knows it; it may be empty."""
ORPHANED_SECONDS = 3600.0
"""Of an upload that no session has, and to which nothing was added for so long, the launch has died."""


def new_name() -> str:
    return secrets.token_hex(16)


class Uploads:
    """Each method is one transaction or less. All raise DatabaseError."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @repeated
    async def add(self, name: str, number: int, piece: bytes) -> None:
        """The piece of that number, from 0 on. Added twice, it is there once."""
        async with self._database.transaction() as db:
            now = await db.now()
            await db.execute(sql.ADD_PIECE, name, number, now.seconds, now.epoch, piece)

    async def read(self, name: str) -> AsyncGenerator[bytes]:
        """All pieces; one at a time is held in memory. Raises ObmenError where it was dropped, or is not whole."""
        for number in count():
            rows = await self._database.fetch(sql.PIECE, name, number)
            if not rows:
                raise ObmenError(
                    N_("the source that was sent along is no longer in the journal; launch the import again")
                )
            piece = bytes(rows[0]["piece"])
            yield piece
            if len(piece) < PIECE_BYTES:
                return

    @repeated
    async def drop(self, name: str) -> None:
        """Unless a session that goes on came with it."""
        async with self._database.transaction() as db:
            await db.execute(sql.DROP_UPLOAD, name)

    async def drop_orphans(self) -> int:
        """What dead launches left, by the journal's clock; how many."""
        now = await self._database.now()
        rows = await self._database.fetch(sql.ORPHANS, now.seconds - ORPHANED_SECONDS, now.epoch)
        for row in rows:
            await self.drop(row["name"])
        return len(rows)
