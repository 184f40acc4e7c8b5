"""The numbered steps that make a schema, and which of them a schema of PostgreSQL has."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Any

import psycopg

from importers.database.migrations import (
    OLDEST,
    VERSION,
    parts_of,
    refuse,
    says_oldest,
    steps_of,
    which_oldest,
)
from importers.errors import PLACE, DatabaseError, ForeignTables
from importers.texts import N_, Message

IN_USE = N_("its tables are in use for long; end what holds them, then try again")
GATES = 0x6F626D65
"""The first half of the key of our advisory locks."""
MIGRATING = f"SELECT pg_advisory_xact_lock({GATES}, 0)"
DDL_TRIES = 20
"""So often a step that changes tables waits its two seconds for those who use them: everybody waits behind it."""
_HAS_SCHEMA = "SELECT to_regnamespace(quote_ident($1)) IS NOT NULL"
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
    newest = max(steps_of(folder))
    for _try in range(DDL_TRIES):
        if await find(connection, folder, schema, place) >= newest:
            return
        with suppress(psycopg.errors.LockNotAvailable):
            await apply(connection, folder, schema, place)
    if await find(connection, folder, schema, place) < newest:
        raise DatabaseError(PLACE, path=place, why=Message(IN_USE))


async def apply(connection: psycopg.AsyncConnection[Any], folder: Path, schema: str, place: str) -> None:
    """The same, once: within the transaction that `connection` is in, if it is in one. Raises LockNotAvailable where
    somebody uses the tables."""
    steps = steps_of(folder)
    async with connection.transaction():
        await connection.execute(b"SET LOCAL lock_timeout = '2s'")
        await connection.execute(MIGRATING.encode())
        version = await find(connection, folder, schema, place)
        ((there,),) = await (await connection.execute(_HAS_SCHEMA.encode(), (schema,))).fetchall()
        if not there:  # with IF NOT EXISTS it would need a right that an account with a ready schema may lack
            await connection.execute(f"CREATE SCHEMA {quoted(schema)}".encode())
        await connection.execute(f"SET LOCAL search_path TO {quoted(schema)}".encode())
        for number, file in steps.items():
            if number > version:
                await connection.execute(file.read_bytes())
        if version < max(steps):  # else another has been faster
            for statement in (
                "CREATE TABLE IF NOT EXISTS obmen_schema (version integer NOT NULL)",
                "DELETE FROM obmen_schema",
                f"INSERT INTO obmen_schema VALUES ({max(steps)})",  # noqa: S608 (a number)
                *says_oldest(folder),
            ):
                await connection.execute(statement.encode())


async def find(connection: psycopg.AsyncConnection[Any], folder: Path, schema: str, place: str) -> int:
    """The number of the schema that is there, 0 = nothing of ours yet. Raises DatabaseError as `migrate`."""
    newest = max(steps_of(folder))
    wanted = {(name, column) for _type, name, column in parts_of(folder.parent / "sqlite")}
    names = [*{name for name, _column in wanted}, VERSION, OLDEST]
    cursor = await connection.execute(_PARTS.encode(), (schema, names))
    there = {(str(name), str(column)) for name, column in await cursor.fetchall()}
    version = 0
    if (VERSION, "version") in there:
        version = await _number(connection, f"SELECT max(version) FROM {quoted(schema)}.{VERSION}")  # noqa: S608 (ours)
    if version > newest:
        asked = which_oldest(version, {name for name, _column in there}, f"{quoted(schema)}.")
        oldest = await _number(connection, asked) if asked else 0
        if not 0 < oldest <= newest:
            raise refuse(place, version, newest)
    lost, taken = wanted - there, {name for name, _column in there} - {VERSION, OLDEST}
    wrong: str | Message = ""
    if version == 0 and taken:
        wrong = ", ".join(sorted(taken))
    elif version >= newest and lost:
        gone = sorted({name if name not in taken else f"{name}.{column}" for name, column in lost})
        wrong = Message.of(N_("missing: {names}"), names=", ".join(gone)) if taken else VERSION
    if wrong:
        raise ForeignTables(place, wrong, Message(N_("name another schema: ?schema=name")))
    return version


async def _number(connection: psycopg.AsyncConnection[Any], sql: str) -> int:
    (number,) = await (await connection.execute(sql.encode())).fetchone() or (0,)
    return int(number or 0)


def quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
