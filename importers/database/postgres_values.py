"""Statements, rows and cells as PostgreSQL has them, and as the rest of the program knows them."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterable, Sequence
from contextlib import suppress
from functools import lru_cache
from itertools import count
from typing import Any, ClassVar

import psycopg
from psycopg.abc import Buffer
from psycopg.adapt import Dumper, Loader
from psycopg.pq import TransactionStatus
from psycopg.types.string import TextLoader

from importers.shielding import to_the_end

Connection = psycopg.AsyncConnection[Any]


class Row(tuple[Any, ...]):
    """Columns by name or place. A type of its own for each list of names."""

    __slots__ = ()
    places: ClassVar[dict[str, int]] = {}

    def __getitem__(self, column: Any) -> Any:
        return tuple.__getitem__(self, self.places[column] if isinstance(column, str) else column)

    def keys(self) -> Sequence[str]:
        return list(self.places)


@lru_cache(maxsize=256)
def _row_type(names: tuple[str, ...]) -> type[Row]:
    return type("Row", (Row,), {"__slots__": (), "places": {name: at for at, name in enumerate(names)}})


def make_rows(cursor: psycopg.AsyncCursor[Any]) -> Any:
    """The row factory of our connections."""
    names = tuple(column.name for column in cursor.description or ())
    return _row_type(names) if names else tuple


class _AsText(Dumper):
    """What stands in a statement without a type, so that the column decides: 1 is true in one and 1.0 in another."""

    oid = 0

    def dump(self, obj: Any) -> Buffer:
        return str(obj).encode()


class _Bit(Loader):
    """SQLite's 0 and 1."""

    def load(self, data: Buffer) -> int:
        return int(bytes(data) == b"t")


def adapt(connection: Connection) -> None:
    """Cells come and go as they do with SQLite."""
    for type_ in (int, float):
        connection.adapters.register_dumper(type_, _AsText)
    connection.adapters.register_loader("bool", _Bit)
    connection.adapters.register_loader("numeric", TextLoader)


@lru_cache(maxsize=512)
def numbered(sql: str) -> str:
    """With $1 $2 in place of ?1 ?2, and of ? one after the other."""
    numbers = count(1)
    return re.sub(r"\?(\d*)", lambda found: f"${found[1] or next(numbers)}", sql)


async def fetch(connection: Connection, sql: str, parameters: Sequence[object] = ()) -> Sequence[Row]:
    return await all_of(await connection.execute(numbered(sql).encode(), parameters))


async def all_of(cursor: psycopg.AsyncCursor[Any]) -> Sequence[Row]:
    return await cursor.fetchall() if cursor.description else []


async def copy_rows(
    connection: Connection, table: str, columns: Sequence[str], rows: bytes, sent: asyncio.Event
) -> None:
    """Add the rows that `copy_text` made. `sent` is set when nothing is left to be done but by the server."""
    statement = f"COPY {table} ({', '.join(columns)}) FROM STDIN".encode()
    async with connection.cursor() as cursor, cursor.copy(statement) as copy:
        await copy.write(rows)
        sent.set()  # who waits for it goes on only when the end has been sent as well, on the way out


def copy_text(cells: Sequence[object], width: int) -> bytes:
    """Rows as COPY takes them: a line each, their cells between tabs. Many at once take a third of the time that
    psycopg takes row by row."""
    copied = _lines([cell if type(cell) is str else _as_copied(cell) for cell in cells], width)
    rows = len(cells) // width
    signs = (("\t", rows * (width - 1)), ("\n", rows), ("\r", 0), ("\\", cells.count(None)))
    if any(copied.count(sign) != ours for sign, ours in signs):  # they stand in cells, too
        copied = _lines([_escaped(cell) if type(cell) is str else _as_copied(cell) for cell in cells], width)
    return copied.encode()


def _lines(cells: Iterable[str], width: int) -> str:
    return "".join(["\t".join(row) + "\n" for row in zip(*[iter(cells)] * width, strict=True)])


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("\t", "\\t").replace("\n", "\\n").replace("\r", "\\r")


def _as_copied(cell: object) -> str:
    """A cell that is no text."""
    if cell is None:
        return "\\N"
    return f"\\\\x{cell.hex()}" if isinstance(cell, bytes) else _escaped(str(cell))


async def end(connection: Connection) -> None:
    """Roll back what goes on, if anything does; where that cannot be known, close it. Raises no error."""
    status = connection.info.transaction_status
    if status in (TransactionStatus.INTRANS, TransactionStatus.INERROR):
        with suppress(psycopg.Error):
            await to_the_end(connection.execute(b"ROLLBACK", prepare=False))
    if connection.info.transaction_status is not TransactionStatus.IDLE:
        await to_the_end(connection.close())
