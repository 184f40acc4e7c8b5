"""A look at a database of PostgreSQL that changes nothing: can obmen use it as it is?"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
import psycopg

from importers.addresses import without_secrets
from importers.clock import Now
from importers.database.migrations import VERSION, parts_of
from importers.database.postgres import NOW
from importers.database.postgres_errors import plainly
from importers.database.postgres_link import conninfo, refuse_old
from importers.database.postgres_schema import find, quoted
from importers.errors import PLACE, DatabaseError
from importers.texts import N_, Message

_LOOK = """
    SELECT current_setting('server_version'), pg_database_size(current_database()),
           extract(epoch FROM clock_timestamp())::double precision,
           current_setting('transaction_read_only')::boolean,
           CASE WHEN to_regnamespace(quote_ident($1)) IS NULL
                THEN has_database_privilege(current_database(), 'CREATE')
                ELSE has_schema_privilege(quote_ident($1), 'CREATE') END,
           quote_ident(current_user), has_function_privilege('pg_control_system()', 'EXECUTE')
"""
_FORBIDDEN = """
    SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname = $1 AND c.relkind = 'r' AND c.relname = ANY($2)
    AND NOT (has_table_privilege(c.oid, 'SELECT') AND has_table_privilege(c.oid, 'INSERT')
             AND has_table_privilege(c.oid, 'UPDATE') AND has_table_privilege(c.oid, 'DELETE')) ORDER BY 1
"""


LOOK_SECONDS = 10
"""So long a SELECT may take that only looks."""


async def answers(url: str, seconds: float) -> bool:
    """Whether the server says anything in this time, be it that it refuses. Raises DatabaseError for an address that
    cannot be understood."""
    address = conninfo(url, "obmen doctor")
    try:
        async with (
            asyncio.timeout(seconds),
            await psycopg.AsyncConnection.connect(address, autocommit=True) as connection,
        ):
            await connection.execute(b"SELECT 1")
    except (TimeoutError, psycopg.errors.ConnectionTimeout):
        return False
    except psycopg.Error:
        return True
    return True


class Examined(msgspec.Struct, frozen=True):
    version: str
    """Of the server, as it tells it."""
    bytes: int
    """Of the whole database."""
    seconds: float
    """The server's clock, since 1970."""
    has_tables: bool
    """Whether ours are there; else the first session makes them."""
    account: str
    may_identify: bool
    """Whether this account may ask the server what tells its databases from all others."""


async def examine(url: str, schema: str, folder: Path) -> Examined:
    """Raises DatabaseError where it could not be opened, written, or migrated to the newest step in `folder`."""
    place = f"{without_secrets(url)}#{schema}"
    with plainly(url):
        connection = await psycopg.AsyncConnection.connect(
            conninfo(url, "obmen doctor"),
            autocommit=True,
            cursor_factory=psycopg.AsyncRawCursor,
        )
        async with connection:
            refuse_old(connection, url)
            version, size, seconds, read_only, may_create, account, may_identify = await _row(
                connection, _LOOK.encode(), schema
            )
            made = await find(connection, folder, schema, place) > 0
            ours = [
                VERSION,
                *(name for type_, name, _column in parts_of(folder.parent / "sqlite") if type_ == "table"),
            ]
            if read_only:
                raise DatabaseError(
                    PLACE,
                    path=place,
                    why=Message(N_("read-only: this is a standby, or the account may only read")),
                )
            if not made and not may_create:
                raise DatabaseError(
                    PLACE,
                    path=place,
                    why=Message(N_("this account may not make tables there; grant it CREATE")),
                )
            if made and (forbidden := await _row(connection, _FORBIDDEN.encode(), schema, ours)):
                raise DatabaseError(
                    N_("{path}: this account may not write the table {name}; grant it the right"),
                    path=place,
                    name=forbidden[0],
                )
    return Examined(version, size, seconds, made, account, may_identify)


class PostgresLook:
    engine = "postgres"

    def __init__(self, place: str, schema: str, connection: psycopg.Connection[Any]) -> None:
        self.place = place
        self._schema = schema
        self._connection = connection

    def has(self, table: str) -> bool:
        # With the name of the schema it is an error where this account may not use that, in place of no table.
        name = f"{quoted(self._schema)}.{quoted(table)}"
        ((there,),) = self._connection.execute(b"SELECT to_regclass($1) IS NOT NULL", (name,)).fetchall()
        return bool(there)

    def fetch(self, sql: str) -> list[tuple[Any, ...]]:
        return self._connection.execute(sql.encode()).fetchall()

    def now(self) -> Now:
        return Now(*self.fetch(NOW)[0])


@contextmanager
def looking(url: str, schema: str) -> Iterator[PostgresLook]:
    """One state of it, for an account that need not be allowed more than SELECT. Raises DatabaseError."""
    place = f"{without_secrets(url)}#{schema}"
    with (
        plainly(url),
        psycopg.connect(
            conninfo(url, "obmen look"),
            cursor_factory=psycopg.RawCursor,
        ) as connection,
    ):
        connection.read_only = True
        connection.prepare_threshold = None  # a pooler gives the next transaction to another server process
        connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        connection.execute(f"SET LOCAL statement_timeout = '{LOOK_SECONDS}s'".encode())
        connection.execute(f"SET LOCAL search_path TO {quoted(schema)}".encode())
        yield PostgresLook(place, schema, connection)


async def _row(connection: psycopg.AsyncConnection[Any], sql: bytes, *parameters: object) -> Any:
    return await (await connection.execute(sql, parameters)).fetchone()
