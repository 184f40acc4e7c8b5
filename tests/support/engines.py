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

from importers.catalog.opening import SCHEMA
from importers.database.migrations import parts_of
from importers.database.postgres_values import numbered

SHOP_TABLES = frozenset(name for type_, name, _column in parts_of(SCHEMA) if type_ == "table")
"""Of a catalog."""


class Hand(Protocol):
    """Opens the database anew each time."""

    url: str
    refused: type[Exception]
    """What is raised where the database itself does not allow a change."""

    def rows(self, sql: str, *parameters: object) -> list[tuple[Any, ...]]: ...

    def change(self, sql: str, *parameters: object) -> None: ...

    def tables(self) -> list[str]:
        """All that there are."""
        ...

    def table(self, name: str) -> tuple[list[str], list[tuple[Any, ...]]]:
        """Its columns and rows."""
        ...

    def stored(self) -> object:
        """Something else after every commit that wrote, be it what was there before."""
        ...

    def make_trigger(self, table: str) -> None:
        """One that does nothing."""
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

    def tables(self) -> list[str]:
        return [
            name for (name,) in self.rows("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY 1")
        ]

    def table(self, name: str) -> tuple[list[str], list[tuple[Any, ...]]]:
        columns = [column for (column,) in self.rows("SELECT name FROM pragma_table_info(?)", name)]
        return columns, self.rows(f"SELECT * FROM {name}")

    def stored(self) -> object:
        # The database and its log. The index of the log (-shm) has locks in it, not data.
        files = (self.path, self.path.with_name(self.path.name + "-wal"))
        return [sha256(file.read_bytes()).digest() if file.exists() else b"" for file in files]

    def make_trigger(self, table: str) -> None:
        self.change(f"CREATE TRIGGER t AFTER INSERT ON {table} BEGIN SELECT 1; END")

    def set_clock(self, seconds: float, epoch: str, utc: str) -> None:
        pass  # `Clock` is that of the file


class PostgresHand:
    """A schema of its own on a server that others use, too."""

    def __init__(self, server: str, schema: str | None = None) -> None:
        import psycopg

        self.schema = schema or f"t{uuid4().hex[:12]}"
        self.url = f"{server}&schema={self.schema}"
        self.refused: type[Exception] = psycopg.errors.IntegrityError
        self._server = server

    def rows(self, sql: str, *parameters: object) -> list[tuple[Any, ...]]:
        with self._connected() as db:
            return [tuple(row) for row in db.execute(numbered(sql).encode(), parameters).fetchall()]

    def change(self, sql: str, *parameters: object) -> None:
        with self._connected() as db:
            db.execute(numbered(sql).encode(), parameters)

    def tables(self) -> list[str]:
        found = "SELECT tablename FROM pg_tables WHERE schemaname = current_schema() ORDER BY 1"
        return [name for (name,) in self.rows(found)]

    def table(self, name: str) -> tuple[list[str], list[tuple[Any, ...]]]:
        found = (
            "SELECT column_name FROM information_schema.columns "
            "WHERE table_schema = current_schema() AND table_name = ? ORDER BY ordinal_position"
        )
        return [column for (column,) in self.rows(found, name)], self.rows(f"SELECT * FROM {name}")

    def stored(self) -> object:
        return {
            table: self.rows(f"SELECT ctid::text, xmin::text, {table}::text FROM {table} ORDER BY 1")
            for table in self.tables()
        }

    def make_trigger(self, table: str) -> None:
        self.change("CREATE FUNCTION nothing() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'")
        self.change(f"CREATE TRIGGER t AFTER INSERT ON {table} FOR EACH ROW EXECUTE FUNCTION nothing()")

    def set_clock(self, seconds: float, epoch: str, utc: str) -> None:
        self.change(
            "CREATE OR REPLACE FUNCTION obmen_now(OUT seconds double precision, OUT epoch text, OUT utc text) "
            f"LANGUAGE sql VOLATILE AS $$ SELECT {seconds!r}::double precision, '{epoch}', '{utc}' $$"
        )

    def empty(self) -> None:
        """Leave a catalog of its own as it was made: a tenth of what it costs to make one."""
        clear = {
            table: f"DELETE FROM {table}" if table in SHOP_TABLES else f"DROP TABLE {table}"
            for table in self.tables()
        }
        if clear:
            clear |= {"obmen_schema": "", "identity": "UPDATE identity SET id = md5(random()::text)"}
            self.change(";".join(clear.values()))

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
