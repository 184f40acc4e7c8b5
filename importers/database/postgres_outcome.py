"""What came of a transaction whose COMMIT was not answered: the server knows it by its number."""

from __future__ import annotations

import asyncio

import psycopg

from importers.addresses import without_secrets
from importers.database.postgres_connection import ERA, Connection, Link
from importers.errors import DatabaseError, Undone, Unsure
from importers.texts import N_

OUTCOME_SECONDS = 10.0
LET_GO_SECONDS = 0.5
"""So long the server may take to notice that we have gone; then it is told to end what we had begun."""
_PAUSE_SECONDS = 0.02
_STATUS = f"SELECT pg_xact_status($1::text::xid8), {ERA} = $2"
_END = (
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
    "WHERE backend_xid = $1::text::xid8::xid AND usename = current_user"
)


async def learn(link: Link, era: str, xid: str, url: str) -> None:
    """Returns where it was committed. Raises Undone, Unsure."""
    loop = asyncio.get_running_loop()
    begun = loop.time()
    try:
        while True:
            status, same_era = await link.repeat(lambda connection: _status(connection, xid, era))
            # After a crash of the server others are given the numbers that it forgot; what it had committed it knows.
            if status == "committed" and same_era:
                return
            if status == "aborted" or (status == "in progress" and not same_era):
                raise Undone(
                    N_("{path}: the connection was lost before it was done; try again"),
                    path=without_secrets(url),
                )
            if status != "in progress" or loop.time() > begun + OUTCOME_SECONDS:
                break
            if loop.time() > begun + LET_GO_SECONDS:
                await link.repeat(lambda connection: connection.execute(_END.encode(), (xid,)))
            await asyncio.sleep(_PAUSE_SECONDS)
    except psycopg.Error as error:
        raise _unsure(url) from error
    raise _unsure(url)


async def _status(connection: Connection, xid: str, era: str) -> tuple[str | None, bool]:
    try:
        ((status, same_era),) = await (await connection.execute(_STATUS.encode(), (xid, era))).fetchall()
    except psycopg.errors.InvalidParameterValue:  # a number that nobody was given yet
        return "aborted", False
    return status, bool(same_era)


def _unsure(url: str) -> DatabaseError:
    return Unsure(
        N_(
            "{path}: the connection was lost at the last step; whether it was done is not known: look, then try again"
        ),
        path=without_secrets(url),
    )
