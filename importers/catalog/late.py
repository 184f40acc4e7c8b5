"""A transaction that begins late: with the first statement that is asked of it."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable, Sequence
from contextlib import aclosing
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from importers.clock import Now
    from importers.database.protocol import Row, Transaction


class Late:
    """A `Transaction` that is entered once, when it is needed: to read an export takes long, and meanwhile
    an open transaction would keep others from writing, and on a server keep the dead rows of everybody."""

    def __init__(self, enter: Callable[[], Awaitable[Transaction]]) -> None:
        self._enter = enter
        self._begun: Transaction | None = None

    async def begin(self) -> Transaction:
        if self._begun is None:
            self._begun = await self._enter()
        return self._begun

    @property
    def committed(self) -> bool:
        return self._begun is not None and self._begun.committed

    @property
    def changes(self) -> int:
        return self._begun.changes if self._begun else 0

    async def rollback(self) -> None:
        if self._begun:
            await self._begun.rollback()

    async def now(self) -> Now:
        db = await self.begin()
        return await db.now()

    async def fetch(self, sql: str, *parameters: object) -> Sequence[Row]:
        db = await self.begin()
        return await db.fetch(sql, *parameters)

    async def select(self, sql: str, *parameters: object) -> list[tuple[Any, ...]]:
        db = await self.begin()
        return await db.select(sql, *parameters)

    async def stream(self, sql: str, *parameters: object) -> AsyncGenerator[Row]:
        db = await self.begin()
        async with aclosing(db.stream(sql, *parameters)) as rows:
            async for row in rows:
                yield row

    async def execute(self, sql: str, *parameters: object) -> int:
        db = await self.begin()
        return await db.execute(sql, *parameters)

    async def execute_many(self, sql: str, rows: Iterable[Sequence[object]]) -> None:
        db = await self.begin()
        await db.execute_many(sql, rows)

    async def insert(self, table: str, columns: tuple[str, ...], cells: Sequence[object]) -> None:
        db = await self.begin()
        await db.insert(table, columns, cells)

    async def state(self) -> str | None:
        db = await self.begin()
        return await db.state()

    async def mark(self) -> int:
        db = await self.begin()
        return await db.mark()

    async def has_triggers(self) -> bool:
        db = await self.begin()
        return await db.has_triggers()
