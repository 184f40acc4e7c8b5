"""Which engine keeps a database, by its address."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from importers.addresses import is_postgres, postgres_of, sqlite_path, without_secrets
from importers.errors import DatabaseError
from importers.texts import N_

if TYPE_CHECKING:
    from importers.clock import Clock
    from importers.database.protocol import Database


async def open_database(
    url: str,
    folder: Path,
    schema: str,
    clock: Clock | None = None,
    *,
    name: str = "obmen",
    short: bool = False,
    read_only: bool = False,
    page_size: int = 4096,
    pragmas: Sequence[str] = (),
) -> Database:
    """Open the database at `url`, and make or migrate our tables in it by the steps of its engine in `folder`. On a
    server they are in `schema` where the address names no other, `name` is what `Database.end_others` knows us by, and
    transactions that are `short` are ended when they stand still. Of
    one that is `read_only` nothing is made, migrated or written, which the engine itself sees to. `clock`, `page_size`
    in bytes and `pragmas` are of a file. Raises SettingsError for another address, DatabaseError."""
    if is_postgres(url):
        require_driver(url)
        from importers.database.postgres import LONG, SHORT, PostgresDatabase

        return await PostgresDatabase.open(
            *postgres_of(url, schema),
            folder / "postgres",
            name,
            SHORT if short else LONG,
            read_only=read_only,
        )
    if read_only:
        from importers.database.sqlite_look import open_read_only

        return await open_read_only(sqlite_path(url), clock)
    from importers.database.sqlite import SqliteDatabase

    return await SqliteDatabase.open(
        sqlite_path(url), folder / "sqlite", clock, page_size=page_size, pragmas=pragmas
    )


def require_driver(url: str) -> None:
    """Raises DatabaseError where psycopg is not installed: it is no part of the smallest installation."""
    if find_spec("psycopg") is None:
        raise DatabaseError(
            N_('{path}: PostgreSQL needs another library: pip install "obmen[postgres]"'),
            path=without_secrets(url),
        )
