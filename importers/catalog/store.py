"""The catalog in a database: one class for every engine. What differs by engine is behind the `Database`."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Collection, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from itertools import chain
from typing import TYPE_CHECKING, Any

from importers.catalog import sql
from importers.catalog.columns import Cell, Row, Rows, Table
from importers.catalog.payloads import rows_of
from importers.catalog.rows import BATCH_KEYS, Absent
from importers.catalog.tables import BRAND_PROPERTIES, IMAGE, PRODUCT, Shape
from importers.errors import LeaseLost, Unsure
from importers.texts import N_

if TYPE_CHECKING:
    from importers.catalog.merge import Stage
    from importers.database.protocol import Database, Reader, Transaction

MAX_NOTES = 100
"""So many notes of a journal's last commits are kept: a journal restored from a copy asks for older ones."""

FEW = 50
"""So many rows are read in vain without a thought."""
GATE = "catalog"
"""Sessions commit one after the other (see `Catalog`): whether a later fence was here is looked up, then written, and a
reaper decides while nobody else can commit."""


class CatalogStore:
    """See `Catalog`."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.shared = database.shared

    async def close(self) -> None:
        await self._database.close()

    async def has_products(self) -> bool:
        return await _has_products(self._database)

    async def identity(self) -> str:
        ((identity,),) = await self._database.fetch(sql.IDENTITY)
        return str(identity)

    async def applied(self, *, journal_id: str, task_id: str) -> bytes | None:
        rows = await self._database.fetch(sql.APPLIED, journal_id, task_id)
        return next((bytes(note) for (note,) in rows), None)

    async def state(self, mark: int) -> str | None:
        return await self._database.state(mark)

    async def end_others(self, name: str) -> int:
        return await self._database.end_others(name)

    async def waiting_images(self) -> list[tuple[str, str]]:
        return [(token, folder) for token, folder in await self._database.fetch(sql.WAITING_IMAGES)]

    async def images_in_place(self, token: str) -> None:
        async with self._database.transaction() as db:
            await db.execute(sql.IMAGES_IN_PLACE, token)

    @asynccontextmanager
    async def transaction(
        self, *, journal_id: str, session_id: int, task_id: str, fence: int, dry_run: bool = False
    ) -> AsyncIterator[SessionTransaction]:
        stack = AsyncExitStack()

        def gated() -> AbstractAsyncContextManager[Transaction]:
            return self._begun(journal_id, session_id, task_id, None if dry_run else fence)

        transaction = SessionTransaction(stack, gated, self._database.place)
        kept: bool | None = False
        try:
            async with stack:
                yield transaction
                db = await transaction.begin()
                if transaction.before_commit:
                    await transaction.before_commit()
                if transaction.changed and not dry_run:
                    await db.execute(sql.UNAPPLY, journal_id, task_id)
                    await db.execute(sql.APPLY, journal_id, session_id, task_id, fence, transaction.note)
                    await db.execute(sql.FORGET_OLD, journal_id, MAX_NOTES)
                else:
                    await db.rollback()
                    kept = not dry_run
        except Unsure:
            kept = None
            raise
        finally:
            transaction.end(kept=transaction.committed or kept)

    @asynccontextmanager
    async def _begun(
        self, journal_id: str, session_id: int, task_id: str, fence: int | None
    ) -> AsyncIterator[Transaction]:
        """On the database, for one who holds the fence."""
        async with self._database.transaction(gate=GATE) as db:
            if fence is not None and await db.fetch(sql.IS_STALE, journal_id, task_id, fence):
                # Only the same task can be compared: numbers of sessions come again when the journal is restored
                # from a copy. Whether an older task may still commit is for the journal to say (`before_commit`).
                raise LeaseLost(
                    N_(
                        "session {id} was taken over by a later worker, which has already changed the catalog"
                    ),
                    id=session_id,
                )
            yield db


class SessionTransaction:
    """See `CatalogTransaction`."""

    def __init__(
        self,
        stack: AsyncExitStack,
        gated: Callable[[], AbstractAsyncContextManager[Transaction]],
        place: str,
    ) -> None:
        """`gated`: a transaction on the database; the session's ends with `stack`."""
        self._stack = stack
        self._gated = gated
        self._begun: Transaction | None = None
        self._place = place
        self.note = b""
        self.before_commit: Callable[[], Awaitable[None]] | None = None
        self.on_commit: list[Callable[[], None]] = []
        self.on_rollback: list[Callable[[], None]] = []
        self._stages: list[tuple[Shape, Stage]] = []

    @property
    def changed(self) -> bool:
        """Whether a row of the shop was written."""
        return self._begun is not None and self._begun.changes > 0

    @property
    def committed(self) -> bool:
        return self._begun is not None and self._begun.committed

    async def begin(self) -> Transaction:
        if self._begun is None:
            self._begun = await self._stack.enter_async_context(self._gated())
        return self._begun

    @asynccontextmanager
    async def look(self) -> AsyncIterator[SessionTransaction]:
        if self._begun:
            yield self
            return
        async with AsyncExitStack() as stack:
            yield SessionTransaction(stack, self._gated, self._place)

    async def state(self) -> str | None:
        return await (await self.begin()).state()

    async def mark(self) -> int | None:
        if self.changed and await (await self.begin()).has_triggers():
            return None
        return await (await self.begin()).mark()

    def end(self, *, kept: bool | None) -> None:
        """Let go what was held for it, and call who waits for its end; nobody where that is not known (None)."""
        for _shape, stage in self._stages:
            stage.close()
        for then in () if kept is None else self.on_commit if kept else self.on_rollback:
            # What is committed is committed, and what went wrong before must not be hidden.
            with contextlib.suppress(OSError):
                then()

    # The port of merges, see `RowStore`

    async def held(self, tables: Sequence[Table], keys: Collection[str]) -> dict[str, Rows]:
        held: dict[str, list[list[Row]]] = {}
        if not keys:
            return {}
        filled = await self.filled(tables, min(keys), max(keys))
        for n, table in enumerate(tables):
            if not filled[n]:  # all of them in a first import, some of them always
                continue
            for row in await (await self.begin()).fetch(sql.select(table, table.columns, keys), *keys):
                key = row[0]
                if key not in held:
                    held[key] = [[] for _ in tables]
                held[key][n].append(row[1:])
        return {key: tuple(map(tuple, rows)) for key, rows in held.items()}

    async def filled(self, tables: Sequence[Table], first: str, last: str) -> Sequence[bool]:
        (filled,) = await (await self.begin()).select(sql.any_between(tuple(tables)), first, last)
        return list(map(bool, filled))

    async def next_key(self, tables: Sequence[Table], after: str) -> str | None:
        ((key,),) = await (await self.begin()).select(sql.next_key(tuple(tables)), after)
        return None if key is None else str(key)

    async def near(self, table: Table, keys: Sequence[str], about: int) -> Sequence[Row]:
        return await self._near(table, table.columns, keys, about)

    async def _near(
        self, table: Table, columns: tuple[str, ...], keys: Sequence[str], about: int
    ) -> Sequence[Row]:
        most = about + about // 4 + FEW
        rows = await (await self.begin()).select(sql.between(table, columns), keys[0], keys[-1], most + 1)
        if len(rows) > most:
            rows = await (await self.begin()).select(sql.select(table, columns, keys), *keys)
        return rows

    async def count(self, table: Table, after: str | None, until: str) -> int:
        bounds = (until,) if after is None else (after, until)
        ((count,),) = await (await self.begin()).fetch(sql.count_between(table, after), *bounds)
        return int(count)

    async def absent(self, shape: Shape, absent: Absent) -> list[str]:
        statement, parameters = sql.absent(shape, absent, BATCH_KEYS)
        return [key for (key,) in await (await self.begin()).fetch(statement, *parameters)]

    async def missing(self, table: Table, keys: Sequence[str]) -> list[str]:
        there: set[object] = set()
        for some in _chunks(sorted(keys)):
            there.update([key for (key,) in await self._near(table, table.columns[:1], some, len(some))])
        return [key for key in keys if key not in there]

    async def insert_cells(self, table: Table, cells: list[Cell]) -> None:
        columns = table.columns
        for derived, column in table.begins_as:
            at, rows = columns.index(column), rows_of(cells, len(columns))
            cells = list(chain.from_iterable((*row, row[at]) for row in rows))
            columns = (*columns, derived)
        await (await self.begin()).insert(table.name, columns, cells)

    async def update(self, table: Table, columns: Sequence[str], rows: Sequence[tuple[Cell, ...]]) -> None:
        if rows:
            await (await self.begin()).update(table.name, table.columns[: table.keys], tuple(columns), rows)

    async def delete(self, table: Table, keys: Sequence[tuple[Cell, ...]]) -> None:
        if keys:
            await (await self.begin()).delete(table.name, table.columns[: table.keys], keys)

    # What kinds ask besides, see `CatalogTransaction`

    def stage(self, shape: Shape) -> Stage:
        from importers.catalog.merge import Stage  # here: a launch only looks into the catalog

        stage = Stage(self, shape)
        self._stages.append((shape, stage))
        return stage

    async def insert(self, table: Table, rows: Sequence[tuple[Cell, ...]]) -> None:
        await self.insert_cells(table, list(chain.from_iterable(rows)))

    async def has_products(self) -> bool:
        return await _has_products(await self.begin())

    async def active(self, shape: Shape, most: int | None = None) -> int:
        ((count,),) = await (await self.begin()).fetch(sql.count_active(shape, most))
        return int(count)

    async def names(self, table: Table, keys: Sequence[str]) -> dict[str, str]:
        names = dict(await self._select(table, (table.columns[0], "name"), keys))
        return {key: names.get(key) or key for key in keys}

    async def out_of_stock(self, products: Sequence[str]) -> list[str]:
        there: set[str] = set()
        for some in _chunks(products):
            rows = await (await self.begin()).fetch(sql.in_stock(some), *some, *some)
            there.update(product for (product,) in rows)
        return [product for product in products if product not in there]

    async def resolve_brands(self) -> int:
        last, changed = "", 0
        while rows := await (await self.begin()).select(sql.BRANDS, *BRAND_PROPERTIES, last):
            brands = [(product, brand) for product, was, brand in rows if brand != was]
            await self.update(PRODUCT.table, ("brand",), brands)
            last, changed = rows[-1][0], changed + len(brands)
        return changed

    def referred_images(self) -> AsyncGenerator[tuple[str]]:
        return self.rows(sql.REFERRED_IMAGES)

    async def staged_images(self) -> AsyncGenerator[str]:
        for shape, stage in self._stages:
            for n, table in enumerate(shape.tables):
                if table.name not in sql.IMAGE_TABLES:
                    continue
                for number, cells in enumerate(stage.aside.cells(n)):
                    for path in cells[len(table.columns) - 1 :: len(table.columns)]:
                        yield str(path)
                    if number % BATCH_KEYS == 0:
                        await asyncio.sleep(0)

    def orphaned_images(self) -> AsyncGenerator[tuple[str, int, str]]:
        return self.rows(sql.ORPHANED_IMAGES)

    async def images_differ(self, paths: Sequence[str]) -> None:
        await self.update(IMAGE.table, ("sha256",), [(path, "") for path in paths])

    async def identity(self) -> tuple[str, str]:
        ((identity,),) = await (await self.begin()).fetch(sql.IDENTITY)
        return str(identity), self._place

    async def waiting_images(self) -> list[tuple[str, str]]:
        return [(token, folder) for token, folder in await (await self.begin()).fetch(sql.WAITING_IMAGES)]

    async def leave_images_waiting(self, token: str, folder: str) -> None:
        await (await self.begin()).execute(sql.LEAVE_IMAGES_WAITING, token, folder)

    async def rows(self, statement: str, *parameters: Cell) -> AsyncGenerator[Any]:
        async with contextlib.aclosing((await self.begin()).stream(statement, *parameters)) as rows:
            async for row in rows:
                yield tuple(row)

    async def execute(self, statement: str, *parameters: Cell) -> int:
        return await (await self.begin()).execute(statement, *parameters)

    async def _select(self, table: Table, columns: tuple[str, ...], keys: Sequence[str]) -> list[Any]:
        return [
            row
            for some in _chunks(keys)
            for row in await (await self.begin()).fetch(sql.select(table, columns, some), *some)
        ]


def _chunks(keys: Sequence[str]) -> Iterator[Sequence[str]]:
    return (keys[start : start + BATCH_KEYS] for start in range(0, len(keys), BATCH_KEYS))


async def _has_products(reader: Reader) -> bool:
    ((found,),) = await reader.fetch(sql.HAS_PRODUCTS)
    return bool(found)
