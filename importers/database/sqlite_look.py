"""A look into a SQLite file that leaves it as it is: see `importers.database.looking`."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from importers.clock import Clock, Now
from importers.database.sqlite import address_as_it_is
from importers.database.sqlite_errors import plainly
from importers.errors import DatabaseError
from importers.texts import N_


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


@contextmanager
def looking(path: Path, clock: Clock | None, patience: float) -> Iterator[SqliteLook]:
    """Raises DatabaseError, also where there is no such file."""
    if not path.exists():
        raise DatabaseError(N_("{path}: there is no such file yet; the first session makes it"), path=path)
    with (
        plainly(path),
        closing(
            sqlite3.connect(address_as_it_is(path), uri=True, timeout=patience, isolation_level=None)
        ) as connection,
    ):
        connection.execute("PRAGMA query_only = ON")
        connection.execute("BEGIN")
        yield SqliteLook(path, connection, clock or Clock())
