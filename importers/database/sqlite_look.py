"""A look into a SQLite file that leaves it as it is: see `importers.database.looking`."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

from importers.clock import Clock, Now
from importers.database.sqlite import SqliteDatabase, address_as_it_is
from importers.database.sqlite_errors import plainly
from importers.errors import DatabaseError
from importers.shielding import to_the_end
from importers.texts import N_

NOT_THERE = N_("{path}: there is no such file yet; the first session makes it")


class SqliteLook:
    engine = "sqlite"

    def __init__(self, path: Path, connection: sqlite3.Connection, clock: Clock) -> None:
        self.place = str(path)
        self._connection = connection
        self._clock = clock

    def has(self, table: str) -> bool:
        return bool(
            self._connection.execute(
                "SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = ?", (table,)
            ).fetchall()
        )

    def fetch(self, sql: str) -> list[tuple[Any, ...]]:
        return self._connection.execute(sql).fetchall()

    def now(self) -> Now:
        return self._clock.read()


async def open_read_only(path: str, clock: Clock | None) -> SqliteDatabase:
    """A database that is there, for looking only. Raises DatabaseError."""
    import aiosqlite

    file = Path(path)
    with plainly(file):
        if not await asyncio.to_thread(file.exists):
            raise DatabaseError(NOT_THERE, path=file)
        reader = await aiosqlite.connect(f"file:{quote(path)}?mode=ro", uri=True, isolation_level=None)
        try:
            await reader.execute_fetchall("PRAGMA query_only = ON")
        except BaseException:
            await to_the_end(reader.close())
            raise
    reader.row_factory = sqlite3.Row
    return SqliteDatabase(path, reader, clock or Clock(), ("query_only = ON",))


@contextmanager
def looking(path: Path, clock: Clock | None, patience: float) -> Iterator[SqliteLook]:
    """Raises DatabaseError, also where there is no such file."""
    if not path.exists():
        raise DatabaseError(NOT_THERE, path=path)
    with (
        plainly(path),
        closing(
            sqlite3.connect(address_as_it_is(path), uri=True, timeout=patience, isolation_level=None)
        ) as connection,
    ):
        connection.execute("PRAGMA query_only = ON")
        connection.execute("BEGIN")
        yield SqliteLook(path, connection, clock or Clock())
