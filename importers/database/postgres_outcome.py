"""What came of a transaction whose COMMIT was not answered: the server knows it by its number."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import psycopg

from importers.database.postgres_link import ERA, RECONNECT_SECONDS
from importers.errors import PLACE, DatabaseError, Unsure
from importers.texts import N_, Message

if TYPE_CHECKING:
    from importers.database.postgres import PostgresDatabase

LET_GO_SECONDS = 0.5
"""So long the server may take to see by itself that we have gone; then it is told to end what we had begun."""
_PAUSE_SECONDS = 0.02
_STATUS = f"SELECT pg_xact_status(CAST(?1 AS text)::xid8), {ERA} = ?2"
_END = (
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
    "WHERE backend_xid = CAST(?1 AS text)::xid8::xid AND usename = current_user"
)


async def was_committed(database: PostgresDatabase, transaction_id: str, era: str) -> bool:
    """Asked of the server, once it is back; `era`: that of the lost connection. No means that nothing of it will ever
    be done. Raises Unsure where nobody can tell."""
    begun = asyncio.get_running_loop().time()
    try:
        async with asyncio.timeout(RECONNECT_SECONDS):
            while True:
                status, same_era = await _status(database, transaction_id, era)
                if status == "committed" and same_era:
                    return True
                # After a crash the server gives numbers again that it had forgotten; what it had committed it knows.
                if status == "aborted" or (status == "in progress" and not same_era):
                    return False
                if status != "in progress":
                    break
                if asyncio.get_running_loop().time() > begun + LET_GO_SECONDS:
                    await database.fetch(_END, transaction_id)
                await asyncio.sleep(_PAUSE_SECONDS)
    except (DatabaseError, TimeoutError) as error:
        raise Unsure(PLACE, path=database.place, why=Message(UNKNOWN_END)) from error
    raise Unsure(PLACE, path=database.place, why=Message(UNKNOWN_END))


async def _status(database: PostgresDatabase, transaction_id: str, era: str) -> tuple[str | None, bool]:
    try:
        ((status, same_era),) = await database.fetch(_STATUS, transaction_id, era)
    except psycopg.errors.InvalidParameterValue:  # a number that was given to nobody yet
        return "aborted", False
    return status, bool(same_era)


UNKNOWN_END = N_(
    "the connection was lost while it committed, and nobody can be asked whether it did: look when the server is back"
)
