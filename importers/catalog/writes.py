"""What a merge writes of a batch, sent together."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from importers.catalog.columns import Cell, Row, Rows, Table

if TYPE_CHECKING:
    from importers.catalog.rows import RowStore


class Writes:
    """The rows that a batch deletes, updates and inserts, sent together."""

    def __init__(self, store: RowStore, tables: Sequence[Table], fresh: Sequence[list[Cell]]) -> None:
        """`fresh`: the cells of rows that are new in each of the tables."""
        self._store = store
        self._gone: dict[Table, list[tuple[Cell, ...]]] = defaultdict(list)
        self._updated: dict[Table, list[tuple[Cell, ...]]] = defaultdict(list)
        self._new: dict[Table, list[Cell]] = defaultdict(list)
        """Cell by cell."""
        for table, cells in zip(tables, fresh, strict=True):
            if cells:
                self._new[table] += cells

    def add(self, table: Table, key: str, rows: Iterable[Row]) -> None:
        cells = self._new[table]
        for row in rows:
            cells += (key, *row)

    def change(self, tables: Sequence[Table], key: str, was: Rows | None, now: Rows) -> bool:
        """Make of what there `was` of a key, in these tables, what there is now; whether that is another thing."""
        if was is None:
            for table, rows in zip(tables, now, strict=True):
                if rows:
                    self.add(table, key, rows)
            return True
        changed = False
        for table, before, after in zip(tables, was, now, strict=True):
            if before != after and set(before) != set(after):
                self.replace(table, key, before, after)
                changed = True
        return changed

    def replace(self, table: Table, key: str, was: Sequence[Row], now: Sequence[Row]) -> None:
        """Delete what is only in `was`, write what is only in `now`; rows of the same primary key are updated."""
        rest = table.keys - 1
        before, after = {row[:rest]: row for row in was}, {row[:rest]: row for row in now}
        self._gone[table].extend((key, *ident) for ident in before if ident not in after)
        for ident, row in after.items():
            if ident not in before:
                self._new[table] += (key, *row)
            elif before[ident] != row:
                self._updated[table].append((key, *row))

    async def flush(self) -> None:
        for table, keys in self._gone.items():
            await self._store.delete(table, keys)
        for table, rows in self._updated.items():
            await self._store.update(table, table.columns[table.keys :], rows)
        for table, cells in self._new.items():
            await self._store.insert_cells(table, cells)
