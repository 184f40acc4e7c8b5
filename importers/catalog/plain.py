"""What of a batch is plain (see `payloads`), as columns of cells: nearly all of it is either new as a whole or the same
as what the catalog holds, which is told without a look at single keys."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from importers.catalog.columns import Cell
from importers.catalog.payloads import is_plain, plain_cells, rows_of
from importers.catalog.rows import RowStore
from importers.catalog.tables import Shape


class Plain:
    """The plain records of a batch, one of a key. `cells`: by table."""

    def __init__(self, shape: Shape, batch: Mapping[str, Sequence[bytes]], units: Mapping[str, str]) -> None:
        """`units`: what to write in place of their names."""
        self._shape = shape
        self._units = units
        self._batch = {key: payloads for key, payloads in batch.items() if _is_plain(payloads)}
        self.keys = list(self._batch)
        self.cells: list[list[Cell]] = [[] for _table in shape.tables]
        self._untold = [0] * len(self.cells)
        for (payload,) in self._batch.values():
            for n, told in enumerate(plain_cells(payload)):
                if told:
                    self.cells[n] += told
                elif told is None:
                    self._untold[n] += 1
        self.settled = not units or (units.keys().isdisjoint(units.values()) and self._write_codes())
        """Whether no two rows may have become the same by the codes of their units, and what has its code keeps it."""

    def __bool__(self) -> bool:
        return bool(self.keys)

    def column(self, at: int, n: int = 0) -> list[Cell]:
        """A column of a table, by its place in `Table.columns`."""
        return self.cells[n][at :: len(self._shape.tables[n].columns)]

    def only(self, keys: Collection[str]) -> Plain:
        if len(keys) == len(self.keys):
            return self
        batch = {key: self._batch[key] for key in self.keys if key in keys}
        return Plain(self._shape, batch, self._units)

    def active(self) -> Plain:
        """Without what is marked as removed."""
        if (removed_at := self._shape.removed_at) is None:
            return self
        marks = self.column(removed_at + 1)
        if not any(marks):
            return self
        return self.only({key for key, removed in zip(self.keys, marks, strict=True) if not removed})

    def _write_codes(self) -> bool:
        for n, at in self._shape.units:
            column = self.column(at + 1, n)
            if not self._units.keys().isdisjoint(column):
                if n:
                    return False
                width = len(self._shape.table.columns)
                self.cells[0][at + 1 :: width] = [self._units.get(unit, unit) for unit in column]  # type: ignore[arg-type]
        return True

    async def compare(self, store: RowStore, filled: Sequence[bool]) -> tuple[set[str], set[str]]:
        """The keys of which the catalog holds nothing, and those of which it holds just what is told."""
        differing: set[Cell] = set()
        lying: set[Cell] = set()
        unread = []
        asked = {n for n, _of in (*self._shape.links, *(self._shape.units if self._units else ()))}
        for n, table in enumerate(self._shape.tables):
            if filled[n] and self._untold[n] == len(self.keys) and n not in asked:
                unread.append(table)  # what lies there stays, and nobody asks for it
                continue
            told = list(rows_of(self.cells[n], len(table.columns)))
            there = await store.near(table, self.keys, len(told)) if filled[n] else []
            if there != told:
                if len(there) == len(told):  # mostly cells differ, and no row needs to be hashed
                    pairs = zip(there, told, strict=True)
                    differing.update([row[0] for pair in pairs if pair[0] != pair[1] for row in pair])
                else:
                    differing.update([row[0] for row in set(there).symmetric_difference(told)])
            lying.update([row[0] for row in there])
        fresh = {key for key in self.keys if key not in lying}
        for table in unread:
            if fresh:
                fresh.difference_update([row[0] for row in await store.near(table, sorted(fresh), 0)])
        return fresh, {key for key in self.keys if key not in differing and key in lying}


def _is_plain(payloads: Sequence[bytes]) -> bool:
    return len(payloads) == 1 and is_plain(payloads[0])
