"""The mark in a file whose rows are moved to a server: whoever finds it there does not use the file."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from importers.addresses import is_postgres, sqlite_path
from importers.database.migrations import BEING_MOVED, MOVED, MOVED_VERSION, VERSION

if TYPE_CHECKING:
    from importers.database.protocol import Transaction


def mark_of(url: str) -> str | None:
    """Where a file was moved to, or BEING_MOVED; None: it is in use, or no file."""
    from importers.database.looking import look

    found = [] if is_postgres(url) else look(url, "", MOVED, f"SELECT place FROM {MOVED}")
    return str(found[0][0]) if found else None


@asynccontextmanager
async def marked_file(url: str) -> AsyncIterator[Transaction]:
    """A transaction in one with a mark, which nobody else has any more."""
    from importers.database.sqlite import connect, transaction

    path = sqlite_path(url)
    connection = await connect(path, synchronous="FULL")
    try:
        async with transaction(path, connection) as file:
            yield file
    finally:
        await connection.close()


async def mark(file: Transaction) -> int:
    """From its commit on; the version of the schema that `take_back` needs."""
    ((version,),) = await file.select(f"SELECT version FROM {VERSION}")
    await file.execute(f"CREATE TABLE {MOVED} (place TEXT NOT NULL)")
    await file.execute(f"INSERT INTO {MOVED} VALUES (?1)", BEING_MOVED)
    await file.execute(f"UPDATE {VERSION} SET version = ?1", MOVED_VERSION)
    return int(version)


async def take_back(url: str, version: int) -> None:
    async with marked_file(url) as file:
        await file.execute(f"DROP TABLE {MOVED}")
        await file.execute(f"UPDATE {VERSION} SET version = ?1", version)


async def tell(url: str, place: str) -> None:
    """That all of it is there now."""
    async with marked_file(url) as file:
        await file.execute(f"UPDATE {MOVED} SET place = ?1", place)
