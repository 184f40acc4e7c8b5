"""What tests do to a database by hand, past every rule of the program, whichever engine it is."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any, Protocol
from uuid import uuid4

import pytest

from importers.catalog.opening import SCHEMA
from importers.database.migrations import parts_of
from importers.database.postgres_values import numbered
from importers.sessions.opening import SCHEMA as JOURNAL
from importers.sessions.opening import SCHEMAS

OUR_TABLES = frozenset(
    name for schema in (SCHEMA, JOURNAL) for type_, name, _column in parts_of(schema) if type_ == "table"
)
"""Of a catalog or a journal."""
CLOCK = (
    "CREATE FUNCTION obmen_now"
    + ((SCHEMAS / "postgres/001_journal.sql").read_text("utf-8").partition("CREATE FUNCTION obmen_now")[2])
)
"""Of a journal."""
ON_A_FILE = pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
ON_A_SERVER = pytest.mark.parametrize("engine", ["postgres"], indirect=True)
"""For a long test that takes a shorter form with one of the engines."""


class Hand(Protocol):
    """Opens the database anew each time."""

    url: str
    refused: type[Exception]
    """What is raised where the database itself does not allow a change."""

    def rows(self, sql: str, *parameters: object) -> list[tuple[Any, ...]]: ...

    def change(self, sql: str, *parameters: object) -> None: ...

    def content(self) -> dict[str, list[tuple[Any, ...]]]:
        """All rows of all tables."""
        ...

    def stored(self) -> object:
        """Something else after every commit that wrote, be it what was there before."""
        ...

    def make_trigger(self, table: str) -> None:
        """One that does nothing."""
        ...

    def drop_triggers(self) -> None:
        """Those of the journal itself."""
        ...

    def set_clock(self, seconds: float, epoch: str, utc: str) -> None:
        """Of a server that has one."""
        ...


@dataclass
class SqliteHand:
    path: Path
    refused: type[Exception] = sqlite3.IntegrityError

    @property
    def url(self) -> str:
        return f"sqlite:///{self.path}"

    def rows(self, sql: str, *parameters: object) -> list[tuple[Any, ...]]:
        with closing(sqlite3.connect(self.path)) as db:
            return db.execute(sql, parameters).fetchall()

    def change(self, sql: str, *parameters: object) -> None:
        with closing(sqlite3.connect(self.path)) as db:
            db.execute(sql, parameters)
            db.commit()

    def content(self) -> dict[str, list[tuple[Any, ...]]]:
        with closing(sqlite3.connect(self.path)) as db:
            tables = db.execute("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY 1").fetchall()
            return {name: db.execute(f"SELECT * FROM {name}").fetchall() for (name,) in tables}

    def stored(self) -> object:
        # The database and its log. The index of the log (-shm) has locks in it, not data.
        files = (self.path, self.path.with_name(self.path.name + "-wal"))
        return [sha256(file.read_bytes()).digest() if file.exists() else b"" for file in files]

    def make_trigger(self, table: str) -> None:
        self.change(f"CREATE TRIGGER t AFTER INSERT ON {table} BEGIN SELECT 1; END")

    def drop_triggers(self) -> None:
        for name in ("session_changed", "session_made"):
            self.change(f"DROP TRIGGER {name}")

    def set_clock(self, seconds: float, epoch: str, utc: str) -> None:
        pass  # `Clock` is that of the file


class PostgresHand:
    """A schema of its own on a server that others use, too."""

    def __init__(self, server: str, schema: str | None = None) -> None:
        import psycopg

        self.schema = schema or f"t{uuid4().hex[:12]}"
        self.url = f"{server}&schema={self.schema}"
        self.is_remade = False
        """Its triggers or functions are no longer those that the program makes."""
        self.refused: type[Exception] = psycopg.errors.IntegrityError
        self._server = server

    def rows(self, sql: str, *parameters: object) -> list[tuple[Any, ...]]:
        with self._connected() as db:
            return [tuple(row) for row in db.execute(numbered(sql).encode(), parameters).fetchall()]

    def change(self, sql: str, *parameters: object) -> None:
        with self._connected() as db:
            db.execute(numbered(sql).encode(), parameters)

    def content(self) -> dict[str, list[tuple[Any, ...]]]:
        with self._connected() as db:
            return {name: db.execute(f"SELECT * FROM {name}").fetchall() for name in _tables(db)}

    def stored(self) -> object:
        """Each version of a row has the number of the transaction that wrote it."""
        with self._connected() as db:
            each = (
                f"SELECT '{name}' || ctid::text, xmin::text, {name}::text FROM {name}" for name in _tables(db)
            )
            return sorted(db.execute(" UNION ALL ".join(each)).fetchall())

    def versions(self) -> list[tuple[Any, ...]]:
        """As `stored`, and something else where a row was locked to be written."""
        with self._connected() as db:
            each = (
                f"SELECT '{name}', ctid::text, xmin::text, xmax::text FROM {name}" for name in _tables(db)
            )
            return sorted(db.execute(" UNION ALL ".join(each)).fetchall())

    def log_position(self) -> int:
        """Bytes that the server has written to its log so far."""
        ((position,),) = self.rows("SELECT (pg_current_wal_insert_lsn() - '0/0')::bigint")
        return int(position)

    def make_trigger(self, table: str) -> None:
        self.is_remade = True
        self.change("CREATE FUNCTION nothing() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'")
        self.change(f"CREATE TRIGGER t AFTER INSERT ON {table} FOR EACH ROW EXECUTE FUNCTION nothing()")

    def drop_triggers(self) -> None:
        self.is_remade = True
        self.change("DROP TRIGGER session_changed ON session")

    def set_clock(self, seconds: float, epoch: str, utc: str) -> None:
        self.change(
            "CREATE OR REPLACE FUNCTION obmen_now(OUT seconds double precision, OUT epoch text, OUT utc text) "
            f"LANGUAGE sql VOLATILE AS $$ SELECT {seconds!r}::double precision, '{epoch}', '{utc}' $$"
        )

    def empty(self) -> None:
        """Leave a catalog or a journal as it was made: a fifth of what it costs to make one."""
        with self._connected() as db:
            clear = {
                table: f"DELETE FROM {table}" if table in OUR_TABLES else f"DROP TABLE {table}"
                for table in _tables(db)
            }
            if "identity" in clear:
                clear["identity"] = "UPDATE identity SET id = md5(random()::text)"
            if "meta" in clear:
                clear["meta"] = "UPDATE meta SET journal_id = md5(random()::text)"
                clear["its clock"] = CLOCK.replace("CREATE", "CREATE OR REPLACE", 1)
                clear["its ids"] = (
                    "SELECT setval(oid, 1, false) FROM pg_class "
                    "WHERE relkind = 'S' AND relnamespace = current_schema()::regnamespace"
                )
            if clear:
                db.execute(";".join((clear | {"obmen_schema": ""}).values()))

    def drop(self) -> None:
        self.change(f'DROP SCHEMA IF EXISTS "{self.schema}" CASCADE')

    @contextmanager
    def _connected(self) -> Iterator[Any]:
        import psycopg
        from psycopg.types.string import TextLoader

        with psycopg.connect(self._server, autocommit=True, cursor_factory=psycopg.RawCursor) as db:
            db.adapters.register_loader("numeric", TextLoader)
            db.execute(f'SET search_path TO "{self.schema}"'.encode())
            yield db


class Schemas:
    """Of a server, all for catalogs or all for journals: to make their tables takes longer than most tests, so one
    takes those that others are done with."""

    def __init__(self, server: str) -> None:
        self._server = server
        self._free: list[PostgresHand] = []

    @contextmanager
    def taken(self) -> Iterator[PostgresHand]:
        """Empty, and again when it is given back."""
        hand = self._free.pop() if self._free else PostgresHand(self._server)
        yield hand
        if hand.is_remade:
            hand.drop()
            return
        hand.empty()
        self._free.append(hand)


def _tables(db: Any) -> list[str]:
    found = db.execute("SELECT tablename FROM pg_tables WHERE schemaname = current_schema() ORDER BY 1")
    return [name for (name,) in found.fetchall()]
