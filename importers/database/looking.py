"""A look into a database that leaves it as it is, whichever engine it is."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from importers.addresses import is_postgres, postgres_of, sqlite_path
from importers.database.opening import require_driver


def look(url: str, schema: str, table: str, sql: str) -> list[tuple[Any, ...]]:
    """What a SELECT finds in the database at `url`, on a server in `schema` where the address names no other; nothing
    where it or the table is not there yet. Raises DatabaseError."""
    if is_postgres(url):
        require_driver(url)
        from importers.database.postgres_examine import peek as peek_server

        return peek_server(*postgres_of(url, schema), table, sql)
    from importers.database.sqlite import peek

    return peek(Path(sqlite_path(url)), table, sql)
