"""The catalog on SQLite: opening it, and one session's transaction."""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Collection, Iterator, Sequence
from contextlib import asynccontextmanager
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import quote

import aiosqlite

from importers.catalog import sql
from importers.catalog.columns import Cell, Row, Rows, Table
from importers.catalog.protocol import FIRST_FEW
from importers.catalog.rows import BATCH_KEYS, Absent, Removed
from importers.catalog.tables import BRAND_PROPERTIES, Shape
from importers.database.sqlite import connect, plainly
from importers.errors import LeaseLost
from importers.texts import N_

if TYPE_CHECKING:
    from importers.catalog.merge import Stage

SCHEMA = Path(__file__).parent / "schema" / "sqlite"
INSERT_ROWS = 200
"""So many rows one INSERT adds: a fifth cheaper than one by one, as the B-tree's cursor stays where it is."""
KEPT_NOTES = 100
"""So many notes of a journal's last commits are kept: a journal restored from a copy asks for older ones."""
CACHE_KB = 8000
"""Page cache of a connection. A larger one makes no import faster, as rows come in the order of their keys."""
PAGE_BYTES = 16384
"""Of a new catalog: SQLite writes an import about a tenth cheaper than with 4096, and reads it no slower."""


class SqliteCatalog:
    """A catalog in one SQLite file. Each transaction has a connection of its own."""

    def __init__(self, path: str, connection: aiosqlite.Connection) -> None:
        self._path = path
        self._connection = connection

    @classmethod
    async def open(cls, url: str) -> SqliteCatalog:
        path = url.removeprefix("sqlite:///")
        return cls(path, await _connect(path, SCHEMA))

    async def close(self) -> None:
        await self._connection.close()

    async def has_products(self) -> bool:
        with plainly(self._path):
            return await _has_products(self._connection)

    async def applied(self, *, journal_id: str, task_id: str) -> bytes | None:
        with plainly(self._path):
            rows = await self._connection.execute_fetchall(
                "SELECT note FROM applied WHERE journal_id = ? AND task_id = ?", (journal_id, task_id)
            )
        return next((bytes(note) for (note,) in rows), None)

    async def waiting_images(self) -> list[tuple[str, str]]:
        with plainly(self._path):
            rows = await self._connection.execute_fetchall(sql.WAITING_IMAGES)
        return cast(list[tuple[str, str]], rows)

    async def images_in_place(self, token: str) -> None:
        with plainly(self._path):
            await self._connection.execute("DELETE FROM images_waiting WHERE token = ?", (token,))

    @asynccontextmanager
    async def transaction(
        self, *, journal_id: str, session_id: int, task_id: str, fence: int, dry_run: bool = False
    ) -> AsyncIterator[SqliteTransaction]:
        connection = await _connect(self._path)
        transaction = SqliteTransaction(self._path, connection)
        kept = False
        try:
            with plainly(self._path):
                await connection.execute("BEGIN IMMEDIATE")
                if not dry_run:
                    await _refuse_stale(connection, journal_id, session_id, task_id, fence)
            yield transaction
            if transaction.before_commit:
                await transaction.before_commit()
            if transaction.changed and not dry_run:
                await transaction.execute(
                    "INSERT OR REPLACE INTO applied (journal_id, session_id, task_id, fence, note) "
                    "VALUES (?, ?, ?, ?, ?)",
                    journal_id,
                    session_id,
                    task_id,
                    fence,
                    transaction.note,
                )
                await transaction.execute(
                    "DELETE FROM applied WHERE journal_id = ?1 AND position NOT IN "
                    "(SELECT position FROM applied WHERE journal_id = ?1 ORDER BY position DESC LIMIT ?2)",
                    journal_id,
                    KEPT_NOTES,
                )
                commit = asyncio.ensure_future(connection.execute("COMMIT"))
                try:
                    with plainly(self._path):
                        await asyncio.shield(commit)
                finally:
                    # A cancel that comes now is too late: what SQLite does decides.
                    await asyncio.wait([commit])
                    kept = commit.exception() is None
            kept = not dry_run
        finally:
            try:
                transaction.close()
                for then in transaction.on_commit if kept else transaction.on_rollback:
                    # What is committed is committed, and what went wrong before must not be hidden.
                    with contextlib.suppress(OSError):
                        then()
            finally:
                # Closing rolls back what was not committed.
                await connection.close()


def identity_of(url: str) -> tuple[str, str]:
    """As `CatalogTransaction.identity`, of a catalog that is only looked at; "" for an identity that is still to be
    made. Raises DatabaseError."""
    path = Path(url.removeprefix("sqlite:///"))
    place = str(path.resolve())
    with plainly(path):
        if not path.exists():
            return "", place
        # Not made anew, not switched to WAL.
        with contextlib.closing(
            sqlite3.connect(f"file:{quote(str(path))}?mode=rw", uri=True, timeout=0)
        ) as db:
            if not db.execute("SELECT 1 FROM sqlite_schema WHERE name = 'identity'").fetchone():
                return "", place
            (identity,) = db.execute("SELECT id FROM identity").fetchone() or ("",)
            return str(identity), place


class SqliteTransaction:
    """See `CatalogTransaction`."""

    def __init__(self, path: str, connection: aiosqlite.Connection) -> None:
        self._path = path
        self._place = str(Path(path).resolve())
        self._connection = connection
        self.note = b""
        self.before_commit: Callable[[], Awaitable[None]] | None = None
        self.on_commit: list[Callable[[], None]] = []
        self.on_rollback: list[Callable[[], None]] = []
        self.changed = False
        """Whether a row of the shop was written."""
        self._stages: list[Stage] = []

    def close(self) -> None:
        for stage in self._stages:
            stage.close()

    async def has_products(self) -> bool:
        return await _has_products(self._connection)

    def stage(self, shape: Shape) -> Stage:
        from importers.catalog.merge import Stage  # here: a launch only looks into the catalog

        stage = Stage(self, shape)
        self._stages.append(stage)
        return stage

    async def active(self, shape: Shape) -> int:
        ((count,),) = await self.fetch(sql.count_active(shape))
        return int(count)

    async def missing(self, table: Table, keys: Sequence[str]) -> list[str]:
        found = {row[0] for row in await self._select(table, table.columns[:1], keys)}
        return [key for key in keys if key not in found]

    async def names(self, table: Table, keys: Sequence[str]) -> dict[str, str]:
        found = dict(await self._select(table, (table.columns[0], "name"), keys))
        return {key: found.get(key) or key for key in keys}

    async def out_of_stock(self, products: Sequence[str]) -> list[str]:
        found: set[str] = set()
        for some in _chunks(products):
            found.update(row[0] for row in await self.fetch(sql.in_stock(some), *some, *some))
        return [product for product in products if product not in found]

    async def insert(self, table: Table, rows: Sequence[tuple[Cell, ...]]) -> None:
        await self.insert_cells(table, list(chain.from_iterable(rows)))

    async def replace(self, table: Table, rows: Sequence[tuple[Cell, ...]]) -> None:
        await self.write(sql.update(table), rows)

    async def delete(self, table: Table, keys: Sequence[tuple[Cell, ...]]) -> None:
        await self.write(sql.delete(table), keys)

    async def held(self, tables: Sequence[Table], keys: Collection[str]) -> dict[str, Rows]:
        found: dict[str, list[list[Row]]] = {}
        if not keys:
            return {}
        (filled,) = await self.fetch(sql.any_between(tuple(tables)), min(keys), max(keys))
        for n, table in enumerate(tables):
            if not filled[n]:  # all of them in a first import, some of them always
                continue
            for row in await self.fetch(sql.select(table, table.columns, keys), *keys):
                if row[0] not in found:
                    found[row[0]] = [[] for _ in tables]
                found[row[0]][n].append(row[1:])
        return {key: tuple(map(tuple, rows)) for key, rows in found.items()}

    async def count(self, table: Table, after: str | None, until: str) -> int:
        ((count,),) = await self.fetch(sql.count_between(table, after), *filter(None, (after, until)))
        return int(count)

    async def has_absent(self, shape: Shape, absent: Absent) -> bool:
        where, parameters = sql.absent(shape, shape.table, absent)
        return bool(await self.fetch(sql.first(shape.table, where, 1), *parameters))

    async def remove_absent(self, shape: Shape, absent: Absent) -> Removed:
        where, parameters = sql.absent(shape, shape.table, absent)
        first = [row[0] for row in await self.fetch(sql.first(shape.table, where, FIRST_FEW), *parameters)]
        if not first:
            return Removed(0, 0, first)
        if not shape.facts or shape.removed_at is not None:
            marked = await self.execute(sql.remove(shape.table, where), *parameters)
            return Removed(marked, marked, first)
        ((keys,),) = await self.fetch(sql.count_keys(shape.table, where), *parameters)
        rows = 0
        for table in reversed(shape.tables):
            where, parameters = sql.absent(shape, table, absent)
            rows += await self.execute(sql.delete_where(table, where), *parameters)
        return Removed(rows, int(keys), first)

    async def insert_cells(self, table: Table, cells: list[Cell]) -> None:
        """Add the rows that the cells make up, one after the other."""
        width = len(table.columns)
        whole = len(cells) - len(cells) % (INSERT_ROWS * width)
        await self.write(sql.insert(table, INSERT_ROWS), _slices(cells, 0, whole, INSERT_ROWS * width))
        await self.write(sql.insert(table), _slices(cells, whole, len(cells), width))

    def referred_images(self) -> AsyncGenerator[tuple[str]]:
        return self.rows(sql.REFERRED_IMAGES)

    def orphaned_images(self) -> AsyncGenerator[tuple[str, int, str]]:
        return self.rows(sql.ORPHANED_IMAGES)

    async def images_differ(self, paths: Sequence[str]) -> None:
        for some in _chunks(paths):
            await self.execute(sql.forget_images(some), *some)

    async def identity(self) -> tuple[str, str]:
        ((identity,),) = await self.fetch("SELECT id FROM identity")
        return str(identity), self._place

    async def waiting_images(self) -> list[tuple[str, str]]:
        return cast(list[tuple[str, str]], await self.fetch(sql.WAITING_IMAGES))

    async def leave_images_waiting(self, token: str, folder: str) -> None:
        await self.execute("INSERT INTO images_waiting (token, folder) VALUES (?, ?)", token, folder)

    async def resolve_brands(self) -> int:
        return await self.execute(sql.RESOLVE_BRANDS, *BRAND_PROPERTIES)

    async def rows(self, statement: str, *parameters: Cell) -> AsyncGenerator[Any]:
        with plainly(self._path):
            cursor = await self._connection.execute(statement, parameters)
        try:
            while True:
                with plainly(self._path):
                    batch = await cursor.fetchmany(500)
                if not batch:
                    return
                for row in batch:
                    yield row
        finally:
            await cursor.close()

    async def _select(
        self, table: Table, columns: tuple[str, ...], keys: Sequence[str]
    ) -> list[tuple[Any, ...]]:
        return [
            row for some in _chunks(keys) for row in await self.fetch(sql.select(table, columns, some), *some)
        ]

    async def fetch(self, statement: str, *parameters: Cell) -> list[tuple[Any, ...]]:
        with plainly(self._path):
            rows = await self._connection.execute_fetchall(statement, parameters)
        return cast(list[tuple[Any, ...]], rows)

    async def execute(self, statement: str, *parameters: Cell | bytes) -> int:
        return await self.write(statement, [parameters])

    async def write(self, statement: str, rows: Sequence[Sequence[Cell | bytes]]) -> int:
        """Run a writing statement once per row of parameters; how many rows it touched."""
        if not rows:
            return 0
        before = self._connection.total_changes
        with plainly(self._path):
            cursor = await self._connection.executemany(statement, rows)
        touched = cursor.rowcount
        written = self._connection.total_changes - before
        self.changed |= written > 0
        # rowcount leaves out what triggers of the shop wrote, but is -1 for a statement that begins with WITH.
        return touched if touched >= 0 else written


def _slices(cells: list[Cell], start: int, stop: int, size: int) -> list[list[Cell]]:
    return [cells[at : at + size] for at in range(start, stop, size)]


def _chunks(keys: Sequence[str]) -> Iterator[Sequence[str]]:
    return (keys[start : start + BATCH_KEYS] for start in range(0, len(keys), BATCH_KEYS))


async def _connect(path: str, schema: Path | None = None) -> aiosqlite.Connection:
    # FULL: "completed" in the journal must survive a power cut here too, and one commit a session makes it cheap.
    connection = await connect(path, synchronous="FULL", schema=schema, page_size=PAGE_BYTES)
    await connection.execute(f"PRAGMA cache_size = -{CACHE_KB}")
    return connection


async def _has_products(connection: aiosqlite.Connection) -> bool:
    rows = await connection.execute_fetchall("SELECT EXISTS (SELECT 1 FROM product)")
    return any(found for (found,) in rows)


async def _refuse_stale(
    connection: aiosqlite.Connection, journal_id: str, session_id: int, task_id: str, fence: int
) -> None:
    """Only the same task can be compared: numbers of sessions come again when the journal is restored from a copy.
    Whether an older task may still commit is for the journal to say (`before_commit`)."""
    if await connection.execute_fetchall(
        "SELECT 1 FROM applied WHERE journal_id = ? AND task_id = ? AND fence > ?",
        (journal_id, task_id, fence),
    ):
        raise LeaseLost(
            N_("session {id} was taken over by a later worker, which has already changed the catalog"),
            id=session_id,
        )
