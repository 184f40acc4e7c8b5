"""The numbered steps that make a schema, and which of them a schema of PostgreSQL has."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from importers.database.migrations import parts_of, steps_of
from importers.errors import DatabaseError
from importers.texts import N_, Message

if TYPE_CHECKING:
    import psycopg

GATES = 0x6F626D65
"""The first half of the key of our advisory locks."""
MIGRATING = f"SELECT pg_advisory_xact_lock({GATES}, 0)"
VERSION = "obmen_schema"
_NUMBER = "SELECT max(version) FROM {schema}.obmen_schema"
_PARTS = """
    SELECT c.relname, coalesce(a.attname, '') FROM pg_class c
    JOIN pg_namespace n ON n.oid = c.relnamespace
    LEFT JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped AND c.relkind IN ('r', 'p')
    WHERE n.nspname = $1 AND c.relname = ANY ($2)
"""
"""Tables with their columns, indexes and views without, as SQLite's parts are."""


async def migrate(connection: psycopg.AsyncConnection[Any], folder: Path, schema: str, place: str) -> None:
    """Bring `schema` to the newest of the numbered `NNN_name.sql` in `folder`: all steps or none; one who opens after
    the other waits. Raises DatabaseError for a schema newer than this program, and for tables of another program."""
    steps = steps_of(folder)
    newest = max(steps)
    if await find(connection, folder, schema, place) == newest:
        return
    async with connection.transaction():
        await connection.execute(MIGRATING.encode())
        version = await find(connection, folder, schema, place)
        await connection.execute(f"CREATE SCHEMA IF NOT EXISTS {quoted(schema)}".encode())
        for number, file in steps.items():
            if number > version:
                await connection.execute(file.read_bytes())
        await connection.execute(b"CREATE TABLE IF NOT EXISTS obmen_schema (version integer NOT NULL)")
        await connection.execute(b"DELETE FROM obmen_schema")
        await connection.execute(f"INSERT INTO obmen_schema VALUES ({newest})".encode())  # noqa: S608 (a number)


async def find(connection: psycopg.AsyncConnection[Any], folder: Path, schema: str, place: str) -> int:
    """The number of the schema that is there, 0 = nothing of ours yet. Raises DatabaseError as `migrate`."""
    newest = max(steps_of(folder))
    wanted = {(name, column) for _type, name, column in parts_of(folder.parent / "sqlite")}
    names = [*{name for name, _column in wanted}, VERSION]
    cursor = await connection.execute(_PARTS.encode(), (schema, names))
    there = {(str(name), str(column)) for name, column in await cursor.fetchall()}
    version = 0
    if (VERSION, "version") in there:
        number = await (await connection.execute(_NUMBER.format(schema=quoted(schema)).encode())).fetchone()
        version = int(number[0] or 0) if number else 0
    if version > newest:
        raise DatabaseError(
            N_("{path}: made by a newer obmen (schema {found}, this one knows {known}); update obmen"),
            path=place,
            found=version,
            known=newest,
        )
    lost, taken = wanted - there, {name for name, _column in there} - {VERSION}
    wrong: str | Message = ""
    if version == 0 and taken:
        wrong = ", ".join(sorted(taken))
    elif version == newest and lost:
        gone = sorted({name if name not in taken else f"{name}.{column}" for name, column in lost})
        wrong = Message.of(N_("missing: {names}"), names=", ".join(gone)) if taken else VERSION
    if wrong:
        raise DatabaseError(
            N_(
                "{path}: its tables are not those that obmen made: {error}; name another schema: ?schema=name"
            ),
            path=place,
            error=wrong,
        )
    return version


def quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
