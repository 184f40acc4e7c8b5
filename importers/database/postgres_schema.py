"""The numbered steps that make a schema, and which of them a schema of PostgreSQL has."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from importers.database.migrations import steps_of
from importers.errors import DatabaseError
from importers.texts import N_

if TYPE_CHECKING:
    import psycopg

GATES = 0x6F626D65
"""The first half of the key of our advisory locks."""
MIGRATING = f"SELECT pg_advisory_xact_lock({GATES}, 0)"
VERSION = "SELECT max(version) AS version FROM obmen_schema"


async def migrate(connection: psycopg.AsyncConnection[Any], folder: Path, schema: str, place: str) -> None:
    """Bring `schema` to the newest of the numbered `NNN_name.sql` in `folder`: all steps or none; one who opens after
    the other waits. Raises DatabaseError for a schema newer than this program."""
    steps = steps_of(folder)
    newest = max(steps)
    if await _version(connection, schema) == newest:
        return
    async with connection.transaction():
        await connection.execute(MIGRATING.encode())
        version = await _version(connection, schema)
        if version > newest:
            raise DatabaseError(
                N_("{path}: made by a newer obmen (schema {found}, this one knows {known}); update obmen"),
                path=place,
                found=version,
                known=newest,
            )
        await connection.execute(f"CREATE SCHEMA IF NOT EXISTS {quoted(schema)}".encode())
        for number, file in steps.items():
            if number > version:
                await connection.execute(file.read_bytes())
        await connection.execute(b"CREATE TABLE IF NOT EXISTS obmen_schema (version integer NOT NULL)")
        await connection.execute(b"DELETE FROM obmen_schema")
        await connection.execute(f"INSERT INTO obmen_schema VALUES ({newest})".encode())  # noqa: S608 (a number)


def quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


async def _version(connection: psycopg.AsyncConnection[Any], schema: str) -> int:
    """0 = nothing of ours yet."""
    there = await connection.execute(b"SELECT to_regclass(quote_ident($1) || '.obmen_schema')", (schema,))
    (table,) = await there.fetchone() or (None,)
    if table is None:
        return 0
    found = await (await connection.execute(VERSION.encode())).fetchone()
    return int(found[0] or 0) if found else 0
