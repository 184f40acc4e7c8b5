"""What tests do to a database by hand, past every rule of the program, whichever engine it is."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol
from uuid import uuid4

from importers.database.postgres_values import numbered


class Hand(Protocol):
    """Opens the database anew each time."""

    url: str
    refused: type[Exception]
    """What is raised where the database itself does not allow a change."""

    def rows(self, sql: str, *parameters: object) -> list[tuple[Any, ...]]: ...

    def change(self, sql: str, *parameters: object) -> None: ...

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

    def make_trigger(self, table: str) -> None:
        self.change(f"CREATE TRIGGER t AFTER INSERT ON {table} BEGIN SELECT 1; END")

    def set_clock(self, seconds: float, epoch: str, utc: str) -> None:
        pass  # `Clock` is that of the file


class PostgresHand:
    """A schema of its own on a server that others use, too."""

    def __init__(self, server: str) -> None:
        import psycopg

        self.schema = f"t{uuid4().hex[:12]}"
        self.url = f"{server}&schema={self.schema}"
        self.refused: type[Exception] = psycopg.errors.IntegrityError
        self._server = server

    def rows(self, sql: str, *parameters: object) -> list[tuple[Any, ...]]:
        with self._connected() as db:
            return [tuple(row) for row in db.execute(numbered(sql).encode(), parameters).fetchall()]

    def change(self, sql: str, *parameters: object) -> None:
        with self._connected() as db:
            db.execute(numbered(sql).encode(), parameters)

    def make_trigger(self, table: str) -> None:
        self.change("CREATE FUNCTION nothing() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'")
        self.change(f"CREATE TRIGGER t AFTER INSERT ON {table} FOR EACH ROW EXECUTE FUNCTION nothing()")

    def set_clock(self, seconds: float, epoch: str, utc: str) -> None:
        self.change(
            "CREATE OR REPLACE FUNCTION obmen_now(OUT seconds double precision, OUT epoch text, OUT utc text) "
            f"LANGUAGE sql VOLATILE AS $$ SELECT {seconds!r}::double precision, '{epoch}', '{utc}' $$"
        )

    def drop(self) -> None:
        self.change(f'DROP SCHEMA IF EXISTS "{self.schema}" CASCADE')

    @contextmanager
    def _connected(self) -> Iterator[Any]:
        import psycopg

        with psycopg.connect(self._server, autocommit=True, cursor_factory=psycopg.RawCursor) as db:
            db.execute(f'SET search_path TO "{self.schema}"'.encode())
            yield db
